"""Telling where the server is: people in the log, Home Assistant by zeroconf."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import socket
from collections.abc import Callable, Sequence
from functools import partial

from zeroconf import InterfaceChoice
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from ..daemon_thread import in_daemon_thread
from ..network.reach import in_a_container, own_address

_LOGGER = logging.getLogger(__name__)

_TYPE = "_wyoming._tcp.local."
_NETWORK_POLL_SECONDS = 2.0
"""Seconds between two tries to find a network."""
_BY_HAND = "Settings > Devices & services > Add integration > Wyoming Protocol, host {}, port {}"


class Announcement:
    """Logs the server's address, and announces a `_wyoming._tcp` service where others can reach it."""

    def __init__(
        self,
        name: str | None,
        host: str | None,
        port: int,
        *,
        told: Callable[[str | None], None] = lambda _: None,
        contained: bool | None = None,
        interfaces: Sequence[str] | InterfaceChoice = InterfaceChoice.All,
    ) -> None:
        """`name` is the service's; None announces nothing. `host` None or a wildcard is the interface for multicast.

        `told` is called with the name once it is announced, and with None when it no longer is.
        `contained` says whether this is a container; None finds out. zeroconf uses `interfaces`.
        """
        self._name = name
        self._host = host
        self._port = port
        self._told = told
        self._contained = in_a_container() if contained is None else contained
        self._interfaces = interfaces
        self._zeroconf: AsyncZeroconf | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Find out the address, log it, and announce the server, all in the background."""
        # It logs a traceback as a warning whenever the network goes away.
        logging.getLogger("zeroconf").setLevel(logging.ERROR)
        self._task = asyncio.create_task(self._tell(), name="announcement")

    async def close(self) -> None:
        """Take the announcement back."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        if self._zeroconf is not None:
            self._told(None)
            await self._zeroconf.async_unregister_all_services()
            await self._zeroconf.async_close()

    async def _tell(self) -> None:
        address = await self._find_address()
        by_hand = _BY_HAND.format(address, self._port)
        if ipaddress.ip_address(address).is_loopback:
            _LOGGER.info("Only this machine reaches the server. In a Home Assistant on it: %s", by_hand)
            return
        # A container's own address is of no use to others, unless it is announced on purpose.
        level = logging.DEBUG if self._contained and self._name is None else logging.INFO
        _LOGGER.log(level, "In Home Assistant: %s", by_hand)
        if self._name is not None:
            await self._announce(self._name, address)

    async def _find_address(self) -> str:
        """Wait for an address: a machine that has just started may get its network later than this server."""
        told = False
        while True:
            try:
                # A name may be asked for in vain for a minute, which the end of the process must not wait for.
                return await asyncio.wrap_future(in_daemon_thread(partial(own_address, self._host), "announcement"))
            except OSError as err:
                if not told:
                    why = err.strerror or err
                    _LOGGER.info("Only this machine reaches the server, until it has a network (%s)", why)
                told = True
                await asyncio.sleep(_NETWORK_POLL_SECONDS)

    async def _announce(self, name: str, address: str) -> None:
        try:
            self._zeroconf = AsyncZeroconf(interfaces=self._interfaces)
            info = AsyncServiceInfo(
                _TYPE,
                f"{name}.{_TYPE}",
                addresses=[ipaddress.ip_address(address).packed],
                port=self._port,
                server=f"{socket.gethostname().split('.')[0]}-wyoming-chatterbox.local.",
            )
            await self._zeroconf.async_register_service(info, allow_name_change=True)
        except Exception as err:
            # The announcement is a convenience, and it fails differently on each network and system.
            _LOGGER.info("Zeroconf can't announce it there (%s)", str(err) or type(err).__name__)
        else:
            announced = info.name.removesuffix(f".{_TYPE}")
            self._told(announced)
            _LOGGER.info("Zeroconf announces it there as %r", announced)
