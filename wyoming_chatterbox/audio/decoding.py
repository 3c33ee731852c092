"""Reads recordings in any format that ffmpeg's libraries decode, through PyAV.

A file's content says what it is, not its name.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from ..errors import VoiceError
from ..problem import Problem, Reason
from . import Block
from .opening import opened
from .recording_file import RecordingFile

if TYPE_CHECKING:
    from av import AudioFrame, AudioStream
    from av.container import InputContainer

MOST_CHANNELS = 8
LOWEST_RATE, HIGHEST_RATE = 4_000, 384_000
"""Sample rates in Hz."""
LONGEST_SECONDS = 300
"""Seconds of a recording that are read; the rest is ignored."""
_TELL_LENGTH = {"wav", "w64", "aiff", "caf", "flac", "mov", "matroska", "asf", "wv", "tta", "ape"}
"""Containers whose headers say how long the sound is; that of others is estimated."""
_BLOCK = 65_536
"""Samples of one channel that are handled at a time, at least."""
_DAMAGED_SHARE = 0.1
"""Share of packets that may be damaged; a player leaves them out too."""
_MISSING_SHARE, _MISSING_SECONDS = 0.1, 0.5
"""A recording that lacks more than both of what its header promises was cut off."""
_SILENT_CHANNEL = 1e-3
"""Power of a channel, relative to that of the loudest, under which it counts as silent: -30 dB."""
_LARGEST = 1e6
"""Amplitude, relative to full scale, above which a number is no sample."""

_Samples = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Facts:
    """A file's sound as its header describes it."""

    seconds: float | None
    """None where the header doesn't say."""
    channels: int
    rate: int
    """Samples a second, in Hz."""
    codec: str
    """ffmpeg's name of the codec: `aac`, `pcm_s16le`."""


def examine(path: Path) -> Facts:
    """Return facts about a recording without decoding it.

    Raises `OSError`, or `VoiceError` that says why it is no recording, as a sentence about "it".
    """
    with opened(path) as (file, container):
        return _Source(file, container).facts


def read_mono(path: Path, target: int) -> Block:
    """Read a recording as mono at `target` Hz, block by block: the mean of the channels that sound.

    It holds at most `LONGEST_SECONDS` of the result and one block. Samples above full scale stay as they are. Raises
    `OSError`, or `VoiceError` that says why it can't be used, as a sentence about "it".
    """
    with opened(path) as (file, container):
        source = _Source(file, container)
        blocks = _mono(source)
        # Some headers tell another rate than the one that is decoded.
        first = list(islice(blocks, 1))
        pieces = _resampled(chain(first, blocks), source.rate, target)
        mono = np.concatenate([np.zeros(0, np.float32), *pieces])
        source.check_whole()
        if source.gain != 1.0:
            mono *= np.float32(source.gain)
        return mono


class _Source:
    """The sound of an open file."""

    def __init__(self, file: RecordingFile, container: InputContainer) -> None:
        if not container.streams.audio:
            raise VoiceError("it holds no sound", Problem("recording-empty"))
        self._file = file
        self._container = container
        self._stream: AudioStream = container.streams.audio[0]
        self._read = 0
        """Samples of each channel so far."""
        self._power: npt.NDArray[np.float64] = np.zeros(0)
        self._seconds = _seconds(container, self._stream)
        context = self._stream.codec_context
        self.rate = context.sample_rate
        """Samples a second, as the header says, and once there is a block, as they are."""
        self.facts = Facts(self._seconds, context.layout.nb_channels, self.rate, context.name)
        if reason := _unfit(self.facts.channels, self.rate):
            raise VoiceError(reason)

    def blocks(self) -> Iterator[_Samples]:
        """Yield samples (channels, n), float32, until the file or `LONGEST_SECONDS` end."""
        held: list[_Samples] = []
        size = left = channels = 0
        for frame in self._frames():
            if not channels:
                channels, self.rate = frame.layout.nb_channels, frame.sample_rate
                if reason := _unfit(channels, self.rate):
                    raise VoiceError(reason)
                left = self.rate * LONGEST_SECONDS
                self._power = np.zeros(channels)
            if (frame.layout.nb_channels, frame.sample_rate) != (channels, self.rate):
                raise VoiceError("its sample rate or its channels change in the middle", Problem("recording-changes"))
            samples = _floats(frame)[:, :left]
            held.append(samples)
            left -= samples.shape[1]
            size += samples.shape[1]
            if not left or size >= _BLOCK:
                yield self._counted(held)
                held, size = [], 0
            if not left:
                return
        if held:
            yield self._counted(held)

    def check_whole(self) -> None:
        """Raise `VoiceError` if much of what the header promises was not there."""
        seconds, promised = self._read / self.rate, self._seconds or 0.0
        missing = min(promised, LONGEST_SECONDS) - seconds
        names = self._container.format.name.split(",")
        if _TELL_LENGTH.intersection(names) and missing > max(_MISSING_SHARE * (missing + seconds), _MISSING_SECONDS):
            if not self._read and promised > LONGEST_SECONDS:
                # A header that takes too much memory is not read either.
                part = f"use a part of at most {LONGEST_SECONDS} s"
                message = f"it should be {promised:.0f} s long, and nothing of it can be read: {part}"
                raise VoiceError(message, Problem("recording-long", {"most": LONGEST_SECONDS}))
            message = f"it is cut off: it should be {promised:.1f} s long, and {seconds:.1f} s of it are there"
            raise VoiceError(message, Problem("recording-damaged"))
        there, whole = self._file.sizes
        if there < (1 - _MISSING_SHARE) * whole:
            message = f"it is cut off: it should have {whole} bytes, and {there} of them are there"
            raise VoiceError(message, Problem("recording-damaged"))

    @property
    def gain(self) -> float:
        """Factor for the mean of all channels that makes it the mean of those that sound."""
        if not len(self._power):
            return 1.0
        return len(self._power) / np.count_nonzero(self._power >= _SILENT_CHANNEL * self._power.max())

    def _counted(self, held: list[_Samples]) -> _Samples:
        block = np.concatenate(held, axis=1)
        # The maximum of numbers with a NaN among them is NaN.
        if not np.abs(block).max(initial=0.0) < _LARGEST:
            message = "it is broken: it holds samples that are not numbers"
            raise VoiceError(message, Problem("recording-damaged"))
        self._read += block.shape[1]
        self._power += np.einsum("cn,cn->c", block, block, dtype=np.float64)
        return block

    def _frames(self) -> Iterator[AudioFrame]:
        """Decode frame by frame, past packets that are damaged."""
        from av.error import FFmpegError

        self._stream.codec_context.thread_count = 1
        packets = self._container.demux(self._stream)
        read = damaged = 0
        while True:
            try:
                packet = next(packets, None)
            except FFmpegError:
                # What comes before the place where a file is cut off can be heard.
                if not read:
                    raise
                packet = None
            self._file.check()
            if packet is None:
                break
            read += 1
            try:
                yield from packet.decode()
            except FFmpegError:
                damaged += 1
        if damaged > max(1, _DAMAGED_SHARE * read):
            message = f"it is damaged: {damaged} of its {read} parts can't be decoded"
            raise VoiceError(message, Problem("recording-damaged"))


def _unfit(channels: int, rate: int) -> Reason | None:
    if not 1 <= channels <= MOST_CHANNELS:
        many = Problem("recording-channels", {"channels": channels, "most": MOST_CHANNELS})
        return Reason(f"it has {channels} channels, and at most {MOST_CHANNELS} are taken", many)
    if not LOWEST_RATE <= rate <= HIGHEST_RATE:
        odd = Problem("recording-rate", {"rate": rate, "low": LOWEST_RATE, "high": HIGHEST_RATE})
        return Reason(f"it has {rate} samples a second, and {LOWEST_RATE} to {HIGHEST_RATE} are taken", odd)
    return None


def _seconds(container: InputContainer, stream: AudioStream) -> float | None:
    if stream.duration is not None and stream.time_base:
        seconds = float(stream.duration) * float(stream.time_base)
    elif container.duration is not None and len(container.streams) == 1:
        # With others beside it, one of them may be the longest.
        seconds = container.duration / 1_000_000
    else:
        return None
    return seconds if seconds > 0 else None


def _floats(frame: AudioFrame) -> _Samples:
    """Return the samples (channels, n) of a frame; full scale is 1."""
    samples = frame.to_ndarray()
    if not frame.format.is_planar:
        samples = samples.reshape(-1, frame.layout.nb_channels).T
    if samples.dtype == np.uint8:
        return (samples.astype(np.float32) - np.float32(128)) / np.float32(128)
    full_scale = 2 ** (8 * samples.itemsize - 1) if samples.dtype.kind == "i" else 1
    with np.errstate(over="ignore"):
        return samples.astype(np.float32) / np.float32(full_scale)


def _mono(source: _Source) -> Iterator[Block]:
    for block in source.blocks():
        yield block.mean(axis=0)


def _resampled(blocks: Iterator[Block], rate: int, target: int) -> Iterator[Block]:
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
