"""Has PyTorch's threads suit a machine that is not theirs alone. Nothing here needs torch."""

from __future__ import annotations

import math
import os
from pathlib import Path

from . import container

_TURNS = 10_000
"""Turns that a waiting thread makes before it sleeps: a few tenths of a millisecond. GNU's own 300,000 are up to 15 ms.

Where no other program wants the cores, the wait is over within these. Where one does, a thread that turns holds the
core that the thread it waits for is waiting for.
"""


def suit_machine(cgroup: Path = container.CGROUP) -> None:
    """Bound how many threads OpenMP starts and how long they turn, unless the environment does.

    Call this before PyTorch is loaded. OpenMP counts the cores, and doesn't know of a container's limit (`--cpus`),
    which is read from `cgroup`: more threads than it allows would stop one another.
    """
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", str(_TURNS))
    allowed = container.cpus(cgroup)
    if allowed is not None and allowed < _cores():
        os.environ.setdefault("OMP_NUM_THREADS", str(max(1, math.floor(allowed))))


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
