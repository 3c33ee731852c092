"""Tells systemd that the server serves."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from contextlib import suppress


def tell_ready(environment: Mapping[str, str]) -> None:
    """Send READY=1 to the socket that `NOTIFY_SOCKET` names, if systemd set it: sd_notify(3)."""
    address = environment.get("NOTIFY_SOCKET", "")
    if not address.startswith(("/", "@")):
        return
    if address.startswith("@"):
        address = f"\0{address[1:]}"
    with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notified:
        notified.sendto(b"READY=1", address)
