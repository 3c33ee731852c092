"""Samples as the protocols send them."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ..errors import EngineError
from . import SAMPLE_RATE, Block

WIDTH = 2
"""Bytes of a sample: signed 16 bit, little-endian (s16le)."""
CHANNELS = 1


def to_pcm(block: Block) -> bytes:
    """Turn float samples into s16le; clip to [-1, 1], and make NaN silence."""
    limited = np.clip(np.nan_to_num(block, nan=0.0, posinf=1.0, neginf=-1.0), -1.0, 1.0)
    return np.round(limited * 32767.0).astype("<i2").tobytes()


def pcm_chunks(block: Block, samples: int) -> Iterator[bytes]:
    """Cut a block into s16le pieces of `samples` samples; the last may be shorter."""
    pcm = to_pcm(block)
    size = samples * WIDTH * CHANNELS
    for start in range(0, len(pcm), size):
        yield pcm[start : start + size]


def silence(seconds: float) -> Block:
    """A block without sound."""
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


_SILENCE = silence(0.5)


def silences(seconds: float) -> Iterator[Block]:
    """Yield silence in blocks of half a second, of which the last may be shorter."""
    samples = round(seconds * SAMPLE_RATE)
    for start in range(0, samples, len(_SILENCE)):
        yield _SILENCE[: samples - start]


def checked(block: object) -> Block:
    """Return `block` if it is a valid block of sound; `EngineError` says what is wrong with it."""
    if not isinstance(block, np.ndarray):
        raise EngineError(f"A block of sound is no array but {type(block).__name__}")
    if block.ndim != 1 or block.dtype != np.float32:
        raise EngineError(f"A block of sound is {block.dtype} of shape {block.shape}, not float32 in one dimension")
    if not np.isfinite(block).all():
        raise EngineError("A block of sound has samples that are no numbers")
    return block
