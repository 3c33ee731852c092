"""Finds samples that were cut off because a microphone or a recorder was overdriven."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

NEARLY = 0.94
"""Most samples that were cut off reach this share of the amplitude at which they were."""
_FLAT = 0.75
"""At flat tops, the median step from one sample to the next is less than this share of the usual one. The share was
0.94 and more in 456 recordings with loud rumble, and at most 0.59 in 340 where wind or rumble was cut off, through mp3,
AAC and mu-law."""
_COARSEST = 1 / 128
"""Distance between the values of 8-bit samples. Amplitudes are told apart no better: there, many are the same."""
_BINS, _LOWEST_BIN = 400, 180
"""Bins in which amplitudes up to the peak are counted, and the lowest in which clipping is sought."""


def clipping(frames: npt.NDArray[np.float32]) -> tuple[float, float]:
    """Return the share of samples that are cut off, and the amplitude at which they are.

    The larger an amplitude is, the fewer samples have it, unless what was larger was cut off. That is seen after
    resampling and in lossy formats too, which make flat tops wavy.
    """
    sizes = np.abs(frames)
    peak = float(sizes.max(initial=0.0)) + _COARSEST / 2
    counts, _ = np.histogram(sizes, _BINS, (0.0, peak))
    step = min(max(1, round(_COARSEST / peak * _BINS)), _BINS)
    spread = np.convolve(counts, np.full(step, 1.0 / step), "same")
    below = np.concatenate([[0.0], np.cumsum(spread)])
    tops = np.arange(_LOWEST_BIN, _BINS + 1)
    near, under = np.round(NEARLY * tops).astype(int), np.round(0.8 * tops).astype(int)
    over = np.minimum(np.round(1.08 * tops).astype(int), _BINS)
    excess = (below[over] - below[near]) - (below[near] - below[under])
    most = int(np.argmax(excess))
    return max(0.0, float(excess[most]) / max(1, sizes.size)), peak * float(tops[most]) / _BINS


def has_flat_tops(frames: npt.NDArray[np.float32], sound: npt.NDArray[np.float32]) -> bool:
    """Whether a sound with loud rumble was cut off: then nothing else is left at its tops.

    `frames` and `sound` are its samples (frames, n), with the rumble and without. Where rumble is merely loud, the rest
    goes on at its tops as it does elsewhere.
    """
    _, cut_at = clipping(frames)
    tops = np.abs(frames[:, 1:]) >= NEARLY * cut_at
    if not tops.any():
        return False
    steps, usual = np.abs(np.diff(frames, axis=1))[tops], np.abs(np.diff(sound, axis=1))
    return bool(np.median(steps) < _FLAT * np.median(usual))
