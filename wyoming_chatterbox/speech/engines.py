"""Which engine speaks: Chatterbox whenever it can, the standby voice whenever it can't."""

from __future__ import annotations

import asyncio

from ..engine import Engine
from ..errors import NotReadyError
from .load_estimate import LoadEstimate
from .status import Status


class Engines:
    """The engines that are loaded; chooses one of them for each reply."""

    def __init__(self, status: Status, estimate: LoadEstimate, patience: float) -> None:
        """Where Chatterbox should be loaded again within `patience` seconds, a reply waits for it.

        Without a standby voice it waits longer.
        """
        self.chatterbox: Engine | None = None
        """Chatterbox, if it can speak now."""
        self.standby: Engine | None = None
        self.standby_settled = asyncio.Event()
        """Set when the standby voice is loaded, or there will be none."""
        self._status = status
        self._estimate = estimate
        self._patience = patience

    @property
    def speaking(self) -> Engine | None:
        """The engine that a reply would get now."""
        return self.chatterbox or self.standby

    async def choose(self) -> Engine:
        """Choose the engine for a new reply, after a short wait if Chatterbox should be loaded soon.

        `NotReadyError` if there is no engine.
        """
        if self.chatterbox is None:
            await self.standby_settled.wait()
            await self._wait_for_chatterbox()
        engine = self.speaking
        if engine is None:
            raise NotReadyError(f"Chatterbox can't speak: {self._status.describe()}")
        return engine

    async def replacement(self, failed: Engine) -> Engine | None:
        """Choose the engine that goes on after one that failed; None if there is none, or the standby voice failed.

        That is Chatterbox if it is loaded again soon, else the standby voice.
        """
        if failed is self.standby:
            return None
        if failed is self.chatterbox:
            return self.standby
        await self._wait_for_chatterbox()
        return self.speaking

    def stand_in(self, engine: Engine) -> Engine | None:
        """Return the standby voice, unless it is `engine` itself."""
        return self.standby if self.standby is not engine else None

    def usable(self, engine: Engine) -> bool:
        """Whether an engine chosen earlier may still be used."""
        return engine is self.chatterbox or engine is self.standby

    async def _wait_for_chatterbox(self) -> None:
        """Wait for Chatterbox if it should be loaded soon; without a standby voice, however long it takes."""
        if self.standby is None:
            await self._estimate.wait_until_loaded()
        else:
            await self._estimate.wait_if_soon(self._patience)
