"""Free ports."""

from __future__ import annotations

import fcntl
import os
import socket
import tempfile
from pathlib import Path
from random import SystemRandom
from typing import IO

_PORTS = range(15_000, 32_000)
"""Below those that systems give to outgoing connections: between our look and a server's start, nobody is given one."""
_given: set[int] = set()


def _shared() -> IO[bytes]:
    """A file of which a process that runs tests locks the byte of each port that it gives: others give other ports."""
    try:
        return (Path(tempfile.gettempdir()) / f"wyoming-chatterbox-ports-{os.getuid()}").open("ab")
    except PermissionError:
        # It is another user's, who has this number outside of a namespace.
        return tempfile.TemporaryFile()


_taken = _shared()


def free_port() -> int:
    """A TCP port of the loopback interface that nobody listens at, and that no other test is given."""
    while True:
        port = SystemRandom().choice(_PORTS)
        if port in _given:
            continue
        with socket.socket() as probe:
            try:
                fcntl.lockf(_taken, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        _given.add(port)
        return port
