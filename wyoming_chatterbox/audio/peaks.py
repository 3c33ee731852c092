"""The picture of a recording: how loud each part of it gets."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from . import Block

PARTS = 64


def peaks(wave: Block) -> bytes:
    """Return the largest amplitude in each of 64 equal parts of mono samples, 255 for full scale; empty for no sound.

    Where there are fewer samples than parts, one sample stands for several.
    """
    if not len(wave):
        return b""
    starts = np.arange(PARTS) * len(wave) // PARTS
    highest = np.maximum(np.maximum.reduceat(wave, starts), -np.minimum.reduceat(wave, starts))
    levels: npt.NDArray[np.uint8] = np.rint(255 * np.clip(highest, 0.0, 1.0)).astype(np.uint8)
    return levels.tobytes()
