"""Text that arrives in pieces over time, given out sentence by sentence.

A sentence is given out as soon as it is certain. When the text stalls, a sentence that looks complete is given out too,
so that the listener need not wait for the next one; when it stalls for long, so is what is unfinished. The text may go
on even then: nothing that comes later is lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from ..errors import RequestError
from .items import Item
from .pipeline import Reading, TextPipeline

_PATIENCE = 4
"""Times `flush_after` after which "21." counts as a sentence, though it may become "21.5"."""
_LAST_LIMIT = 10
"""Times `timeout` without more text after which a stream ends that nobody has ended."""


class TextStream:
    """Takes text from the connection's reader, and gives what is to be said to its speaker."""

    def __init__(self, *, max_total: int, flush_after: float, timeout: float, ssml: bool = False) -> None:
        """`max_total` in characters; `flush_after` and `timeout` in seconds without more text.

        What has come after `timeout` is given out as it is. After ten times as long the stream ends.
        """
        self._ssml = ssml
        self._max_total = max_total
        self._flush_after = flush_after
        self._timeout = timeout
        self._length = 0
        self._pipeline: TextPipeline | None = None
        self._early: list[str] = []
        """Pieces that came before the language was known."""
        self._finished = False
        self._ready: asyncio.Queue[Item | None] = asyncio.Queue()
        self._begun = asyncio.Event()
        self._is_silent = False
        self._is_read = False
        """Whether everything before was taken."""
        self._fault = ""
        self._ended = False
        loop = asyncio.get_running_loop()
        self._stall = loop.call_later(flush_after, self._stalled, False)
        self._silence = loop.call_later(timeout, self._silent)

    def read_as(self, language: str, reading: Reading) -> None:
        """Begin to read the text, in a language given as ISO 639-1."""
        self._pipeline = TextPipeline(language, reading, ssml=self._ssml)
        self._give(self._pipeline.add("".join(self._early)))
        self._early.clear()
        if self._finished:
            self._give(self._pipeline.finish())
            self._end()

    def add(self, piece: str) -> None:
        """Take the next piece; more than `max_total` characters end the stream with a `RequestError`.

        White space alone doesn't restart the timeout.
        """
        if self._ended or self._finished:
            return
        self._length += len(piece)
        if self._length > self._max_total:
            self._fail(f"The text is over {self._max_total} characters long (--max-total-length)")
            return
        if self._pipeline is None:
            self._early.append(piece)
        else:
            self._give(self._pipeline.add(piece))
        loop = asyncio.get_running_loop()
        self._stall.cancel()
        self._stall = loop.call_later(self._flush_after, self._stalled, False)
        if piece.strip():
            self._silence.cancel()
            self._silence = loop.call_later(self._timeout, self._silent)
            self._is_silent = False

    def finish(self) -> None:
        """Give out the rest, because no more text will come."""
        if self._ended:
            return
        self._finished = True
        if self._pipeline is not None:
            self._give(self._pipeline.finish())
            self._end()

    @property
    def waits(self) -> bool:
        """Whether no text has come for `timeout`, and all that came was taken."""
        return self._is_silent and self._is_read

    async def begun(self) -> None:
        """Wait until there is something to say, or the text has ended without it."""
        await self._begun.wait()

    async def __aiter__(self) -> AsyncIterator[Item]:
        while True:
            self._is_read = self._ready.empty()
            item = await self._ready.get()
            self._is_read = False
            if item is None:
                break
            yield item
        if self._fault:
            raise RequestError(self._fault)

    def close(self) -> None:
        """Stop the timers of a stream that nobody reads any more."""
        self._ended = True
        self._stall.cancel()
        self._silence.cancel()

    def _give(self, items: list[Item]) -> None:
        for item in items:
            self._ready.put_nowait(item)
            self._begun.set()

    def _fail(self, fault: str) -> None:
        """End the stream with a `RequestError`, raised after what was already given out."""
        self._fault = fault
        self._end()

    def _end(self) -> None:
        self.close()
        self._ready.put_nowait(None)
        self._begun.set()

    def _stalled(self, patient: bool) -> None:
        if self._pipeline is not None:
            self._give(self._pipeline.settle(patient=patient))
        if not patient:
            wait = (_PATIENCE - 1) * self._flush_after
            self._stall = asyncio.get_running_loop().call_later(wait, self._stalled, True)

    def _silent(self) -> None:
        self._is_silent = True
        if self._pipeline is not None:
            self._give(self._pipeline.flush())
        wait = (_LAST_LIMIT - 1) * self._timeout
        self._silence = asyncio.get_running_loop().call_later(wait, self._give_up)

    def _give_up(self) -> None:
        patience = _LAST_LIMIT * self._timeout
        self._fail(f"No more text and no synthesize-stop came for {patience:g} s, ten times --stream-timeout")
