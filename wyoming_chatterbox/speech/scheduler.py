"""Which utterance is spoken when: one worker owns Chatterbox's model, and advances one utterance at a time by a block.

Replies hand in one utterance at a time. The reply whose listener runs dry first goes on (see `turns`). The standby
voice has a worker of its own, so that it can speak while Chatterbox hangs.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Generator
from typing import TypeVar
from weakref import WeakKeyDictionary

from ..audio.samples import checked
from ..engine import SAMPLE_RATE, Block, Engine, Utterance
from ..errors import ShuttingDownError
from . import memory
from .playback import Playback
from .turns import MOST_BEGUN
from .watchdog import BASE_SECONDS, Watchdog
from .worker import Job, Worker

T = TypeVar("T")

_CLOSE_SECONDS = 1.0
"""Seconds that the workers have to end when the server shuts down."""


class Scheduler:
    """Two workers, each of which speaks several utterances in turns."""

    def __init__(self, cleanup_interval: int, *, most_begun: int = MOST_BEGUN, base: float = BASE_SECONDS) -> None:
        """Collect the process's garbage after every `cleanup_interval` utterances.

        `most_begun` is how many utterances Chatterbox may have under way at once, each with a KV cache of its own.
        `base` is the least time, in seconds, that an engine may show no sign of life: see `watchdog`.
        """
        self.main = Worker("speech", "Chatterbox", most_begun)
        """Chatterbox's worker."""
        self.side = Worker("standby", "The standby voice")
        self._standby: Engine | None = None
        self._cleanup_interval = cleanup_interval
        self._base = base
        self._watchdogs: WeakKeyDictionary[Engine, Watchdog] = WeakKeyDictionary()
        self._closing = threading.Event()
        self._counting = threading.Lock()
        self.waiting = 0
        """Utterances handed in for Chatterbox's worker and not finished."""
        self.utterances = 0
        """Utterances finished since the start."""
        self.cleanups = 0

    def set_apart(self, standby: Engine) -> None:
        """Let the standby voice speak on its own worker."""
        self._standby = standby

    async def speak(
        self, engine: Engine, utterance: Utterance, playback: Playback | None = None
    ) -> AsyncGenerator[Block, None]:
        """Yield the utterance's blocks as the engine makes them; `playback` is its reply's, or a new one.

        Leaving the generator early (or being cancelled in it) frees the worker at the engine's next step. Raises the
        engine's errors, always an `Exception`; `EngineError` for an invalid block; `HungError` if the engine shows no
        sign of life for too long, and while it hangs; `ShuttingDownError`.
        """
        loop = asyncio.get_running_loop()
        blocks: asyncio.Queue[Block | None] = asyncio.Queue()
        worker = self._worker(engine)

        def work(job: Job[None]) -> Generator[float, None, None]:
            def cancelled() -> bool:
                job.sign()
                return job.unwanted or self._closing.is_set()

            if self._closing.is_set():
                return
            # Preparing a voice from a recording takes long.
            job.unhurried = not engine.prepared(utterance.voice)
            for block in engine.speak(utterance, cancelled):
                job.sign()
                loop.call_soon_threadsafe(blocks.put_nowait, checked(block))
                yield len(block) / SAMPLE_RATE
            self._count()

        def finished(done: asyncio.Future[None]) -> None:
            self.waiting -= worker is self.main
            blocks.put_nowait(None)
            if not done.cancelled():
                # Nobody awaits this utterance any more; fetch its error so that asyncio does not warn about it.
                done.exception()

        job = worker.submit(work, "speaking", self._watchdog(engine), playback or Playback())
        self.waiting += worker is self.main
        job.done.add_done_callback(finished)
        try:
            while (block := await blocks.get()) is not None:
                yield block
            if self._closing.is_set():
                raise ShuttingDownError("Server is shutting down")
            await job.done
        finally:
            job.done.cancel()

    async def call(self, function: Callable[[], T], doing: str = "at work", engine: Engine | None = None) -> T:
        """Call `function` in turn on the worker of `engine`, by default Chatterbox's; `doing` names it in the log.

        Raises the function's errors, `HungError` if it takes far too long, and `ShuttingDownError`.
        """

        def work(_: Job[T]) -> Generator[float, None, T]:
            yield from ()
            return function()

        return await self._worker(engine).submit(work, doing, Watchdog(self._base)).done

    @property
    def trouble(self) -> str | None:
        """Say which engine hangs, and for how long; None if no engine hangs."""
        return self.main.trouble or self.side.trouble

    @property
    def busy(self) -> bool:
        """Whether an engine is in use at this moment."""
        return self.main.busy or self.side.busy

    def stop(self) -> None:
        """Take no more utterances, and end the current ones at their next step, with a `ShuttingDownError`."""
        self._closing.set()

    async def close(self) -> None:
        """Stop, and wait a short time for the workers to end: one of them may hang."""
        self.stop()
        await asyncio.gather(self.main.close(_CLOSE_SECONDS), self.side.close(_CLOSE_SECONDS))

    def _worker(self, engine: Engine | None) -> Worker:
        return self.side if engine is not None and engine is self._standby else self.main

    def _watchdog(self, engine: Engine) -> Watchdog:
        return self._watchdogs.setdefault(engine, Watchdog(self._base))

    def _count(self) -> None:
        """Note that an utterance was spoken to its end."""
        with self._counting:
            self.utterances += 1
            due = self.utterances % self._cleanup_interval == 0
            self.cleanups += due
        if due:
            memory.collect()
