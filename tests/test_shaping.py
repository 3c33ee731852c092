"""Replies come at their speed and loudness: voices are equally loud, gain is steady, nothing clips, nothing is lost."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import aclosing
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyloudnorm
import pytest
import scipy.signal
from wyoming.audio import AudioChunk
from wyoming.client import AsyncClient
from wyoming.tts import Synthesize, SynthesizeVoice

from tests.client import Heard, plain
from tests.examples import parameters
from tests.fakes import FakeEngine
from tests.http_serving import SPEECH, decoded, http
from tests.serving import Running, serving, until
from tests.test_pauses import runs
from tests.test_tempo import graphs
from tests.test_voices import record
from tests.tones import cut, speech_like
from wyoming_chatterbox.engine import SAMPLE_RATE, Block, Utterance
from wyoming_chatterbox.errors import EngineError, OutOfMemoryError
from wyoming_chatterbox.speech.shaping import Shaping
from wyoming_chatterbox.text.items import Say
from wyoming_chatterbox.text.pipeline import each
from wyoming_chatterbox.voices.voice import Style

TARGET = -18.0
ON = ("--loudness", str(TARGET))
METER = pyloudnorm.Meter(SAMPLE_RATE)
LEVELS = {f"voice{number}": float(level) for number, level in enumerate(np.linspace(-45, -8, 10))}
"""LUFS of the fake's voices."""


class Levelled(FakeEngine):
    """Says every utterance as the same two seconds, in blocks of 0.2 s, as loud as `LEVELS` says of the voice."""

    sound = speech_like(2.0)
    loudness = float(METER.integrated_loudness(sound))
    level = -30.0
    """LUFS of all other voices."""
    fails_after: int | None = None
    """Blocks after which the next utterance fails, with `failure`."""
    failure: Exception

    def speak(self, utterance: Utterance, cancelled: Callable[[], bool]) -> Iterator[Block]:
        self.said.append(utterance)
        for number, block in enumerate(cut(self.says(utterance.voice.name), 4800)):
            if number == self.fails_after:
                self.fails_after = None
                raise self.failure
            yield block

    def says(self, voice: str) -> Block:
        gain = 10 ** ((LEVELS.get(voice, self.level) - self.loudness) / 20)
        return np.asarray(np.clip(self.sound * np.float32(gain), -1, 1), np.float32)


def samples(heard: Heard) -> Block:
    return (np.frombuffer(heard.audio, "<i2") / 32767).astype(np.float32)


def loudness(sound: Block) -> float:
    return float(METER.integrated_loudness(sound))


async def said(running: Running, text: str, voice: str | None = None) -> Block:
    return samples(await plain(running.uri, text, SynthesizeVoice(name=voice) if voice else None))


async def with_voices(running: Running, engine: FakeEngine) -> None:
    await until(lambda: running.service.lifecycle.chatterbox is engine)


async def test_all_voices_are_as_loud_from_their_second_reply_on(tmp_path: Path) -> None:
    for name in LEVELS:
        record(tmp_path / "voices" / f"{name}.wav")
    engine = Levelled("chatterbox")
    async with serving(tmp_path, *ON, load=lambda *_: engine) as running:
        await with_voices(running, engine)
        for name in LEVELS:
            for number, text in enumerate(["It is one. It is two.", "It is three.", "It is four. It is five."]):
                sound = await said(running, text, name)
                assert len(sound) == text.count(".") * len(engine.sound)
                peak = np.abs(scipy.signal.resample_poly(sound, 4, 1)).max()
                assert peak < 10 ** (-1 / 20)
                if number:
                    assert loudness(sound) == pytest.approx(TARGET, abs=1.5), (name, number)


@pytest.mark.parametrize("name", ["turbo", "nano", "standby"])
async def test_what_is_known_of_a_family_makes_the_first_reply_right(tmp_path: Path, name: str) -> None:
    engine = Levelled(name)
    engine.level = -26.6
    async with serving(tmp_path, *ON, load=lambda *_: engine) as running:
        await with_voices(running, engine)
        assert loudness(await said(running, "It is one. It is two.")) == pytest.approx(TARGET, abs=1)


async def test_a_voice_that_nothing_is_known_of_is_left_as_it_is(tmp_path: Path) -> None:
    engine = Levelled("english")
    async with serving(tmp_path, *ON, load=lambda *_: engine) as running:
        await with_voices(running, engine)
        assert loudness(await said(running, "It is one. It is two.")) == pytest.approx(-30, abs=0.5)
        assert loudness(await said(running, "It is one. It is two.")) == pytest.approx(TARGET, abs=0.5)


async def test_the_gain_is_the_same_in_all_of_a_reply(tmp_path: Path) -> None:
    engine = Levelled("chatterbox")
    async with serving(tmp_path, *ON, load=lambda *_: engine) as running:
        await with_voices(running, engine)
        await said(running, "One.")
        engine.level = -40.0
        for gain in (12.0, None):
            sound = await said(running, "It is two. It is three. It is four. It is five.")
            made = np.tile(engine.says("default"), 4)
            clear = np.abs(sound) > 0.02
            ratios = sound[clear] / made[clear]
            assert ratios.max() / ratios.min() < 1.01
            if gain is not None:
                assert 20 * np.log10(np.median(ratios)) == pytest.approx(gain, abs=0.1), "learnt before, not midway"


async def test_a_very_short_reply_hardly_moves_what_was_learnt(tmp_path: Path) -> None:
    engine = Levelled("chatterbox")
    async with serving(tmp_path, *ON, load=lambda *_: engine) as running:
        await with_voices(running, engine)
        await said(running, "It is one. It is two. It is three. It is four. It is five.")
        whole, engine.sound = engine.sound, engine.sound[:9000]
        await said(running, "Hi.")
        engine.sound, engine.level = whole[:12_000], -50.0
        await said(running, "Hi.")
        engine.sound, engine.level = whole, -30.0
        assert loudness(await said(running, "It is one. It is two.")) == pytest.approx(TARGET, abs=1.5)


async def test_a_voice_is_just_as_loud_again(tmp_path: Path) -> None:
    engine = Levelled("standby")
    async with serving(tmp_path, *ON, load=lambda *_: engine) as running:
        await with_voices(running, engine)
        gains = set()
        # Speech that varies as the real standby voice's does.
        for level in (-26.0, -24.7, -27.9, -25.5, -26.6, -27.3, -26.1):
            engine.level = level
            sound = await said(running, "It is one.")
            made = engine.says("default")
            clear = np.abs(made) > 0.01
            gains.add(round(20 * float(np.log10(np.median(sound[clear] / made[clear]))), 1))
        assert len(gains) == 1, gains
        engine.level = -32.0
        for _ in range(5):
            sound = await said(running, "It is one. It is two. It is three. It is four. It is five.")
        assert loudness(sound) == pytest.approx(TARGET, abs=1.5), "but it can change"


async def test_another_style_of_a_recording_begins_where_the_first_is(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "alice.wav")
    engine = Levelled("chatterbox", ("de", "en"))
    async with serving(tmp_path, *ON, load=lambda *_: engine, languages=("de", "en")) as running:
        await with_voices(running, engine)
        await said(running, "It is one. It is two.", "alice-de")
        assert loudness(await said(running, "It is one. It is two.", "alice-en")) == pytest.approx(TARGET, abs=1)


async def test_what_was_learnt_is_known_after_a_restart(tmp_path: Path) -> None:
    engine = Levelled("chatterbox")
    kept = tmp_path / "cache" / "levels.json"
    for expected in (-30.0, TARGET):
        async with serving(tmp_path, *ON, load=lambda *_: engine) as running:
            await with_voices(running, engine)
            assert loudness(await said(running, "It is one. It is two.")) == pytest.approx(expected, abs=0.5)
            await until(kept.exists)
    assert [path.name for path in kept.parent.iterdir()] == ["levels.json"]


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"[" * 100_000, b"{}", b'[{"engine": "chatterbox"}]', b"[1]", b" " * 2_000_000, None],
)
async def test_a_file_that_can_t_be_read_is_none(tmp_path: Path, content: bytes | None) -> None:
    kept = tmp_path / "cache" / "levels.json"
    if content is None:
        kept.mkdir(parents=True)
    else:
        kept.parent.mkdir()
        kept.write_bytes(content)
    engine = Levelled("chatterbox")
    async with serving(tmp_path, *ON, load=lambda *_: engine) as running:
        await with_voices(running, engine)
        await said(running, "One.")
        assert loudness(await said(running, "One.")) == pytest.approx(TARGET, abs=0.5)
        if content is not None:
            await until(lambda: b"chatterbox" in kept.read_bytes() and len(json.loads(kept.read_bytes())) == 1)


async def test_a_folder_that_can_t_be_written_to_costs_one_line_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_bytes(b"no folder")
    caplog.set_level(logging.DEBUG)
    engine = Levelled("chatterbox")
    async with serving(tmp_path, *ON, load=lambda *_: engine) as running:
        await with_voices(running, engine)
        await said(running, "One.")
        await until(lambda: "The loudness of the voices could not be kept" in caplog.text)
        assert loudness(await said(running, "One.")) == pytest.approx(TARGET, abs=0.5)
    assert not [line for line in caplog.records if line.levelno > logging.INFO]


@pytest.mark.parametrize("flags", [ON, ("--speed", "1.25"), (*ON, "--speed", "0.8")])
async def test_there_is_no_step_where_blocks_meet(tmp_path: Path, flags: tuple[str, ...]) -> None:
    engine = Levelled("chatterbox")
    async with serving(tmp_path, *flags, load=lambda *_: engine) as running:
        await with_voices(running, engine)
        await said(running, "One.")
        blocks = await parts_of(running, "One.")
    seams = np.cumsum([len(block) for block in blocks])[:-1] - 1
    steps = np.abs(np.diff(np.concatenate(blocks)))
    assert len(seams) > 5
    assert steps[seams].max() <= np.delete(steps, seams).max()


async def parts_of(running: Running, text: str, style: Style | None = None) -> list[Block]:
    voice = await running.service.voices.find()
    async with (
        running.service.replies.open(voice, "a test", style or Style()) as reply,
        aclosing(reply.speak(each(iter([Say(text)])))) as blocks,
    ):
        return [block async for block in blocks]


@pytest.mark.parametrize("speed", [0.25, 0.5, 0.8, 1.25, 2.0, 4.0])
@pytest.mark.parametrize("loud", ["off", "-18"])
async def test_speed_changes_the_length_and_nothing_of_the_loudness(tmp_path: Path, speed: float, loud: str) -> None:
    engine = Levelled("chatterbox")
    async with http(tmp_path, "--speed", str(speed), "--loudness", loud, load=lambda *_: engine) as server:
        await with_voices(server.running, engine)
        for _ in range(2):
            async with server.client.post(
                SPEECH, json={"input": "It is one. It is two.", "response_format": "pcm"}
            ) as response:
                sound = decoded("pcm", await response.read())
        assert len(sound) == pytest.approx(2 * len(engine.sound) / speed, abs=2)
        assert loudness(sound) == pytest.approx(-30 if loud == "off" else TARGET, abs=1.5)
        _, info = await server.get("/info")
        assert info["recent"][0]["audio_seconds"] == pytest.approx(len(sound) / SAMPLE_RATE, abs=0.001)


async def test_a_request_s_own_speed_and_loudness_come_first(tmp_path: Path) -> None:
    engine = Levelled("chatterbox")
    async with serving(tmp_path, *ON, load=lambda *_: engine) as running:
        await with_voices(running, engine)
        await said(running, "It is one. It is two.")
        sound = np.concatenate(await parts_of(running, "One.", Style(speed=2.0, loudness=-25.0)))
    assert len(sound) == len(engine.sound) / 2
    assert loudness(sound) == pytest.approx(-25, abs=1)


async def test_a_pause_lasts_as_long_at_any_speed(tmp_path: Path) -> None:
    text = 'It is on. <break time="2s"/> Now it is off.'
    async with serving(tmp_path, "--speed", "2", *ON) as running:
        heard = await plain(running.uri, text)
        pauses = [-part for part in runs(heard.audio) if part < -0.1]
        assert pauses == [pytest.approx(2.0, abs=0.02)]
        assert heard.seconds == pytest.approx(2 + 0.7 / 2, abs=0.001)


class Small(FakeEngine):
    """Says each word as 10 ms of speech, and waits after `pause_after` of them."""

    def speak(self, utterance: Utterance, cancelled: Callable[[], bool]) -> Iterator[Block]:
        sound = speech_like(2.0)
        for number, _ in enumerate(super().speak(utterance, cancelled)):
            yield sound[240 * number : 240 * (number + 1)]


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.0, 1.25, 2.0])
@pytest.mark.parametrize("flags", [(), ON])
async def test_the_first_sound_needs_60_ms_more_of_speech_at_most(
    tmp_path: Path, speed: float, flags: tuple[str, ...]
) -> None:
    engine = Small("chatterbox")
    # Ten milliseconds are enough at the engine's own speed.
    engine.pause_after = 1 if speed == 1.0 else 7
    async with serving(tmp_path, *flags, "--speed", str(speed), load=lambda *_: engine) as running:
        await with_voices(running, engine)
        async with AsyncClient.from_uri(running.uri) as client:
            await client.write_event(Synthesize(text="word " * 100).event())
            assert (start := await client.read_event()) is not None
            assert start.type == "audio-start"
            assert (event := await client.read_event()) is not None
            assert AudioChunk.from_event(event).audio
            assert engine.steps <= engine.pause_after


@pytest.mark.parametrize("flags", [("--speed", "1.25"), ("--speed", "1.25", *ON), ON])
async def test_another_try_goes_on_where_the_first_broke_off(tmp_path: Path, flags: tuple[str, ...]) -> None:
    engine = Levelled("chatterbox")
    engine.failure = OutOfMemoryError("there is no memory left")
    async with serving(tmp_path, *flags, load=lambda *_: engine) as running:
        await with_voices(running, engine)
        await said(running, "Zero.")
        whole = await said(running, "One.")
        engine.fails_after = 4
        again = await said(running, "One.")
        assert engine.texts == ["Zero.", "One.", "One.", "One."]
    assert len(again) == len(whole)
    # The gain may have moved a little, by what was learnt in between.
    np.testing.assert_allclose(again, whole, atol=0.01)


async def test_another_engine_goes_on_with_its_own_gain(tmp_path: Path) -> None:
    engine = Levelled("chatterbox")
    engine.failure = EngineError("it broke")
    text = "The light in the kitchen is on and the front door was locked two minutes ago by the neighbour from above."
    async with serving(tmp_path, *ON, "--speed", "1.25", load=lambda *_: engine) as running:
        await with_voices(running, engine)
        await said(running, text)
        engine.fails_after = 4
        sound = await said(running, text)
        left = running.standby.texts[0].split()
        assert 0 < len(left) < len(text.split())
        assert text.endswith(" ".join(left))
        heard_before = round(4 * 4800 / 1.25)
        assert len(sound) == heard_before + round(len(left) * 2400 / 1.25)
        made = np.abs(np.concatenate([*cut(engine.says("default"), 4800)[:4]]))
        assert np.abs(sound[:heard_before]).max() == pytest.approx(made.max() * 10 ** (12 / 20), rel=0.1)
        # The fake's standby voice is much louder than the real one, so that the limiter holds it down.
        assert np.abs(sound[heard_before + 2400 :]).max() == pytest.approx(0.82, abs=0.02)


async def test_nothing_is_left_of_a_client_that_leaves(tmp_path: Path) -> None:
    before = graphs()
    async with serving(tmp_path, *ON, "--speed", "1.25") as running:
        running.chatterbox.pause_after = 5
        for _ in range(3):
            async with AsyncClient.from_uri(running.uri) as client:
                await client.write_event(Synthesize(text="word " * 100).event())
                while (event := await client.read_event()) is not None and event.type != "audio-chunk":
                    pass
            await until(lambda: running.service.replies.active == 0 and not running.scheduler.busy)
            running.chatterbox.steps = 0
        running.chatterbox.pause_after = None
        assert len(await said(running, "One two.")) == 2 * 2400 / 1.25
        assert [found for found in graphs() if all(found is not old for old in before)] == []


async def test_without_speed_and_loudness_each_block_is_the_engine_s_own() -> None:
    shaping = Shaping(1.0, None)
    block = speech_like(3.0)
    (piece,) = shaping.pieces(block)
    assert await shaping.feed(piece) is block
    assert len(await shaping.finish()) == 0
    assert shaping.measure() is None


@pytest.mark.slow(6)
@pytest.mark.timeout(300)
@pytest.mark.parametrize("speed", parameters(0.5, 1.0, 2.0, full=[0.25, 0.8, 1.25, 4.0]))
async def test_the_watermark_is_still_found(marked: Block, watermarker: object, speed: float) -> None:
    for gain, rate in ((-10.0, 24_000), (8.0, 8_000), (8.0, 44_100), (25.0, 16_000)):
        shaping = Shaping(speed, gain)
        parts = [await shaping.feed(piece) for piece in cut(marked, 9600)]
        sound = np.concatenate([*parts, await shaping.finish()])
        # A quarter of the speed, 25 dB into the limiter, leaves 0.895; the detector calls it marked from 0.5 on.
        assert found(watermarker, resampled(sound, rate), rate) >= (0.85 if speed == 0.25 else 0.9), (gain, rate)


def resampled(sound: Block, rate: int) -> Block:
    import soxr

    return np.asarray(soxr.resample(sound, SAMPLE_RATE, rate), np.float32)


def found(watermarker: object, sound: npt.NDArray[np.float32], rate: int) -> float:
    """How sure the detector is, from 0 to 1."""
    from wyoming_chatterbox.engine.upstream.chatterbox_tts import perth

    detector = perth.PerthImplicitWatermarker(None, perth_net=watermarker.perth_net)  # type: ignore[attr-defined]
    return float(detector.get_watermark(sound, sample_rate=rate, round=False).mean())


@pytest.fixture(name="watermarker", scope="module")
def watermarker_fixture() -> object:
    from wyoming_chatterbox.engine.s3gen.watermark import load_watermarker

    return load_watermarker()


@pytest.fixture(name="marked", scope="module")
def marked_fixture(watermarker: object) -> Block:
    from wyoming_chatterbox.engine import Voice
    from wyoming_chatterbox.engine.s3gen.watermark import Watermarker, WatermarkStream
    from wyoming_chatterbox.engine.standby import Standby

    assert isinstance(watermarker, Watermarker)
    text = "The weather is mild and a little cloudy today. In the evening it may rain, so take an umbrella with you."
    marks = WatermarkStream(watermarker)
    speech = [marks.feed(block) for block in Standby().speak(Utterance(text, Voice("a", "en"), seed=1), lambda: False)]
    return np.concatenate([*speech, marks.finish()])
