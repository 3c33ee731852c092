"""Which engine speaks: Chatterbox whenever it can, the standby voice whenever it can't.

starting -> downloading -> loading -> ready; from anywhere -> failed, and after a while again from the start. Where
memory ran out that is at once, one precision lower. Without text for long enough, ready -> idle; with text, loading.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from .. import faults
from ..engine import Engine, Stage
from ..errors import ChatterboxError, HungError, NotReadyError, OutOfMemoryError, ShuttingDownError, TextError
from . import memory
from .arrival import Arrival
from .demand import Demand
from .hangs import GIVE_UP, Hangs
from .retries import Failure, Retries
from .scheduler import Scheduler

_LOGGER = logging.getLogger(__name__)

Report = Callable[[Stage], None]
LoadChatterbox = Callable[[Report, Callable[[], bool]], Engine]
"""Loads Chatterbox, in a thread of its own: takes a `report` of each stage, and `cancelled`, true once unwanted."""

_FAILURES_IN_A_ROW = 3
"""Utterances that Chatterbox may fail to speak before it is loaded afresh."""


@dataclass
class Counters:
    """Since the start."""

    loads: int = 0
    """Times that Chatterbox was loaded."""
    unloads: int = 0
    """Times that it gave its memory back for want of text."""
    out_of_memory: int = 0
    """Times that memory ran out, while it was loaded or spoke."""
    lowered: int = 0
    """Times that it went on at a lower precision for that."""


class Lifecycle:
    """Loads the engines, chooses one for each reply, and tries again after a failure."""

    def __init__(
        self,
        scheduler: Scheduler,
        load_chatterbox: LoadChatterbox,
        load_standby: Callable[[], Engine] | None,
        *,
        lower: Callable[[], str | None] = lambda: None,
        idle_unload: float | None = None,
        patience: float = 2.0,
        first_retry: float = 5.0,
        longest_retry: float = 300.0,
        give_up: float = GIVE_UP,
    ) -> None:
        """`load_standby` None leaves listeners without a voice while Chatterbox can't speak; times are in seconds.

        `lower` has the next load choose one precision lower than the last, and says which; None if there is none lower.
        After `idle_unload` without text Chatterbox gives its memory back; None keeps it for ever. Where it is loaded
        again and should be here within `patience`, a listener waits for it, and not longer if somebody stands in.
        An engine that hangs for `give_up` longer after that was noticed is lost: see `lost`.
        """
        self._scheduler = scheduler
        self._load_chatterbox = load_chatterbox
        self._load_standby = load_standby
        self._lower = lower
        self._idle_unload = idle_unload
        self._patience = patience
        self._retries = Retries(first_retry, longest_retry)
        self._loading_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="loading")
        self._standby: Engine | None = None
        self._standby_settled = asyncio.Event()
        self._chatterbox: Engine | None = None
        self._broken = asyncio.Event()
        self._failures_in_a_row = 0
        self._demand = Demand()
        self._arrival = Arrival()
        self._hangs = Hangs(scheduler, self._demand, give_up)
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False
        self._stage = Stage("starting", "the server has just started")
        self._since = time.monotonic()
        self.failure: Failure | None = None
        self.attempts = 0
        self.counters = Counters()

    def start(self) -> None:
        """Begin to load, in the background."""
        self._tasks = [
            asyncio.create_task(self._run(), name="lifecycle"),
            asyncio.create_task(self._hangs.watch(), name="hangs"),
        ]

    async def close(self) -> None:
        """Stop loading and give the engines' memory back."""
        self._closing = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._loading_thread.shutdown(wait=False, cancel_futures=True)
        for engine in (self._chatterbox, self._standby):
            if engine is not None:
                await self._give_back_at_last(engine)
        self._chatterbox = self._standby = None

    @contextmanager
    def wanted(self) -> Iterator[None]:
        """Hold Chatterbox while a text is being taken and spoken; it is loaded again if it gave its memory back."""
        with self._demand.text():
            if self.idle:
                _LOGGER.info("Text arrives: Chatterbox is loaded again")
                self._come_back("text arrived, so Chatterbox is loaded again")
            yield

    async def choose(self) -> Engine:
        """The engine for a new reply, after a moment if Chatterbox is here then; `NotReadyError` if there is none."""
        if self._chatterbox is None:
            await self._standby_settled.wait()
            await self._a_moment()
        engine = self._chatterbox or self._standby
        if engine is None:
            raise NotReadyError(f"Chatterbox can't speak: {self.describe_state()}")
        return engine

    async def replacement(self, failed: Engine) -> Engine | None:
        """Who goes on after an engine that failed: Chatterbox if it is loaded anew in a moment, else the standby voice.

        None if there is nobody, and after the standby voice itself.
        """
        if failed is self._standby:
            return None
        if failed is self._chatterbox:
            return self._standby
        await self._a_moment()
        return self._chatterbox or self._standby

    def stand_in(self, engine: Engine) -> Engine | None:
        """The standby voice, where it isn't `engine` itself that failed."""
        return self._standby if self._standby is not engine else None

    def usable(self, engine: Engine) -> bool:
        """Whether an engine chosen earlier may still be used."""
        return engine is self._chatterbox or engine is self._standby

    def spoke(self, engine: Engine) -> None:
        """Note that an utterance went well."""
        if engine is self._chatterbox:
            self._failures_in_a_row = 0
            self._retries.reset()

    def failed(self, engine: Engine, error: Exception) -> None:
        """Note that an utterance went wrong: out of memory, or too often in a row, Chatterbox is loaded afresh.

        What hangs is noticed by the scheduler, whether it speaks or not.
        """
        if engine is not self._chatterbox or isinstance(error, TextError | HungError):
            return
        self._failures_in_a_row += 1
        if isinstance(error, OutOfMemoryError) or self._failures_in_a_row >= _FAILURES_IN_A_ROW:
            self._chatterbox = None
            self._fail(error)
            self._broken.set()

    async def clean(self, engine: Engine) -> None:
        """Have an engine free what can be made again, in turn."""
        try:
            await self._scheduler.call(engine.clean, "freeing memory", engine)
        except ShuttingDownError:
            raise
        except Exception:
            # What is wrong with it shows when it speaks.
            _LOGGER.exception("%s can't free memory", engine.describe().name)

    @property
    def stage(self) -> Stage:
        """What Chatterbox is at."""
        return self._stage

    @stage.setter
    def stage(self, stage: Stage) -> None:
        if stage.state != self._stage.state:
            self._since = time.monotonic()
        self._stage = stage

    @property
    def chatterbox(self) -> Engine | None:
        """Chatterbox, if it can speak now."""
        return self._chatterbox

    @property
    def speaking(self) -> Engine | None:
        """The engine that a reply would get now."""
        return self._chatterbox or self._standby

    @property
    def idle(self) -> bool:
        """Whether Chatterbox gave its memory back for want of text, and nothing else is wrong with it."""
        return self.stage.state == "idle"

    @property
    def able(self) -> bool:
        """Whether a text would be spoken."""
        return self.speaking is not None or self.idle or self._arrival.awaited

    @property
    def trouble(self) -> str | None:
        """Say why the server needs help, as a sentence without a full stop; None where it doesn't."""
        return self._scheduler.trouble

    @property
    def lost(self) -> asyncio.Event:
        """Set when an engine has hung for too long: the process should end, for another to begin afresh."""
        return self._hangs.lost

    def describe_state(self) -> str:
        """One sentence for a person."""
        if self.trouble is not None:
            return f"{self.trouble}. {HungError.hint}"
        if self.failure is not None and self.stage.state == "failed":
            return f"{self.failure.message}. {self.failure.hint} Next try in {self.failure.left:.0f} s".strip()
        return self.stage.detail

    def snapshot(self) -> dict[str, Any]:
        """The state, for `/info`."""
        failure = self.failure
        return {
            "state": self.stage.state,
            "state_seconds": round(time.monotonic() - self._since, 1),
            "detail": self.stage.detail,
            "progress": self.stage.progress,
            "attempts": self.attempts,
            "idle_unload_seconds": self._idle_unload,
            "error": failure.message if failure else None,
            "hint": failure.hint if failure else None,
            "retry_in_seconds": round(failure.left, 1) if failure and self.trouble is None else None,
        }

    async def _run(self) -> None:
        await self._start_standby()
        while True:
            self._broken.clear()
            self.attempts += 1
            engine = await self._try_to_load()
            if engine is not None:
                await asyncio.to_thread(memory.settle)
                self._ready(engine)
                await self._until_unwanted()
                await self._retire(engine)
                del engine
                while self.idle:
                    await self._demand.text_comes()
            if self.failure is not None:
                await asyncio.sleep(self.failure.left)

    async def _until_unwanted(self) -> None:
        """Wait until Chatterbox is broken, hangs, or is idle for long enough: it is not chosen any more then."""
        broken = asyncio.create_task(self._broken.wait())
        hung = asyncio.create_task(self._scheduler.main.hung.wait())
        idle = asyncio.create_task(self._until_idle())
        try:
            await asyncio.wait([broken, hung, idle], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (broken, hung, idle):
                task.cancel()
        self._chatterbox = None

    async def _retire(self, engine: Engine) -> None:
        """Give an engine's memory back in turn, so that nobody is in the middle of using it; wait while it hangs."""
        while True:
            try:
                await self._scheduler.call(partial(_give_back, engine), "closing", engine)
            except HungError as err:
                self._fail(err)
                await self._scheduler.main.returned.wait()
            except ShuttingDownError:
                await self._give_back_at_last(engine)
                return
            else:
                return

    async def _give_back_at_last(self, engine: Engine) -> None:
        """Give an engine's memory back when the workers have ended; one that is stuck in it keeps it."""
        if not self._scheduler.busy:
            await asyncio.to_thread(_give_back, engine)

    async def _until_idle(self) -> None:
        if self._idle_unload is None:
            await asyncio.get_running_loop().create_future()
            return
        await self._demand.none_for(self._idle_unload)
        self._chatterbox = None
        self.counters.unloads += 1
        why = f"no text came for {self._idle_unload:g} s (--idle-unload)"
        self.stage = Stage("idle", f"{why}, so Chatterbox gave its memory back; with the next text it is loaded again")
        _LOGGER.info("Chatterbox gives its memory back: %s", why)

    async def _a_moment(self) -> None:
        """Wait for Chatterbox if it is on its way and soon here, or however long it takes if nobody stands in."""
        if self._standby is None:
            await self._arrival.sooner_or_later()
        else:
            await self._arrival.soon(self._patience)

    def _come_back(self, detail: str) -> None:
        self.stage = Stage("loading", detail)
        self._arrival.expect()

    async def _start_standby(self) -> None:
        try:
            if self._load_standby is not None:
                self._standby = await self._in_thread(self._load_standby)
                self._scheduler.set_apart(self._standby)
                _LOGGER.info("The standby voice is ready and speaks until Chatterbox does")
        except Exception:
            _LOGGER.exception("The standby voice can't be loaded")
        finally:
            self._standby_settled.set()

    async def _try_to_load(self) -> Engine | None:
        loop = asyncio.get_running_loop()
        self._arrival.loading()

        def report(stage: Stage) -> None:
            loop.call_soon_threadsafe(self._staged, stage)

        try:
            engine = await self._in_thread(lambda: self._load_chatterbox(report, lambda: self._closing))
        except Exception as err:
            if not isinstance(err, ChatterboxError):
                _LOGGER.debug("Loading failed", exc_info=True)
            self._fail(err)
            return None
        self._arrival.loaded()
        return engine

    async def _in_thread(self, load: Callable[[], Engine]) -> Engine:
        def loaded() -> Engine:
            try:
                return load()
            except BaseException as err:
                failure = faults.ordinary(err)
                raise failure from failure.__cause__

        return await asyncio.get_running_loop().run_in_executor(self._loading_thread, loaded)

    def _staged(self, stage: Stage) -> None:
        if stage.state != self.stage.state:
            # A further try is told by how it ends.
            level = logging.INFO if self.failure is None else logging.DEBUG
            _LOGGER.log(level, "Chatterbox is %s: %s", stage.state, stage.detail)
            self._arrival.loading()
        self.stage = stage

    def _ready(self, engine: Engine) -> None:
        about = engine.describe()
        self._chatterbox = engine
        self._failures_in_a_row = 0
        self._demand.touch()
        self._arrival.end()
        self.counters.loads += 1
        self.failure = None
        self.stage = Stage("ready", f"{about.name} on {about.device} at {about.precision}")
        _LOGGER.info("Chatterbox is ready: %s on %s, %s (%s)", about.name, about.device, about.precision, about.reason)

    def _fail(self, error: BaseException) -> None:
        """Note why Chatterbox can't speak, and when it is tried again: at once, where less memory would do."""
        if isinstance(error, MemoryError):
            self.counters.out_of_memory += 1
            if lower := self._lower():
                self._go_lower(lower, error)
                return
        self._arrival.end()
        before, self.failure = self.failure, self._retries.after(error)
        failure = self.failure
        self.stage = Stage("failed", failure.message)
        if before is not None and (before.message, before.hint) == (failure.message, failure.hint):
            _LOGGER.warning("Chatterbox still can't speak, for the same reason; next try in %.0f s", failure.wait)
            return
        stand_in = "the standby voice speaks meanwhile" if self._standby else "there is no standby voice"
        when = "it is tried again" if isinstance(error, HungError) else f"next try in {failure.wait:.0f} s"
        _LOGGER.error("Chatterbox can't speak: %s. %s (%s; %s)", faults.told(error), failure.hint, stand_in, when)

    def _go_lower(self, precision: str, error: BaseException) -> None:
        self.counters.lowered += 1
        self.failure = None
        self._come_back(f"the model is loaded again at {precision}, because memory ran out")
        message = str(error) or type(error).__name__
        _LOGGER.warning("%s. Chatterbox is loaded again, one precision lower: %s", message.rstrip("."), precision)


def _give_back(engine: Engine) -> None:
    memory.unsettle()
    try:
        engine.close()
    except BaseException:
        # A broken device, for one, fails at this too; what matters is what comes after.
        _LOGGER.exception("Chatterbox can't be closed cleanly")
