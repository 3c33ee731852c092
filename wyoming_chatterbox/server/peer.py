"""The client at the other end of a connection: sending to it, and ending so that every Home Assistant notices.

Every error of the transport becomes a `ConnectionError` here: the client has left or is leaving, and nothing is wrong
with the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import Iterator

from wyoming.event import Event, write_event

from ..network.addresses import address_of
from ..network.connections import WRITE_SECONDS, client_name

LINGER_SECONDS = 2.0
"""Seconds that a client has to read the last events before its connection is closed."""
_BYTES_AT_A_TIME = 65536


@contextlib.contextmanager
def transport_errors() -> Iterator[None]:
    """Turn the errors of a lost transport into `ConnectionError`."""
    try:
        yield
    except OSError as err:
        # The stream reader keeps this error, and the traceback would keep every frame on the way.
        err.__traceback__ = None
        raise ConnectionResetError(err.strerror or str(err) or type(err).__name__) from None


class Peer:
    """One client, as far as the transport knows it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self._writer = writer
        peer = writer.get_extra_info("peername")
        address = address_of(peer)
        self.address = None if address is None else str(address)
        """The client's IP address; None for a Unix socket or a pipe."""
        self.name = client_name(peer) or "local client"
        """The client's address and port, for the log."""
        self.ended = False
        """Whether the last events were sent; nothing is sent after them."""
        self._lingering: asyncio.TimerHandle | None = None

    async def send(self, event: Event | bytes) -> None:
        """Send an event, encoded or not; `ConnectionError` if the client is gone or has read nothing for a minute."""
        if self.ended:
            return
        try:
            async with asyncio.timeout(WRITE_SECONDS):
                with transport_errors():
                    self._writer.write(event if isinstance(event, bytes) else encoded(event))
                    await self._writer.drain()
        except TimeoutError as err:
            raise ConnectionAbortedError(f"it has read nothing for {WRITE_SECONDS:g} s") from err

    async def probe(self) -> None:
        """Write a space; if the client is gone, the next call raises `ConnectionError`.

        A client that has only closed its writing side looks the same until something is written to it. JSON allows
        white space before the next event's header.
        """
        if not self.ended and not self._writer.transport.get_write_buffer_size():
            with transport_errors():
                self._writer.write(b" ")
                await self._writer.drain()

    def end(self, *last_words: Event) -> None:
        """Send the last events and close our writing side; close the connection when the client had time to read."""
        if self.ended:
            return
        self.ended = True
        if self._writer.is_closing():
            return
        try:
            self._writer.write(encoded(*last_words))
            self._writer.write_eof()
        except OSError:
            self.abort()
        else:
            self._lingering = asyncio.get_running_loop().call_later(LINGER_SECONDS, self.close)

    async def discard_input(self) -> None:
        """Read and drop the client's input for a moment: a close over unread input would lose our last events."""
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(LINGER_SECONDS):
                with transport_errors():
                    while await self.reader.read(_BYTES_AT_A_TIME):
                        pass

    def close(self) -> None:
        """Close as soon as the client has read everything, after a minute at the latest."""
        self.ended = True
        if self._lingering is not None:
            self._lingering.cancel()
        self._writer.close()
        if self._writer.transport.get_write_buffer_size():
            # Some clients never read everything, and a plain close would wait for them.
            asyncio.get_running_loop().call_later(WRITE_SECONDS, self._writer.transport.abort)

    async def closed(self) -> None:
        """Wait until the connection is closed, unless the client still has something to read."""
        if not self._writer.transport.get_write_buffer_size():
            # The stream writer keeps the error that ended it, with its traceback, until somebody asks for it.
            with contextlib.suppress(ConnectionError), transport_errors():
                await self._writer.wait_closed()

    def abort(self) -> None:
        """Close at once, even if the client has not read everything."""
        self.ended = True
        self._writer.transport.abort()


def encoded(*events: Event) -> bytes:
    """Return the bytes that events are sent as."""
    buffer = io.BytesIO()
    for event in events:
        write_event(event, buffer)
    return buffer.getvalue()
