"""The host's memory. Nothing here needs torch."""

from __future__ import annotations

import psutil

from . import container


def available() -> int:
    """Count the bytes that this process may still take: what the host has, within its container's limit."""
    free: int = psutil.virtual_memory().available
    left = container.free_memory()
    return free if left is None else min(free, left)
