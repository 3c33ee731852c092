"""How others reach this server, and which of them asked last."""

from __future__ import annotations

import ipaddress
import socket
import time
from dataclasses import dataclass
from pathlib import Path

_MULTICAST = "224.0.0.251"


@dataclass(frozen=True)
class Visit:
    """A Describe of a Wyoming client, which is Home Assistant as far as anyone can tell."""

    peer: str | None
    """The client's address; None for a Unix socket or a pipe."""
    at: float
    """When it came, by `time.monotonic()`."""


class Reach:
    """Notes that the servers of both ports keep for each other and for the page."""

    def __init__(self) -> None:
        self.announced: str | None = None
        """The name that zeroconf announces; None if it announces nothing."""
        self.visit: Visit | None = None
        """The latest Describe that was not our own health check's."""
        self.wyoming_port: int | None = None
        """The TCP port of Wyoming; None if it is served otherwise."""
        self.page_port: int | None = None
        """The port of the page; None if there is none."""

    def announce(self, name: str | None) -> None:
        """Note the name that zeroconf announces from now on; None if it announces nothing more."""
        self.announced = name

    def visited(self, peer: str | None) -> None:
        """Note a Describe of the client at the address `peer`."""
        self.visit = Visit(peer, time.monotonic())


def own_address(host: str | None) -> str:
    """Return the address of this machine that others reach `host` at; None or a wildcard is the one for multicast.

    Names are resolved, which can take a while. Raises `OSError` if there is no network.
    """
    if host:
        resolved = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0]
        if not ipaddress.ip_address(resolved).is_unspecified:
            return str(resolved)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        # Nothing is sent: the system only chooses the interface.
        probe.connect((_MULTICAST, 1))
        return str(probe.getsockname()[0])


def known_address(host: str | None) -> str | None:
    """Return the same at once: a name stands for itself, and None for no network."""
    try:
        if host:
            ipaddress.ip_address(host)
        return own_address(host)
    except ValueError:
        return host
    except OSError:
        return None


def in_a_container() -> bool:
    """Whether this process runs in a container, whose own address is of no use to others."""
    return Path("/.dockerenv").exists() or Path("/run/.containerenv").exists()
