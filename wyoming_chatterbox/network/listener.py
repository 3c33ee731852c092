"""Accepting as many clients as there are places, and rejecting the others cheaply.

asyncio's own servers accept everybody. A rejected client would still hold a descriptor for a while, and when the last
descriptor is taken, each further client logs a traceback.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
from collections.abc import Awaitable, Callable, Sequence

from ..errors import ChatterboxError
from .connections import Connection, Connections

_LOGGER = logging.getLogger(__name__)

_LINGER_SECONDS = 2.0
"""Seconds that a rejected client has to read why."""
MAX_REJECTED_CLIENTS = 16
"""Rejected clients that may read why at the same time; a further one ends the first."""
_PAUSE_SECONDS = 1.0
"""Seconds without accepting after the system failed to accept a connection."""

Serve = Callable[[socket.socket, Connection], Awaitable[None]]
"""Serves a client; returns once its socket is closed."""


class Listener:
    """Accepts the clients of one port for whom `connections` has a place, and hands them to `serve`."""

    def __init__(
        self,
        name: str,
        sockets: Sequence[socket.socket],
        connections: Connections,
        serve: Serve,
        refusal: Callable[[ChatterboxError], bytes],
    ) -> None:
        """Begin to accept at `sockets`, which listen already.

        Log lines begin with `name`; `refusal` makes the bytes that a rejected client is sent.
        """
        self._name = name
        self._sockets = sockets
        self._connections = connections
        self._serve = serve
        self._refusal = refusal
        self._loop = asyncio.get_running_loop()
        self._serving: set[asyncio.Task[None]] = set()
        self._rejected: dict[socket.socket, asyncio.TimerHandle] = {}
        self._resuming: asyncio.TimerHandle | None = None
        self._resume()

    @property
    def port(self) -> int:
        """The TCP port listened at."""
        return int(self._sockets[0].getsockname()[1])

    def stop(self) -> None:
        """Stop accepting clients."""
        self._pause()
        for listening in self._sockets:
            listening.close()
        for leaving in list(self._rejected):
            self._drop(leaving)

    async def close(self) -> None:
        """Stop accepting, and cancel the tasks that still serve a client."""
        self.stop()
        for task in self._serving:
            task.cancel()
        if self._serving:
            await asyncio.wait(self._serving, timeout=_LINGER_SECONDS)

    def _resume(self) -> None:
        self._resuming = None
        for listening in self._sockets:
            self._loop.add_reader(listening, self._accept, listening)

    def _pause(self) -> None:
        if self._resuming is not None:
            self._resuming.cancel()
            self._resuming = None
        for listening in self._sockets:
            if listening.fileno() >= 0:
                self._loop.remove_reader(listening)

    def _accept(self, listening: socket.socket) -> None:
        """Accept one client only: earlier ones get a chance to send a request before the next may displace them."""
        try:
            client, peer = listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as err:
            _LOGGER.warning("%s: no new client can be accepted: %s", self._name, err.strerror or err)
            self._pause()
            self._resuming = self._loop.call_later(_PAUSE_SECONDS, self._resume)
            return
        client.setblocking(False)
        dismissed = self._connections.counters.dismissed
        try:
            connection = self._connections.admit(peer)
        except ChatterboxError as err:
            _LOGGER.warning("%s: a client is turned away: %s", self._name, err)
            self._reject(client, err)
            return
        if self._connections.counters.dismissed > dismissed:
            _LOGGER.warning(
                "%s: an idle client is dismissed for a new one: %d are connected, %s",
                self._name,
                len(self._connections),
                self._connections.bounds,
            )
        task = self._loop.create_task(self._run(client, connection))
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)

    async def _run(self, client: socket.socket, connection: Connection) -> None:
        try:
            await self._serve(client, connection)
        except OSError as err:
            _LOGGER.debug("A client is gone: %s", err)
        except Exception:
            _LOGGER.exception("Serving a client failed")
        finally:
            self._connections.release(connection)

    def _reject(self, client: socket.socket, err: ChatterboxError) -> None:
        """Tell a client why, and drop its input for a moment: a close over unread input would lose the message."""
        try:
            client.send(self._refusal(err))
            client.shutdown(socket.SHUT_WR)
        except OSError:
            client.close()
            return
        if len(self._rejected) >= MAX_REJECTED_CLIENTS:
            self._drop(next(iter(self._rejected)))
        self._rejected[client] = self._loop.call_later(_LINGER_SECONDS, self._drop, client)
        self._loop.add_reader(client, self._discard, client)

    def _discard(self, client: socket.socket) -> None:
        data = b""
        with contextlib.suppress(OSError):
            data = client.recv(65536)
        if not data:
            self._drop(client)

    def _drop(self, client: socket.socket) -> None:
        self._rejected.pop(client).cancel()
        self._loop.remove_reader(client)
        client.close()
