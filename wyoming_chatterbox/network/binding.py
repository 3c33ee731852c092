"""Listening at an address, and telling why that can't be done: whether it may be tried again, and what to do."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
from pathlib import Path

_BACKLOG = 1024
"""Clients that the kernel queues until they are accepted; a dropped one tries again only after a second."""
_PRIVILEGED = 1024
"""Ports below this are for the system, on most of them."""
_NOT_HERE = frozenset({errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})
"""Errors of an address that this machine lacks; a name may have others."""
_PASSING = frozenset({errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})


async def listen(host: str | None, port: int) -> list[socket.socket]:
    """Listen at each address of `host` that this machine has, None is all; `OSError` if that fails."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except UnicodeError as err:
        raise OSError(errno.EINVAL, "no host can have that name") from err
    sockets: list[socket.socket] = []
    missing: OSError | None = None
    try:
        for family, _, _, _, address in dict.fromkeys(found):
            try:
                sockets.append(_bound(socket.socket(family, socket.SOCK_STREAM), address))
            except OSError as err:
                if err.errno not in _NOT_HERE:
                    raise
                missing = err
        if missing is not None and not sockets:
            raise missing
    except BaseException:
        for bound in sockets:
            bound.close()
        raise
    return sockets


def listen_unix(path: Path) -> list[socket.socket]:
    """Listen at the Unix socket `path`; `OSError` if that fails."""
    return [_bound(socket.socket(socket.AF_UNIX), os.fspath(path))]


def passes(err: OSError) -> bool:
    """Whether what keeps a server from listening can pass by itself, as a program that has the address can end.

    Any name may be unknown only so far: until there is a network, resolvers say of names in it, and of the interface in
    an address such as `fe80::1%eth0`, that there is no such name.
    """
    return isinstance(err, socket.gaierror) or err.errno in _PASSING


def explained(err: OSError, port: int | None = None) -> str:
    """Say why an address can't be listened at, and what to do where the cause doesn't tell. `port` is a TCP port."""
    if isinstance(err, socket.gaierror):
        return "this machine can't resolve that name, or not yet"
    match err.errno:
        case errno.EADDRINUSE:
            return "another program has that address: end it, or choose another port"
        case errno.EADDRNOTAVAIL:
            return "this machine doesn't have that address, or not yet"
        case errno.EAFNOSUPPORT:
            return "this machine has no addresses of that kind: IPv6 is off"
        case errno.EACCES | errno.EPERM if port is not None and 0 < port < _PRIVILEGED:
            return f"ports under {_PRIVILEGED} are for the system: choose a higher one"
        case errno.ENOENT | errno.ENOTDIR if port is None:
            return "the directory for it is not there: make it, or choose another path"
    return err.strerror or str(err)


def _bound(listening: socket.socket, address: object) -> socket.socket:
    try:
        listening.setblocking(False)
        if os.name == "posix":
            # A server that has just ended leaves connections behind, which nobody else is to wait for.
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if listening.family == socket.AF_INET6:
            # IPv4 has a socket of its own.
            listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        listening.bind(address)  # type: ignore[arg-type]
        listening.listen(_BACKLOG)
    except BaseException:
        listening.close()
        raise
    return listening
