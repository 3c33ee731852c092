"""Sound as samples: reading recordings, judging them, changing their speed and loudness, writing them in any format.

Nothing here knows of engines, voices or protocols, and none of it needs torch.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

Block: TypeAlias = "npt.NDArray[np.float32]"
"""Mono samples in [-1, 1]."""

SAMPLE_RATE = 24000
"""Hz, of every engine: one rate lets a reply start with one engine and end with another."""
