"""Reading Wyoming events from clients that may send anything.

The wyoming library trusts its peer: any announced length is allocated, and a malformed header escapes as whatever
exception it happens to cause. Here every fault is a `ProtocolError`, and lengths have limits.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

from wyoming.event import Event

from .errors import ProtocolError

MAX_DATA = 4 * 1024 * 1024
"""Bytes of an event's data: far more than any text to speak."""
MAX_PAYLOAD = 1024 * 1024
"""Bytes of an event's payload: no event for a text-to-speech server has one."""
BODY_TIMEOUT = 30.0
"""Seconds in which announced bytes must arrive."""


async def read_event(reader: asyncio.StreamReader, idle_timeout: float | None = None) -> Event | None:
    """The next event, or None at the end of the stream; `ProtocolError` for what is not an event.

    `TimeoutError` if no header has come within `idle_timeout` seconds; nothing is lost then, so it can be called again.
    """
    try:
        async with asyncio.timeout(idle_timeout):
            line = await reader.readline()
    except ValueError as err:
        raise ProtocolError("The header line is too long") from err
    if not line:
        return None
    header = _object(line, "The header line")
    event_type = header.get("type")
    if not isinstance(event_type, str) or not event_type:
        raise ProtocolError(f"The header's type must be a text, not {event_type!r:.80}")
    data = header.get("data")
    if data is None:
        data = {}
    elif not isinstance(data, dict):
        raise ProtocolError(f"The data of {event_type!r:.80} must be an object, not {data!r:.80}")
    try:
        async with asyncio.timeout(BODY_TIMEOUT):
            if length := _length(header, "data_length", MAX_DATA):
                data = {**data, **_object(await reader.readexactly(length), f"The data of {event_type!r:.80}")}
            payload = None
            if length := _length(header, "payload_length", MAX_PAYLOAD):
                payload = await reader.readexactly(length)
    except asyncio.IncompleteReadError as err:
        raise ProtocolError(f"The connection ended inside {event_type!r:.80}") from err
    except TimeoutError as err:
        raise ProtocolError(f"The rest of {event_type!r:.80} did not arrive within {BODY_TIMEOUT:.0f} s") from err
    return Event(type=event_type, data=data, payload=payload)


def text_field(data: dict[str, Any], name: str) -> str:
    """A text that must be there; `ProtocolError` if it is not. Lone surrogates become question marks."""
    if name not in data:
        raise ProtocolError(f"The field {name!r} is missing")
    value = data[name]
    if not isinstance(value, str):
        raise ProtocolError(f"The field {name!r} must be a text, not {value!r:.80}")
    return value.encode("utf-8", "replace").decode("utf-8")


def voice_fields(data: dict[str, Any]) -> tuple[str | None, str | None]:
    """Name and language of the wanted voice; each None where it isn't said. A null or empty voice is no wish."""
    voice = data.get("voice")
    if voice is None:
        return None, None
    if not isinstance(voice, dict):
        raise ProtocolError(f"The field 'voice' must be an object, not {voice!r:.80}")
    wishes = [text_field(voice, name) or None if voice.get(name) is not None else None for name in ("name", "language")]
    return wishes[0], wishes[1]


def _object(text: bytes, what: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as err:
        raise ProtocolError(f"{what} is not JSON") from err
    if not isinstance(value, dict):
        raise ProtocolError(f"{what} must be a JSON object, not {value!r:.80}")
    return value


def _length(header: dict[str, Any], name: str, limit: int) -> int:
    value = header.get(name)
    if value is None:
        return 0
    if isinstance(value, bool) or not isinstance(value, int):
        raise ProtocolError(f"The header's {name} must be a whole number, not {value!r:.80}")
    if value > limit:
        raise ProtocolError(f"The header's {name} is {value}, and {limit} is the limit")
    return max(value, 0)
