"""When something that is being loaded should be there: judged by how long it took last time."""

from __future__ import annotations

import asyncio
import math
from contextlib import suppress


class Arrival:
    """Chatterbox's coming back after it was here before; of its first coming, nothing is known."""

    def __init__(self) -> None:
        self._over = asyncio.Event()
        self._seconds = math.inf
        """That the last load took."""
        self._begun = 0.0
        """When the load in progress began, by the event loop's clock; a download before it doesn't count."""
        self._due = math.inf

    @property
    def awaited(self) -> bool:
        """Whether it was here before and is on its way."""
        return self._seconds < math.inf and not self._over.is_set()

    def expect(self) -> None:
        """Note that it comes back from now on."""
        self._over.clear()
        self._due = _now() + self._seconds

    def loading(self) -> None:
        """Note that the loading itself begins."""
        self._begun = _now()

    def loaded(self) -> None:
        """Note that the loading is done."""
        self._seconds = _now() - self._begun

    def end(self) -> None:
        """Note that it is here, or that it is not known when it will be."""
        self._over.set()

    async def soon(self, patience: float) -> None:
        """Wait until it is here, if that should be within `patience` seconds, and no longer."""
        if self._due - _now() <= patience:
            with suppress(TimeoutError):
                async with asyncio.timeout(patience):
                    await self._over.wait()

    async def sooner_or_later(self) -> None:
        """Wait until it is here, if it was here before."""
        if self._seconds < math.inf:
            await self._over.wait()


def _now() -> float:
    return asyncio.get_running_loop().time()
