"""Checks that the server's ports are free, and says who has them if not."""

from __future__ import annotations

import asyncio
import errno
import http.client
import os
import socket
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psutil
from wyoming.client import AsyncClient
from wyoming.event import Event
from wyoming.info import Describe, Info

from ..health_check import HEALTH_CHECK, TROUBLE
from ..network.binding import explained, listen, passes
from ..server.info import DESCRIPTION, NAME
from .findings import Finding, Machine, problem, warning

_ASK_SECONDS = 3.0
"""Seconds that whoever has a port may take to answer."""
_ELSEWHERE = "End that program, or choose another port with {}."


def wyoming(machine: Machine) -> list[Finding]:
    """Say whether Wyoming can be served, or is served by a server of ours already."""
    uri = machine.config.uri
    parts = urlsplit(uri)
    if parts.scheme == "stdio":
        return [Finding(f"{uri}: standard input and output")]
    if parts.scheme == "unix":
        return _unix(machine, Path(parts.path))
    port = parts.port or 0
    refusal = _refusal(parts.hostname, port)
    if refusal is None:
        return [Finding(f"{uri} is free")]
    if refusal.errno == errno.EADDRINUSE:
        there = f"tcp://{_reached(parts.hostname, port)}"
        return [_taken(machine, uri, there, _owner(port), _ELSEWHERE.format("--uri"))]
    advice = f"Choose an address of this machine with --uri; {_shown(None, port)} is for all of them."
    return [problem(f"{uri} can't be served: {explained(refusal, port)}", advice, stops_server=True)]


def page(machine: Machine) -> list[Finding]:
    """Say whether the page and HTTP can be served."""
    config = machine.config
    if not config.http:
        return [Finding("off (--no-http)")]
    address = _shown(config.http_host, config.http_port)
    if not config.http_port:
        return [Finding(f"{address}: any free port")]
    refusal = _refusal(config.http_host, config.http_port)
    if refusal is None:
        return [Finding(f"http://{address} is free")]
    if refusal.errno == errno.EADDRINUSE:
        if _is_our_page(config.http_host, config.http_port):
            return [Finding(f"http://{address} is served by the wyoming-chatterbox that runs already")]
        told = f"http://{address} is taken{_owner(config.http_port)}, so there would be no page"
        return [warning(told, _ELSEWHERE.format("--http-port"))]
    told = f"http://{address} can't be served: {explained(refusal, config.http_port)}"
    advice = "Choose another address with --http-host and --http-port."
    if passes(refusal):
        return [warning(f"{told}; there would be no page until then", advice)]
    return [problem(told, advice, stops_server=True)]


def _refusal(host: str | None, port: int) -> OSError | None:
    """Listen for a moment; return the error if that fails."""

    async def tried() -> None:
        for bound in await listen(host, port):
            bound.close()

    try:
        asyncio.run(tried())
    except OSError as err:
        return err
    return None


def _unix(machine: Machine, path: Path) -> list[Finding]:
    uri = machine.config.uri
    if path.is_socket():
        if not _is_left_behind(path):
            return [_taken(machine, uri, f"unix://{path}", "", "End that program, or choose another path with --uri.")]
    elif path.exists():
        advice = "Move it away, or choose another path with --uri."
        return [problem(f"{uri} can't be served: there is something else at that path", advice, stops_server=True)]
    if not os.access(path.parent, os.W_OK | os.X_OK):
        advice = "Make that directory, and let this process write to it; or choose another path with --uri."
        return [problem(f"{uri} can't be served: nothing can be made in {path.parent}", advice, stops_server=True)]
    return [Finding(f"{uri} is free")]


def _is_left_behind(path: Path) -> bool:
    """Whether nobody listens at a socket any more; the server deletes it then."""
    with closing(socket.socket(socket.AF_UNIX)) as probe:
        probe.settimeout(_ASK_SECONDS)
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            return True
        except OSError:
            return False
    return False


def _taken(machine: Machine, uri: str, there: str, owner: str, advice: str) -> Finding:
    """Say who has an address; a server of ours is good news."""
    try:
        info = asyncio.run(_described(there))
    except Exception:  # Whatever is there, it is no Wyoming server.
        return problem(f"{uri} is taken{owner}", advice, stops_server=True)
    for program in (*info[0].tts, *info[0].asr, *info[0].wake, *info[0].handle, *info[0].intent):
        if (program.name, program.description) == (NAME, DESCRIPTION):
            machine.running = there
            told = f"{uri} is served by wyoming-chatterbox {program.version} already"
            return warning(f"{told}, which needs help: {info[1]}") if info[1] else Finding(told)
        told = f"{uri} is taken by another Wyoming server, {program.name} {program.version or ''}".rstrip()
        return problem(told, advice, stops_server=True)
    return problem(f"{uri} is taken by another Wyoming server{owner}", advice, stops_server=True)


async def _described(uri: str) -> tuple[Info, str]:
    """Ask a Wyoming server what it is, and whether it needs help."""
    async with asyncio.timeout(_ASK_SECONDS), AsyncClient.from_uri(uri) as client:
        await client.write_event(Event(Describe().event().type, {HEALTH_CHECK: True}))
        while (event := await client.read_event()) is not None:
            if Info.is_type(event.type):
                return Info.from_event(event), str(event.data.get(TROUBLE, ""))
    raise ConnectionError


def _is_our_page(host: str, port: int) -> bool:
    from ..web.answers import HEADERS

    connection = http.client.HTTPConnection(_reached(host, port), timeout=_ASK_SECONDS)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().getheader("Server") == HEADERS["Server"]
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _reached(host: str | None, port: int) -> str:
    """Return an address at which this machine reaches what listens at `host`."""
    everywhere = {None: "127.0.0.1", "": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "::1"}
    return _shown(everywhere.get(host, host), port)


def _shown(host: str | None, port: int) -> str:
    host = host or "0.0.0.0"
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _owner(port: int) -> str:
    """Name the program that listens at a port, as far as this user may know."""
    with suppress(psutil.Error, OSError):
        for one in psutil.net_connections("tcp"):
            if one.status == psutil.CONN_LISTEN and one.laddr and one.laddr.port == port and one.pid:
                return f" by {psutil.Process(one.pid).name()} (process {one.pid})"
    return " by another program"
