"""Sound goes in by blocks; files come out that anybody can play, and come out while it goes in."""

from __future__ import annotations

import io
import wave

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.http_serving import decoded
from wyoming_chatterbox.audio.encoding import FORMATS
from wyoming_chatterbox.audio.samples import to_pcm
from wyoming_chatterbox.engine import SAMPLE_RATE, Block

EXACT = ["wav", "pcm", "flac"]
LOSSY = ["mp3", "opus"]


def sweep(seconds: float) -> Block:
    """A tone that rises through the voice's range."""
    time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    return (0.5 * np.sin(2 * np.pi * (200 * time + 150 * time**2))).astype(np.float32)


def encoded(name: str, *blocks: Block) -> bytes:
    encoder = FORMATS[name].encoder()
    return b"".join([*(encoder.encode(block) for block in blocks), encoder.finish()])


@pytest.mark.parametrize("name", EXACT)
def test_lossless_formats_keep_every_sample(name: str) -> None:
    sound = sweep(1.3)
    heard = decoded(name, encoded(name, sound[:7], sound[7:20000], sound[20000:]))
    assert np.array_equal(np.round(heard * 32768), np.frombuffer(to_pcm(sound), "<i2"))


@pytest.mark.parametrize("name", LOSSY)
def test_lossy_formats_keep_length_and_sound(name: str) -> None:
    sound = sweep(2.5)
    heard = decoded(name, encoded(name, *np.array_split(sound, 25)))
    lead = len(heard) - len(sound)
    assert 0 <= lead <= 0.1 * SAMPLE_RATE, "an encoder's delay, if it isn't told"
    likeness = [
        np.corrcoef(sound[4800:-4800], heard[4800 + at : at + len(sound) - 4800])[0, 1] for at in range(lead + 1)
    ]
    assert max(likeness) > 0.995


@pytest.mark.parametrize("name", FORMATS)
def test_most_of_the_file_is_out_before_the_sound_ends(name: str) -> None:
    encoder = FORMATS[name].encoder()
    early = b"".join(encoder.encode(block) for block in np.array_split(sweep(6), 24))
    assert len(early) > 0.6 * len(early + encoder.finish())


@pytest.mark.parametrize("name", ["wav", "pcm", "mp3", "flac"])
def test_half_a_second_of_sound_gives_sound(name: str) -> None:
    encoder = FORMATS[name].encoder()
    assert len(decoded(name, encoder.encode(sweep(0.5)))) > 0.2 * SAMPLE_RATE


def test_wave_files_of_unknown_length_are_read_to_their_end() -> None:
    sound = sweep(0.5)
    with wave.open(io.BytesIO(encoded("wav", sound))) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (SAMPLE_RATE, 2, 1)
        assert file.readframes(len(sound) + 1) == to_pcm(sound)


def test_a_wave_file_without_sound_is_still_one() -> None:
    assert len(decoded("wav", encoded("wav"))) == 0


@pytest.mark.parametrize("name", EXACT)
def test_what_is_no_sample_is_limited(name: str) -> None:
    block = np.array([np.nan, np.inf, -np.inf, 3.0, -3.0], np.float32)
    assert list(np.round(decoded(name, encoded(name, block)) * 32768)) == [0, 32767, -32767, 32767, -32767]


@pytest.mark.parametrize("name", EXACT)
@given(cuts=st.lists(st.integers(0, 6000), max_size=8))
def test_how_sound_is_cut_into_blocks_makes_no_difference(name: str, cuts: list[int]) -> None:
    sound = sweep(0.25)
    assert np.array_equal(
        decoded(name, encoded(name, *np.split(sound, sorted(cuts)))), decoded(name, encoded(name, sound))
    )
