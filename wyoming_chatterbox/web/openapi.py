"""The description of the HTTP side in OpenAPI 3.1, at /openapi.json; limits come from the options.

A part describes the routes of one module. Whoever adds a route adds it to a part, or a part to `_PARTS`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from ..audio import SAMPLE_RATE
from ..audio.encoding import FORMATS, RATES
from ..checks import Range
from ..voices.voice import STYLE_OPTIONS
from . import voices_openapi
from .describing import JSON, OBJECT, PROBLEM, SPEECH_HEADERS, Schema, answer, list_of, operation, record, string
from .openapi_page import page_paths
from .speech import SPEECH_TOKENS_A_SECOND
from .speech_request import OPENAI_VOICES, STREAM_FORMATS

_API_VERSION = "1"


@cache
def document() -> dict[str, Any]:
    """Return the whole description; nobody may change it."""
    paths: dict[str, Any] = {}
    for part in _PARTS:
        paths |= part()
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Wyoming Chatterbox",
            "version": _API_VERSION,
            "description": "Speech by Chatterbox for clients of OpenAI's API, and what the page of this server shows. "
            "Every error is a JSON object as OpenAI's clients read it. Paths under /v1 may end with a slash.",
        },
        # Behind Home Assistant's ingress all paths have a prefix, which only the browser knows.
        "servers": [{"url": "."}],
        "security": [{}, {"token": []}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "The token of --http-token, if it is set."}
            },
            "schemas": {"Error": _ERROR, "SpeechRequest": _speech_request()},
        },
    }


_ERROR = record(
    {
        "error": record(
            {
                "message": string("What is wrong, and what would be right, for a person."),
                "type": string("The kind of error, as OpenAI names it."),
                "code": string("The error's name for a program."),
                "param": {"type": ["string", "null"], "description": "The field that is wrong, if it is one field."},
                "problem": PROBLEM,
            },
            needed=("message", "type", "code", "param"),
            more=False,
        )
    },
    more=False,
)
_REQUEST_ERRORS = {
    400: "The body is no JSON, or a field can't be as it is.",
    408: "The request did not come in time.",
    413: "The body is too long.",
    415: "The Content-Type isn't application/json.",
}


def _speech_request() -> Schema:
    settings = {name: _setting(name) for name in STYLE_OPTIONS}
    rates = ", ".join(map(str, RATES))
    return {
        "type": "object",
        "required": ["input"],
        "properties": {
            "input": string(
                "The text to speak, at most --max-total-length characters. One that says nothing, such as an emoji, is "
                "0.1 s of silence.",
                minLength=1,
            ),
            "voice": {
                "description": "The voice: a name of /v1/audio/voices, in any case. The default voice speaks if it is "
                f"left out, and for OpenAI's names ({', '.join(OPENAI_VOICES)}) where no voice has that name.",
                "anyOf": [
                    {"type": ["string", "null"]},
                    {"type": "object", "required": ["id"], "properties": {"id": string()}},
                    {"type": "object", "required": ["name"], "properties": {"name": string()}},
                ],
            },
            "response_format": _choice(
                f"The format: {', '.join(FORMATS)}, in any case; mp3 if it is left out.", enum=[*FORMATS, None]
            ),
            "stream_format": _choice(
                f"How the sound is sent: {' or '.join(STREAM_FORMATS)}. With sse it comes in server-sent events "
                "speech.audio.delta with base64, then speech.audio.done. Its usage counts characters of the text as "
                f"input_tokens, and Chatterbox's speech tokens, {SPEECH_TOKENS_A_SECOND} a second, as output_tokens. "
                "An event of the type error ends a reply that fails after its beginning.",
                enum=[*STREAM_FORMATS, None],
            ),
            "sample_rate": {
                "description": f"Samples a second in Hz: {rates} (opus: without 22050 and 44100); {SAMPLE_RATE} if it "
                "is left out.",
                "anyOf": [{"type": "integer", "enum": list(RATES)}, {"type": "null"}],
            },
            "language": _choice("The language of the text, as ISO 639-1, where the model has several.", example="en"),
            **settings,
            "model": _choice("Any name: the model that is loaded speaks."),
            "instructions": _choice("Passed over: Chatterbox takes none."),
        },
        "example": {"input": "The front door is locked.", "voice": "default", "response_format": "mp3"},
    }


def _choice(description: str, **further: Any) -> Schema:
    return {"type": ["string", "null"], "description": description, **further}


def _setting(name: str) -> Schema:
    """Describe a field that says how the voice speaks, by the option of the same name."""
    option = STYLE_OPTIONS[name]
    numbers = option.numbers
    assert isinstance(numbers, Range)
    kind = {"type": "integer" if numbers.kind is int else "number", "minimum": numbers.low, "maximum": numbers.high}
    return {
        "description": f"{option.help[0].upper()}{option.help[1:]}: {option.allowed}, also as text. The voice's own "
        f"setting, or that of {option.flag_name}, holds if it is left out.",
        "anyOf": [kind, {"type": "null"}],
    }


def _speech_paths() -> dict[str, Any]:
    sounds = {
        form.content_type(SAMPLE_RATE).partition(";")[0]: {"schema": {"type": "string", "format": "binary"}}
        for form in FORMATS.values()
    }
    body: dict[str, Schema] = {JSON: {"$ref": "#/components/schemas/SpeechRequest"}}
    speech = operation(
        "Speak a text",
        {
            "200": {
                "description": "The sound, sent while it is made. A reply that fails later is cut short.",
                "headers": SPEECH_HEADERS,
                "content": {**sounds, "text/event-stream": {"schema": string()}},
            }
        },
        body=body,
        errors={
            **_REQUEST_ERRORS,
            429: "Too many replies are in progress.",
            500: "The engine failed.",
            503: "No engine can speak yet.",
        },
    )
    said = operation(
        "Show what would be said of a text, without saying it",
        {"200": answer("The utterances in their order.", record({"said": list_of(string())}))},
        body=body,
        errors=_REQUEST_ERRORS,
    )
    return {"/v1/audio/speech": {"post": speech}, "/said": {"post": said}}


def _listing_paths() -> dict[str, Any]:
    model = record(
        {
            "id": string(),
            "object": {"const": "model"},
            "created": {"type": "integer", "description": "When this server started, in seconds since 1970."},
            "owned_by": string(),
        }
    )
    voice = record(
        {
            "id": string("What a request names."),
            "name": string("The same."),
            "language": string("ISO 639-1."),
            "label": string("What people see of it."),
        }
    )
    named = record({"id": string(), "name": string()})
    path_id: Schema = {
        "name": "id",
        "in": "path",
        "required": True,
        "schema": string(),
        "example": "chatterbox",
        "description": "The name of the model.",
    }
    models = record({"object": {"const": "list"}, "data": list_of(model)})
    return {
        "/v1/models": {"get": operation("List the models", {"200": answer("OpenAI's list.", models)})},
        "/v1/models/{id}": {
            "get": operation(
                "Show one model",
                {"200": answer("The model.", model)},
                parameters=[path_id],
                errors={404: "There is no such model."},
            )
        },
        "/v1/audio/models": {
            "get": operation(
                "List the models, as Open WebUI reads it",
                {"200": answer("The models.", record({"models": list_of(named)}))},
            )
        },
        "/v1/audio/voices": {
            "get": operation(
                "List the voices, as Open WebUI reads it",
                {"200": answer("The voices, the default one first.", record({"voices": list_of(voice)}))},
            )
        },
    }


def _server_paths() -> dict[str, Any]:
    health = record({"status": string(enum=["ok", "hung", "unavailable"])})
    memory = record({"memory_info": OBJECT, "process": OBJECT, "host": OBJECT, "engines": list_of(OBJECT)})
    info = record(
        {
            "name": string(),
            "version": string(),
            "status": OBJECT,
            "engine": {"type": ["object", "null"]},
            "default_voice": string(),
            "voices": list_of(OBJECT),
            "broken_recordings": OBJECT,
            "recent": list_of(OBJECT),
            "statistics": OBJECT,
            "uptime_seconds": {"type": "number"},
        }
    )
    config = record({"model": string(), "device": string(), "ready": {"type": "boolean"}, "server": OBJECT})
    freed = record({"freed": OBJECT, "before": OBJECT, "after": OBJECT})
    page: Schema = string()
    return {
        "/health": {
            "get": operation(
                "Tell whether the server can speak",
                {
                    "200": answer("It can.", health),
                    "503": answer("It can't.", health),
                },
                description="Everyone may ask; clients with access learn more.",
                open_to_all=True,
            )
        },
        "/info": {"get": operation("Show who speaks, the voices and the latest replies", {"200": answer("It.", info)})},
        "/config": {"get": operation("Show the options in force", {"200": answer("They.", config)})},
        "/memory": {"get": operation("Show how much memory is in use", {"200": answer("It.", memory)})},
        "/memory/cleanup": {
            "post": operation("Free memory that can be made again", {"200": answer("How much it was.", freed)})
        },
        "/openapi.json": {"get": operation("Show this description", {"200": answer("It.", OBJECT)})},
        "/docs": {"get": operation("Show this description to people", {"200": answer("A page.", page, "text/html")})},
    }


_PARTS: tuple[Callable[[], dict[str, Any]], ...] = (
    _speech_paths,
    _listing_paths,
    voices_openapi.paths,
    _server_paths,
    page_paths,
)
"""Functions that describe the paths of each module."""
