"""Home Assistant finds the server by zeroconf, and people find its address in the log.

Nothing here is announced to anybody else's network: multicast stays on the loopback interface.
"""

from __future__ import annotations

import asyncio
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from zeroconf import ServiceStateChange, Zeroconf
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from tests.client import PATIENCE
from tests.serving import until
from wyoming_chatterbox.server.discovery import Announcement

TYPE = "_wyoming._tcp.local."
LOOPBACK = ["127.0.0.1"]
KITCHEN = f"kitchen{os.getpid()}"
"""Other runs of the tests announce servers at the same loopback interface."""
NOWHERE = ["198.51.100.8"]
"""An address that no machine has."""
BY_HAND = "Settings > Devices & services > Add integration > Wyoming Protocol, host "

Changes = tuple[AsyncZeroconf, asyncio.Queue[tuple[str, ServiceStateChange]]]


@pytest.fixture(autouse=True)
def everything_logged(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)


@pytest.fixture(name="changes")
async def changes_fixture() -> AsyncIterator[Changes]:
    """The changes that a browser sees, as (name, change)."""
    seen: asyncio.Queue[tuple[str, ServiceStateChange]] = asyncio.Queue()

    def changed(zeroconf: Zeroconf, service_type: str, name: str, state_change: ServiceStateChange) -> None:
        if KITCHEN in name:
            seen.put_nowait((name, state_change))

    try:
        zeroconf = AsyncZeroconf(interfaces=LOOPBACK)
    except OSError:
        pytest.skip("there is no multicast here to announce anything by")
    browser = AsyncServiceBrowser(zeroconf.zeroconf, TYPE, handlers=[changed])
    yield zeroconf, seen
    await browser.async_cancel()
    await zeroconf.async_close()


async def told(caplog: pytest.LogCaptureFixture, words: str) -> str:
    """Wait for a line of the log."""
    await until(lambda: words in caplog.text)
    (line,) = [line for line in caplog.messages if words in line]
    return line


@pytest.mark.slow(2)
async def test_a_server_on_all_addresses_is_announced_with_one_and_taken_back(
    changes: Changes, caplog: pytest.LogCaptureFixture
) -> None:
    zeroconf, seen = changes
    announcement = Announcement(KITCHEN, "0.0.0.0", 10200, interfaces=LOOPBACK)
    announcement.start()
    await until(lambda: "Zeroconf announces" in caplog.text or "until it has a network" in caplog.text)
    if "until it has a network" in caplog.text:
        await announcement.close()
        pytest.skip("there is no network here to have an address in")
    name, change = await asyncio.wait_for(seen.get(), PATIENCE)
    assert change is ServiceStateChange.Added
    info = AsyncServiceInfo(TYPE, name)
    assert await info.async_request(zeroconf.zeroconf, 1000 * PATIENCE)
    assert info.port == 10200
    (address,) = info.parsed_addresses()
    assert address not in ("0.0.0.0", "127.0.0.1"), "Home Assistant skips these"
    assert f"In Home Assistant: {BY_HAND}{address}, port 10200" in caplog.messages
    await announcement.close()
    while (await asyncio.wait_for(seen.get(), PATIENCE))[1] is not ServiceStateChange.Removed:
        pass


@pytest.mark.slow(2)
async def test_a_second_server_of_a_name_gets_another(changes: Changes, caplog: pytest.LogCaptureFixture) -> None:
    def announced(count: int) -> bool:
        return caplog.text.count("Zeroconf announces") == count

    both = [Announcement(KITCHEN, "198.51.100.7", port, interfaces=LOOPBACK) for port in (10200, 10201)]
    for number, announcement in enumerate(both, 1):
        announcement.start()
        await until(partial(announced, number))
    assert f"Zeroconf announces it there as '{KITCHEN}-2'" in caplog.messages
    for announcement in both:
        await announcement.close()


async def test_what_others_can_not_reach_is_not_announced(caplog: pytest.LogCaptureFixture) -> None:
    announcement = Announcement(KITCHEN, "localhost", 10200)
    announcement.start()
    line = await told(caplog, "Only this machine reaches the server")
    assert f"In a Home Assistant on it: {BY_HAND}" in line
    await announcement.close()
    assert len(caplog.records) == 1


async def test_switched_off_it_still_tells_the_address(caplog: pytest.LogCaptureFixture) -> None:
    announcement = Announcement(None, "198.51.100.7", 10300, contained=False)
    announcement.start()
    assert await told(caplog, "In Home Assistant") == f"In Home Assistant: {BY_HAND}198.51.100.7, port 10300"
    await announcement.close()
    assert len(caplog.records) == 1


@pytest.mark.parametrize(("name", "level"), [(None, "DEBUG"), ("kitchen", "INFO")])
async def test_a_container_s_own_address_is_for_those_who_debug(
    name: str | None, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    announcement = Announcement(name, "198.51.100.7", 10200, contained=True, interfaces=NOWHERE)
    announcement.start()
    await told(caplog, "In Home Assistant")
    await announcement.close()
    assert [record.levelname for record in caplog.records if "198.51.100.7" in record.getMessage()] == [level]


async def test_where_it_can_not_be_announced_one_quiet_line_says_so(caplog: pytest.LogCaptureFixture) -> None:
    announcement = Announcement(KITCHEN, "198.51.100.7", 10200, interfaces=NOWHERE)
    announcement.start()
    assert await told(caplog, "In Home Assistant")
    await told(caplog, "Zeroconf can't announce it there (")
    await announcement.close()
    assert [record.levelname for record in caplog.records] == ["INFO", "INFO"]


async def test_it_can_be_closed_before_it_has_begun() -> None:
    await Announcement(KITCHEN, "0.0.0.0", 10200, interfaces=LOOPBACK).close()
    announcement = Announcement(KITCHEN, "0.0.0.0", 10200, interfaces=LOOPBACK)
    announcement.start()
    await announcement.close()


LATE_NETWORK = r"""
ip link set lo up multicast on
"$@" 2>"$LOG" &
until grep -q 'until it has a network' "$LOG"; do sleep 0.1; done
ip address add 10.1.2.3/32 dev lo
ip route add default dev lo src 10.1.2.3
until grep -q 'Zeroconf announces' "$LOG"; do sleep 0.1; done
ip address flush dev lo
ip link set lo down
sleep 1
kill %1
wait %1
"""
"""A network of its own for a server that is started before there is one, and ended after it is gone."""

ISOLATED = ("unshare", "--map-root-user", "--net", "bash", "-eu", "-c")


def can_isolate() -> bool:
    if not (shutil.which("unshare") and shutil.which("ip")):
        return False
    return subprocess.run([*ISOLATED, "ip link set lo up"], capture_output=True, check=False).returncode == 0


@pytest.mark.slow(6)
@pytest.mark.skipif(not can_isolate(), reason="this machine gives its users no networks of their own")
def test_a_server_is_announced_as_soon_as_there_is_a_network_and_quiet_when_it_goes(tmp_path: Path) -> None:
    server = [sys.executable, "-m", "wyoming_chatterbox", "--no-http", "--no-standby", "--local-files-only"]
    command = [*ISOLATED, LATE_NETWORK, "bash", *server, "--data-dir", str(tmp_path)]
    log = tmp_path / "log"
    done = subprocess.run(command, env={**os.environ, "LOG": str(log)}, timeout=280, check=False)
    said = log.read_text()
    assert done.returncode == 0, said
    assert said.count("until it has a network (Network is unreachable)") == 1
    assert f"In Home Assistant: {BY_HAND}10.1.2.3, port 10200\n" in said
    assert "Zeroconf announces it there as 'chatterbox'\n" in said
    assert "Traceback" not in said
