"""Describes, for /openapi.json, what only the page asks for: another try, the log, a report, news, and its files."""

from __future__ import annotations

from typing import Any

from .describing import JSON, OBJECT, answer, list_of, operation, record, string
from .pages import Pages


def page_paths() -> dict[str, Any]:
    """Describe the paths of `page_routes` and `pages`."""
    line = record({"time": {"type": "number"}, "level": string(), "text": string()})
    text = string()
    files = {
        path: {
            "get": operation(
                "Show a file of the page",
                {"200": answer("It.", OBJECT if kind == JSON else text, kind)},
                open_to_all=True,
            )
        }
        for path, kind in Pages().kinds.items()
    }
    return files | {
        "/retry": {
            "post": operation(
                "Load Chatterbox now, instead of after the wait",
                {"202": answer("It is being loaded.", record({"retrying": {"const": True}}))},
                errors={409: "There is nothing to try again."},
            )
        },
        "/log": {
            "get": operation(
                "Show the latest lines of the log", {"200": answer("They.", record({"lines": list_of(line)}))}
            )
        },
        "/report": {
            "get": operation(
                "Show a report for an issue, without texts, tokens, names, addresses and paths",
                {"200": answer("The report, in Markdown.", text, "text/plain")},
            )
        },
        "/events": {
            "get": operation(
                "Show what changes, as it does",
                {"200": answer("Server-sent events info, memory and log, without an end.", text, "text/event-stream")},
                errors={503: "The server is shutting down."},
            )
        },
    }
