"""Encoders: each gives out bytes while it still takes samples.

The length of the stream isn't known when its header is sent. WAV's header has the largest size, which stands for
"unknown", FLAC's has 0, and MP3 goes without the frame that holds the length. Opus tells a decoder at which sample to
begin and, in its last page, at which to end; MP3 and AAC in ADTS can't, and are a few frames longer than what went in.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import TYPE_CHECKING, Protocol

import numpy as np

from ..errors import RequestError
from . import SAMPLE_RATE, Block
from .samples import CHANNELS, WIDTH, to_pcm

if TYPE_CHECKING:
    import av
    import soxr

RATES = (8000, 16000, 22050, 24000, 44100, 48000)
"""Sample rates in Hz that sound can be had in; `Format.rates` says which of them a format takes."""
_UNKNOWN_SIZE = 0xFFFFFFFF


class Encoder(Protocol):
    """Encodes one stream. Calls may take a while, so they are not for the event loop."""

    def encode(self, block: Block) -> bytes:
        """Take samples at `SAMPLE_RATE`; return the bytes that are ready, perhaps none yet."""

    def finish(self) -> bytes:
        """Return the rest of the stream; the encoder can't be used afterwards."""


@dataclass(frozen=True)
class Format:
    """A format that sound can be had in."""

    name: str
    """Its name in a request."""
    media_type: str
    """The type of its content; `{rate}` stands for the sample rate."""
    muxer: str = ""
    """ffmpeg's names of the container and the codec; none for bare samples."""
    codec: str = ""
    rates: tuple[int, ...] = RATES
    """The sample rates in Hz that it takes."""
    bits: Mapping[int, int] = field(default_factory=dict)
    """Bits a second, from a sample rate in Hz on; none where the codec has no such choice."""
    muxer_options: Mapping[str, str] = field(default_factory=dict)
    codec_options: Mapping[str, str] = field(default_factory=dict)

    def content_type(self, rate: int) -> str:
        """Return the HTTP content type of a stream at `rate` Hz."""
        return self.media_type.format(rate=rate, channels=CHANNELS)

    def encoder(self, rate: int = SAMPLE_RATE) -> Encoder:
        """Begin a stream at `rate` Hz. Raises `RequestError` if this build of ffmpeg's libraries can't."""
        made = self._encoder(rate)
        return made if rate == SAMPLE_RATE else Resampled(made, rate)

    def _encoder(self, rate: int) -> Encoder:
        if not self.codec:
            return Raw(_wav_header(rate) if self.name == "wav" else b"")
        import av

        try:
            return Compressed(self, rate)
        except (av.FFmpegError, ValueError) as err:
            raise RequestError(
                f"{self.name} can't be made on this machine: its PyAV can't start ffmpeg's {self.codec} "
                f"({type(err).__name__})"
            ) from err


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
    """Encodes with ffmpeg's libraries. Nothing refers to it in a circle, so that it is freed when it is left."""

    def __init__(self, form: Format, rate: int) -> None:
        import av

        self._av = av
        self._sink = _Sink()
        # Without the version of ffmpeg and without random numbers; each packet leaves at once.
        options = {"fflags": "+bitexact+flush_packets", **form.muxer_options}
        self._container = av.open(self._sink, "w", format=form.muxer, options=options)
        stream = self._container.add_stream(form.codec, rate=rate, layout="mono")
        assert isinstance(stream, av.AudioStream)
        self._stream = stream
        codec = stream.codec_context
        codec.options = {name: value.format(twenty_fifth=rate // 25) for name, value in form.codec_options.items()}
        if form.bits:
            codec.bit_rate = form.bits[max(least for least in form.bits if least <= rate)]
        self._rate = rate
        self._taken = 0
        self._container.start_encoding()

    def encode(self, block: Block) -> bytes:
        if len(block):
            samples = np.frombuffer(to_pcm(block), "<i2")
            frame = self._av.AudioFrame.from_ndarray(samples[np.newaxis], format="s16", layout="mono")
            frame.sample_rate = self._rate
            frame.time_base = Fraction(1, self._rate)
            frame.pts = self._taken
            self._taken += len(block)
            self._mux(frame)
        return self._sink.take()

    def finish(self) -> bytes:
        self._mux(None)
        self._container.close()
        return self._sink.take()

    def _mux(self, frame: av.AudioFrame | None) -> None:
        for packet in self._stream.encode(frame):
            self._container.mux(packet)


class Resampled:
    """Encodes at another rate, with soxr's high quality."""

    def __init__(self, encoder: Encoder, rate: int) -> None:
        import soxr

        self._encoder = encoder
        self._resampler: soxr.ResampleStream = soxr.ResampleStream(
            SAMPLE_RATE, rate, CHANNELS, dtype="float32", quality="HQ"
        )

    def encode(self, block: Block) -> bytes:
        return self._encoder.encode(self._resampler.resample_chunk(np.nan_to_num(block)))

    def finish(self) -> bytes:
        rest = self._resampler.resample_chunk(np.zeros(0, np.float32), last=True)
        return self._encoder.encode(rest) + self._encoder.finish()


class _Sink:
    """A file that is read while it is written. It can't be sought in, so that nobody mends what has left."""

    def __init__(self) -> None:
        self._kept = bytearray()

    def write(self, data: bytes) -> int:
        self._kept += data
        return len(data)

    def take(self) -> bytes:
        taken = bytes(self._kept)
        self._kept.clear()
        return taken


def _wav_header(rate: int) -> bytes:
    return struct.pack(
        "<4sI4s4sIHHIIHH4sI",
        b"RIFF",
        _UNKNOWN_SIZE,
        b"WAVE",
        b"fmt ",
        16,
        1,
        CHANNELS,
        rate,
        rate * CHANNELS * WIDTH,
        CHANNELS * WIDTH,
        WIDTH * 8,
        b"data",
        _UNKNOWN_SIZE,
    )


_ALL = (
    # With a constant bit rate a player knows its position without having seen the end, and without the bit reservoir no
    # frame waits for another.
    Format(
        "mp3", "audio/mpeg", "mp3", "libmp3lame",
        bits={8000: 32_000, 16000: 64_000, 22050: 96_000},
        muxer_options={"write_xing": "0", "id3v2_version": "0"}, codec_options={"reservoir": "0"},
    ),
    # The muxer holds one page back, so a page is one packet of 20 ms.
    Format(
        "opus", "audio/ogg; codecs=opus", "ogg", "libopus",
        rates=(8000, 16000, 24000, 48000), bits={8000: 24_000, 16000: 48_000},
        muxer_options={"page_duration": "20000"},
    ),
    Format("aac", "audio/aac", "adts", "aac", bits={8000: 32_000, 16000: 64_000, 22050: 96_000}),
    Format(
        "flac", "audio/flac", "flac", "flac",
        muxer_options={"metadata_header_padding": "0"}, codec_options={"frame_size": "{twenty_fifth}"},
    ),
    Format("wav", "audio/wav"),
    Format("pcm", "audio/pcm; rate={rate}; channels={channels}"),
)  # fmt: skip

FORMATS: dict[str, Format] = {form.name: form for form in _ALL}
"""The formats by their names in a request."""
