"""The Wyoming server, on tcp, unix or stdio."""

from __future__ import annotations

import asyncio
import contextlib
import io
import logging
import os
import socket
import stat
import sys
import threading
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from wyoming.error import Error
from wyoming.event import write_event

from ..daemon_thread import in_daemon_thread
from ..errors import AddressError, ChatterboxError, ConfigError, OverloadedError
from ..network.binding import explained, listen, listen_unix, passes
from ..network.connections import Connection, Connections
from ..network.listener import Listener
from ..speech.service import Service
from .handler import Handler
from .peer import LINGER_SECONDS, transport_errors

_LOGGER = logging.getLogger(__name__)

_BYTES_AT_A_TIME = 65536


class WyomingServer:
    """Listens at one URI and gives each client a handler."""

    def __init__(self, uri: str, service: Service) -> None:
        self._uri = uri
        self._parts = urlsplit(uri)
        self._service = service
        self._connections = Connections(service.config.max_connections, service.config.allow)
        service.connections["wyoming"] = self._connections
        self._handlers: set[Handler] = set()
        self._listener: Listener | None = None
        self._stdio: asyncio.Task[None] | None = None
        self.ended = asyncio.Event()
        """Set when there will be no more clients: stdio has one."""

    async def start(self) -> None:
        """Begin to listen; `AddressError` if the address may be had later, `ConfigError` if it won't be."""
        if self._parts.scheme == "stdio":
            self._stdio = asyncio.create_task(self._serve_stdio(), name="stdio")
            return
        try:
            if self._parts.scheme == "unix":
                path = Path(self._parts.path)
                await _make_room(path)
                sockets = listen_unix(path)
            else:
                sockets = await listen(self.host, self.port or 0)
        except OSError as err:
            kind = AddressError if passes(err) else ConfigError
            raise kind(f"--uri {self._uri} can't be served: {explained(err, self.port)}") from err
        self._listener = Listener("Wyoming", sockets, self._connections, self._serve, _refusal)
        if self._parts.scheme == "tcp":
            self._service.reach.wyoming_port = self._listener.port
        _LOGGER.info("Wyoming is served at %s", self._uri)

    async def close(self) -> None:
        """Stop listening, then end every connection: replies in progress end with an error."""
        if self._listener is not None:
            self._listener.stop()
            if self._parts.scheme == "unix":
                Path(self._parts.path).unlink(missing_ok=True)
        await asyncio.gather(*(handler.stop() for handler in list(self._handlers)))
        if self._listener is not None:
            await self._listener.close()
        if self._stdio is not None:
            # The last words are read at once, or by nobody.
            await asyncio.wait([self._stdio], timeout=LINGER_SECONDS)
            self._stdio.cancel()
            await asyncio.wait([self._stdio])

    @property
    def host(self) -> str | None:
        """The host name or address that the server listens at; None for unix and stdio."""
        return self._parts.hostname

    @property
    def port(self) -> int | None:
        """The TCP port; None for unix and stdio."""
        return self._parts.port

    async def _serve(self, client: socket.socket, connection: Connection) -> None:
        if self._parts.scheme == "tcp":
            client.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        reader, writer = await asyncio.open_connection(sock=client)
        connection.when_dismissed(partial(_dismiss, writer))
        await self._run(Handler(self._service, reader, writer, connection))
        with contextlib.suppress(ConnectionError), transport_errors():
            await writer.wait_closed()

    async def _run(self, handler: Handler) -> None:
        self._handlers.add(handler)
        try:
            await handler.run()
        finally:
            self._handlers.discard(handler)

    async def _serve_stdio(self) -> None:
        try:
            ours, theirs = socket.socketpair()
            sound = os.dup(sys.stdout.fileno())
            # A library's print must not end up between the events.
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
            threading.Thread(target=_pump_in, args=(sys.stdin.fileno(), theirs), daemon=True).start()
            # Whoever reads this may stop reading: the end of the process must not wait for that.
            written = asyncio.wrap_future(in_daemon_thread(partial(_pump_out, theirs, sound), "standard output"))
            reader, writer = await asyncio.open_connection(sock=ours)
            connection = self._connections.admit(None)
            await self._run(Handler(self._service, reader, writer, connection, half_close_means_gone=False))
            await written
        except Exception:
            _LOGGER.exception("Serving standard input and output failed")
        finally:
            self.ended.set()


def _refusal(err: ChatterboxError) -> bytes:
    """Return the event that tells a client why the server rejects it."""
    event = io.BytesIO()
    write_event(Error(text=str(err), code=err.code).event(), event)
    return event.getvalue()


def _dismiss(writer: asyncio.StreamWriter) -> None:
    """Tell an idle client that another one gets its place, and close without waiting for it to read that."""
    if not writer.transport.get_write_buffer_size():
        writer.write(_refusal(OverloadedError("Too many clients are connected (--max-connections): an idle one goes")))
    writer.transport.abort()


async def _make_room(path: Path) -> None:
    """Delete a socket that an earlier server left behind; `ConfigError` for what is no socket, `AddressError` for a
    server's."""
    try:
        kind = path.stat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(kind):
        raise ConfigError(f"--uri unix://{path} can't be served: there is something else at that path")
    try:
        _, writer = await asyncio.open_unix_connection(path)
    except ConnectionRefusedError:
        path.unlink()
    else:
        writer.close()
        raise AddressError(f"--uri unix://{path} can't be served: another server does already")


def _pump_in(source: int, target: socket.socket) -> None:
    """Copy a file, pipe or terminal to a socket, which asyncio can wait for."""
    try:
        while data := os.read(source, _BYTES_AT_A_TIME):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError as err:
        _LOGGER.debug("Standard input ended: %s", err)


def _pump_out(source: socket.socket, target: int) -> None:
    """Copy a socket to a file, pipe or terminal."""
    try:
        while data := source.recv(_BYTES_AT_A_TIME):
            while data:
                data = data[os.write(target, data) :]
    except OSError as err:
        _LOGGER.debug("Standard output ended: %s", err)
    finally:
        source.close()
        os.close(target)
