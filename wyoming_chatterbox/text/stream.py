"""Text that arrives in pieces over time, given out sentence by sentence.

A sentence is given out as soon as it is certain. When the text stalls, a sentence that looks complete is given out too,
so that the listener need not wait for the next one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from ..errors import RequestError
from .sentences import SentenceStream


class TextStream:
    """Takes text from the connection's reader, and gives sentences to its speaker."""

    def __init__(self, *, max_chunk: int, max_total: int, flush_after: float, timeout: float) -> None:
        """`max_chunk` and `max_total` in characters, `flush_after` and `timeout` in seconds without more text."""
        self._splitter = SentenceStream(max_chunk)
        self._max_total = max_total
        self._flush_after = flush_after
        self._timeout = timeout
        self._length = 0
        self._ready: asyncio.Queue[str | None] = asyncio.Queue()
        self._begun = asyncio.Event()
        self._fault = ""
        self._ended = False
        loop = asyncio.get_running_loop()
        self._flush = loop.call_later(flush_after, self._stalled)
        self._end_of_patience = loop.call_later(timeout, self._timed_out)

    def add(self, piece: str) -> None:
        """Take the next piece; more than `max_total` characters end the stream with a `RequestError`.

        White space alone doesn't restart the timeout.
        """
        if self._ended:
            return
        self._length += len(piece)
        if self._length > self._max_total:
            self._fail(f"The text is over {self._max_total} characters long (--max-total-length)")
            return
        self._give(self._splitter.add(piece))
        loop = asyncio.get_running_loop()
        self._flush.cancel()
        self._flush = loop.call_later(self._flush_after, self._stalled)
        if piece.strip():
            self._end_of_patience.cancel()
            self._end_of_patience = loop.call_later(self._timeout, self._timed_out)

    def finish(self) -> None:
        """Give out the rest, because no more text will come."""
        if not self._ended:
            self._give(self._splitter.finish())
            self._end()

    async def begun(self) -> None:
        """Wait until there is a sentence to speak, or the text has ended without one."""
        await self._begun.wait()

    async def __aiter__(self) -> AsyncIterator[str]:
        while (sentence := await self._ready.get()) is not None:
            yield sentence
        if self._fault:
            raise RequestError(self._fault)

    def close(self) -> None:
        """Stop the timers of a stream that nobody reads any more."""
        self._ended = True
        self._flush.cancel()
        self._end_of_patience.cancel()

    def _give(self, sentences: list[str]) -> None:
        for sentence in sentences:
            self._ready.put_nowait(sentence)
            self._begun.set()

    def _fail(self, fault: str) -> None:
        """End the stream with a `RequestError`, raised after the sentences already given out."""
        self._fault = fault
        self._end()

    def _end(self) -> None:
        self.close()
        self._ready.put_nowait(None)
        self._begun.set()

    def _stalled(self) -> None:
        self._give(self._splitter.flush_complete())

    def _timed_out(self) -> None:
        self._give(self._splitter.finish())
        self._fail(f"No more text and no synthesize-stop came for {self._timeout:g} s (--stream-timeout)")
