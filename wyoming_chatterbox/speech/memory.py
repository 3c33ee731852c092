"""The memory that the process and its engines hold, and Python's garbage collection."""

from __future__ import annotations

import gc
import re
import threading
from pathlib import Path
from typing import Any

import psutil

from ..engine import Engine
from ..engine.heap import return_free_memory

_PROCESS = psutil.Process()


def snapshot(engines: list[Engine]) -> dict[str, Any]:
    """Bytes of the process, of the host, and of each engine: its weights by part and its device. Changes nothing."""
    process = _PROCESS.memory_info()
    host = psutil.virtual_memory()
    return {
        "process": {
            "rss_bytes": process.rss,
            "anonymous_bytes": anonymous_bytes(),
            "virtual_bytes": process.vms,
            "threads": threading.active_count(),
            "percent_of_host": round(100 * process.rss / host.total, 2),
        },
        "host": {"total_bytes": host.total, "available_bytes": host.available},
        "engines": [_engine(engine) for engine in engines],
    }


def anonymous_bytes(process: int | None = None) -> int | None:
    """Bytes that a process, by its number or this one, has for itself, swapped out or not.

    Files mapped into it, as libraries are, are left out: the system can drop those and read them again. None where it
    doesn't tell, which is everywhere but on Linux. Takes milliseconds: not for the event loop.
    """
    try:
        rollup = Path(f"/proc/{process or 'self'}/smaps_rollup").read_text()
    except OSError:
        return None
    return 1024 * sum(int(size) for size in re.findall(r"^(?:Anonymous|Swap): +(\d+) kB$", rollup, re.MULTILINE))


def settle() -> None:
    """Leave what is there now, modules and a model just loaded, out of later collections: those are short then.

    A collection stops every thread, and going through all of torch's objects takes a tenth of a second. Garbage among
    what an earlier call left out is collected first; what becomes garbage later stays until `unsettle`.
    """
    gc.unfreeze()
    gc.collect()
    gc.freeze()
    return_free_memory()


def settled() -> bool:
    """Whether `settle` has left out anything. It counts that, which takes some ten milliseconds."""
    return gc.get_freeze_count() > 0


def unsettle() -> None:
    """Let collections see everything again, before something large is given back."""
    gc.unfreeze()


def collect() -> None:
    """Collect the garbage that has come since `settle`, and give what was freed back to the system."""
    gc.collect()
    return_free_memory()


def _engine(engine: Engine) -> dict[str, Any]:
    about = engine.describe()
    return {
        "name": about.name,
        "device": about.device,
        "weights_bytes": sum(about.parts.values()),
        "dtype": about.dtype,
        "quantization": about.quantization,
        "weights_bytes_by_part": dict(about.parts),
        "weights_bytes_by_format": {part: dict(formats) for part, formats in about.formats.items()},
        "device_bytes": engine.memory(),
        **engine.caches(),
    }


def totals(engines: list[Engine]) -> dict[str, int]:
    """Bytes of the process, of devices, and of what engines hold to be faster."""
    on_device = [engine.memory() for engine in engines]
    caches = [engine.caches() for engine in engines]
    return {
        "process_rss_bytes": _PROCESS.memory_info().rss,
        "device_allocated_bytes": sum(device.get("allocated", 0) for device in on_device),
        "device_reserved_bytes": sum(device.get("reserved", 0) for device in on_device),
        "kv_cache_bytes": sum(held.get("kv_cache_bytes", 0) for held in caches),
        "voices_bytes": sum(held.get("voices_bytes", 0) for held in caches),
    }
