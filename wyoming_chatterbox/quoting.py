"""Words of clients, made fit for a log line or an answer.

A client chooses the names and paths that it sends. A line break in one would forge a line of the log, an escape
character would act on the terminal that shows it, a bidirectional mark would reorder what a person reads.
"""

from __future__ import annotations

import unicodedata
from typing import Any

MAX_CHARACTERS = 100
"""Characters of a client's text that are shown; the rest is only counted."""


def quoted(text: str, limit: int = MAX_CHARACTERS) -> str:
    """Return `text` in quotation marks: at most `limit` characters of it, invisible ones as Python escapes."""
    shown = "".join(_visible(character) for character in text[:limit])
    rest = len(text) - limit
    return f"'{shown}'" if rest <= 0 else f"'{shown}...' ({len(text)} characters)"


def _visible(character: str) -> str:
    # Categories C (control, format, surrogate, unassigned) and Z (separators): of these, only a space is harmless.
    if character in "\\'" or (character != " " and unicodedata.category(character)[0] in "CZ"):
        return f"\\{character}" if character in "\\'" else character.encode("unicode_escape").decode("ascii")
    return character


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
