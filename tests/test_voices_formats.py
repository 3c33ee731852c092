"""Recordings of phones and browsers become voices over HTTP, named by what they hold."""

from __future__ import annotations

import io
from pathlib import Path

import av
import numpy as np
import pytest

from tests.http_serving import http
from tests.test_voices_http import form, send

FORMATS = {
    ".aac": ("adts", "aac"),
    ".aiff": ("aiff", "pcm_s16be"),
    ".caf": ("caf", "pcm_s16le"),
    ".m4a": ("ipod", "aac"),
    ".mp3": ("mp3", "libmp3lame"),
    ".ogg": ("ogg", "libopus"),
    ".webm": ("webm", "libopus"),
}


def encoded(container: str, codec: str, rate: int = 48000) -> bytes:
    """Three seconds of a tone that swells like syllables."""
    time = np.arange(3 * rate) / rate
    wave = 0.3 * np.sin(400 * np.pi * time) * (0.6 + 0.4 * np.sin(6 * np.pi * time))
    frame = av.AudioFrame.from_ndarray(wave.astype(np.float32)[None], format="fltp", layout="mono")
    frame.sample_rate = rate
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        size = stream.codec_context.frame_size or 1024
        resampler = av.AudioResampler(format=stream.format, layout="mono", rate=rate, frame_size=size)
        for piece in (*resampler.resample(frame), *resampler.resample(None), None):
            for packet in stream.encode(piece):
                output.mux(packet)
    return file.getvalue()


@pytest.mark.parametrize("suffix", FORMATS)
async def test_what_phones_and_browsers_record_becomes_a_voice(tmp_path: Path, suffix: str) -> None:
    async with http(tmp_path) as server:
        status, entry = await send(server, form(encoded(*FORMATS[suffix]), "recording.bin", name="alice"))
        assert (status, entry.get("recording")) == (201, f"alice{suffix}"), entry
