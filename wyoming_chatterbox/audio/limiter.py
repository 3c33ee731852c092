"""Gain with a limit: what is amplified stays under -1 dBFS, even between the samples."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from . import Block
from .true_peak import FRAME, REACH, true_peaks

CEILING = 10.0 ** (-1.7 / 20.0)
"""The highest peak that comes out, as 4x oversampling sees it, which can miss 0.7 dB of an "s"."""

_AHEAD = 5
"""Frames of 0.5 ms before a peak in which the gain falls."""
_BEHIND = 40
"""Frames after a peak in which the gain stays low: 20 ms, longer than a deep voice's period, so that the gain doesn't
rise and fall within each."""
_SMOOTH = 4
"""Frames to each side that the mean is taken over; one fewer than `_AHEAD`, so that it is never over what a frame or
its neighbours need."""
_WINDOW = np.hanning(2 * _SMOOTH + 3)[1:-1] / np.hanning(2 * _SMOOTH + 3).sum()
_PAST = _BEHIND + _SMOOTH + 1
_FUTURE = _AHEAD + _SMOOTH + 1
"""Frames after one that its gains depend on."""

HELD = _FUTURE * FRAME + REACH + FRAME
"""The most samples held back: 6.2 ms."""


class Limiter:
    """Amplifies a stream by a fixed gain in dB, and by less only near a peak that would be over the ceiling."""

    def __init__(self, gain: float) -> None:
        self._gain = np.float32(10.0 ** (gain / 20.0))
        self._sound = np.zeros(0, np.float32)
        """Amplified samples that were not returned."""
        self._ahead = np.zeros(REACH, np.float32)
        """Amplified samples from `REACH` before the first whose peak isn't known."""
        self._needed = np.ones(_PAST)
        """The gain that each frame needs, from `_PAST` frames before the first of `_sound`."""

    def feed(self, block: Block) -> Block:
        """Take samples (n,), of any number; return those that are ready, (m,)."""
        amplified = block * self._gain
        self._sound = np.concatenate([self._sound, amplified])
        self._ahead = np.concatenate([self._ahead, amplified])
        peaks = true_peaks(self._ahead)
        self._ahead = self._ahead[len(peaks) * FRAME :]
        self._needed = np.concatenate([self._needed, CEILING / np.maximum(peaks, CEILING)])
        frames = max(0, len(self._needed) - _PAST - _FUTURE)
        sound, self._sound = self._sound[: frames * FRAME], self._sound[frames * FRAME :]
        needed, self._needed = self._needed[: frames + _PAST + _FUTURE], self._needed[frames:]
        if not frames or needed.min() == 1.0:
            return sound
        # Rounding may leave a peak over it by the last bit.
        limited: Block = np.clip(sound * _gains(needed), -CEILING, CEILING, dtype=np.float32)
        return limited

    def finish(self) -> Block:
        """Return the samples held back; the stream is over."""
        held = len(self._sound)
        return self.feed(np.zeros(HELD + FRAME, np.float32))[:held]


def _gains(needed: npt.NDArray[np.float64]) -> Block:
    """Return a gain for each sample of the frames between `_PAST` and `_FUTURE` that changes smoothly."""
    lowest = np.lib.stride_tricks.sliding_window_view(needed, _BEHIND + 1 + _AHEAD).min(axis=1)
    smooth = np.convolve(lowest, _WINDOW[::-1], "valid")
    samples = np.arange((len(smooth) - 2) * FRAME) + 0.5
    centres = (np.arange(len(smooth)) - 0.5) * FRAME
    gains: Block = np.interp(samples, centres, smooth).astype(np.float32)
    return gains
