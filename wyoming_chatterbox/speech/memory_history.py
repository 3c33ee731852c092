"""The memory of the last hour: a point every few seconds, measured in a thread, without work for the model."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

import psutil

from ..engine import Engine
from . import memory

SECONDS = 3600
"""Seconds that are remembered."""
_LOGGER = logging.getLogger(__name__)

_INTERVAL = 20.0
"""Seconds between two points: the system counts a large process's pages for milliseconds."""
_KEPT = int(SECONDS / _INTERVAL) + 1
_PROCESS = psutil.Process()


@dataclass(frozen=True)
class Point:
    """Bytes at one moment."""

    at: float
    """By `time.monotonic()`."""
    process: int
    """Bytes of the whole process: its own memory where the system tells it (Linux), else all that is resident."""
    device: int | None
    """Held on the GPU, caches included; None without one."""
    weights: int
    caches: int
    """Keys and values, and prepared voices."""

    def aged(self, now: float) -> list[float | int | None]:
        """Return the point as `/memory` has it, with its age in seconds first."""
        return [round(max(0.0, now - self.at), 1), self.process, self.device, self.weights, self.caches]


class MemoryHistory:
    """Measures again and again while it is started."""

    def __init__(self, engines: Callable[[], list[Engine]], *, interval: float = _INTERVAL, kept: int = _KEPT) -> None:
        """`engines` lists those that are loaded. Tests choose the seconds between two points, and how many are kept."""
        self._engines = engines
        self._interval = interval
        self._points: deque[Point] = deque(maxlen=kept)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to measure, in the background."""
        self._task = asyncio.create_task(self._run(), name="memory history")

    async def close(self) -> None:
        """Stop measuring."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    def snapshot(self) -> dict[str, object]:
        """Return all points, the oldest first, for `/memory`."""
        now = time.monotonic()
        return {"seconds": SECONDS, "points": [point.aged(now) for point in self._points]}

    def latest(self) -> list[float | int | None] | None:
        """Return the newest point, for `/events`; None before the first."""
        return self._points[-1].aged(time.monotonic()) if self._points else None

    async def _run(self) -> None:
        while True:
            try:
                self._points.append(await asyncio.to_thread(measure, self._engines()))
            except Exception:
                # An engine may be closed meanwhile; the next point has another.
                _LOGGER.debug("The memory can't be measured", exc_info=True)
            await asyncio.sleep(self._interval)


def measure(engines: list[Engine]) -> Point:
    """Measure now. Takes milliseconds: not for the event loop."""
    totals = [engine.caches() for engine in engines]
    devices = [held for engine in engines if (held := engine.memory())]
    return Point(
        at=time.monotonic(),
        process=memory.anonymous_bytes() or _PROCESS.memory_info().rss,
        device=sum(held.get("reserved", held.get("allocated", 0)) for held in devices) if devices else None,
        weights=sum(sum(engine.describe().parts.values()) for engine in engines),
        caches=sum(held.get("kv_cache_bytes", 0) + held.get("voices_bytes", 0) for held in totals),
    )
