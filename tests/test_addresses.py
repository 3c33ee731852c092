"""An address that can't be served is tried again where that may help; else the server ends and says what to change."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.http_serving import http
from tests.ports import free_port
from tests.serving import serving
from wyoming_chatterbox.errors import AddressError, ConfigError
from wyoming_chatterbox.network.binding import explained, listen, passes

NO_NAME = f"{'a' * 64}.example"
"""A host name that can't be: its first label is too long."""
NOT_HERE = "192.0.2.1"
"""An address of documentation, which no machine has."""


@pytest.fixture
def taken() -> Iterator[int]:
    with closing(socket.create_server(("127.0.0.1", 0))) as other:
        yield int(other.getsockname()[1])


async def refused(directory: Path, uri: str) -> AddressError | ConfigError:
    with pytest.raises((AddressError, ConfigError)) as caught:
        async with serving(directory, uri=uri):
            pass
    error = caught.value
    assert isinstance(error, AddressError | ConfigError)
    assert str(error).startswith(f"--uri {uri} can't be served: ")
    return error


async def test_what_can_pass_by_itself_may_be_tried_again(tmp_path: Path, taken: int) -> None:
    assert isinstance(await refused(tmp_path, f"tcp://127.0.0.1:{taken}"), AddressError)
    error = await refused(tmp_path, f"tcp://{NOT_HERE}:10200")
    assert isinstance(error, AddressError)
    assert "this machine doesn't have that address, or not yet" in str(error)


async def test_what_stays_wrong_is_a_wrong_option(tmp_path: Path) -> None:
    error = await refused(tmp_path, f"tcp://{NO_NAME}:10200")
    assert isinstance(error, ConfigError)
    assert "no host can have that name" in str(error)
    for path, why in (
        (tmp_path / "nowhere" / "socket", "the directory for it is not there"),
        (tmp_path / ("x" * 200), "too long"),
    ):
        error = await refused(tmp_path, f"unix://{path}")
        assert isinstance(error, ConfigError)
        assert why in str(error)


async def test_http_ends_too_where_trying_again_is_no_help(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"^--http-host a+\.example --http-port 0 can't be served: no host can have"):
        async with http(tmp_path, "--http-host", NO_NAME, "--http-token", "secret"):
            pass


@pytest.mark.slow(3)
async def test_the_process_ends_as_with_any_wrong_option(tmp_path: Path) -> None:
    ended = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "wyoming_chatterbox", "--model", "nano", "--data-dir", str(tmp_path)),
        *("--uri", f"tcp://127.0.0.1:{free_port()}", "--http-host", NO_NAME, "--http-token", "secret"),
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await ended.communicate()
    assert ended.returncode == 2
    assert (
        f"wyoming-chatterbox: --http-host {NO_NAME} --http-port 4123 can't be served: "
        in said.decode().splitlines()[-1]
    )
    assert "Traceback" not in said.decode()


async def test_a_name_of_two_addresses_needs_only_one(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = asyncio.get_running_loop()

    async def found(*_: object, **__: object) -> list[tuple[object, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (host, 0)) for host in (NOT_HERE, "127.0.0.1")]

    monkeypatch.setattr(loop, "getaddrinfo", found)
    (bound,) = await listen("both.example", 0)
    with closing(bound):
        assert bound.getsockname()[0] == "127.0.0.1"


@pytest.mark.parametrize(
    ("number", "port", "why"),
    [
        (errno.EACCES, 80, "ports under 1024 are for the system: choose a higher one"),
        (errno.EACCES, None, "Permission denied"),
        (errno.EAFNOSUPPORT, 10200, "this machine has no addresses of that kind: IPv6 is off"),
    ],
)
def test_the_cause_is_told_in_words(number: int, port: int | None, why: str) -> None:
    error = OSError(number, os.strerror(number))
    assert explained(error, port) == why
    assert not passes(error)


@pytest.mark.parametrize("number", [socket.EAI_AGAIN, socket.EAI_FAIL, socket.EAI_NONAME])
async def test_a_name_that_is_not_known_yet_may_be_tried_again(
    tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(number, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    error = await refused(tmp_path, "tcp://chatterbox.local:10200")
    assert isinstance(error, AddressError)
    assert "this machine can't resolve that name, or not yet" in str(error)


async def test_an_interface_that_is_not_there_yet_may_be_tried_again(tmp_path: Path) -> None:
    with pytest.raises(socket.gaierror) as caught:
        await listen("fe80::1%nowhere0", 0)
    assert passes(caught.value)
