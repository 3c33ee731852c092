"""Reading Wyoming events from clients that may send anything.

The wyoming library trusts its peer: it allocates any announced length, and a malformed header raises any exception.
Here every fault is a `ProtocolError`, and lengths have limits.
"""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from wyoming.event import Event

from ..errors import ProtocolError
from ..quoting import json_kind, quoted
from . import bounded_json
from .peer import transport_errors

MAX_PAYLOAD_BYTES = 1024 * 1024
"""Bytes of an event's payload, which is read and dropped: no event for a text-to-speech server needs one."""
MAX_NAME_LENGTH = 1000
"""Characters of a voice's name or language: more than a file name can have."""
BODY_SECONDS = 30.0
"""Seconds in which announced bytes must arrive."""
_HEADER = "The header line"
_MAX_BEGINNING = 40
"""Characters that an error shows of a header line that is no JSON."""
_BYTES_AT_A_TIME = 65536
"""Bytes of payload read at a time, and of JSON that are parsed on the event loop; more is parsed in a thread."""

_parser = ThreadPoolExecutor(max_workers=1, thread_name_prefix="json")


async def read_event(reader: asyncio.StreamReader, max_data: int, idle_timeout: float | None = None) -> Event | None:
    """Read the next event, without its payload; None at the end of the stream.

    `max_data` bounds the bytes of the event's data. `ProtocolError` for what is not an event, `ConnectionError` if the
    connection is lost. `TimeoutError` if no header has come within `idle_timeout` seconds; nothing is lost then, so it
    can be called again.
    """
    try:
        async with asyncio.timeout(idle_timeout):
            with transport_errors():
                line = await reader.readline()
    except ValueError as err:
        raise ProtocolError("The header line is too long") from err
    if not line:
        return None
    header = _object(line, _HEADER)
    event_type = header.get("type")
    if not isinstance(event_type, str) or not event_type:
        raise ProtocolError(f"The header's type must be a text, not {json_kind(event_type)}")
    name = quoted(event_type)
    data = header.get("data")
    if data is None:
        data = {}
    elif not isinstance(data, dict):
        raise ProtocolError(f"The data of {name} must be an object, not {json_kind(data)}")
    data_length = _length(header, "data_length", max_data)
    payload_length = _length(header, "payload_length", MAX_PAYLOAD_BYTES)
    try:
        async with asyncio.timeout(BODY_SECONDS):
            with transport_errors():
                body = await reader.readexactly(data_length)
                while payload_length:
                    payload_length -= len(await reader.readexactly(min(payload_length, _BYTES_AT_A_TIME)))
    except asyncio.IncompleteReadError as err:
        raise ProtocolError(f"The connection ended inside {name}") from err
    except TimeoutError as err:
        raise ProtocolError(f"The rest of {name} did not arrive within {BODY_SECONDS:.0f} s") from err
    if body:
        what = f"The data of {name}"
        if len(body) <= _BYTES_AT_A_TIME:
            data |= _object(body, what)
        else:
            data |= await asyncio.get_running_loop().run_in_executor(_parser, _object, body, what)
    return Event(type=event_type, data=data)


def text_field(data: dict[str, Any], name: str) -> str:
    """Return a text field; `ProtocolError` if it is missing or no text. Lone surrogates become question marks."""
    if name not in data:
        raise ProtocolError(f"The field {name!r} is missing")
    value = data[name]
    if not isinstance(value, str):
        raise ProtocolError(f"The field {name!r} must be a text, not {json_kind(value)}")
    return value.encode("utf-8", "replace").decode("utf-8")


def voice_fields(data: dict[str, Any]) -> tuple[str | None, str | None]:
    """Return name and language of the wanted voice, None for each that is missing, null or empty."""
    voice = data.get("voice")
    if voice is None:
        return None, None
    if not isinstance(voice, dict):
        raise ProtocolError(f"The field 'voice' must be an object, not {json_kind(voice)}")
    return _name_field(voice, "name"), _name_field(voice, "language")


def is_ssml(data: dict[str, Any]) -> bool:
    """Whether the text of a request is SSML. Any other format is taken for plain text."""
    return data.get("text_format") is not None and text_field(data, "text_format").lower() == "ssml"


def _name_field(voice: dict[str, Any], name: str) -> str | None:
    if voice.get(name) is None:
        return None
    value = text_field(voice, name)
    if len(value) > MAX_NAME_LENGTH:
        raise ProtocolError(f"The voice's {name} {quoted(value)} is too long; {MAX_NAME_LENGTH} is the limit")
    return value or None


def _object(text: bytes, what: str) -> dict[str, Any]:
    try:
        value = bounded_json.loads(text)
    except ValueError as err:
        raise ProtocolError(f"{what} {err}{_beginning(text) if what == _HEADER else ''}") from err
    if not isinstance(value, dict):
        raise ProtocolError(f"{what} must be a JSON object, not {json_kind(value)}")
    return value


def _beginning(line: bytes) -> str:
    """Say how a line begins that is no header, as a browser's or a TLS client's first line tells what it is.

    With a brace it is a Wyoming client's, and may hold a text.
    """
    shown = line.strip().decode("utf-8", "backslashreplace")
    return "" if "{" in shown else f": it begins with {quoted(shown, _MAX_BEGINNING)}"


def _length(header: dict[str, Any], name: str, limit: int) -> int:
    value = header.get(name)
    if value is None:
        return 0
    if isinstance(value, float):
        # Some languages have no other numbers.
        if not value.is_integer():
            raise ProtocolError(f"The header's {name} must be a whole number, not {value}")
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise ProtocolError(f"The header's {name} must be a whole number, not {json_kind(value)}")
    if value > limit:
        raise ProtocolError(f"The header's {name} is {quoted(str(value), 20)}, and {limit} is the limit")
    return max(value, 0)
