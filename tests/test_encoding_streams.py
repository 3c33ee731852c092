"""A stream can be played from its first bytes on, at every rate, and has the right length at its end."""

from __future__ import annotations

import gc
import io
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import aiohttp
import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from tests.http_serving import SPEECH, http
from tests.playing import played
from tests.serving import until
from wyoming_chatterbox.audio.encoding import FORMATS, Compressed
from wyoming_chatterbox.engine import SAMPLE_RATE, Block
from wyoming_chatterbox.errors import RequestError

EVERY = [(name, rate) for name, form in FORMATS.items() for rate in form.rates]
COMPRESSED = [name for name, form in FORMATS.items() if form.codec]
TOLD = ["opus", "flac", "wav", "pcm"]
"""Formats that tell where sound begins and ends."""
LONGEST_FRAME = 1152
"""Samples of a frame in the others, at most."""
FIRST_MS = {"mp3": 80, "opus": 40, "aac": 130, "flac": 40, "wav": 10, "pcm": 10}
"""Milliseconds of sound that must go in before sound comes out, in steps of 10."""
PITCH = 440.0


def tone(seconds: float) -> Block:
    """A tone in the middle of the voice's range."""
    return (0.5 * np.sin(2 * np.pi * PITCH * np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE)).astype(np.float32)


def chunks(name: str, sound: Block, rate: int = SAMPLE_RATE, step: int = 2400) -> list[bytes]:
    """The bytes that come out for each piece of `step` samples, and at the end."""
    encoder = FORMATS[name].encoder(rate)
    return [*(encoder.encode(sound[at : at + step]) for at in range(0, len(sound), step)), encoder.finish()]


def pitch(sound: Block, rate: int) -> float:
    """The loudest frequency, in Hz."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(np.argmax(spectrum)) * rate / len(sound)


@pytest.mark.parametrize(("name", "rate"), EVERY)
def test_the_length_and_the_rate_are_right(name: str, rate: int) -> None:
    sound, told = played(name, b"".join(chunks(name, tone(1.5), rate)), rate)
    assert told == (48000 if name == "opus" else rate)
    more = len(sound) - 1.5 * told
    if name in TOLD:
        assert more == 0
    else:
        assert 0 <= more <= 4 * LONGEST_FRAME
    assert np.sqrt(np.mean(sound**2)) == pytest.approx(0.5 / np.sqrt(2), rel=0.1)
    assert pitch(sound, told) == pytest.approx(PITCH, abs=1)


@pytest.mark.parametrize("rate", [8000, 24000, 48000])
@pytest.mark.parametrize("name", ["mp3", "opus", "flac", "wav"])
def test_soundfile_plays_what_it_knows(name: str, rate: int) -> None:
    data = b"".join(chunks(name, tone(1.5), rate))
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        # Of a FLAC without a length it looks for a place behind the end.
        file.seekable = lambda: False
        read = 0
        while part := len(file.read(1000)):
            read += part
        assert file.samplerate == rate
    assert 1.5 <= read / rate < 1.5 + 0.2


@pytest.mark.parametrize(("name", "rate"), EVERY)
def test_what_has_come_so_far_can_be_played(name: str, rate: int) -> None:
    # The delays of resampling and of two frames that the encoder keeps, which are long at low rates.
    delay = 0.06 + 3000 / rate
    data = b""
    for number, chunk in enumerate(chunks(name, tone(1.2), rate, step=4800)[:-1], 1):
        data += chunk
        if (expected := 0.2 * number - delay) > 0:
            sound, told = played(name, data, rate, whole=False)
            assert expected <= len(sound) / told <= 0.2 * number + 0.1


@pytest.mark.parametrize("name", FORMATS)
def test_the_first_sound_is_not_held_back(name: str) -> None:
    encoder = FORMATS[name].encoder()
    data = b""
    for number in range(FIRST_MS[name] // 10):
        data += encoder.encode(tone(1)[240 * number : 240 * (number + 1)])
    sound, _ = played(name, data, whole=False)
    assert np.abs(sound).max() > 0.01


@pytest.mark.parametrize("name", COMPRESSED)
@examples(0.4)
@given(cuts=st.lists(st.integers(0, 12000), max_size=8))
def test_how_sound_is_cut_into_blocks_makes_no_difference(name: str, cuts: list[int]) -> None:
    sound = tone(0.5)
    encoder = FORMATS[name].encoder()
    cut = b"".join([*(encoder.encode(block) for block in np.split(sound, sorted(cuts))), encoder.finish()])
    assert cut == b"".join(chunks(name, sound))


@pytest.mark.parametrize("name", COMPRESSED)
def test_what_is_no_sample_is_silence(name: str) -> None:
    for rate in (24000, 48000):
        sound, _ = played(name, b"".join(chunks(name, np.full(4800, np.nan, np.float32), rate)))
        assert len(sound) and np.abs(sound).max() < 1e-3


@pytest.mark.parametrize("name", FORMATS)
def test_a_stream_without_sound_has_an_end(name: str) -> None:
    assert len(b"".join(chunks(name, tone(0)))) < 1000


def test_an_encoder_that_is_not_there_is_told() -> None:
    with pytest.raises(RequestError, match="aac can't be made on this machine"):
        replace(FORMATS["aac"], codec="libnobody").encoder()


def test_ffmpegs_libraries_are_loaded_when_they_are_needed() -> None:
    code = (
        "import sys, wyoming_chatterbox.web.app\n"
        "from wyoming_chatterbox.audio.encoding import FORMATS\n"
        "before = {'av', 'soxr'} & sys.modules.keys()\n"
        "FORMATS['mp3'].encoder(16000)\n"
        "print(before, sorted({'av', 'soxr'} & sys.modules.keys()))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set() ['av', 'soxr']"


@pytest.mark.parametrize("name", COMPRESSED)
@pytest.mark.parametrize("events", ["audio", "sse"])
async def test_a_client_that_leaves_leaves_no_encoder(tmp_path: Path, name: str, events: str) -> None:
    def encoders() -> list[Compressed]:
        return [thing for thing in gc.get_objects() if type(thing) is Compressed]

    # An error that another test keeps has its reply's encoder in its traceback.
    before = encoders()

    def open_encoders() -> int:
        # Those from before may be frozen meanwhile, and no longer among the objects.
        return sum(all(one is not old for old in before) for one in encoders())

    long = " ".join(["word"] * 40) + "."
    gc.collect()
    gc.disable()
    try:
        async with http(tmp_path) as server:
            engine = server.running.chatterbox
            engine.pause_after = 20
            async with aiohttp.ClientSession(server.server.url) as leaving:
                asked = {"input": long, "response_format": name, "stream_format": events}
                response = await leaving.post(SPEECH, json=asked)
                await response.content.readany()
                assert open_encoders() == 1
            await until(lambda: open_encoders() == 0)
            await until(lambda: server.running.service.replies.active == 0)
    finally:
        gc.enable()
