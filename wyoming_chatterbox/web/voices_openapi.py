"""The paths of /v1/voices as OpenAPI 3.1 describes them; the document that they are joined to has the schema Error."""

from __future__ import annotations

from ..audio.peaks import PARTS
from ..option import Option
from ..voices.profile import KEYS
from ..voices.voice import STYLE_OPTIONS
from .describing import JSON, PROBLEM, SPEECH_HEADERS, Schema, answer, list_of, operation, record, string

_STRING_OR_NULL: Schema = {"type": ["string", "null"]}
_FOLDER = {503: "The voices folder can't be written, or doesn't answer.", 507: "Its disk is full."}
_BODY = {
    400: "A field can't be as it is: the message says what would be right.",
    408: "The request did not come in time.",
    413: "The body is too long.",
    415: "The Content-Type is another than those that are taken.",
}
_UNKNOWN = {404: "There is no such voice."}
_TAKEN = {409: "It would replace or break something else: the message names it."}


def paths() -> Schema:
    """Describe the paths."""
    voice = _voice()
    return {
        "/v1/voices": {"get": _list(voice), "post": _create(voice)},
        "/v1/voices/{name}": {
            "get": operation(
                "Show a voice", {"200": answer("The voice.", voice)}, errors=_UNKNOWN, parameters=[_name()]
            ),
            "patch": operation(
                "Change how a voice speaks, its label or its name",
                {"200": answer("The voice as it is now.", voice)},
                errors={**_BODY, **_UNKNOWN, **_TAKEN, **_FOLDER},
                description="What is left out stays, null takes a value back. Comments in a profile that was written "
                "by hand get lost; a hidden copy is kept beside it. With a new name all files of the voice move.",
                parameters=[_name(own=True)],
                body={JSON: record({"name": string(), **_profile(nullable=True)}, needed=())},
            ),
            "delete": operation(
                "Delete a voice",
                {"200": answer("How to bring it back.", _deletion())},
                errors={**_UNKNOWN, **_TAKEN, **_FOLDER},
                description="The recording and its profile are gone for good after a minute. A profile without a "
                "recording of its own goes alone. The name may also be that of a file that can't be used.",
                parameters=[
                    _name(own=True),
                    _query("styles", {"type": "boolean"}, "Delete other voices of the recording too."),
                ],
            ),
        },
        "/v1/voices/{name}/undelete": {
            "post": operation(
                "Bring a deleted voice back",
                {"200": answer("What came back.", _restored(voice))},
                errors={404: "There is nothing to bring back, or the minute is over.", **_TAKEN, **_FOLDER},
                parameters=[_name(), _query("id", string(), "Which deletion; the latest, if it is left out.")],
            ),
        },
        "/v1/voices/{name}/sample": {
            "get": operation(
                "Hear the recording of a voice",
                {
                    "200": {"description": "The file as it is.", "content": {"audio/*": {"schema": string()}}},
                    "206": {
                        "description": "The part that was asked for.",
                        "content": {"audio/*": {"schema": string()}},
                    },
                    "304": {"description": "It has not changed."},
                },
                errors={
                    **_UNKNOWN,
                    409: "The recording has just changed.",
                    416: "It has no such part.",
                    503: _FOLDER[503],
                },
                parameters=[_name()],
            ),
        },
        "/v1/voices/{name}/preview": {
            "get": operation(
                "Hear a voice say a sentence",
                {
                    "200": {
                        "description": "The sound, while it is made.",
                        "headers": SPEECH_HEADERS,
                        "content": {"audio/*": {"schema": string()}},
                    }
                },
                errors={
                    400: "A field can't be as it is.",
                    **_UNKNOWN,
                    429: "Too many replies are in progress.",
                    500: "The engine failed.",
                    503: "No engine can speak yet.",
                },
                parameters=[
                    _name(),
                    _query("language", string(), "One of the voice's languages; its own, if it is left out."),
                    _query("text", string(maxLength=300), "What to say instead of a sentence about the morning."),
                    _query("response_format", string(), "A format as in /v1/audio/speech; wav, if it is left out."),
                ],
            ),
        },
    }


def _list(voice: Schema) -> Schema:
    folder = record(
        {"path": string(), "writable": {"type": "boolean"}, "trouble": _STRING_OR_NULL, "problem": PROBLEM},
        needed=("path", "writable", "trouble"),
    )
    broken = record({"file": string(), "reason": string(), "problem": PROBLEM}, needed=("file", "reason"))
    listing = record({"voices": list_of(voice), "broken": list_of(broken), "folder": folder, "default": string()})
    return operation(
        "List the voices",
        {"200": answer("One entry a voice, however many languages it has; and the files that are none.", listing)},
    )


def _create(voice: Schema) -> Schema:
    fields = {
        "name": string("A file name without separators, suffix and a full stop at its beginning."),
        **_profile(nullable=False),
        "replace": {"type": "boolean", "description": "Whether it may replace the recording of a voice of this name."},
        "replaces": string("A file among the broken ones, which stays until the voice is there; only with a file."),
        "consent": {"type": "boolean", "description": "Whether the person agrees that their voice is copied."},
    }
    form = record({"file": string(format="binary"), **fields}, needed=("file",))
    return operation(
        "Make a voice of a recording",
        {
            "201": {
                **answer("The voice. It can be used from now on.", voice),
                "headers": {"Location": {"description": "Where the voice is.", "schema": string()}},
            }
        },
        errors={
            **_BODY,
            **_TAKEN,
            422: "This is no recording that a voice can be made of: the message says why.",
            429: "Too many recordings are being received.",
            **_FOLDER,
        },
        description="A form with the file, or the file itself with the fields in the query. JSON without a file makes "
        "another style of a recording that is there, or of the model's own voice.",
        parameters=[_query("name", string(), "The name, if the body is the file itself; so are the other fields.")],
        body={
            "multipart/form-data": form,
            "audio/*": string(format="binary"),
            JSON: record(fields, needed=("name",)),
        },
    )


def _voice() -> Schema:
    return record(
        {
            "id": string(),
            "name": string("The voice's name, whatever the language."),
            "label": string("What people see."),
            "own": {"type": "boolean", "description": "Whether it is the model's own voice, without a recording."},
            "recording": {**_STRING_OR_NULL, "description": "The recording's path inside the voices folder."},
            "languages": list_of(string()),
            "names": {
                "type": "object",
                "additionalProperties": string(),
                "description": "The name that requests and Home Assistant use, by language.",
            },
            "recorded_language": _STRING_OR_NULL,
            "style": {"type": "object", "description": "What is set of how it speaks."},
            "aliases": list_of(string()),
            "profile": {
                **record({"label": _STRING_OR_NULL, "aliases": list_of(string()), "style": {"type": "object"}}),
                "description": "What its own profile says, which PATCH changes; one of its languages may have another.",
            },
            "state": {"enum": ["ready", "preparing", "waiting", "broken"]},
            "reason": {**_STRING_OR_NULL, "description": "Why it is broken."},
            "problem": PROBLEM,
            "judgement": {"type": ["object", "null"], "description": "What was found in the recording."},
            "peaks": {
                **_STRING_OR_NULL,
                "description": f"A picture of the recording: the largest amplitude in each of {PARTS} equal parts of "
                "it, as two hexadecimal digits; ff is full scale.",
            },
            "is_default": {"type": "boolean"},
            "bytes": {"type": ["integer", "null"]},
            "changed": {
                "type": ["number", "null"],
                "description": "When the recording changed, in seconds since 1970.",
            },
        },
        needed=("id", "name", "state", "reason"),
    )


def _profile(*, nullable: bool) -> Schema:
    """Describe the fields of a profile; the check of each is the one of the file."""
    fields: Schema = {}
    for key, (_, allowed) in KEYS.items():
        kinds = _kinds(STYLE_OPTIONS.get(key)) if key != "aliases" else ["array", "string"]
        fields[key] = {
            "type": [*kinds, "null"] if nullable else kinds,
            "description": f"It takes {allowed}.",
            **({"items": string()} if key == "aliases" else {}),
        }
    if nullable:
        del fields["recording"]
    return fields


def _kinds(option: Option | None) -> list[str]:
    return ["string"] if option is None else ["number", "string"]


def _deletion() -> Schema:
    undo = record({"id": string(), "seconds": {"type": "number"}})
    return record({"name": string(), "files": list_of(string()), "undo": undo})


def _restored(voice: Schema) -> Schema:
    return record({"name": string(), "files": list_of(string()), "voice": {"anyOf": [voice, {"type": "null"}]}})


def _name(*, own: bool = False) -> Schema:
    """Describe the name in a path; changes take a voice's `own` name only."""
    return {
        "name": "name",
        "in": "path",
        "required": True,
        "schema": string(),
        "description": "A voice's name, in any case."
        if own
        else "A voice's name, in any case, or its name in one language.",
        "example": "default",
    }


def _query(name: str, schema: Schema, description: str) -> Schema:
    return {"name": name, "in": "query", "schema": schema, "description": description}
