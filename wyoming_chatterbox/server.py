"""Serving Wyoming on tcp, unix or stdio."""

from __future__ import annotations

import asyncio
import logging
import sys
from urllib.parse import urlsplit

from wyoming.event import async_get_stdin
from wyoming.server import AsyncEventHandler, AsyncServer

from .errors import ConfigError, OverloadedError
from .handler import Handler
from .service import Service

_LOGGER = logging.getLogger(__name__)


class Server:
    """Listens at one URI and gives each client a handler."""

    def __init__(self, uri: str, service: Service) -> None:
        self._uri = uri
        self._service = service
        self._limit = service.config.max_connections
        self._handlers: set[AsyncEventHandler] = set()
        self._server: AsyncServer | None = None
        self._stdio: asyncio.Task[None] | None = None
        self.ended = asyncio.Event()
        """Set when there will be no more clients: stdio has one."""

    async def start(self) -> None:
        """Begin to listen; `ConfigError` where that address can't be had."""
        if self._uri == "stdio://":
            self._stdio = asyncio.create_task(self._serve_stdio(), name="stdio")
            return
        self._server = AsyncServer.from_uri(self._uri)
        try:
            await self._server.start(self._handler)
        except OSError as err:
            raise ConfigError(f"--uri {self._uri} can't be served: {err.strerror or err}") from err
        _LOGGER.info("Wyoming is served at %s", self._uri)

    async def close(self) -> None:
        """Stop listening and end every connection; what is being said ends with an error."""
        if self._stdio is not None:
            self._stdio.cancel()
            await asyncio.wait([self._stdio])
        if self._server is not None:
            await self._server.stop()

    @property
    def host(self) -> str | None:
        """The host name or address listened at, where there is one."""
        return urlsplit(self._uri).hostname

    @property
    def port(self) -> int | None:
        """The TCP port, where there is one."""
        return urlsplit(self._uri).port

    def _handler(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> AsyncEventHandler:
        if len(self._handlers) >= self._limit:
            return _Refusal(self._service, reader, writer)
        handler = _Counted(self._handlers, self._service, reader, writer)
        self._handlers.add(handler)
        return handler

    async def _serve_stdio(self) -> None:
        loop = asyncio.get_running_loop()
        reader = await async_get_stdin(loop)
        transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, sys.stdout)
        writer = asyncio.StreamWriter(transport, protocol, None, loop)
        try:
            await Handler(self._service, reader, writer, hears_end=False).run()
        finally:
            self.ended.set()


class _Counted(Handler):
    """A handler that leaves the set of those that are counted when it ends."""

    def __init__(
        self,
        counted: set[AsyncEventHandler],
        service: Service,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        super().__init__(service, reader, writer)
        self._counted = counted

    async def run(self) -> None:
        try:
            await super().run()
        finally:
            self._counted.discard(self)


class _Refusal(Handler):
    """Turns a client away because there are too many."""

    async def run(self) -> None:
        limit = self._service.config.max_connections
        err = OverloadedError(f"{limit} clients are connected, which is the limit (--max-connections)")
        _LOGGER.warning("A client is turned away: %s", err)
        await self.turn_away(err)
        self.writer.close()
