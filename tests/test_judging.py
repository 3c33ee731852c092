"""A recording is judged in plain words, and its best part is the one that a voice is cloned from."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.sounds import FORMATS, Format, Wave, speech, write
from wyoming_chatterbox.audio.decoding import read_mono
from wyoming_chatterbox.audio.judging import Judgement, best_stretch, judge, too_short

RATE = 24_000
FACTORS = {"loud": 3.0, "as it is": 1.0, "quiet": 0.05}


def silence(seconds: float) -> Wave:
    return np.zeros(round(seconds * RATE), np.float32)


def noise(seconds: float, rms: float) -> Wave:
    return np.random.default_rng(1).normal(0, rms, round(seconds * RATE)).astype(np.float32)


def rumble(seconds: float, peak: float, frequency: float) -> Wave:
    """A lorry or a table, never as loud for long."""
    time = np.arange(round(seconds * RATE)) / RATE
    sway = 0.7 + 0.3 * np.sin(2 * np.pi * 0.5 * time)
    return (peak * sway * np.sin(2 * np.pi * frequency * time)).astype(np.float32)


def tone(seconds: float, pitch: float) -> Wave:
    return (0.1 * np.sin(2 * np.pi * pitch * np.arange(round(seconds * RATE)) / RATE)).astype(np.float32)


def codes(judgement: Judgement) -> list[str]:
    return [finding.code for finding in judgement.findings]


def seconds(part: slice) -> tuple[float, float]:
    return part.start / RATE, part.stop / RATE


@pytest.mark.parametrize("factor", FACTORS.values(), ids=FACTORS)
def test_how_long_somebody_speaks_does_not_depend_on_how_loud(factor: float) -> None:
    wave = np.concatenate([silence(2), speech(7.6), silence(3)])
    judged = judge(np.float32(factor) * wave, RATE)
    assert judged.seconds == pytest.approx(12.6)
    # Pauses of 0.4 s belong to it, the silence around it doesn't.
    assert judged.speech_seconds == pytest.approx(7.6, abs=0.2)


@pytest.mark.parametrize("pause", [2.2, 4.0])
def test_long_pauses_are_no_speech(pause: float) -> None:
    wave = np.concatenate([speech(3.6), silence(pause), speech(3.6)])
    assert judge(wave, RATE).speech_seconds == pytest.approx(7.2, abs=0.3)


@pytest.mark.parametrize("pause", [0.5, 0.75, 1.0, 1.5, 1.8])
@pytest.mark.parametrize("rms", [0.0, 1e-3])
def test_pauses_between_sentences_belong_to_speech(pause: float, rms: float) -> None:
    sentences = [np.append(speech(1.6), silence(pause)) for _ in range(3)]
    wave = np.concatenate([silence(0.3), *sentences])
    judged = judge(wave + noise(len(wave) / RATE, rms), RATE)
    assert too_short(judged, 5.0, 15.0) is None
    assert judged.speech_seconds == pytest.approx(4.8 + 2 * pause, abs=0.3)


def bang(seconds: float, peak: float = 0.5) -> Wave:
    """A door or a knock: noise that dies away."""
    wave = noise(seconds, 1.0) * np.exp(-4 / seconds * np.arange(round(seconds * RATE)) / RATE)
    return np.asarray(peak / np.abs(wave).max() * wave, np.float32)


@pytest.mark.parametrize("rms", [0.0, 1e-3])
@pytest.mark.parametrize("length", [0.08, 0.15, 0.25])
def test_short_noises_with_pauses_between_them_are_no_speech(length: float, rms: float) -> None:
    wave = np.concatenate([np.append(bang(length), silence(1.8)) for _ in range(10)])
    judged = judge(wave + noise(len(wave) / RATE + 0.1, rms)[: len(wave)], RATE)
    assert judged.speech_seconds <= 10 * (length + 0.05)
    assert too_short(judged, 5.0, 15.0) is not None


@pytest.mark.parametrize("pause", [1.0, 1.5, 1.8])
def test_words_with_pauses_between_them_are_speech(pause: float) -> None:
    wave = np.concatenate([np.append(speech(0.5), silence(pause)) for _ in range(8)])
    assert judge(wave, RATE).speech_seconds == pytest.approx(8 * (0.5 + pause) - pause, abs=0.3)


@pytest.mark.parametrize("rms", [0.0, 3e-4, 1e-3])
@pytest.mark.parametrize("every", [10.0, 20.0])
def test_sparse_speech_is_refused_though_all_of_it_would_do(every: float, rms: float) -> None:
    wave = np.concatenate([np.append(speech(0.8), silence(every - 0.8)) for _ in range(round(160 / every))])
    judged = judge(wave + noise(len(wave) / RATE, rms), RATE)
    told = rf"it holds {judged.speech_seconds:.1f} s of speech in 160.0 s, but only \d.\d s of it within "
    assert judged.speech_seconds == pytest.approx(0.8 * 160 / every, rel=0.1)
    reasons = too_short(judged, 1.0, 10.0), too_short(judged, 5.0, 15.0)
    assert re.fullmatch(told + "10 s, and over 1 s are needed: leave out the long pauses", reasons[0] or "")
    assert re.fullmatch(told + "15 s, and over 5 s are needed: leave out the long pauses", reasons[1] or "")


def test_speech_that_is_dense_somewhere_will_do() -> None:
    sparse = np.concatenate([np.append(speech(0.8), silence(9)) for _ in range(6)])
    assert too_short(judge(np.concatenate([sparse, speech(7.6), sparse]), RATE), 5.0, 15.0) is None


@pytest.mark.parametrize("rate", [8_000, 16_000, 24_000, 44_100, 192_000])
def test_any_rate_will_do(rate: int) -> None:
    assert judge(speech(5.6, rate), rate).speech_seconds == pytest.approx(5.6, abs=0.2)


@pytest.mark.parametrize("below", [50, 40, 30])
def test_noise_in_the_pauses_is_no_speech(below: float) -> None:
    wave = np.concatenate([silence(3), speech(6), silence(3)])
    judged = judge(wave + noise(12, 0.1 * 10 ** (-below / 20)), RATE)
    assert judged.speech_seconds == pytest.approx(6, abs=0.7)
    assert judged.level - judged.noise == pytest.approx(below, abs=6)
    assert codes(judged) == []


@pytest.mark.parametrize("wave", [silence(0), silence(5), noise(5, 1e-5), silence(0.001)])
def test_where_nobody_speaks_nothing_is_left(wave: Wave) -> None:
    judged = judge(wave, RATE)
    assert judged.speech_seconds == 0
    assert judged.findings == ()
    assert len(wave[best_stretch(wave, RATE, 10)]) == 0


def test_a_click_is_no_speech() -> None:
    wave = np.concatenate([silence(2), speech(4), silence(4)])
    wave[RATE : RATE + 400] = 0.9
    wave[-RATE:][:400] = -0.9
    assert seconds(best_stretch(wave, RATE, 10)) == pytest.approx((1.9, 5.8), abs=0.25)


@pytest.mark.parametrize(("seconds", "spoken"), [(0.4, 0.4), (1.0, 1.0)])
def test_a_few_words_in_a_long_silence_are_found(seconds: float, spoken: float) -> None:
    wave = np.concatenate([silence(10), speech(seconds), silence(10)])
    assert judge(wave, RATE).speech_seconds == pytest.approx(spoken, abs=0.15)


class TestFindings:
    def test_a_good_recording_has_none(self) -> None:
        assert judge(speech(10), RATE).findings == ()

    @pytest.mark.parametrize("times", [4, 10])
    @pytest.mark.parametrize("afterwards", [1.0, 0.2])
    def test_it_is_clipped(self, times: float, afterwards: float) -> None:
        wave = afterwards * np.clip(times * speech(8) / 0.3, -1, 1)
        judged = judge(wave, RATE)
        assert codes(judged) == ["clipped"]
        assert judged.clipped > 0.01
        assert "further from the microphone" in judged.findings[0].words

    @pytest.mark.parametrize("name", ["cd.mp3", "rec.m4a", "x.ogg", "u8.wav", "mulaw.wav"])
    def test_clipping_is_heard_through_any_format(self, tmp_path: Path, name: str) -> None:
        wave = 0.5 * np.clip(5 * speech(8) / 0.3, -1, 1)
        assert codes(judge(read_mono(write(tmp_path / name, wave, FORMATS[name]), RATE), RATE)) == ["clipped"]

    @pytest.mark.parametrize("rate", [8_000, 24_000, 48_000])
    @pytest.mark.parametrize("peak", [0.03, 0.06, 0.1, 0.2, 0.5])
    def test_coarse_samples_are_not_clipped(self, tmp_path: Path, rate: int, peak: float) -> None:
        wave = np.float32(peak / 0.3) * speech(8)
        path = write(tmp_path / "a.wav", wave, Format("pcm_u8", rate))
        assert "clipped" not in codes(judge(read_mono(path, RATE), RATE))

    def test_rumble_is_not_clipped(self) -> None:
        assert codes(judge(0.3 * speech(8) + rumble(8, 0.9, 30), RATE)) == []

    def test_it_is_noisy(self) -> None:
        judged = judge(speech(8) + noise(8, 0.02), RATE)
        assert codes(judged) == ["noisy"]
        assert "quiet room" in judged.findings[0].words

    @pytest.mark.parametrize("wave", [noise(8, 0.05), tone(8, 220) + tone(8, 277) + tone(8, 330)])
    def test_where_nothing_stands_out_it_says_so(self, wave: Wave) -> None:
        (finding,) = judge(wave, RATE).findings
        assert finding.code == "noisy"
        assert finding.words == "it is noisy: no speech stands out; record in a quiet room, without music"

    @pytest.mark.parametrize("length", [0.15, 0.25])
    def test_a_door_does_not_make_a_fan_speak(self, length: float) -> None:
        wave = noise(12, 0.002)
        wave[5 * RATE :][: round(length * RATE)] += bang(length, 0.9)
        words = [finding.words for finding in judge(wave, RATE).findings if finding.code == "noisy"]
        assert words == ["it is noisy: no speech stands out; record in a quiet room, without music"]

    @pytest.mark.parametrize("below", [0, 3, 6])
    def test_speech_in_noise_as_loud_as_itself_is_none_of_a_fan(self, below: float) -> None:
        wave = speech(8)
        loud = float(np.sqrt(np.mean(wave**2)))
        judged = judge(wave + noise(8, loud * 10 ** (-below / 20)), RATE)
        assert judged.speech_seconds > 5

    @pytest.mark.parametrize("frequency", [15, 30, 50])
    @pytest.mark.parametrize("afterwards", [1.0, 0.4])
    @pytest.mark.parametrize("name", ["", "cd.mp3", "rec.m4a"])
    def test_rumble_that_overdrives_the_microphone_is_clipped(
        self, tmp_path: Path, frequency: float, afterwards: float, name: str
    ) -> None:
        wave = np.float32(afterwards) * np.clip(speech(8) + rumble(8, 1.5, frequency), -1, 1)
        if name:
            wave = read_mono(write(tmp_path / name, wave, FORMATS[name]), RATE)
        assert codes(judge(wave, RATE)) == ["clipped"]

    @pytest.mark.parametrize("loudness", [1.0, 0.3, 0.1])
    def test_a_steady_hum_that_is_loud_is_not_clipped(self, loudness: float) -> None:
        hum = 0.6 * np.sin(2 * np.pi * 30 * np.arange(8 * RATE) / RATE)
        assert "clipped" not in codes(judge((loudness * speech(8) + hum).astype(np.float32), RATE))

    @pytest.mark.parametrize("frequency", [15, 30, 50])
    @pytest.mark.parametrize("peak", [0.01, 0.1, 0.3])
    def test_rumble_is_neither_speech_nor_noise(self, frequency: float, peak: float) -> None:
        wave = np.concatenate([silence(3), speech(6), silence(3)])
        judged = judge(wave + rumble(12, peak, frequency), RATE)
        assert codes(judged) == []
        assert judged.speech_seconds == pytest.approx(judge(wave, RATE).speech_seconds, abs=0.5)
        assert judged.level == pytest.approx(judge(wave, RATE).level, abs=1.5)

    def test_noise_is_heard_beside_rumble(self) -> None:
        assert codes(judge(speech(8) + noise(8, 0.02) + rumble(8, 0.3, 30), RATE)) == ["noisy"]

    def test_it_is_quiet(self) -> None:
        judged = judge(np.float32(0.01) * speech(8), RATE)
        assert codes(judged) == ["quiet"]
        assert judged.level < -50
        assert "closer to the microphone" in judged.findings[0].words

    def test_a_direct_voltage_changes_nothing(self) -> None:
        wave = np.concatenate([silence(2), speech(6), silence(2)])
        shifted = judge(wave + np.float32(0.3), RATE)
        assert shifted.findings == ()
        assert shifted.speech_seconds == pytest.approx(judge(wave, RATE).speech_seconds, abs=0.1)


class TestBestStretch:
    @pytest.mark.parametrize("before", [0.0, 3.0, 12.0])
    @pytest.mark.parametrize("after", [0.0, 5.0])
    @pytest.mark.parametrize("rms", [0.0, 1e-3])
    def test_silence_around_speech_is_trimmed(self, before: float, after: float, rms: float) -> None:
        wave = np.concatenate([silence(before), speech(7.6), silence(after)])
        wave = wave + noise(len(wave) / RATE, rms)
        first, last = seconds(best_stretch(wave, RATE, 10))
        assert first == pytest.approx(max(0, before - 0.1), abs=0.1)
        assert last == pytest.approx(min(before + 7.6 + 0.2, before + 7.6 + after), abs=0.2)

    def test_pauses_inside_stay(self) -> None:
        wave = np.concatenate([speech(3.6), silence(2), speech(3.6)])
        assert seconds(best_stretch(wave, RATE, 10)) == pytest.approx((0, 9.2), abs=0.1)

    @pytest.mark.parametrize("longest", [10, 15])
    def test_of_a_long_recording_the_densest_part_is_taken(self, longest: float) -> None:
        sparse = np.concatenate([np.concatenate([speech(1.6), silence(2)]) for _ in range(10)])
        wave = np.concatenate([sparse, speech(20), sparse])
        first, last = seconds(best_stretch(wave, RATE, longest))
        assert 35.5 <= first <= last <= 56.5
        assert longest - 2 <= last - first <= longest

    @pytest.mark.parametrize("bad", ["clipped", "quiet", "loud"])
    @pytest.mark.parametrize("where", [0, 1, 2])
    def test_of_a_long_recording_the_cleanest_part_is_taken(self, bad: str, where: int) -> None:
        usual = speech(15.6)
        worse = {"clipped": np.clip(8 * usual, -0.5, 0.5), "quiet": 0.02 * usual, "loud": 8 * usual}[bad]
        pause = silence(0.4)
        parts = [np.append(worse[: 5 * RATE], pause), np.append(worse[: 4 * RATE], pause)]
        parts.insert(where, np.append(usual, pause))
        before = sum(map(len, parts[:where])) / RATE
        first, last = seconds(best_stretch(np.concatenate(parts), RATE, 10))
        assert before - 0.5 <= first <= last <= before + 16

    def test_it_begins_and_ends_in_a_pause(self) -> None:
        wave = speech(60)
        part = best_stretch(wave, RATE, 10)
        edge = RATE // 20
        assert np.abs(wave[part][:edge]).max() < 0.01
        assert np.abs(wave[part][-edge:]).max() < 0.01

    def test_speech_without_a_pause_is_cut_somewhere(self) -> None:
        wave = np.tile(speech(1.4), 30)
        first, last = seconds(best_stretch(wave, RATE, 10))
        assert last - first == pytest.approx(10, abs=1.6)

    @given(
        st.lists(st.tuples(st.floats(0, 2), st.sampled_from([0.0, 1e-4, 0.02, 0.3, 1.0, 900.0])), max_size=8),
        st.floats(0.5, 15),
    )
    def test_whatever_is_in_it(self, parts: list[tuple[float, float]], longest: float) -> None:
        wave = np.concatenate([silence(0), *(factor * speech(length) for length, factor in parts)])
        judged = judge(wave, RATE)
        part = best_stretch(wave, RATE, longest)
        assert 0 <= part.start <= part.stop <= len(wave)
        assert part.stop - part.start <= longest * RATE + 1
        assert (part.stop > part.start) == (judged.speech_seconds > 0)
        assert 0 <= judged.speech_seconds <= judged.seconds
        assert 0 <= judged.clipped <= 1
        assert best_stretch(wave, RATE, longest) == part


def test_a_few_loud_words_hide_no_quiet_speech() -> None:
    quiet = 10 ** (-32 / 20) * speech(13)
    wave = np.concatenate([speech(0.6), silence(0.5), quiet]) + noise(14.1, 1e-5)
    assert judge(wave, RATE).speech_seconds > 7
