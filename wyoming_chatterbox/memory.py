"""What the process and its engines hold in memory, at one moment. Looking changes nothing."""

from __future__ import annotations

import threading
from typing import Any

import psutil

from .engine import Engine

_PROCESS = psutil.Process()


def snapshot(engines: list[Engine]) -> dict[str, Any]:
    """Bytes of the process, of the host, and of each engine: its weights by part and its device."""
    process = _PROCESS.memory_info()
    host = psutil.virtual_memory()
    return {
        "process": {
            "rss_bytes": process.rss,
            "virtual_bytes": process.vms,
            "threads": threading.active_count(),
            "percent_of_host": round(100 * process.rss / host.total, 2),
        },
        "host": {"total_bytes": host.total, "available_bytes": host.available},
        "engines": [_engine(engine) for engine in engines],
    }


def _engine(engine: Engine) -> dict[str, Any]:
    about = engine.describe()
    return {
        "name": about.name,
        "device": about.device,
        "weights_bytes": sum(about.parts.values()),
        "weights_bytes_by_part": dict(about.parts),
        "device_bytes": engine.memory(),
    }
