"""Recordings are bounded by their samples, and read block by block."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path

import librosa
import numpy as np
import pytest
import soundfile

from tests.test_voices import catalogue, names
from wyoming_chatterbox.audio.decoding import LONGEST_SECONDS, read_mono
from wyoming_chatterbox.errors import VoiceError


def sparse(path: Path, channels: int, rate: int, seconds: float) -> Path:
    """A WAV file of 16-bit zeros that takes no room on the disk."""
    size = round(rate * seconds) * channels * 2
    form = struct.pack("<HHIIHH", 1, channels, rate, rate * channels * 2, channels * 2, 16)
    with path.open("wb") as file:
        file.write(b"RIFF" + struct.pack("<I", 36 + size) + b"WAVEfmt " + struct.pack("<I", len(form)) + form)
        file.write(b"data" + struct.pack("<I", size))
        file.truncate(44 + size)
    return path


@pytest.mark.parametrize(
    ("channels", "rate", "reason"),
    [
        (64, 48_000, "it has 64 channels, and at most 8 are taken"),
        (9, 24_000, "it has 9 channels"),
        (1, 1_000_000, "it has 1000000 samples a second, and 4000 to 384000 are taken"),
        (1, 3_999, "it has 3999 samples a second"),
    ],
)
def test_a_recording_that_nobody_needs_so_is_refused_and_says_why(
    tmp_path: Path, channels: int, rate: int, reason: str
) -> None:
    path = sparse(tmp_path / "alice.wav", channels, rate, 6)
    found = catalogue(tmp_path)
    assert names(found) == ["default"]
    assert reason in found.broken["alice.wav"]
    # It may have been another one when the folder was looked at.
    with pytest.raises(VoiceError, match=reason):
        read_mono(path, 24_000)


@pytest.mark.parametrize(("channels", "rate"), [(8, 384_000), (1, 4_000), (2, 44_100)])
def test_what_any_microphone_makes_is_taken(tmp_path: Path, channels: int, rate: int) -> None:
    hum = 0.3 * np.sin(np.arange(2 * rate) * (600 / rate))
    soundfile.write(tmp_path / "alice.wav", np.tile(hum[:, None], channels), rate)
    assert names(catalogue(tmp_path)) == ["default", "alice"]


@pytest.mark.parametrize("channels", [1, 2, 8])
@pytest.mark.parametrize("rate", [8_000, 11_025, 24_000, 44_100, 192_000])
def test_block_by_block_it_is_the_same_as_at_once(tmp_path: Path, channels: int, rate: int) -> None:
    path = tmp_path / "noise.wav"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, (round(rate * 3.217), channels)), rate)
    whole, _ = soundfile.read(path, dtype="float32", always_2d=True)
    wanted = librosa.resample(librosa.to_mono(whole.T), orig_sr=rate, target_sr=24_000)
    read = read_mono(path, 24_000)
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, wanted)


@pytest.mark.slow(1)
def test_a_long_recording_is_not_held_whole(tmp_path: Path) -> None:
    path = sparse(tmp_path / "long.wav", 8, 48_000, LONGEST_SECONDS + 60)
    read_mono(sparse(tmp_path / "short.wav", 8, 48_000, 1), 24_000)
    tracemalloc.start()
    try:
        read = read_mono(path, 24_000)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(read) == LONGEST_SECONDS * 24_000
    # The blocks of the result and the result, but not the 460 MB of all channels.
    assert peak < 3 * read.nbytes
