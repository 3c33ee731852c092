"""Blocks that a description in OpenAPI 3.1 is built from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .answers import ENGINE_HEADER, REPLY_HEADER

Schema = dict[str, Any]
JSON = "application/json"
OBJECT: Schema = {"type": "object"}
SPEECH_HEADERS: Schema = {
    ENGINE_HEADER: {
        "description": "Who says the beginning: the model's family, or standby. It is left out if there is nothing to "
        "say. Who spoke last is the engine of this reply in /info.",
        "schema": {"type": "string"},
    },
    REPLY_HEADER: {
        "description": "The id of this reply among the recent ones of /info.",
        "schema": {"type": "integer"},
    },
}
"""Headers of every answer that is speech."""


def operation(
    summary: str,
    answers: Mapping[str, Mapping[str, Any]],
    *,
    description: str = "",
    errors: Mapping[int, str] | None = None,
    body: Mapping[str, Schema] | None = None,
    parameters: list[Schema] | None = None,
    open_to_all: bool = False,
) -> dict[str, Any]:
    """Describe one method of a path: `answers` by status, the `body` of a request by content type.

    `errors` are those by status that only this method has. A path that is `open_to_all` needs no access.
    """
    further = {} if open_to_all else {401: "The token is missing or wrong.", 403: "This client has no access."}
    described: dict[str, Any] = {"summary": summary}
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
        **{str(status): _refusal(reason) for status, reason in sorted({**further, **(errors or {})}.items())},
    }
    return described


def answer(description: str, schema: Schema, kind: str = JSON) -> dict[str, Any]:
    """Describe one answer."""
    return {"description": description, "content": {kind: {"schema": schema}}}


def record(properties: Mapping[str, Schema], *, needed: Iterable[str] | None = None, more: bool = True) -> Schema:
    """Describe an object that has the `needed` properties, which are all if it is left out, and `more` perhaps."""
    required = list(properties if needed is None else needed)
    described: Schema = {"type": "object", "properties": dict(properties), "required": required}
    return described if more else {**described, "additionalProperties": False}


PROBLEM: Schema = {
    **record({"code": {"type": "string"}, "values": OBJECT}),
    "description": "The same as a code and values, for clients that have words of their own for it.",
}


def list_of(schema: Schema) -> Schema:
    """Describe an array of such values."""
    return {"type": "array", "items": schema}


def string(description: str = "", **further: Any) -> Schema:
    """Describe a string; `further` are keywords of JSON Schema."""
    return {"type": "string", **({"description": description} if description else {}), **further}


def _refusal(reason: str) -> dict[str, Any]:
    return answer(reason, {"$ref": "#/components/schemas/Error"})
