"""When Chatterbox should be loaded again: estimated from how long the last load took."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress


class LoadEstimate:
    """Tells when a load should be done, and waits for it. Before the first load nothing is known."""

    def __init__(self) -> None:
        self._settled = asyncio.Event()
        """Set while no load is awaited."""
        self._seconds = math.inf
        """Duration of the last load."""
        self._begun = 0.0
        """When the load in progress began, by the event loop's clock; a download before it doesn't count."""
        self._due = math.inf
        """When the load in progress should be done, by the same clock."""

    @property
    def awaited(self) -> bool:
        """Whether Chatterbox was loaded before, and is being loaded again."""
        return self._seconds < math.inf and not self._settled.is_set()

    def expect(self) -> None:
        """Note that Chatterbox is to be loaded again, from now on."""
        self._settled.clear()
        self._due = _now() + self._seconds

    def load_began(self) -> None:
        """Note that the loading itself begins."""
        self._begun = _now()

    def load_ended(self) -> None:
        """Note that the loading is done."""
        self._seconds = _now() - self._begun

    def settle(self) -> None:
        """Release everybody who waits: Chatterbox is ready, or nobody knows when it will be."""
        self._settled.set()

    async def wait_if_soon(self, patience: float) -> None:
        """Wait until Chatterbox is loaded, if that should be within `patience` seconds, and no longer than that."""
        if self._due - _now() <= patience:
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._settled.wait()

    async def wait_until_loaded(self) -> None:
        """Wait until Chatterbox is loaded, however long that takes, if it was loaded before."""
        if self._seconds < math.inf:
            await self._settled.wait()


def _now() -> float:
    return asyncio.get_running_loop().time()
