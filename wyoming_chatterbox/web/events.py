"""GET /events: what changes, as server-sent events. It is computed once for all listeners, and not at all without."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from ..errors import ShuttingDownError
from ..log_tail import Line
from ..speech.service import Service
from .answers import encoded, plain
from .watched import busy

_LOGGER = logging.getLogger(__name__)

_WAITING_EVENTS = 32
"""Events that wait for a listener to read; with more, it is gone."""
_WAITING_LINES = 200
"""Lines of the log that wait for the next look; with more, the oldest are left out."""
_CLOCKS = (
    ("uptime_seconds",),
    ("home_assistant", "seconds"),
    ("status", "state_seconds"),
    ("status", "retry_in_seconds"),
    ("status", "message"),
    ("status", "progress", "resumes_in_seconds"),
)
"""Fields that change by themselves: such a change is no news."""


@dataclass(frozen=True)
class Pace:
    """Seconds between two events of a kind."""

    look: float = 1.0
    """Between two looks at what is new."""
    memory: float = 10.0
    comment: float = 15.0
    """Between two comments, which tell a proxy that the answer goes on."""


USUAL_PACE = Pace()

Snapshot = Callable[[], Awaitable[dict[str, Any]]]


class Events:
    """Sends `info`, `memory` and `log` to everybody who listens."""

    def __init__(self, service: Service, info: Snapshot, memory: Snapshot, pace: Pace = USUAL_PACE) -> None:
        """`info` and `memory` compute what is sent."""
        self._service = service
        self._info = info
        self._memory = memory
        self._pace = pace
        self._listeners: set[_Listener] = set()
        self._lines: deque[Line] = deque(maxlen=_WAITING_LINES)
        self._before: str | None = None
        """The latest `info` that was sent; None while nobody listens."""
        self._task: asyncio.Task[None] | None = None
        self._closed = False

    @property
    def listening(self) -> int:
        """Number of listeners."""
        return len(self._listeners)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Send events until the client leaves, reads too slowly, or the server ends."""
        if self._closed:
            raise ShuttingDownError("Server is shutting down")
        headers = {
            "Content-Type": "text/event-stream",
            "Cache-Control": "no-store",
            # A proxy would wait for the end of the answer.
            "X-Accel-Buffering": "no",
        }
        response = web.StreamResponse(headers=headers)
        # Whoever listens makes room for clients that ask for something.
        with busy(request, lambda: True), self._listener(request) as listener:
            info, news = await self._looked()
            if self._before is None:
                self._before = news
            await response.prepare(request)
            await response.write(info)
            while (data := await listener.next()) is not None:
                await response.write(data)
        return response

    async def close(self) -> None:
        """End every answer; there are no more."""
        self._closed = True
        for listener in self._listeners:
            listener.end()
        await self._stop()

    @contextmanager
    def _listener(self, request: web.Request) -> Iterator[_Listener]:
        listener = _Listener(request)
        self._listeners.add(listener)
        if self._task is None:
            self._service.log.listen(self._lines.append)
            self._task = asyncio.create_task(self._look(), name="events")
        try:
            yield listener
        finally:
            self._listeners.discard(listener)
            if not self._listeners and self._task is not None:
                self._task.cancel()
                self._forget()

    async def _stop(self) -> None:
        if (task := self._task) is not None:
            task.cancel()
            self._forget()
            await asyncio.wait([task])

    def _forget(self) -> None:
        self._task = self._before = None
        self._service.log.leave(self._lines.append)
        self._lines.clear()

    async def _look(self) -> None:
        """Look again and again at what there is, and send what is new."""
        time = asyncio.get_running_loop().time
        remembered = commented = time()
        while True:
            await asyncio.sleep(self._pace.look)
            try:
                info, news = await self._looked()
                if news != self._before:
                    self._before = news
                    self._send(info)
                lines = b"".join(_event("log", line.shown()) for line in self._new_lines())
                if lines:
                    self._send(lines)
                if time() - remembered >= self._pace.memory:
                    remembered = time()
                    self._send(_event("memory", await self._memory()))
                if time() - commented >= self._pace.comment:
                    commented = time()
                    self._send(b":\n\n")
            except Exception:
                # An engine may be closed meanwhile; the next look has another.
                _LOGGER.debug("What changed can't be told", exc_info=True)

    async def _looked(self) -> tuple[bytes, str]:
        """Return the event `info` as it is now, and all of it that is news when it changes."""
        info = await self._info()
        visit = self._service.reach.visit
        at = visit.at if visit is not None else None
        # With thousands of voices that takes a while.
        return await asyncio.to_thread(lambda: (_event("info", info), _news(plain(info), at)))

    def _new_lines(self) -> Iterator[Line]:
        while self._lines:
            yield self._lines.popleft()

    def _send(self, data: bytes) -> None:
        for listener in self._listeners:
            listener.put(data)


class _Listener:
    def __init__(self, request: web.Request) -> None:
        self._request = request
        self._events: asyncio.Queue[bytes | None] = asyncio.Queue()

    def put(self, data: bytes) -> None:
        """Let an event wait to be read; a client that has not read the earlier ones is dropped."""
        if self._events.qsize() < _WAITING_EVENTS:
            self._events.put_nowait(data)
        elif self._request.transport is not None:
            self._request.transport.abort()

    def end(self) -> None:
        """Let nothing more come."""
        while not self._events.empty():
            self._events.get_nowait()
        self._events.put_nowait(None)

    async def next(self) -> bytes | None:
        """Wait for the next event; None is the end."""
        return await self._events.get()


def _event(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\ndata: {encoded(plain(data))}\n\n".encode()


def _news(lasting: dict[str, Any], visit: float | None) -> str:
    """Return all of `info` that is news when it changes, with the time of Home Assistant's latest visit.

    The rest is taken out of `lasting`.
    """
    for *path, name in _CLOCKS:
        at: Any = lasting
        for part in path:
            at = (at or {}).get(part)
        if at:
            at.pop(name, None)
    return encoded({"info": lasting, "visit": visit}, 3)
