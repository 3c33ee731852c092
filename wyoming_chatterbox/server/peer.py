"""The other end of a connection: sending to it, and parting from it so that every Home Assistant notices.

Whatever a transport raises because the peer has left or is leaving is a `ConnectionError` here: nothing is wrong with
the server then.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import Iterator

from wyoming.event import Event, write_event

from ..network.connections import client_name

_WRITE_TIMEOUT = 60.0
"""Seconds that a client may take to read before it is given up."""
LINGER = 2.0
"""Seconds that a client has to read the last words before its connection is gone."""
_PIECE = 65536


@contextlib.contextmanager
def transport_errors() -> Iterator[None]:
    """Turn what a lost transport raises into `ConnectionError`."""
    try:
        yield
    except OSError as err:
        # The stream reader keeps this error, and its traceback would keep every frame that led to it.
        err.__traceback__ = None
        raise ConnectionResetError(err.strerror or str(err) or type(err).__name__) from None


class Peer:
    """One client, as far as the transport knows it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self._writer = writer
        self.name = client_name(writer.get_extra_info("peername")) or "local client"
        """Address and port, for the log."""
        self.ended = False
        """Whether the last words to this client are said; nothing is sent after them."""
        self._lingering: asyncio.TimerHandle | None = None

    async def send(self, event: Event) -> None:
        """Send an event; `ConnectionError` if the client is gone, or has read nothing for a minute."""
        if self.ended:
            return
        try:
            async with asyncio.timeout(_WRITE_TIMEOUT):
                with transport_errors():
                    self._writer.write(_encoded(event))
                    await self._writer.drain()
        except TimeoutError as err:
            raise ConnectionAbortedError(f"it has read nothing for {_WRITE_TIMEOUT:g} s") from err

    async def probe(self) -> None:
        """Notice at the next call, by a `ConnectionError`, that a client which sends no more is gone altogether.

        A client that has only closed its writing side looks the same until something is written. So a space is: JSON
        allows white space before the next event's header.
        """
        if not self.ended and not self._writer.transport.get_write_buffer_size():
            with transport_errors():
                self._writer.write(b" ")
                await self._writer.drain()

    def end(self, *last_words: Event) -> None:
        """Say the last words and end our side; the client has a moment to read them, then the connection is closed."""
        if self.ended:
            return
        self.ended = True
        if self._writer.is_closing():
            return
        try:
            self._writer.write(_encoded(*last_words))
            self._writer.write_eof()
        except OSError:
            self.abort()
        else:
            self._lingering = asyncio.get_running_loop().call_later(LINGER, self.close)

    async def discard_input(self) -> None:
        """Read on for a moment: closing over unread input would lose our last words."""
        with contextlib.suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(LINGER):
                with transport_errors():
                    while await self.reader.read(_PIECE):
                        pass

    def close(self) -> None:
        """Close as soon as the client has read everything, after a minute at the latest."""
        self.ended = True
        if self._lingering is not None:
            self._lingering.cancel()
        self._writer.close()
        if self._writer.transport.get_write_buffer_size():
            # Some clients never read everything, and a close would wait for them.
            asyncio.get_running_loop().call_later(_WRITE_TIMEOUT, self._writer.transport.abort)

    async def closed(self) -> None:
        """Wait for the close, unless the client has yet to read something first."""
        if not self._writer.transport.get_write_buffer_size():
            # The stream writer keeps the traceback of the error that it was lost by until it is asked for it.
            with contextlib.suppress(ConnectionError), transport_errors():
                await self._writer.wait_closed()

    def abort(self) -> None:
        """Close at once, whatever is unread."""
        self.ended = True
        self._writer.transport.abort()


def _encoded(*events: Event) -> bytes:
    buffer = io.BytesIO()
    for event in events:
        write_event(event, buffer)
    return buffer.getvalue()
