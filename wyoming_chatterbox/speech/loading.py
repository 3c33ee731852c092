"""Loading engines in a thread of its own, and giving their memory back."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from .. import faults
from ..engine import Engine, Stage
from ..errors import HungError, ShuttingDownError
from . import memory
from .scheduler import Scheduler

_LOGGER = logging.getLogger(__name__)

ReportStage = Callable[[Stage], None]
LoadChatterbox = Callable[[ReportStage, Callable[[], bool]], Engine]
"""Loads Chatterbox, in a thread of its own: reports its stages, and asks whether it is still wanted."""


class LoadingThread:
    """Loads one engine at a time."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix="loading")

    async def load(self, load: Callable[[], Engine]) -> Engine:
        """Call `load` in the thread. Raises its error, always an `Exception`."""

        def loaded() -> Engine:
            try:
                return load()
            except BaseException as err:
                failure = faults.ordinary(err)
                raise failure from failure.__cause__

        return await asyncio.get_running_loop().run_in_executor(self._pool, loaded)

    def close(self) -> None:
        """Load nothing more; a load in progress is left behind."""
        self._pool.shutdown(wait=False, cancel_futures=True)


async def retire(scheduler: Scheduler, engine: Engine, hung: Callable[[HungError], None]) -> None:
    """Give Chatterbox's memory back in turn, so that nobody is in the middle of using it.

    While it hangs, wait; `hung` is told each time.
    """
    while True:
        try:
            await scheduler.call(partial(_give_back, engine), "closing", engine)
        except HungError as err:
            hung(err)
            await scheduler.main.returned.wait()
        except ShuttingDownError:
            await give_back_at_last(scheduler, engine)
            return
        else:
            return


async def give_back_at_last(scheduler: Scheduler, engine: Engine) -> None:
    """Give an engine's memory back after the workers have ended; an engine that still hangs keeps its memory."""
    if not scheduler.busy:
        await asyncio.to_thread(_give_back, engine)


def _give_back(engine: Engine) -> None:
    memory.unsettle()
    try:
        engine.close()
    except BaseException:
        # A broken device, for example, fails at this too; only what comes after it matters.
        _LOGGER.exception("Chatterbox can't be closed cleanly")
