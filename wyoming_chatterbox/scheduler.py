"""The one worker that owns the models: every utterance of every reply goes through it, one after the other.

Replies hand in one utterance at a time, so several replies take turns sentence by sentence.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from . import memory
from .engine import Block, Engine, Utterance
from .errors import ShuttingDownError

T = TypeVar("T")


class Scheduler:
    """One thread; utterances wait in the order they come."""

    def __init__(self, cleanup_interval: int) -> None:
        """Collect the process's garbage after every `cleanup_interval` utterances."""
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="speech")
        self._cleanup_interval = cleanup_interval
        self._closing = threading.Event()
        self.waiting = 0
        """Utterances handed in and not finished."""
        self.utterances = 0
        """Utterances finished since the start."""
        self.cleanups = 0

    async def speak(self, engine: Engine, utterance: Utterance) -> AsyncGenerator[Block, None]:
        """Yield the utterance's blocks as the engine makes them.

        Leaving the generator early (or being cancelled in it) frees the worker at the engine's next step.
        """
        loop = asyncio.get_running_loop()
        blocks: asyncio.Queue[Block | None] = asyncio.Queue()
        unwanted = threading.Event()

        def cancelled() -> bool:
            return unwanted.is_set() or self._closing.is_set()

        def work() -> None:
            if not cancelled():
                for block in engine.speak(utterance, cancelled):
                    loop.call_soon_threadsafe(blocks.put_nowait, block)
                self._count()

        def finished(done: asyncio.Future[None]) -> None:
            self.waiting -= 1
            blocks.put_nowait(None)
            if not done.cancelled():
                # Of an utterance that nobody waits for any more, the error has nobody to go to.
                done.exception()

        done = self._submit(work)
        self.waiting += 1
        done.add_done_callback(finished)
        try:
            while (block := await blocks.get()) is not None:
                yield block
            if self._closing.is_set():
                raise ShuttingDownError("Server is shutting down")
            await done
        finally:
            unwanted.set()
            done.cancel()

    async def call(self, function: Callable[[], T]) -> T:
        """Run something else on the worker, in turn: preparing a voice, closing an engine."""
        return await self._submit(function)

    def stop(self) -> None:
        """Take nothing more, and end whatever is spoken at its next step: with a `ShuttingDownError`."""
        self._closing.set()

    async def close(self) -> None:
        """Stop, and wait for the worker to end."""
        self.stop()
        await asyncio.to_thread(self._worker.shutdown, cancel_futures=True)

    def _submit(self, function: Callable[[], T]) -> asyncio.Future[T]:
        if self._closing.is_set():
            raise ShuttingDownError("Server is shutting down")
        return asyncio.get_running_loop().run_in_executor(self._worker, function)

    def _count(self) -> None:
        self.utterances += 1
        if self.utterances % self._cleanup_interval == 0:
            memory.collect()
            self.cleanups += 1
