"""Recordings for tests: something like speech, in files of any format."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

Wave = npt.NDArray[np.float32]


def speech(seconds: float, rate: int = 24_000, pitch: float = 140.0) -> Wave:
    """A buzz in phrases of 1.6 s with pauses of 0.4 s, four syllables a second, none as loud as another.

    It reaches 0.3; the pauses are 60 dB quieter.
    """
    time = np.arange(round(seconds * rate)) / rate
    harmonics = [k for k in range(1, 12) if k * pitch < rate / 2]
    buzz = sum(np.sin(2 * np.pi * pitch * k * time + k) / k for k in harmonics)
    syllables = np.clip(np.sin(2 * np.pi * 4 * time + 0.5) + 0.6, 0.02, 1.6)
    phrases = np.where(time % 2.0 < 1.6, 1.0, 0.001)
    loudness = 0.6 + 0.4 * np.sin(1.9 * time)
    wave = buzz * syllables * phrases * loudness
    loudest = max(float(np.abs(wave).max(initial=0.0)), 1e-9)
    return np.asarray(0.3 / loudest * wave, np.float32)


@dataclass(frozen=True)
class Format:
    """How a file is encoded, in ffmpeg's names."""

    codec: str
    rate: int = 48_000
    container: str | None = None
    """None takes it from the file's suffix."""
    bit_rate: int = 0


FORMATS = {
    "s16.wav": Format("pcm_s16le"),
    "s24.wav": Format("pcm_s24le"),
    "s32.wav": Format("pcm_s32le"),
    "u8.wav": Format("pcm_u8"),
    "float.wav": Format("pcm_f32le"),
    "double.wav": Format("pcm_f64le"),
    "mulaw.wav": Format("pcm_mulaw", 8_000),
    "alaw.wav": Format("pcm_alaw", 8_000),
    "telephone.wav": Format("pcm_s16le", 8_000),
    "studio.wav": Format("pcm_s24le", 192_000),
    "mp3-inside.wav": Format("libmp3lame", 44_100, "mp3"),
    "cd.mp3": Format("libmp3lame", 44_100),
    "wav-inside.mp3": Format("pcm_s16le", 44_100, "wav"),
    "x.flac": Format("flac"),
    "x.ogg": Format("libopus"),
    "x.oga": Format("flac", 48_000, "ogg"),
    "voice.opus": Format("libopus"),
    "rec.m4a": Format("aac", 44_100),
    "lossless.m4a": Format("alac", 44_100),
    "x.aac": Format("aac"),
    "x.mp4": Format("aac"),
    "x.3gp": Format("aac"),
    "x.mov": Format("pcm_s16le"),
    "rec.webm": Format("libopus"),
    "x.mka": Format("flac"),
    "x.mkv": Format("pcm_s16le"),
    "x.aiff": Format("pcm_s16be"),
    "x.caf": Format("pcm_s16le"),
    "x.wma": Format("wmav2", 44_100, "asf", 64_000),
    "x.au": Format("pcm_mulaw", 8_000),
    "x.w64": Format("pcm_s16le"),
    "x.ac3": Format("ac3"),
    "x.wv": Format("wavpack"),
    "x.tta": Format("tta"),
    "x.ts": Format("aac", 48_000, "mpegts"),
    "x.avi": Format("libmp3lame"),
}
"""A file's name -> how it is encoded: what phones, browsers, telephones and studios make."""


def write(path: Path, wave: npt.NDArray[np.float32], form: Format, *, rate: int = 24_000, video: bool = False) -> Path:
    """Encode samples (n,) or (channels, n) at `rate` Hz; `video` puts pictures beside them."""
    channels = np.atleast_2d(wave)
    layout = {1: "mono", 2: "stereo", 6: "5.1"}[len(channels)]
    with av.open(str(path), "w", format=form.container) as container:
        stream = container.add_stream(form.codec, rate=form.rate, layout=layout)
        assert isinstance(stream, av.AudioStream)
        if form.bit_rate:
            stream.bit_rate = form.bit_rate
        if video:
            _add_pictures(container)
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(channels), "fltp", layout)
        frame.sample_rate = rate
        frame.pts = 0
        stream.codec_context.open(strict=False)
        size = stream.codec_context.frame_size or 4_096
        resampler = av.AudioResampler(stream.format.name, layout, form.rate, size)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
    return path


def _add_pictures(container: av.container.OutputContainer) -> None:
    stream = container.add_stream("mpeg4", rate=5)
    stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
    for number in range(5):
        picture = av.VideoFrame.from_ndarray(np.full((48, 64, 3), 40 * number, np.uint8), "rgb24")
        picture.pts = number
        container.mux(stream.encode(picture))
    container.mux(stream.encode(None))
