"""Home Assistant finds the server by zeroconf."""

from __future__ import annotations

import asyncio

import pytest
from zeroconf import ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from wyoming_chatterbox.discovery import Announcement

TYPE = "_wyoming._tcp.local."


@pytest.fixture(name="changes")
async def changes_fixture() -> object:
    """What a browser sees, as (name, change)."""
    seen: asyncio.Queue[tuple[str, ServiceStateChange]] = asyncio.Queue()

    def changed(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        if "kitchen" in name:
            seen.put_nowait((name, state_change))

    try:
        zeroconf = AsyncZeroconf()
    except OSError:
        pytest.skip("there is no network here to announce anything in")
    browser = AsyncServiceBrowser(zeroconf.zeroconf, TYPE, handlers=[changed])
    yield zeroconf, seen
    await browser.async_cancel()
    await zeroconf.async_close()


async def test_a_server_on_all_addresses_is_announced_with_one_and_taken_back(
    changes: tuple[AsyncZeroconf, asyncio.Queue[tuple[str, ServiceStateChange]]], caplog: pytest.LogCaptureFixture
) -> None:
    zeroconf, seen = changes
    announcement = Announcement("kitchen", "0.0.0.0", 10200)
    await announcement.start()
    if "can't announce" in caplog.text:
        pytest.skip("there is no network here to announce anything in")
    name, change = await asyncio.wait_for(seen.get(), 10)
    assert change is ServiceStateChange.Added
    info = AsyncServiceInfo(TYPE, name)
    assert await info.async_request(zeroconf.zeroconf, 3000)
    assert info.port == 10200
    (address,) = info.parsed_addresses()
    assert address not in ("0.0.0.0", "127.0.0.1"), "Home Assistant skips these"
    await announcement.close()
    while (await asyncio.wait_for(seen.get(), 10))[1] is not ServiceStateChange.Removed:
        pass


async def test_what_others_can_not_reach_is_not_announced(caplog: pytest.LogCaptureFixture) -> None:
    announcement = Announcement("kitchen", "127.0.0.1", 10200)
    await announcement.start()
    await announcement.close()
    assert "can't reach 127.0.0.1" in caplog.text
