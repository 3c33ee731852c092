"""Reads recordings: which ones are accepted, and how to read one without holding the whole file.

Nothing here needs torch.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile

from ...errors import VoiceError
from .. import Version

MOST_CHANNELS = 8
LOWEST_RATE, HIGHEST_RATE = 4_000, 384_000
"""Sample rates in Hz."""
LONGEST_SECONDS = 300
"""Seconds of a recording that are read; the rest is ignored."""
_BLOCK = 65_536
"""Samples that are read at a time, of all channels together."""


def version_of(status: os.stat_result) -> Version:
    """Return what distinguishes a file from an earlier one at the same path."""
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size


def unfit(channels: int, rate: int) -> str | None:
    """Say why a recording with these channels and this rate in Hz is refused; None if it is accepted."""
    if channels > MOST_CHANNELS:
        return f"it has {channels} channels, and at most {MOST_CHANNELS} are taken"
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        return f"it has {rate} samples a second, and {LOWEST_RATE} to {HIGHEST_RATE} are taken"
    return None


def examine(path: Path) -> float:
    """Return the seconds of sound in a file. Raises `OSError`, or `VoiceError` that says why it is no recording."""
    try:
        with path.open("rb") as file:
            info = soundfile.info(file)
    except OSError:
        raise
    except soundfile.LibsndfileError as err:
        raise VoiceError(f"it is no sound file: {err.error_string.rstrip('.')}") from err
    except Exception as err:
        # Whatever a file does to its decoder, the other files must still be examined.
        raise VoiceError(f"it is no sound file: {type(err).__name__}") from err
    if reason := unfit(info.channels, info.samplerate):
        raise VoiceError(reason)
    return float(info.duration)


def read_mono(path: Path, target: int) -> npt.NDArray[np.float32]:
    """Read a recording (WAV, FLAC, MP3, OGG) as mono float32 at `target` Hz, block by block.

    It holds at most `LONGEST_SECONDS` of the result and one block. Raises `VoiceError` for a file that can't be read.
    """
    try:
        with soundfile.SoundFile(path) as file:
            if reason := unfit(file.channels, file.samplerate):
                raise VoiceError(f"{path} can't be used: {reason}.")
            pieces = list(_resampled(_mono(file, path), file.samplerate, target))
    except (OSError, soundfile.SoundFileError) as err:
        raise VoiceError(f"{path} can't be read as audio: {str(err).partition(chr(10))[0]}") from err
    mono: npt.NDArray[np.float32] = np.concatenate([np.zeros(0, np.float32), *pieces])
    return mono


def _mono(file: soundfile.SoundFile, path: Path) -> Iterator[npt.NDArray[np.float32]]:
    left = file.samplerate * LONGEST_SECONDS
    while left:
        samples = file.read(min(left, _BLOCK // file.channels), dtype="float32", always_2d=True)
        if not len(samples):
            return
        if not np.isfinite(samples).all():
            raise VoiceError(f"{path} is broken: it holds samples that are not numbers.")
        left -= len(samples)
        yield samples.T.mean(axis=0)


def _resampled(blocks: Iterator[npt.NDArray[np.float32]], rate: int, target: int) -> Iterator[npt.NDArray[np.float32]]:
    """Resample as `librosa.resample` does, with soxr's high quality."""
    if rate == target:
        yield from blocks
        return
    import soxr

    stream = soxr.ResampleStream(rate, target, 1, dtype="float32", quality="HQ")
    read = made = 0
    for block in blocks:
        read += len(block)
        resampled = stream.resample_chunk(block)
        made += len(resampled)
        yield resampled
    last = stream.resample_chunk(np.zeros(0, np.float32), last=True)
    yield last
    # A fraction of a sample at the end counts as one.
    yield np.zeros(math.ceil(read * (float(target) / rate)) - made - len(last), np.float32)
