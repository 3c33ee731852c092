"""JSON from untrusted clients, parsed only after its nesting and its values have been counted.

Parsed objects take up to thirty times the memory of their text, so the limits are checked before parsing. The count
reads the punctuation outside strings. It is exact for JSON; if the text stops being JSON midway, it is exact up to
there, and the parser builds nothing from there on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

MAX_DEPTH = 16
"""Containers (objects and arrays) inside one another."""
MAX_VALUES = 1000
"""Values inside containers, an empty container counted twice: the number of commas and containers."""

_NO_MARKS = bytes(set(range(256)) - set(b"[]{},:"))
_MARKS_PER_VALUE = 4
"""Punctuation of one value at most: a comma, a colon and two brackets; its key and itself have four quotation marks."""


@dataclass(frozen=True)
class Size:
    """The shape of a JSON text."""

    depth: int
    """Containers inside one another."""
    values: int
    """Values inside containers, an empty container counted twice."""


def loads(text: bytes) -> Any:
    """Parse UTF-8; `ValueError` if it is not JSON, or exceeds `MAX_DEPTH` or `MAX_VALUES`."""
    size = measure(text)
    if size is None or size.values > MAX_VALUES:
        raise ValueError(f"has more than {MAX_VALUES} values")
    if size.depth > MAX_DEPTH:
        raise ValueError(f"is nested more than {MAX_DEPTH} deep")
    try:
        return json.loads(text.decode("utf-8", "surrogatepass"))
    except UnicodeDecodeError as err:
        raise ValueError("is not in UTF-8") from err
    except ValueError as err:
        raise ValueError("is not JSON") from err


def measure(text: bytes) -> Size | None:
    """Measure a JSON text without parsing it; return None if it certainly exceeds `MAX_VALUES`."""
    most = _MARKS_PER_VALUE * (MAX_VALUES + 1)
    # Without the escaped ones, every quotation mark begins or ends a string.
    text = text.replace(b"\\\\", b"").replace(b'\\"', b"")
    if text.count(b'"') > most:
        return None
    marks = b"".join(text.split(b'"')[::2]).translate(None, _NO_MARKS)
    if len(marks) > most:
        return None
    depth = deepest = 0
    for mark in marks:
        if mark in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif mark in b"]}":
            depth -= 1
    return Size(deepest, sum(marks.count(mark) for mark in (b",", b"[", b"{")))
