"""Playing what an encoder made, with ffmpeg's libraries."""

from __future__ import annotations

import io

import av
import numpy as np

from wyoming_chatterbox.engine import SAMPLE_RATE, Block

_KINDS = {"mp3": "mp3", "opus": "ogg", "aac": "aac", "flac": "flac", "wav": "wav", "pcm": "s16le"}


def played(name: str, data: bytes, rate: int = SAMPLE_RATE, *, whole: bool = True) -> tuple[Block, int]:
    """Return the samples of a file and their rate in Hz; `rate` is that of bare samples.

    A `whole` file shows what it is. Of a beginning, a player knows that from the content type.
    """
    kind = None if whole and name != "pcm" else _KINDS[name]
    options = {"sample_rate": str(rate)} if name == "pcm" else {}
    with av.open(io.BytesIO(data), "r", format=kind, options=options) as file:
        (sound,) = file.streams
        assert isinstance(sound, av.AudioStream)
        turned = av.AudioResampler("flt", "mono", sound.rate)
        parts = [part.to_ndarray()[0] for frame in file.decode(sound) for part in turned.resample(frame)]
    return np.concatenate([np.zeros(0, np.float32), *parts]).astype(np.float32), sound.rate
