"""Peaks between the samples, which a player or an encoder makes of them, by 4x oversampling (ITU-R BS.1770-4)."""

from __future__ import annotations

import numpy as np

from . import Block

FRAME = 12
"""Samples that one peak is told of."""
REACH = 16
"""Samples before and after a frame that its peak depends on. BS.1770's own filter reaches 6 to each side, and finds up
to a decibel less of what is near half the sample rate, as an "s" is."""

_OVERSAMPLING = 4
_SHAPE = 5.0
"""Kaiser window's beta."""


def _interpolation() -> Block:
    """Return (FRAME + 2 * REACH, FRAME * 4): a frame with its surroundings to its values, four times as many."""
    places = np.arange(FRAME * _OVERSAMPLING) / _OVERSAMPLING
    distances = np.arange(-REACH, FRAME + REACH)[:, None] - places
    inside = np.clip(1.0 - (distances / REACH) ** 2, 0.0, None)
    kernels = np.where(inside > 0.0, np.sinc(distances) * np.i0(_SHAPE * np.sqrt(inside)), 0.0)
    interpolation: Block = (kernels / kernels.sum(axis=0)).astype(np.float32)
    return interpolation


_INTERPOLATION = _interpolation()


def true_peaks(samples: Block) -> Block:
    """Return the highest level in each frame of the samples (n,), whose first and last `REACH` are in no frame."""
    width = len(_INTERPOLATION)
    if len(samples) < width:
        return np.zeros(0, np.float32)
    frames = np.lib.stride_tricks.sliding_window_view(samples, width)[::FRAME]
    # Not a product of matrices: the threads of BLAS would spin, and take the cores from whoever speaks.
    peaks: Block = np.abs(np.einsum("fs,sp->fp", frames, _INTERPOLATION)).max(axis=1)
    return peaks
