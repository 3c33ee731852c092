"""Free ports."""

from __future__ import annotations

import socket
from random import SystemRandom

_PORTS = range(15_000, 32_000)
"""Below those that systems give to outgoing connections: between our look and a server's start, nobody is given one."""
_given: set[int] = set()


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens at, and that nobody here was given before."""
    while True:
        port = SystemRandom().choice(_PORTS)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
