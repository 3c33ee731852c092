"""Sound as HTTP clients want it: each encoder gives bytes out while sound is still coming in.

A stream's length isn't known when its header goes out: WAV says "unknown" (the largest size), FLAC says 0 for it, and
MP3 goes without the frame that would tell.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Protocol

import numpy as np
import soundfile

from ..engine import SAMPLE_RATE, Block
from ..speech.audio import CHANNELS, WIDTH, to_pcm

_UNKNOWN_SIZE = 0xFFFFFFFF


class Encoder(Protocol):
    """One stream being made. Calls may take a while: not from the event loop."""

    def encode(self, block: Block) -> bytes:
        """Take samples; the bytes that are ready, perhaps none yet."""

    def finish(self) -> bytes:
        """The rest; the encoder is of no use afterwards."""


class Raw:
    """s16le samples behind a header."""

    def __init__(self, header: bytes = b"") -> None:
        self._header = header

    def encode(self, block: Block) -> bytes:
        header, self._header = self._header, b""
        return header + to_pcm(block)

    def finish(self) -> bytes:
        return self._header


class Compressed:
    """What libsndfile makes of s16le samples."""

    def __init__(
        self, kind: str, subtype: str, *, bitrate_mode: str | None = None, compression_level: float | None = None
    ) -> None:
        self._stream = _Drain()
        self._file = soundfile.SoundFile(
            self._stream,
            "w",
            SAMPLE_RATE,
            CHANNELS,
            subtype,
            format=kind,
            bitrate_mode=bitrate_mode,
            compression_level=compression_level,
        )

    def encode(self, block: Block) -> bytes:
        self._file.write(np.frombuffer(to_pcm(block), "<i2"))
        return self._stream.take()

    def finish(self) -> bytes:
        self._file.close()
        return self._stream.take()


class _Drain:
    """A file that is taken away while it is written; what is written over what has gone is lost."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._gone = 0
        self._position = 0

    def take(self) -> bytes:
        taken = bytes(self._kept)
        self._gone += len(taken)
        self._kept.clear()
        return taken

    def write(self, data: bytes) -> int:
        late = min(max(0, self._gone - self._position), len(data))
        start = max(0, self._position - self._gone)
        self._kept[start : start + len(data) - late] = data[late:]
        self._position += len(data)
        return len(data)

    def read(self, size: int = -1) -> bytes:
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:
        start = (0, self._position, self._gone + len(self._kept))[whence]
        self._position = start + offset
        return self._position

    def tell(self) -> int:
        return self._position


def _wav_header() -> bytes:
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        _UNKNOWN_SIZE,
        b"WAVE",
        b"fmt ",
        16,
        1,
        CHANNELS,
        SAMPLE_RATE,
        SAMPLE_RATE * CHANNELS * WIDTH,
        CHANNELS * WIDTH,
        WIDTH * 8,
        b"data",
        _UNKNOWN_SIZE,
    )


def _mp3() -> Encoder:
    # One bit rate (96 kbit/s) lets a player tell how far it is without having seen the end.
    return Compressed("MP3", "MPEG_LAYER_III", bitrate_mode="CONSTANT", compression_level=0.4)


ENCODERS: dict[str, tuple[str, Callable[[], Encoder]]] = {
    "mp3": ("audio/mpeg", _mp3),
    "wav": ("audio/wav", lambda: Raw(_wav_header())),
    "pcm": (f"audio/pcm; rate={SAMPLE_RATE}; channels={CHANNELS}", Raw),
    "flac": ("audio/flac", lambda: Compressed("FLAC", "PCM_16")),
    "opus": ("audio/ogg; codecs=opus", lambda: Compressed("OGG", "OPUS")),
}
"""Name in a request -> content type, and what makes an encoder."""
