"""IP addresses of clients, as the rules about who may come need them."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def parse_address(text: str) -> Address:
    """Parse an address, without its zone; an IPv4 address mapped into IPv6 is the IPv4 one. Raises `ValueError`."""
    address = ipaddress.ip_address(text.partition("%")[0])
    return getattr(address, "ipv4_mapped", None) or address


def address_of(peer: object) -> Address | None:
    """Return the IP address of a socket address; a Unix socket has none."""
    return parse_address(str(peer[0])) if isinstance(peer, tuple) else None


def is_within(address: Address | None, networks: Iterable[Network]) -> bool:
    """Whether an address is in one of the networks."""
    return address is not None and any(address in network for network in networks)
