"""Makes the standby voice as loud as a voice assistant is: about -20 LUFS, with no peak over -1 dBFS."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from . import SAMPLE_RATE, Block

PEAK = 10.0 ** (-1.0 / 20.0)
"""The largest sample: -1 dBFS."""
GAIN = 10.0 ** (6.2 / 20.0)
"""hibari-tts speaks at -26.2 LUFS, from -27.4 for one word to -25.4 (measured over 20 sentences)."""

_FRAME = SAMPLE_RATE // 1000
"""Samples that get one gain before it is smoothed: 1 ms."""
_REACH = 5
"""Frames before and after a peak in which the gain falls and rises again."""


def louder(block: Block) -> Block:
    """Make a block of speech louder by `GAIN`, and by less within 5 ms of a peak that would be over `PEAK`.

    The gain is the same for all speech, so that loudness never pumps. A block begins and ends in silence, so blocks are
    independent of each other.
    """
    block = block * np.float32(GAIN)
    if np.abs(block).max(initial=0.0) <= PEAK:
        return block
    # Rounding may leave a peak over it by the last bit.
    limited: Block = np.clip(block * _gains(block), -PEAK, PEAK, dtype=np.float32)
    return limited


def _gains(block: Block) -> Block:
    """Return a gain for each sample, at most 1, that changes smoothly and leaves no sample over `PEAK`."""
    frames = -(-len(block) // _FRAME)
    padded = np.zeros(frames * _FRAME, np.float32)
    padded[: len(block)] = np.abs(block)
    needed = PEAK / np.maximum(padded.reshape(frames, _FRAME).max(axis=1), PEAK)
    lowest = _windows(needed, _REACH).min(axis=1)
    # A mean over fewer frames than the minimum is never over what any of these frames needs, nor its neighbours.
    window = np.hanning(2 * _REACH + 1)[1:-1]
    smooth = _windows(lowest, _REACH - 1) @ (window / window.sum())
    centres = (np.arange(frames) + 0.5) * _FRAME
    gains: Block = np.interp(np.arange(len(block)), centres, smooth).astype(np.float32)
    return gains


def _windows(values: npt.NDArray[np.float64], reach: int) -> npt.NDArray[np.float64]:
    """Return each value with `reach` neighbours on both sides; there is nothing to limit beyond the ends."""
    return np.lib.stride_tricks.sliding_window_view(np.pad(values, reach, constant_values=1.0), 2 * reach + 1)
