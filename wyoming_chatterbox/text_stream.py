"""Text that arrives in pieces over time, given out sentence by sentence.

A sentence comes out as soon as it is certain to be one. When the text stalls, so does whatever looks complete as it
stands: a listener should not wait for the next sentence to hear this one.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from .errors import RequestError
from .sentences import SentenceStream


class TextStream:
    """Fed from the connection's reader, read by the one who speaks."""

    def __init__(self, *, max_chunk: int, max_total: int, flush_after: float, timeout: float) -> None:
        """`max_chunk` and `max_total` in characters, `flush_after` and `timeout` in seconds without more text."""
        self._splitter = SentenceStream(max_chunk)
        self._max_total = max_total
        self._flush_after = flush_after
        self._timeout = timeout
        self._length = 0
        self._ready: asyncio.Queue[str | Exception | None] = asyncio.Queue()
        self._ended = False
        self._timers: list[asyncio.TimerHandle] = []
        self._restart_timers()

    def add(self, piece: str) -> None:
        """Take the next piece; more than `max_total` characters end the stream with a `RequestError`."""
        if self._ended:
            return
        self._length += len(piece)
        if self._length > self._max_total:
            self.fail(RequestError(f"The text is over {self._max_total} characters long (--max-total-length)"))
            return
        self._give(self._splitter.add(piece))
        self._restart_timers()

    def finish(self) -> None:
        """No more text will come: give out what is left."""
        if not self._ended:
            self._give(self._splitter.finish())
            self._end(None)

    def fail(self, error: Exception) -> None:
        """End the stream with an error, raised after the sentences already given out."""
        if not self._ended:
            self._end(error)

    async def __aiter__(self) -> AsyncIterator[str]:
        while (item := await self._ready.get()) is not None:
            if isinstance(item, Exception):
                raise item
            yield item

    def close(self) -> None:
        """Stop the timers of a stream that nobody reads any more."""
        self._ended = True
        self._stop_timers()

    def _give(self, sentences: list[str]) -> None:
        for sentence in sentences:
            self._ready.put_nowait(sentence)

    def _end(self, last: Exception | None) -> None:
        self.close()
        self._ready.put_nowait(last)

    def _restart_timers(self) -> None:
        self._stop_timers()
        loop = asyncio.get_running_loop()
        self._timers = [
            loop.call_later(self._flush_after, self._stalled),
            loop.call_later(self._timeout, self._timed_out),
        ]

    def _stop_timers(self) -> None:
        for timer in self._timers:
            timer.cancel()

    def _stalled(self) -> None:
        self._give(self._splitter.flush_complete())

    def _timed_out(self) -> None:
        self._give(self._splitter.finish())
        self.fail(RequestError(f"No more text and no synthesize-stop came for {self._timeout:g} s (--stream-timeout)"))
