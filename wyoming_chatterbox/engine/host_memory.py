"""The host's memory. Nothing here needs torch."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil

_CONTAINER = Path("/sys/fs/cgroup")


def available() -> int:
    """Count the bytes that this process may still take: what the host has, within its container's limit."""
    free: int = psutil.virtual_memory().available
    with suppress(OSError, ValueError):
        limit = int((_CONTAINER / "memory.max").read_text())
        free = min(free, limit - int((_CONTAINER / "memory.current").read_text()))
    return free
