"""The request of POST /v1/audio/speech and POST /said: OpenAI's fields, and further ones for what Chatterbox can do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from ..audio import SAMPLE_RATE
from ..audio.encoding import FORMATS, RATES, Format
from ..checks import Range
from ..errors import UnknownVoiceError, VoiceError
from ..quoting import json_kind, quoted
from ..speech.service import Service
from ..voices.catalogue import Catalogue
from ..voices.voice import STYLE_OPTIONS, NamedVoice, Style
from .answers import RefusedError

OPENAI_VOICES = (
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse",
)  # fmt: skip
"""Names of OpenAI's voices, which its clients send: they stand for the default voice where no other has the name."""
STREAM_FORMATS = ("audio", "sse")
_RATE = Range(int, min(RATES), max(RATES))
_READ_SECONDS = 30.0
"""Seconds that a client may take to send its request."""


@dataclass(frozen=True)
class SpeechRequest:
    """A valid request."""

    text: str
    voice: str | None
    language: str | None
    style: Style
    format: Format
    rate: int
    """Samples a second of the answer, in Hz."""
    events: bool
    """Whether the sound is sent in server-sent events."""


async def body_of(request: web.Request) -> bytes:
    """Read a request's body; `RefusedError` if it is no JSON, broken or late, an HTTP exception if it is too large."""
    if request.content_type != "application/json":
        # aiohttp takes a body without a type for one of any bytes.
        given = f", not {quoted(request.content_type)}" if "Content-Type" in request.headers else ": there is none"
        raise RefusedError(415, f"Content-Type must be application/json{given}", "bad-content-type")
    if (length := request.content_length or 0) > request.client_max_size:
        raise web.HTTPRequestEntityTooLarge(request.client_max_size, length)
    try:
        async with asyncio.timeout(_READ_SECONDS):
            return await request.read()
    except web.RequestPayloadError as err:
        raise RefusedError(400, "The body is broken", "bad-body", headers={"Connection": "close"}) from err
    except TimeoutError as err:
        raise RefusedError(
            408, f"The request did not come within {_READ_SECONDS:g} s", headers={"Connection": "close"}
        ) from err


def json_object(body: bytes) -> dict[str, Any]:
    """Read a body's JSON; `RefusedError` if it is no object."""
    if not body:
        raise RefusedError(400, "The body is empty: send a JSON object", "bad-json")
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as err:
        raise RefusedError(400, f"The body is no JSON: {_fault(err)}", "bad-json") from err
    if not isinstance(data, dict):
        raise RefusedError(400, f"The body must be a JSON object, not {json_kind(data)}", "bad-json")
    return data


def _fault(err: ValueError | RecursionError) -> str:
    match err:
        case json.JSONDecodeError():
            return f"{err.msg} in line {err.lineno}, column {err.colno}"
        case UnicodeDecodeError():
            return f"it is not in UTF-8 (byte {err.start + 1})"
        case RecursionError():
            return "it is nested too deep"
    return "a number in it is too long"


def parse(body: bytes) -> SpeechRequest:
    """Read a request's JSON; `RefusedError` names the field that is wrong, and what would be right.

    Fields that nobody here knows are passed over, as OpenAI's clients learn new ones.
    """
    data = json_object(body)
    if not (text := _string(data, "input", required=True)):
        raise refused("input", "There is nothing in the text that could be spoken: input is empty")
    _string(data, "model")
    _string(data, "instructions")
    form = FORMATS[_choice(data, "response_format", tuple(FORMATS)) or "mp3"]
    return SpeechRequest(
        text,
        _voice(data.get("voice")),
        _string(data, "language") or None,
        _style(data),
        form,
        _rate(data, form),
        events=_choice(data, "stream_format", STREAM_FORMATS) == "sse",
    )


async def voice_of(service: Service, wanted: SpeechRequest) -> NamedVoice:
    """Find the voice that is asked for. `RefusedError` lists the languages that there are, other errors the voices."""
    catalogue = service.voices.catalogue
    name, language = wanted.voice, wanted.language
    spoken = None
    if language is not None:
        try:
            spoken = catalogue.find(None, language).language
        except UnknownVoiceError as err:
            there = ", ".join(sorted({voice.language for voice in catalogue.voices}))
            raise refused("language", f"language can't be {quoted(language)}: it takes {there}") from err
    # OpenAI's names come with every request of its clients: the folder isn't looked at for each.
    if name is not None and name.lower() in OPENAI_VOICES and not _is_there(catalogue, name):
        name = None
    try:
        voice = await service.voices.find(name, language)
    except UnknownVoiceError as err:
        if name is None or not _is_there(catalogue, name):
            raise
        raise refused("language", f"language can't be {quoted(language or '')}: {err}") from err
    if spoken not in (None, voice.language):
        asked = quoted(language or "")
        raise refused("language", f"language can't be {asked}: the voice {quoted(voice.name)} speaks {voice.language}")
    return voice


def _is_there(catalogue: Catalogue, name: str) -> bool:
    """Whether a name is that of a voice, perhaps of a broken one."""
    try:
        catalogue.find(name)
    except UnknownVoiceError:
        return False
    except VoiceError:
        pass
    return True


def refused(param: str, message: str) -> RefusedError:
    """Make the error for a field that is wrong."""
    return RefusedError(400, message, param=param)


def _string(data: Mapping[str, Any], name: str, *, required: bool = False) -> str:
    value = data.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str):
        raise refused(
            name, f"{name} must be a string, not {json_kind(value)}" if name in data else f"{name} is missing"
        )
    return value


def _choice(data: Mapping[str, Any], name: str, words: tuple[str, ...]) -> str:
    value = _string(data, name).strip()
    if value and value.lower() not in words:
        raise refused(name, f"{quoted(value)} is no {name}; there are: {', '.join(words)}")
    return value.lower()


def _voice(value: object) -> str | None:
    """Take a voice's name, also in an object, which OpenAI's clients send for voices of one's own."""
    if isinstance(value, dict):
        value = value.get("id") or value.get("name")
        if not isinstance(value, str):
            raise refused("voice", "voice must have an id or a name that is a string, if it is an object")
    if value is not None and not isinstance(value, str):
        raise refused("voice", f"voice must be a string, or an object with an id, not {json_kind(value)}")
    return value or None


def _style(data: Mapping[str, Any]) -> Style:
    settings: dict[str, Any] = {}
    for name, option in STYLE_OPTIONS.items():
        if (value := data.get(name)) is None:
            continue
        try:
            settings[name] = option.check(value)
        except (ValueError, TypeError) as err:
            raise refused(name, f"{name} can't be {_shown(value)}: it takes {option.allowed}") from err
    return Style(**settings)


def _rate(data: Mapping[str, Any], form: Format) -> int:
    value = data.get("sample_rate")
    if value is None:
        return SAMPLE_RATE
    try:
        rate = int(_RATE(value))
    except ValueError:
        rate = 0
    if rate not in form.rates:
        rates = ", ".join(map(str, form.rates))
        raise refused("sample_rate", f"sample_rate can't be {_shown(value)}: {form.name} takes {rates}")
    return rate


def _shown(value: object) -> str:
    """Write a JSON value for the one who sent it."""
    if isinstance(value, str):
        return quoted(value)
    return quoted(json.dumps(value))[1:-1] if isinstance(value, bool | int | float) else json_kind(value)
