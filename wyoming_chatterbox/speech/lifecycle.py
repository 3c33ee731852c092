"""The life of the engines: loaded, idle, broken, loaded again.

Chatterbox's states: starting -> downloading -> loading -> ready. From any of them it may go to failed, and after a wait
it is loaded again; where memory ran out, at once and one precision lower. Without text for long enough it goes from
ready to idle, and with the next text to loading.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from ..engine import Description, Engine, Stage
from ..errors import ChatterboxError, ShuttingDownError
from . import memory
from .demand import Demand
from .engines import Engines
from .hangs import GIVE_UP_SECONDS, Hangs
from .load_estimate import LoadEstimate
from .loading import LoadChatterbox, LoadingThread, give_back_at_last, retire
from .retries import Failure, LowerPrecision, RetryPolicy
from .scheduler import Scheduler
from .status import LoadCounters, Status

_LOGGER = logging.getLogger(__name__)


class Lifecycle:
    """Loads the engines, takes them out of use, and loads Chatterbox again."""

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
        give_up: float = GIVE_UP_SECONDS,
        settle: Callable[[], None] = memory.settle,
    ) -> None:
        """`load_standby` None leaves listeners without a voice while Chatterbox can't speak; times are in seconds.

        `lower` has the next load choose one precision lower than the last, and returns its name; None if there is none
        lower. After `idle_unload` without text Chatterbox gives its memory back; None keeps it for ever. Where
        Chatterbox should be loaded again within `patience`, a listener waits for it, and longer only if there is no
        standby voice. An engine that hangs for `give_up` longer after that was noticed is lost: see `lost`.
        `settle` is called after each load, in a thread of its own.
        """
        self._scheduler = scheduler
        self._load_chatterbox = load_chatterbox
        self._load_standby = load_standby
        self._idle_unload = idle_unload
        self._settle = settle
        self._retries = RetryPolicy(first_retry, longest_retry, lower)
        self._loading_thread = LoadingThread()
        self._status = Status(scheduler, idle_unload)
        self._estimate = LoadEstimate()
        self._demand = Demand()
        self._hangs = Hangs(scheduler, self._demand, give_up)
        self._broken = asyncio.Event()
        self._asked = asyncio.Event()
        """Set while a person's wish for another try is not settled."""
        self._tasks: list[asyncio.Task[None]] = []
        self._closing = False
        self.engines = Engines(self._status, self._estimate, patience)

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
        self._loading_thread.close()
        for engine in (self.engines.chatterbox, self.engines.standby):
            if engine is not None:
                await give_back_at_last(self._scheduler, engine)
        self.engines.chatterbox = self.engines.standby = None

    @contextmanager
    def wanted(self) -> Iterator[None]:
        """Keep Chatterbox while a text is being taken and spoken; load it again if it gave its memory back."""
        with self._demand.text():
            if self.idle:
                _LOGGER.info("Text arrives: Chatterbox is loaded again")
                self._status.enter(Stage("loading", "text arrived, so Chatterbox is loaded again"))
                self._estimate.expect()
            yield

    def spoke(self, engine: Engine) -> None:
        """Note that an utterance went well."""
        if engine is self.engines.chatterbox:
            self._retries.spoke()

    def failed(self, engine: Engine, error: Exception) -> None:
        """Note that an utterance failed; Chatterbox may have to be loaded again because of it."""
        if engine is self.engines.chatterbox and self._retries.must_reload(error):
            self.engines.chatterbox = None
            self._fail(error)
            self._broken.set()

    def retry(self) -> bool:
        """Load Chatterbox at once instead of after the wait; return False if it neither waits nor is being retried."""
        if self._asked.is_set():
            return True
        if self.stage.state != "failed" or self.trouble is not None:
            return False
        _LOGGER.info("Chatterbox is loaded again now, because somebody asked for it")
        self._retries.asked()
        self._status.enter(Stage("loading", "somebody asked for another try"))
        self._asked.set()
        return True

    async def clean(self, engine: Engine) -> None:
        """Have an engine free what can be made again, in turn with what is spoken."""
        try:
            await self._scheduler.call(engine.clean, "freeing memory", engine)
        except ShuttingDownError:
            raise
        except Exception:
            # If the engine is broken, that shows when it speaks.
            _LOGGER.exception("%s can't free memory", engine.describe().name)

    @property
    def chatterbox(self) -> Engine | None:
        """Chatterbox, if it can speak now."""
        return self.engines.chatterbox

    @property
    def about(self) -> Description | None:
        """Chatterbox as it was loaded the last time; None if it never was."""
        return self._status.about

    @property
    def speaking(self) -> Engine | None:
        """The engine that a reply would get now."""
        return self.engines.speaking

    @property
    def stage(self) -> Stage:
        """The stage that Chatterbox has reached."""
        return self._status.stage

    @property
    def failure(self) -> Failure | None:
        """Why Chatterbox could not be loaded or speak the last time; None since it is ready."""
        return self._status.failure

    @property
    def attempts(self) -> int:
        """Loads tried since the start."""
        return self._status.attempts

    @property
    def counters(self) -> LoadCounters:
        """Loads and failures since the start."""
        return self._status.counters

    @property
    def idle(self) -> bool:
        """Whether Chatterbox gave its memory back because no text came, and nothing else is wrong with it."""
        return self.stage.state == "idle"

    @property
    def able(self) -> bool:
        """Whether a text would be spoken."""
        return self.speaking is not None or self.idle or self._estimate.awaited

    @property
    def trouble(self) -> str | None:
        """Say why the server needs help, as a sentence without a full stop; None where it doesn't."""
        return self._status.trouble

    @property
    def lost(self) -> asyncio.Event:
        """Set when an engine has hung for too long: the process should end, so that another can start afresh."""
        return self._hangs.lost

    def describe_state(self) -> str:
        """Describe the state in one sentence for a person."""
        return self._status.describe()

    def snapshot(self) -> dict[str, Any]:
        """Return the state, for `/info`."""
        return self._status.snapshot()

    async def _run(self) -> None:
        await self._start_standby()
        while True:
            self._broken.clear()
            self._status.attempts += 1
            engine = await self._try_to_load()
            if engine is not None:
                try:
                    await asyncio.to_thread(self._settle)
                    self._ready(engine)
                    await self._until_out_of_use()
                except Exception as err:
                    _LOGGER.exception("Chatterbox is loaded again after an unexpected error")
                    self.engines.chatterbox = None
                    self._fail(err)
                await retire(self._scheduler, engine, self._fail)
                del engine
                while self.idle:
                    await self._demand.text_comes()
            if self.failure is not None:
                await self._until_next_try(self.failure.left)

    async def _until_next_try(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._asked.wait()

    async def _start_standby(self) -> None:
        try:
            if self._load_standby is not None:
                standby = self.engines.standby = await self._loading_thread.load(self._load_standby)
                self._scheduler.set_apart(standby)
                _LOGGER.info("The standby voice is ready and speaks until Chatterbox does")
        except Exception:
            _LOGGER.exception("The standby voice can't be loaded")
        finally:
            self.engines.standby_settled.set()

    async def _try_to_load(self) -> Engine | None:
        loop = asyncio.get_running_loop()
        self._estimate.load_began()

        def report(stage: Stage) -> None:
            loop.call_soon_threadsafe(self._loading, stage)

        try:
            engine = await self._loading_thread.load(lambda: self._load_chatterbox(report, lambda: self._closing))
        except Exception as err:
            if not isinstance(err, ChatterboxError):
                _LOGGER.debug("Loading failed", exc_info=True)
            self._fail(err)
            return None
        self._estimate.load_ended()
        return engine

    def _loading(self, stage: Stage) -> None:
        if self._status.loading(stage):
            self._estimate.load_began()

    def _ready(self, engine: Engine) -> None:
        self.engines.chatterbox = engine
        self._asked.clear()
        self._retries.loaded()
        self._demand.touch()
        self._estimate.settle()
        self._status.ready(engine.describe())

    async def _until_out_of_use(self) -> None:
        """Wait until Chatterbox is broken, hangs, or is idle for long enough: it is not chosen any more then."""
        broken = asyncio.create_task(self._broken.wait())
        hung = asyncio.create_task(self._scheduler.main.hung.wait())
        idle = asyncio.create_task(self._until_idle())
        try:
            await asyncio.wait([broken, hung, idle], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (broken, hung, idle):
                task.cancel()
        self.engines.chatterbox = None

    async def _until_idle(self) -> None:
        if self._idle_unload is None:
            await asyncio.get_running_loop().create_future()
            return
        await self._demand.none_for(self._idle_unload)
        self.engines.chatterbox = None
        self._status.idle()

    def _fail(self, error: BaseException) -> None:
        """Note why Chatterbox can't speak, and when it is loaded again."""
        self._asked.clear()
        match self._retries.after(error):
            case LowerPrecision() as lower:
                self._status.lowered(lower, error)
                self._estimate.expect()
            case failure:
                self._estimate.settle()
                self._status.failed(failure, error, has_standby=self.engines.standby is not None)
