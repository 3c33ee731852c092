"""A thread that advances jobs, step by step, and a watch that notices when it hangs.

A job that hangs fails, and so do all others. New jobs are refused until it returns.
"""

from __future__ import annotations

import asyncio
import logging
import sys
import threading
import time
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from queue import Empty, SimpleQueue
from typing import Any, Generic, TypeVar

from .. import faults
from ..errors import HungError, OutOfMemoryError, ShuttingDownError
from .playback import Playback
from .turns import MOST_BEGUN, Turns
from .watchdog import Watchdog

_LOGGER = logging.getLogger(__name__)

T = TypeVar("T")

_numbers = count()


@dataclass(eq=False)
class Job(Generic[T]):
    """One job of a worker."""

    work: Callable[[Job[T]], Generator[float, None, T]]
    """Begins the job: each `next` makes a step and yields the seconds of sound in it; at the end comes the result."""
    doing: str
    """The job's name in the log, a participle: "closing"."""
    watchdog: Watchdog
    done: asyncio.Future[T]
    playback: Playback | None = None
    """Where the job's sound is played; None for a job that has the worker to itself."""
    steps: Generator[float, None, T] | None = None
    """None until the job is begun."""
    unhurried: bool = True
    """Whether the next sign of life may take long."""
    number: int = field(default_factory=lambda: next(_numbers))
    signs: int = 0
    """Signs of life so far."""

    @property
    def begun(self) -> bool:
        """Whether a step of it was made."""
        return self.steps is not None

    @property
    def unwanted(self) -> bool:
        """Whether nobody awaits it any more."""
        return self.done.done()

    def sign(self) -> None:
        """Show a sign of life; from now on the job does so at every step."""
        self.signs += 1
        self.unhurried = False


class Worker:
    """One daemon thread, which can't keep the process alive; it starts with the first job."""

    def __init__(self, name: str, owner: str, most_begun: int = MOST_BEGUN) -> None:
        """`name` is the thread's; log lines say that `owner` hangs. `most_begun` utterances are under way at once."""
        self.hung = asyncio.Event()
        """Set while a job hangs."""
        self.returned = asyncio.Event()
        """Set while no job hangs."""
        self.returned.set()
        self._name = name
        self._owner = owner
        self._thread: threading.Thread | None = None
        self._queue: SimpleQueue[Job[Any] | None] = SimpleQueue()
        self._jobs: dict[Job[Any], None] = {}
        """Jobs that are not done, in order."""
        self._turns: Turns[Job[Any]] = Turns(most_begun)
        """The thread's own: jobs that have not ended."""
        self._current: Job[Any] | None = None
        self._lost: Job[Any] | None = None
        self._looked = 0.0
        self._looking: asyncio.TimerHandle | None = None
        self._closed = False
        self._ended = asyncio.Event()

    def submit(
        self,
        work: Callable[[Job[T]], Generator[float, None, T]],
        doing: str,
        watchdog: Watchdog,
        playback: Playback | None = None,
    ) -> Job[T]:
        """Queue a job; `HungError` while an earlier one hangs, `ShuttingDownError` after `close`.

        Jobs with a `playback` may take turns, step by step; any other has the worker to itself (see `turns`).
        """
        if self._closed:
            raise ShuttingDownError("Server is shutting down")
        if self.trouble is not None:
            raise HungError(self.trouble)
        loop = asyncio.get_running_loop()
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, args=(loop,), name=self._name, daemon=True)
            self._thread.start()
        job = Job(work, doing, watchdog, loop.create_future(), playback)
        self._jobs[job] = None
        job.done.add_done_callback(lambda _: self._jobs.pop(job))
        self._queue.put(job)
        if self._looking is None:
            self._looked = loop.time()
            self._look_later(watchdog)
        return job

    @property
    def busy(self) -> bool:
        """Whether the thread has a job, even one that nobody awaits any more."""
        return self._current is not None or len(self._turns) > 0

    @property
    def trouble(self) -> str | None:
        """Say which job hangs, and for how long, without a full stop; None if no job hangs."""
        job = self._lost
        if job is None:
            return None
        return f"{self._owner} hangs: no sign of life for {job.watchdog.silence:.0f} s while it was {job.doing}"

    async def close(self, within: float) -> bool:
        """Refuse new and waiting jobs; return whether the thread ended `within` seconds."""
        self._closed = True
        for job in list(self._jobs):
            if job is not self._current and not job.done.done():
                job.done.set_exception(ShuttingDownError("Server is shutting down"))
        if self._thread is None:
            return True
        self._queue.put(None)
        try:
            async with asyncio.timeout(within):
                await self._ended.wait()
        except TimeoutError:
            return False
        return True

    def _work(self, loop: asyncio.AbstractEventLoop) -> None:
        while self._take_jobs():
            self._advance(self._turns.next(), loop)
        while self._turns:
            self._advance(self._turns.next(), loop)
        _post(loop, self._ended.set)

    def _take_jobs(self) -> bool:
        """Take the jobs that were queued, and wait for one if there is nothing to do; false at the end."""
        with suppress(Empty):
            while True:
                job = self._queue.get(block=not self._turns)
                if job is None:
                    return False
                self._turns.add(job)
        return True

    def _advance(self, job: Job[Any], loop: asyncio.AbstractEventLoop) -> None:
        """Make a job's next step; end it after its last one, or if nobody awaits it any more and it was not begun."""
        thread = threading.current_thread()
        thread.name = f"{self._name}: {job.doing}"
        self._current = job
        result: Any = None
        failure: Exception | None = None
        ended = True
        try:
            if job.begun or not job.unwanted:
                self._step(job)
                ended = False
        except StopIteration as end:
            result = end.value
        except BaseException as err:
            failure = faults.ordinary(err)
            if isinstance(failure, OutOfMemoryError):
                self._turns.save_memory()
        if ended:
            self._turns.remove(job)
        thread.name = self._name
        self._current = None
        if ended:
            _post(loop, self._finish, job, result, failure)
        # The error holds its traceback, and the traceback holds this frame: a reference cycle.
        failure = None

    def _step(self, job: Job[Any]) -> None:
        """Make a job's next step, and learn how long it takes to make sound."""
        first = not job.begun
        begun = time.monotonic()
        if job.steps is None:
            job.steps = job.work(job)
        sound = next(job.steps)
        # A step that hung, for example, says nothing about those to come, and another engine has said the rest.
        if job.playback is not None and not job.unwanted:
            job.playback.give(sound)
            self._turns.speed.learn(time.monotonic() - begun, sound, first=first)

    def _finish(self, job: Job[Any], result: Any, failure: Exception | None) -> None:
        if job is self._lost:
            self._lost = None
            self.hung.clear()
            self.returned.set()
            _LOGGER.warning("%s has returned from %s; the result is thrown away", self._owner, job.doing)
        if job.done.done():
            return
        if failure is None:
            job.done.set_result(result)
        else:
            job.done.set_exception(failure)

    def _look_later(self, watchdog: Watchdog) -> None:
        self._looking = asyncio.get_running_loop().call_later(watchdog.interval, self._look)

    def _look(self) -> None:
        now = asyncio.get_running_loop().time()
        elapsed, self._looked = now - self._looked, now
        job = self._current
        if job is not None:
            silent = job.watchdog.look((job.number, job.signs), elapsed, unhurried=job.unhurried)
            if silent and self._lost is None:
                self._give_up(job)
        job = job or next(iter(self._jobs), None)
        if job is None:
            self._looking = None
        else:
            self._look_later(job.watchdog)

    def _give_up(self, job: Job[Any]) -> None:
        self._lost = job
        self.returned.clear()
        self.hung.set()
        trouble = self.trouble or ""
        frame = sys._current_frames().get(self._thread.ident or 0) if self._thread is not None else None
        _LOGGER.error("%s%s", trouble, f" (at {faults.place(frame)})" if frame is not None else "")
        for waiting in list(self._jobs):
            if not waiting.done.done():
                waiting.done.set_exception(HungError(trouble))


def _post(loop: asyncio.AbstractEventLoop, callback: Callable[..., object], *arguments: object) -> None:
    """Call back on the event loop; do nothing if it is closed, because nobody waits any more."""
    try:
        loop.call_soon_threadsafe(callback, *arguments)
    except RuntimeError:
        _LOGGER.debug("Nobody waits for what a worker did")
