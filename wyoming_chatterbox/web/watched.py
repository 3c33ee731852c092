"""The connections of aiohttp's server, each with its place among the connections of the port."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext

from aiohttp import web

from ..errors import ChatterboxError
from ..network.connections import Connection
from .answers import error_answer


class Watched(asyncio.Protocol):
    """Passes everything on to aiohttp's protocol, and sets `lost` when the connection is lost."""

    def __init__(self, served: asyncio.Protocol, connection: Connection) -> None:
        self._served = served
        self.connection = connection
        self.lost = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._served.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        self._served.data_received(data)

    def eof_received(self) -> bool | None:
        return self._served.eof_received()

    def pause_writing(self) -> None:
        self._served.pause_writing()

    def resume_writing(self) -> None:
        self._served.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        self._served.connection_lost(exc)
        self.lost.set()


def busy(request: web.Request, waits: Callable[[], bool] = lambda: False) -> AbstractContextManager[None]:
    """Keep the place of the client that sent `request`, if it is still there; while it `waits`, another may have it."""
    if request.transport is None:
        return nullcontext()
    watched = request.transport.get_protocol()
    assert isinstance(watched, Watched)
    return watched.connection.busy(waits)


def refusal(err: ChatterboxError, headers: Mapping[str, str]) -> bytes:
    """Return the answer, with `headers` added, to a client that is rejected before it sent a request."""
    answer = error_answer(err)
    assert isinstance(answer.body, bytes)
    fields = {**answer.headers, **headers, "Content-Length": str(len(answer.body)), "Connection": "close"}
    lines = [f"HTTP/1.1 {answer.status} {answer.reason}", *(f"{name}: {value}" for name, value in fields.items())]
    return "\r\n".join([*lines, "", ""]).encode() + answer.body
