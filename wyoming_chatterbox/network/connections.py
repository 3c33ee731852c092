"""Who may be connected to one port: a limited number of clients, with a share for each address; idle ones make room.

This is pure policy and bookkeeping; `listener` accepts and closes.
"""

from __future__ import annotations

import ipaddress
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from ..errors import ForbiddenError, OverloadedError
from .addresses import Address, address_of, is_within

WRITE_SECONDS = 60.0
"""Seconds that a client may take to read what it is sent before its connection is ended."""
_PLACES_PER_RESERVED_PLACE = 8
"""One place in eight is reserved for addresses that have none."""
_IPV6_SITE_BITS = 64
"""Leading bits of an IPv6 address that identify a client, which can choose the rest freely."""


class Connection:
    """One client's place among the `Connections` of a port."""

    def __init__(self, client: str, touch: Callable[[Connection], None]) -> None:
        """`client` is the address that the place counts for; `touch` notes that the connection was used."""
        self.client = client
        self._touch = touch
        self._answers = 0
        self._waits: Callable[[], bool] = lambda: False
        self._dismissed = False
        self._close: Callable[[], None] = lambda: None

    @property
    def idle(self) -> bool:
        """Whether the connection has no request in progress, or one that waits in vain for its client."""
        return not self._answers or self._waits()

    def touch(self) -> None:
        """Note that the client has sent a request."""
        self._touch(self)

    @contextmanager
    def busy(self, waits: Callable[[], bool] = lambda: False) -> Iterator[None]:
        """Keep the place while a request is in progress; `waits` says when it waits in vain for its client."""
        self.touch()
        self._answers += 1
        self._waits = waits
        try:
            yield
        finally:
            self._answers -= 1
            self.touch()

    def when_dismissed(self, close: Callable[[], None]) -> None:
        """Call `close` when another client needs the place; call it at once if one already did."""
        self._close = close
        if self._dismissed:
            close()

    def dismiss(self) -> None:
        """Close the connection, because another client gets its place."""
        self._dismissed = True
        self._close()


@dataclass
class ConnectionCounters:
    """Numbers since the server's start."""

    accepted: int = 0
    refused: int = 0
    """Clients for whom there was no place."""
    dismissed: int = 0
    """Idle connections closed to make room for another."""
    forbidden: int = 0
    """Clients outside the networks of --allow."""


class Connections:
    """The open connections of one port, `limit` at most."""

    def __init__(self, limit: int, networks: Sequence[str] = ()) -> None:
        """Clients may come from `networks` and from this machine; from everywhere if `networks` is empty."""
        self.limit = limit
        self.share = limit - limit // _PLACES_PER_RESERVED_PLACE
        """The most connections that one address may have."""
        self.counters = ConnectionCounters()
        self._networks = [ipaddress.ip_network(network) for network in networks]
        self._open: OrderedDict[Connection, None] = OrderedDict()
        """The connections, ordered by their latest request, the oldest first."""

    @property
    def bounds(self) -> str:
        """The limit in words, for messages."""
        return f"{self.limit} is the limit, and {self.share} for one address (see --max-connections)"

    def __len__(self) -> int:
        return len(self._open)

    def admit(self, peer: object) -> Connection:
        """Give a place to the client with the socket address `peer`, and dismiss an idle client for it if necessary.

        Raises `ForbiddenError` if the client is in none of the networks, `OverloadedError` if it could only displace a
        connection in use, or one of an address that has fewer.
        """
        address = address_of(peer)
        if not self._allowed(address):
            self.counters.forbidden += 1
            raise ForbiddenError(f"{address} is in none of the networks of --allow")
        client = _client(address)
        leaving = self._room_for(client)
        connection = Connection(client, self._touch)
        self._open[connection] = None
        self.counters.accepted += 1
        if leaving is not None:
            self.release(leaving)
            self.counters.dismissed += 1
            leaving.dismiss()
        return connection

    def release(self, connection: Connection) -> None:
        """Free the place of a connection that has ended; a dismissed one has none any more."""
        self._open.pop(connection, None)

    def snapshot(self) -> dict[str, int]:
        """Return numbers for `/info`."""
        return {"open": len(self), "limit": self.limit, **asdict(self.counters)}

    def _touch(self, connection: Connection) -> None:
        if connection in self._open:
            self._open.move_to_end(connection)

    def _room_for(self, client: str) -> Connection | None:
        """Choose the connection to dismiss: the idlest of the address that has most; None if there is room."""
        held = Counter(connection.client for connection in self._open)
        held[client] += 1
        if held[client] > self._share_of(client):
            candidates = [connection for connection in self._open if connection.client == client]
        elif len(self._open) >= self.limit:
            candidates = [connection for connection in self._open if held[connection.client] >= held[client]]
        else:
            return None
        idle = [connection for connection in candidates if connection.idle]
        if not idle:
            self.counters.refused += 1
            raise OverloadedError(
                f"{len(self._open)} clients are connected, {held[client] - 1} of them from this address, and none that "
                f"is idle can make room: {self.bounds}"
            )
        return max(idle, key=lambda connection: held[connection.client])

    def _share_of(self, client: str) -> int:
        return self.share if client else self.limit

    def _allowed(self, address: Address | None) -> bool:
        return not self._networks or address is None or address.is_loopback or is_within(address, self._networks)


def client_name(peer: object) -> str | None:
    """Return address and port of a socket address, for the log; a Unix socket has neither."""
    return f"{peer[0]}:{peer[1]}" if isinstance(peer, tuple) and len(peer) >= 2 else None


def _client(address: Address | None) -> str:
    if address is None:
        return ""
    if isinstance(address, ipaddress.IPv6Address):
        return str(ipaddress.ip_network((address, _IPV6_SITE_BITS), strict=False))
    return str(address)
