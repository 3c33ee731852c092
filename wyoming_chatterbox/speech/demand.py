"""Whether there is text to speak, and how long ago the last one ended."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager


class Demand:
    """Counts the texts that are being received or spoken."""

    def __init__(self) -> None:
        self._texts = 0
        self._some = asyncio.Event()
        self._none = asyncio.Event()
        self._none.set()
        self._last = 0.0
        """When the latest text ended, or `touch` was called, by the event loop's clock."""

    @contextmanager
    def text(self) -> Iterator[None]:
        """Count one more text until the context ends."""
        self._texts += 1
        self._some.set()
        self._none.clear()
        try:
            yield
        finally:
            self._texts -= 1
            self.touch()
            if not self._texts:
                self._some.clear()
                self._none.set()

    def touch(self) -> None:
        """Restart the time without text."""
        self._last = asyncio.get_running_loop().time()

    async def text_comes(self) -> None:
        """Wait until there is text."""
        await self._some.wait()

    async def none_for(self, seconds: float) -> None:
        """Wait until there has been no text for `seconds`."""
        loop = asyncio.get_running_loop()
        while self._texts or self._last + seconds > loop.time():
            await self._none.wait()
            await asyncio.sleep(self._last + seconds - loop.time())
