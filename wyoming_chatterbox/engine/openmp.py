"""Makes PyTorch's threads wait for one another in a way that suits a machine with other work to do."""

from __future__ import annotations

import os

_TURNS = "10000"
"""Turns that a waiting thread makes before it sleeps: a few tenths of a millisecond. GNU's own 300,000 are up to 15 ms.

Where no other program wants the cores, the wait is over within these. Where one does, a thread that turns holds the
core that the thread it waits for is waiting for.
"""


def wait_briefly() -> None:
    """Bound how long OpenMP's threads turn, unless the environment says how; call this before PyTorch is loaded."""
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", _TURNS)
