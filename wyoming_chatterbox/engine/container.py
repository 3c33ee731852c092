"""The limits of the container that this process runs in. Nothing here needs torch."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

CGROUP = Path("/sys/fs/cgroup")
"""Where Linux shows a container its own limits."""


def free_memory(cgroup: Path = CGROUP) -> int | None:
    """Return the bytes that a container may still take; None if they aren't limited or not known."""
    with suppress(OSError, ValueError):
        limit = int((cgroup / "memory.max").read_text())
        return limit - int((cgroup / "memory.current").read_text())
    return None


def cpus(cgroup: Path = CGROUP) -> float | None:
    """Return how many CPUs' time a container may take; None if that isn't limited or not known."""
    with suppress(OSError, ValueError):
        quota, period = (cgroup / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    with suppress(OSError, ValueError):
        quota = (cgroup / "cpu" / "cpu.cfs_quota_us").read_text()
        period = (cgroup / "cpu" / "cpu.cfs_period_us").read_text()
        return int(quota) / int(period) if int(quota) > 0 else None
    return None
