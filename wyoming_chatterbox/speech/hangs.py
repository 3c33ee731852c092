"""Waiting for an engine that hangs; if it does not return, the process has to end, so that another can start.

No thread can be ended from outside, and no device can be used while a call into it is stuck.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from .demand import Demand
from .scheduler import Scheduler
from .worker import Worker

GIVE_UP_SECONDS = 300.0
"""Seconds after which a hung engine is given up."""
_LULL_SECONDS = 1.0
"""Seconds without text that the end of the process waits for, so that nobody is cut off."""
_LULL_TIMEOUT_SECONDS = 120.0
"""Seconds after which the process ends even in the middle of a text."""


class Hangs:
    """Watches the scheduler's two workers."""

    def __init__(self, scheduler: Scheduler, demand: Demand, give_up: float = GIVE_UP_SECONDS) -> None:
        self._scheduler = scheduler
        self._demand = demand
        self._give_up = give_up
        self.lost = asyncio.Event()
        """Set when only a new process can help."""

    async def watch(self) -> None:
        """Watch until an engine is lost, or for ever."""
        await asyncio.gather(self._watch(self._scheduler.main), self._watch(self._scheduler.side))

    async def _watch(self, worker: Worker) -> None:
        while not self.lost.is_set():
            await worker.hung.wait()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._give_up):
                    await worker.returned.wait()
            if worker.hung.is_set():
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LULL_TIMEOUT_SECONDS):
                        await self._demand.none_for(_LULL_SECONDS)
                if worker.hung.is_set():
                    self.lost.set()
