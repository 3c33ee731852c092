"""What the process and its engines hold in memory at one moment, and keeping it tidy."""

from __future__ import annotations

import gc
import threading
from typing import Any

import psutil

from .engine import Engine

_PROCESS = psutil.Process()


def snapshot(engines: list[Engine]) -> dict[str, Any]:
    """Bytes of the process, of the host, and of each engine: its weights by part and its device. Changes nothing."""
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


def settle() -> None:
    """Leave what is there now, modules and models, out of later collections: those are short then.

    A collection stops every thread, and going through all of torch's objects takes a tenth of a second.
    """
    gc.collect()
    gc.freeze()


def unsettle() -> None:
    """Let collections see everything again, before something large is given back."""
    gc.unfreeze()


def collect() -> None:
    """Collect the garbage that has come since `settle`."""
    gc.collect()


def _engine(engine: Engine) -> dict[str, Any]:
    about = engine.describe()
    return {
        "name": about.name,
        "device": about.device,
        "weights_bytes": sum(about.parts.values()),
        "weights_bytes_by_part": dict(about.parts),
        "device_bytes": engine.memory(),
    }
