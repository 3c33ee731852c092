"""Encoders for HTTP clients: each gives out bytes while it still takes samples.

The length of the stream isn't known when its header is sent. WAV's header has the largest size, which stands for
"unknown", FLAC's has 0, and MP3 goes without the frame that holds the length.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Protocol

import numpy as np
import soundfile

from ..audio.samples import CHANNELS, WIDTH, to_pcm
from ..engine import SAMPLE_RATE, Block

_UNKNOWN_SIZE = 0xFFFFFFFF


class Encoder(Protocol):
    """Encodes one stream. Calls may take a while, so they are not for the event loop."""

    def encode(self, block: Block) -> bytes:
        """Take samples; return the bytes that are ready, perhaps none yet."""

    def finish(self) -> bytes:
        """Return the rest of the stream; the encoder can't be used afterwards."""


class Raw:
    """Encodes s16le samples, after a header."""

    def __init__(self, header: bytes = b"") -> None:
        self._header = header

    def encode(self, block: Block) -> bytes:
        header, self._header = self._header, b""
        return header + to_pcm(block)

    def finish(self) -> bytes:
        return self._header


class Compressed:
    """Encodes with libsndfile."""

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
    """A file that is read while it is written; bytes written over a part that was already taken are lost."""

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
    # With a constant bit rate (96 kbit/s) a player knows its position without having seen the end.
    return Compressed("MP3", "MPEG_LAYER_III", bitrate_mode="CONSTANT", compression_level=0.4)


ENCODERS: dict[str, tuple[str, Callable[[], Encoder]]] = {
    "mp3": ("audio/mpeg", _mp3),
    "wav": ("audio/wav", lambda: Raw(_wav_header())),
    "pcm": (f"audio/pcm; rate={SAMPLE_RATE}; channels={CHANNELS}", Raw),
    "flac": ("audio/flac", lambda: Compressed("FLAC", "PCM_16")),
    "opus": ("audio/ogg; codecs=opus", lambda: Compressed("OGG", "OPUS")),
}
"""Maps a format's name in a request to its content type and a function that makes its encoder."""
