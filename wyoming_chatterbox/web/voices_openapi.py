"""The paths of /v1/voices as OpenAPI 3.1 describes them; the document that they are joined to has the schema Error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..option import Option
from ..voices.profile import KEYS
from ..voices.voice import STYLE_OPTIONS

_Json = dict[str, Any]

_STRING: _Json = {"type": "string"}
_STRING_OR_NULL: _Json = {"type": ["string", "null"]}
_ACCESS = {401: "The token is missing or wrong.", 403: "This client, or this page, has no access."}
_FOLDER = {503: "The voices folder can't be written, or doesn't answer.", 507: "Its disk is full."}
_BODY = {
    400: "A field can't be as it is: the message says what would be right.",
    408: "The request did not come in time.",
    413: "The body is too long.",
    415: "The Content-Type is another than those that are taken.",
}
_UNKNOWN = {404: "There is no such voice."}
_TAKEN = {409: "It would replace or break something else: the message names it."}


def paths() -> _Json:
    """Describe the paths."""
    voice = _voice()
    return {
        "/v1/voices": {"get": _list(voice), "post": _create(voice)},
        "/v1/voices/{name}": {
            "get": _operation("Show a voice", {"200": _answer("The voice.", voice)}, _UNKNOWN, parameters=[_name()]),
            "patch": _operation(
                "Change how a voice speaks, its label or its name",
                {"200": _answer("The voice as it is now.", voice)},
                {**_BODY, **_UNKNOWN, **_TAKEN, **_FOLDER},
                description="What is left out stays, null takes a value back. Comments in a profile that was written "
                "by hand get lost; a hidden copy is kept beside it. With a new name all files of the voice move.",
                parameters=[_name()],
                body={"application/json": _object({"name": _STRING, **_profile(nullable=True)}, required=())},
            ),
            "delete": _operation(
                "Delete a voice",
                {"200": _answer("How to bring it back.", _deletion())},
                {**_UNKNOWN, **_TAKEN, **_FOLDER},
                description="The recording and its profile are gone for good after a minute. A profile without a "
                "recording of its own goes alone. The name may also be that of a file that can't be used.",
                parameters=[
                    _name(),
                    _query("styles", {"type": "boolean"}, "Delete other voices of the recording too."),
                ],
            ),
        },
        "/v1/voices/{name}/undelete": {
            "post": _operation(
                "Bring a deleted voice back",
                {"200": _answer("What came back.", _restored(voice))},
                {404: "There is nothing to bring back, or the minute is over.", **_TAKEN, **_FOLDER},
                parameters=[_name(), _query("id", _STRING, "Which deletion; the latest, if it is left out.")],
            ),
        },
        "/v1/voices/{name}/sample": {
            "get": _operation(
                "Hear the recording of a voice",
                {
                    "200": {"description": "The file as it is.", "content": {"audio/*": {"schema": _STRING}}},
                    "206": {"description": "The part that was asked for.", "content": {"audio/*": {"schema": _STRING}}},
                    "304": {"description": "It has not changed."},
                },
                {**_UNKNOWN, 409: "The recording has just changed.", 416: "It has no such part.", 503: _FOLDER[503]},
                parameters=[_name()],
            ),
        },
        "/v1/voices/{name}/preview": {
            "get": _operation(
                "Hear a voice say a sentence",
                {"200": {"description": "The sound, while it is made.", "content": {"audio/*": {"schema": _STRING}}}},
                {
                    400: "A field can't be as it is.",
                    **_UNKNOWN,
                    429: "Too many replies are in progress.",
                    500: "The engine failed.",
                    503: "No engine can speak yet.",
                },
                parameters=[
                    _name(),
                    _query("language", _STRING, "One of the voice's languages; its own, if it is left out."),
                    _query(
                        "text", {**_STRING, "maxLength": 300}, "What to say instead of a sentence about the morning."
                    ),
                    _query("response_format", _STRING, "A format as in /v1/audio/speech; wav, if it is left out."),
                ],
            ),
        },
    }


def _list(voice: _Json) -> _Json:
    folder = _object({"path": _STRING, "writable": {"type": "boolean"}, "trouble": _STRING_OR_NULL})
    broken = _object({"file": _STRING, "reason": _STRING})
    listing = _object({"voices": _many(voice), "broken": _many(broken), "folder": folder, "default": _STRING})
    return _operation(
        "List the voices",
        {"200": _answer("One entry a voice, however many languages it has; and the files that are none.", listing)},
    )


def _create(voice: _Json) -> _Json:
    fields = {
        "name": {**_STRING, "description": "A file name without separators, suffix and a full stop at its beginning."},
        **_profile(nullable=False),
        "replace": {"type": "boolean", "description": "Whether it may replace the recording of a voice of this name."},
        "consent": {"type": "boolean", "description": "Whether the person agrees that their voice is copied."},
    }
    form = _object({"file": {**_STRING, "format": "binary"}, **fields}, required=("file",))
    return _operation(
        "Make a voice of a recording",
        {
            "201": {
                **_answer("The voice. It can be used from now on.", voice),
                "headers": {"Location": {"description": "Where the voice is.", "schema": _STRING}},
            }
        },
        {
            **_BODY,
            **_TAKEN,
            422: "This is no recording that a voice can be made of: the message says why.",
            429: "Too many recordings are being received.",
            **_FOLDER,
        },
        description="A form with the file, or the file itself with the fields in the query. JSON without a file makes "
        "another style of a recording that is there, or of the model's own voice.",
        parameters=[_query("name", _STRING, "The name, if the body is the file itself; so are the other fields.")],
        body={
            "multipart/form-data": form,
            "audio/*": {**_STRING, "format": "binary"},
            "application/json": _object(fields, required=("name",)),
        },
    )


def _voice() -> _Json:
    return _object(
        {
            "id": _STRING,
            "name": {**_STRING, "description": "The voice's name, whatever the language."},
            "label": {**_STRING, "description": "What people see."},
            "own": {"type": "boolean", "description": "Whether it is the model's own voice, without a recording."},
            "recording": {**_STRING_OR_NULL, "description": "The recording's path inside the voices folder."},
            "languages": _many(_STRING),
            "names": {
                "type": "object",
                "additionalProperties": _STRING,
                "description": "The name that requests and Home Assistant use, by language.",
            },
            "recorded_language": _STRING_OR_NULL,
            "style": {"type": "object", "description": "What is set of how it speaks."},
            "aliases": _many(_STRING),
            "state": {"enum": ["ready", "preparing", "waiting", "broken"]},
            "reason": {**_STRING_OR_NULL, "description": "Why it is broken."},
            "judgement": {"type": ["object", "null"], "description": "What was found in the recording."},
            "is_default": {"type": "boolean"},
            "bytes": {"type": ["integer", "null"]},
            "changed": {
                "type": ["number", "null"],
                "description": "When the recording changed, in seconds since 1970.",
            },
        },
        required=("id", "name", "state", "reason"),
    )


def _profile(*, nullable: bool) -> _Json:
    """Describe the fields of a profile; the check of each is the one of the file."""
    fields: _Json = {}
    for key, (_, allowed) in KEYS.items():
        kinds = _kinds(STYLE_OPTIONS.get(key)) if key != "aliases" else ["array", "string"]
        fields[key] = {
            "type": [*kinds, "null"] if nullable else kinds,
            "description": f"It takes {allowed}.",
            **({"items": _STRING} if key == "aliases" else {}),
        }
    if nullable:
        del fields["recording"]
    return fields


def _kinds(option: Option | None) -> list[str]:
    return ["string"] if option is None else ["number", "string"]


def _deletion() -> _Json:
    undo = _object({"id": _STRING, "seconds": {"type": "number"}})
    return _object({"name": _STRING, "files": _many(_STRING), "undo": undo})


def _restored(voice: _Json) -> _Json:
    return _object({"name": _STRING, "files": _many(_STRING), "voice": {"anyOf": [voice, {"type": "null"}]}})


def _operation(
    summary: str,
    answers: Mapping[str, _Json],
    errors: Mapping[int, str] | None = None,
    *,
    description: str = "",
    parameters: list[_Json] | None = None,
    body: Mapping[str, _Json] | None = None,
) -> _Json:
    error = {"$ref": "#/components/schemas/Error"}
    described: _Json = {"summary": summary, "tags": ["voices"]}
    if description:
        described["description"] = description
    if parameters:
        described["parameters"] = parameters
    if body is not None:
        described["requestBody"] = {
            "required": True,
            "content": {kind: {"schema": schema} for kind, schema in body.items()},
        }
    described["responses"] = {
        **answers,
        **{
            str(status): {"description": reason, "content": {"application/json": {"schema": error}}}
            for status, reason in sorted({**_ACCESS, **(errors or {})}.items())
        },
    }
    return described


def _answer(description: str, schema: _Json) -> _Json:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _object(properties: Mapping[str, _Json], required: tuple[str, ...] | None = None) -> _Json:
    needed = list(properties) if required is None else list(required)
    return {"type": "object", "properties": dict(properties), **({"required": needed} if needed else {})}


def _many(schema: _Json) -> _Json:
    return {"type": "array", "items": schema}


def _name() -> _Json:
    return {
        "name": "name",
        "in": "path",
        "required": True,
        "schema": _STRING,
        "description": "A voice's name, in any case, or its name in one language.",
        "example": "default",
    }


def _query(name: str, schema: _Json, description: str) -> _Json:
    return {"name": name, "in": "query", "schema": schema, "description": description}
