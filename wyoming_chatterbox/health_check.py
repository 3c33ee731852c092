"""Checks that a server answers, describes itself and does not hang. For a container's HEALTHCHECK.

    python -m wyoming_chatterbox.health_check tcp://127.0.0.1:10200

The exit code is 0 if it does, 1 if it doesn't (with the reason on one line), 2 if the URI is invalid.
"""

from __future__ import annotations

import argparse
import asyncio
import sys

from wyoming.client import AsyncClient
from wyoming.event import Event
from wyoming.info import Describe, Info

from .errors import ChatterboxError

TROUBLE = "trouble"
"""Key in the data of the `info` event, where our server says why it needs help; absent if it needs none."""


HEALTH_CHECK = "health_check"
"""Key in the data of the `describe` event by which our server tells this check from Home Assistant."""


class UnhealthyError(ChatterboxError):
    """The server does not answer as it should."""

    code = "unhealthy"


async def check(uri: str, timeout: float) -> str:
    """Ask the server at `uri` to describe itself within `timeout` seconds; return its program and number of voices."""
    try:
        async with asyncio.timeout(timeout), AsyncClient.from_uri(uri) as client:
            await client.write_event(Event(Describe().event().type, {HEALTH_CHECK: True}))
            while (event := await client.read_event()) is not None:
                if Info.is_type(event.type):
                    if TROUBLE in event.data:
                        raise UnhealthyError(str(event.data[TROUBLE]))
                    return _summary(Info.from_event(event))
    except TimeoutError as err:
        raise UnhealthyError(f"{uri} did not answer within {timeout:g} s") from err
    except OSError as err:
        raise UnhealthyError(f"{uri} can't be reached: {err.strerror or err}") from err
    raise UnhealthyError(f"{uri} closed the connection without an answer")


def _summary(info: Info) -> str:
    voices = [voice for program in info.tts if program.installed for voice in program.voices if voice.installed]
    if not voices:
        raise UnhealthyError("The server has no voice")
    return f"{info.tts[0].name} {info.tts[0].version}, {len(voices)} voices"


def main() -> int:
    parser = argparse.ArgumentParser(prog="wyoming_chatterbox.health_check", description="Check a Wyoming TTS server.")
    parser.add_argument("uri", nargs="?", default="tcp://127.0.0.1:10200", help="[%(default)s]")
    parser.add_argument("--timeout", type=float, default=5.0, metavar="SECONDS", help="[%(default)s]")
    arguments = parser.parse_args()
    try:
        if arguments.uri.startswith("stdio:"):
            raise ValueError("a server on standard input has one client only")
        print(asyncio.run(check(arguments.uri, arguments.timeout)))
    except ValueError as err:
        print(f"{arguments.uri!r} is no Wyoming URI: {err}", file=sys.stderr)
        return 2
    except UnhealthyError as err:
        print(err, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
