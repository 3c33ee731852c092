"""Loudness as pyloudnorm measures it, and a limiter that keeps true peaks under -1 dBFS and is heard nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyloudnorm
import pytest
import scipy.signal
import soxr
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.examples import examples
from tests.tones import cut, speech_like, voiced
from wyoming_chatterbox.audio.limiter import CEILING, HELD, Limiter
from wyoming_chatterbox.audio.loudness import LoudnessMeter
from wyoming_chatterbox.audio.true_peak import FRAME, REACH, true_peaks
from wyoming_chatterbox.engine import SAMPLE_RATE, Block

SPEECH = speech_like(5.0)
ONE_DB_DOWN = 10 ** (-1 / 20)


def measured(blocks: Sequence[Block]) -> tuple[float, float] | None:
    meter = LoudnessMeter()
    for block in blocks:
        meter.feed(block)
    return meter.measure()


def tone(frequency: float, level: float = 0.3, seconds: float = 3.0) -> Block:
    return (level * np.sin(2 * np.pi * frequency * np.arange(seconds * SAMPLE_RATE) / SAMPLE_RATE)).astype(np.float32)


SOUNDS = {
    "speech": SPEECH,
    "quiet speech": SPEECH * np.float32(0.02),
    "speech between silences": np.concatenate([np.zeros(60_000, np.float32), SPEECH, np.zeros(60_000, np.float32)]),
    "noise": 0.1 * np.random.default_rng(0).standard_normal(3 * SAMPLE_RATE).astype(np.float32),
    "hum": tone(50),
    "whistle": tone(3000),
    "as short as can be": SPEECH[12_000:21_600],
}


@pytest.mark.parametrize("name", SOUNDS)
def test_it_is_the_loudness_that_pyloudnorm_measures(name: str) -> None:
    sound = SOUNDS[name]
    found = measured([sound])
    assert found is not None
    assert found[0] == pytest.approx(pyloudnorm.Meter(SAMPLE_RATE, "DeMan").integrated_loudness(sound), abs=0.01)
    # Its usual filter is a rounder version of the standard's.
    assert found[0] == pytest.approx(pyloudnorm.Meter(SAMPLE_RATE).integrated_loudness(sound), abs=0.15)


def test_a_sine_of_997_hz_is_as_loud_as_the_standard_says() -> None:
    found = measured([tone(997, 1.0)])
    assert found is not None
    # At 24 kHz, its high-pass has 0.04 dB more everywhere than at 48 kHz.
    assert found[0] == pytest.approx(-3.01, abs=0.05)


def test_only_speech_counts_as_speech() -> None:
    padded = measured([SOUNDS["speech between silences"]])
    plain = measured([SPEECH])
    assert padded is not None
    assert plain is not None
    assert padded[1] == pytest.approx(plain[1], abs=0.5)
    assert padded[0] == pytest.approx(plain[0], abs=0.3)


@pytest.mark.parametrize("sound", [SPEECH[:0], SPEECH[:9599], np.zeros(48_000, np.float32), tone(440, 1e-5)])
def test_what_is_too_short_or_silent_has_no_loudness(sound: Block) -> None:
    assert measured([sound]) is None


@given(ends=st.lists(st.integers(0, 2 * SAMPLE_RATE), max_size=12))
def test_loudness_is_the_same_whatever_blocks_it_is_cut_into(ends: list[int]) -> None:
    sound = SPEECH[: 2 * SAMPLE_RATE]
    blocks = [sound[start:end] for start, end in pairwise([0, *sorted(ends), len(sound)])]
    assert measured(blocks) == pytest.approx(measured([sound]), abs=1e-4)


@pytest.mark.parametrize("phase", [0.0, 0.3, np.pi / 4])
def test_a_peak_between_the_samples_is_found(phase: float) -> None:
    sound = np.sin(np.pi / 2 * np.arange(FRAME * 50 + 2 * REACH) + phase).astype(np.float32)
    assert true_peaks(sound).shape == (50,)
    np.testing.assert_allclose(true_peaks(sound), 1.0, atol=0.03)


def limited(blocks: Sequence[Block], gain: float) -> Block:
    limiter = Limiter(gain)
    return np.concatenate([*(limiter.feed(block) for block in blocks), limiter.finish()])


LOUD = {
    "speech": SPEECH,
    "clipped speech": np.clip(SPEECH * 8, -1, 1),
    "tone": voiced(2.0),
    "clicks": np.where(np.arange(48_000) % 1999 == 0, np.float32(0.9), np.float32(0.01)),
    "an s": scipy.signal.lfilter([1, -1], [1], 0.1 * np.random.default_rng(1).standard_normal(48_000)).astype("f"),
}


@pytest.mark.parametrize("gain", [-3.0, 8.2, 20.0, 30.0])
@pytest.mark.parametrize("name", LOUD)
def test_the_true_peak_stays_under_1_dbfs(name: str, gain: float) -> None:
    out = limited(cut(LOUD[name], 9600), gain)
    assert len(out) == len(LOUD[name])
    assert np.abs(scipy.signal.resample_poly(out, 4, 1)).max() < ONE_DB_DOWN
    if name != "an s":
        # A finer meter than the standard's; it sees more, above all near half the sample rate.
        assert np.abs(soxr.resample(out, SAMPLE_RATE, 8 * SAMPLE_RATE)).max() < ONE_DB_DOWN


@pytest.mark.parametrize("gain", [-20.0, 0.0, 12.0])
def test_below_it_the_gain_is_the_same_everywhere(gain: float) -> None:
    sound = SPEECH * np.float32(0.15 / np.abs(SPEECH).max())
    np.testing.assert_array_equal(limited(cut(sound, 9600), gain), sound * np.float32(10 ** (gain / 20)))


def test_only_what_is_near_a_peak_becomes_quieter() -> None:
    sound = np.full(SAMPLE_RATE, 0.1, np.float32)
    sound[12_000] = 1.0
    gain = limited([sound], 6.0) / (sound * np.float32(10 ** (6 / 20)))
    after = np.arange(SAMPLE_RATE) - 12_000
    near = (after > -0.006 * SAMPLE_RATE) & (after < 0.025 * SAMPLE_RATE)
    assert np.allclose(gain[~near], 1, atol=1e-6)
    assert gain[12_000] < 0.5
    assert np.abs(np.diff(gain)).max() < 0.02, "the gain makes no step, which would be heard as a click"


WAVES = arrays.arrays(
    np.float32, st.integers(0, 3000), elements=st.floats(-4, 4, width=32), fill=st.floats(-0.5, 0.5, width=32)
)


@examples(0.5)
@given(wave=WAVES, gain=st.floats(-30, 30), ends=st.lists(st.integers(0, 3000), max_size=8))
def test_no_sample_is_over_the_peak_and_none_changes_its_sign(
    wave: npt.NDArray[np.float32], gain: float, ends: list[int]
) -> None:
    out = limited([wave[start:end] for start, end in pairwise([0, *sorted(ends), 3000])], gain)
    assert out.shape == wave.shape
    assert out.dtype == np.float32
    assert np.abs(out).max(initial=0.0) <= np.float32(CEILING)
    assert (out * wave >= 0).all()
    assert (np.abs(out) <= np.abs(wave) * np.float32(10 ** (gain / 20)) * np.float32(1 + 1e-6)).all()
    np.testing.assert_allclose(out, limited([wave], gain), atol=1e-5)


def test_it_holds_back_a_few_milliseconds() -> None:
    limiter = Limiter(10.0)
    fed = given_out = 0
    for block in cut(SPEECH, 1, 100, 2400, 997):
        fed += len(block)
        given_out += len(limiter.feed(block))
        assert 0 <= fed - given_out <= HELD
    assert HELD < 0.0065 * SAMPLE_RATE
    assert given_out + len(limiter.finish()) == len(SPEECH)
