"""Text from clients, made harmless for log lines and answers.

A client chooses the names and paths that it sends. A line break would forge a line of the log, an escape character
would control the terminal that shows it, a bidirectional mark would reorder the text that a person reads.
"""

from __future__ import annotations

from typing import Any

MAX_CHARACTERS = 100
"""Characters of a client's text that are shown; of a longer one the length is shown too."""


def quoted(text: str, limit: int = MAX_CHARACTERS) -> str:
    """Return `text` in quotation marks: at most `limit` characters of it, invisible ones as Python escapes."""
    shown = visible(text[:limit].replace("\\", "\\\\").replace("'", "\\'"))
    return f"'{shown}'" if len(text) <= limit else f"'{shown}...' ({len(text)} characters)"


def shortened(text: str, limit: int = MAX_CHARACTERS) -> str:
    """Return at most `limit` characters of `text`, and "…" for the rest; invisible ones as Python escapes."""
    return visible(text[:limit]) + "…" * (len(text) > limit)


def visible(text: str) -> str:
    """Return `text` with invisible characters, line breaks among them, as Python escapes."""
    # Not printable: Unicode's control, format, surrogate, unassigned and separator characters, except the space.
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def json_kind(value: Any) -> str:
    """Name the kind of a parsed JSON value as JSON calls it: "a number", "an object"."""
    match value:
        case None:
            return "null"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case str():
            return "a string"
        case list():
            return "an array"
        case _:
            return "an object"
