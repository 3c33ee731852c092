"""Which engine speaks: Chatterbox whenever it can, the standby voice whenever it can't.

starting -> downloading -> loading -> ready; from anywhere -> failed, and after a while again from the start.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import Any

from . import memory
from .engine import Engine, Stage
from .errors import ChatterboxError, NotReadyError, OutOfMemoryError, TextError
from .scheduler import Scheduler

_LOGGER = logging.getLogger(__name__)

Report = Callable[[Stage], None]
Loader = Callable[[Report, Callable[[], bool]], Engine]
"""Makes Chatterbox ready: called in a thread of its own with a way to report and a way to see that it isn't wanted."""

_FAILURES_IN_A_ROW = 3
"""Utterances that Chatterbox may fail to speak before it is loaded afresh."""


@dataclass(frozen=True)
class Failure:
    """Why Chatterbox can't speak."""

    message: str
    hint: str
    wait: float
    """Seconds until the next try."""
    retry_at: float
    """`time.time()` of it."""


class Lifecycle:
    """Loads the engines, chooses one for each reply, and tries again after a failure."""

    def __init__(
        self,
        scheduler: Scheduler,
        load_chatterbox: Loader,
        load_standby: Callable[[], Engine] | None,
        *,
        first_retry: float = 5.0,
        longest_retry: float = 300.0,
    ) -> None:
        """`load_standby` None leaves listeners without a voice while Chatterbox can't speak; retries in seconds."""
        self._scheduler = scheduler
        self._load_chatterbox = load_chatterbox
        self._load_standby = load_standby
        self._first_retry = first_retry
        self._longest_retry = longest_retry
        self._loading_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="loading")
        self._standby: Engine | None = None
        self._standby_settled = asyncio.Event()
        self._chatterbox: Engine | None = None
        self._broken = asyncio.Event()
        self._failures_in_a_row = 0
        self._wait = 0.0
        self._task: asyncio.Task[None] | None = None
        self._closing = False
        self.stage = Stage("starting", "the server has just started")
        self.failure: Failure | None = None
        self.attempts = 0

    def start(self) -> None:
        """Begin to load, in the background."""
        self._task = asyncio.create_task(self._run(), name="lifecycle")

    async def close(self) -> None:
        """Stop loading and give the engines' memory back."""
        self._closing = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        self._loading_thread.shutdown(wait=False, cancel_futures=True)
        for engine in (self._chatterbox, self._standby):
            if engine is not None:
                await asyncio.to_thread(_give_back, engine)
        self._chatterbox = self._standby = None

    async def choose(self) -> Engine:
        """The engine for a new reply; `NotReadyError` if there is none."""
        if self._chatterbox is None:
            await self._standby_settled.wait()
        engine = self._chatterbox or self._standby
        if engine is None:
            raise NotReadyError(f"Chatterbox can't speak: {self.describe_state()}")
        return engine

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
            self._wait = 0.0

    def failed(self, engine: Engine, error: Exception) -> None:
        """Note that an utterance went wrong: out of memory, or too often in a row, Chatterbox is loaded afresh."""
        if engine is not self._chatterbox or isinstance(error, TextError):
            return
        self._failures_in_a_row += 1
        if isinstance(error, OutOfMemoryError) or self._failures_in_a_row >= _FAILURES_IN_A_ROW:
            self._chatterbox = None
            self._fail(error)
            self._broken.set()

    @property
    def chatterbox(self) -> Engine | None:
        """Chatterbox, if it can speak now."""
        return self._chatterbox

    @property
    def speaking(self) -> Engine | None:
        """The engine that a reply would get now."""
        return self._chatterbox or self._standby

    def describe_state(self) -> str:
        """One sentence for a person."""
        if self.failure is not None and self.stage.state == "failed":
            wait = max(0, round(self.failure.retry_at - time.time()))
            return f"{self.failure.message}. {self.failure.hint} Next try in {wait} s".strip()
        return self.stage.detail

    def snapshot(self) -> dict[str, Any]:
        """The state, for `/info`."""
        failure = self.failure
        return {
            "state": self.stage.state,
            "detail": self.stage.detail,
            "progress": self.stage.progress,
            "attempts": self.attempts,
            "error": failure.message if failure else None,
            "hint": failure.hint if failure else None,
            "retry_in_seconds": max(0.0, round(failure.retry_at - time.time(), 1)) if failure else None,
        }

    async def _run(self) -> None:
        await self._start_standby()
        while True:
            self._broken.clear()
            self.attempts += 1
            engine = await self._try_to_load()
            await asyncio.to_thread(memory.settle)
            if engine is not None:
                self._ready(engine)
                await self._broken.wait()
                # In turn, so that nobody is in the middle of using it.
                await self._scheduler.call(partial(_give_back, engine))
            failure = self.failure
            assert failure is not None
            await asyncio.sleep(max(0.0, failure.retry_at - time.time()))

    async def _start_standby(self) -> None:
        try:
            if self._load_standby is not None:
                self._standby = await self._in_thread(self._load_standby)
                _LOGGER.info("The standby voice is ready and speaks until Chatterbox does")
        except Exception:
            _LOGGER.exception("The standby voice can't be loaded")
        finally:
            self._standby_settled.set()

    async def _try_to_load(self) -> Engine | None:
        loop = asyncio.get_running_loop()

        def report(stage: Stage) -> None:
            loop.call_soon_threadsafe(self._staged, stage)

        try:
            return await self._in_thread(lambda: self._load_chatterbox(report, lambda: self._closing))
        except (Exception, MemoryError) as err:
            if not isinstance(err, ChatterboxError):
                _LOGGER.debug("Loading failed", exc_info=True)
            self._fail(err)
            return None

    async def _in_thread(self, load: Callable[[], Engine]) -> Engine:
        return await asyncio.get_running_loop().run_in_executor(self._loading_thread, load)

    def _staged(self, stage: Stage) -> None:
        if stage.state != self.stage.state:
            _LOGGER.info("Chatterbox is %s: %s", stage.state, stage.detail)
        self.stage = stage

    def _ready(self, engine: Engine) -> None:
        about = engine.describe()
        self._chatterbox = engine
        self._failures_in_a_row = 0
        self.failure = None
        self.stage = Stage("ready", f"{about.name} on {about.device} at {about.dtype}")
        _LOGGER.info("Chatterbox is ready: %s on %s, %s (%s)", about.name, about.device, about.dtype, about.reason)

    def _fail(self, error: BaseException) -> None:
        self._wait = min(self._wait * 2 or self._first_retry, self._longest_retry)
        message = str(error).rstrip(".") or type(error).__name__
        if not isinstance(error, ChatterboxError):
            message = f"{type(error).__name__}: {message}"
        hint = getattr(error, "hint", "") or (
            "Give it more memory, or choose a smaller --model or --dtype."
            if isinstance(error, OutOfMemoryError | MemoryError)
            else "See the log; --debug shows more."
        )
        self.failure = Failure(message, hint, self._wait, time.time() + self._wait)
        self.stage = Stage("failed", message)
        stand_in = "the standby voice speaks meanwhile" if self._standby else "there is no standby voice"
        _LOGGER.error("Chatterbox can't speak: %s. %s (%s; next try in %.0f s)", message, hint, stand_in, self._wait)


def _give_back(engine: Engine) -> None:
    memory.unsettle()
    try:
        engine.close()
    except Exception:
        # A broken device, for one, fails at this too; what matters is what comes after.
        _LOGGER.exception("Chatterbox can't be closed cleanly")
