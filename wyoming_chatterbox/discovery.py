"""Telling Home Assistant by zeroconf that the server is here."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket

import zeroconf
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

_LOGGER = logging.getLogger(__name__)

_TYPE = "_wyoming._tcp.local."
_MULTICAST = "224.0.0.251"


class Announcement:
    """A `_wyoming._tcp` service; unregistered when closed."""

    def __init__(self, name: str, host: str | None, port: int) -> None:
        """`host` None or a wildcard announces the address of the interface that multicast goes out by."""
        self._name = name
        self._host = host
        self._port = port
        self._zeroconf: AsyncZeroconf | None = None

    async def start(self) -> None:
        """Announce the server. Where there is no network to announce it in, that is logged and nothing else."""
        try:
            address = await asyncio.to_thread(_address, self._host)
            if ipaddress.ip_address(address).is_loopback:
                raise OSError(f"others can't reach {address}")
            self._zeroconf = AsyncZeroconf()
            info = AsyncServiceInfo(
                _TYPE,
                f"{self._name}.{_TYPE}",
                addresses=[ipaddress.ip_address(address).packed],
                port=self._port,
                server=f"{socket.gethostname().split('.')[0]}-wyoming-chatterbox.local.",
            )
            await self._zeroconf.async_register_service(info, allow_name_change=True)
        except (OSError, TimeoutError, zeroconf.Error) as err:
            why = err or type(err).__name__
            _LOGGER.warning("Zeroconf can't announce the server (%s): add it in Home Assistant by host and port", why)
        else:
            _LOGGER.info("Zeroconf announces %r at %s:%d", self._name, address, self._port)

    async def close(self) -> None:
        """Take the announcement back."""
        if self._zeroconf is not None:
            await self._zeroconf.async_unregister_all_services()
            await self._zeroconf.async_close()


def _address(host: str | None) -> str:
    if host:
        resolved = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0]
        if not ipaddress.ip_address(resolved).is_unspecified:
            return str(resolved)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.connect((_MULTICAST, 1))
        return str(probe.getsockname()[0])
