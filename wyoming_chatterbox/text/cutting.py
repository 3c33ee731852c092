"""Cutting text that is too long to be said in one go: after a clause, else between words, else anywhere."""

from __future__ import annotations

import re
import unicodedata

from .boundaries import CLOSERS

_CLAUSE = re.compile(
    rf"(?:[;:,—–!?…،؛؟।]|(?<=[^\W\d_]{{4}})\.)[{CLOSERS}]*+(?= )|[、，；：。！？｡][{CLOSERS}]*+"
)  # fmt: skip
_SPACE = re.compile(" ")
_MAX_CLUSTER_LENGTH = 32
_MIN_LENGTH_TO_CUT = 40


def is_sayable(text: str) -> bool:
    """Whether there is a letter or a digit in the text."""
    return any(char.isalnum() for char in text)


def cut(text: str, limit: int) -> list[str]:
    """Cut a text into parts that can be said, of about the same length, none longer than `limit` characters."""
    parts, start = cut_off(text, 0, limit)
    while len(text) - start > limit:
        end = _cut(text, start, max(start + 1, len(text) - limit), start + limit, (start + len(text)) // 2)
        parts.append(text[start:end].strip())
        start = end
    return [part for part in (*parts, text[start:].strip()) if is_sayable(part)]


def cut_off(text: str, start: int, limit: int) -> tuple[list[str], int]:
    """Cut off parts from `start` on while more than twice the limit is left; return them and where the rest begins."""
    parts: list[str] = []
    while text.startswith(" ", start):
        start += 1
    while len(text) - start > 2 * limit:
        end = _cut(text, start, start + 1, start + limit, start + limit)
        parts.append(text[start:end])
        start = end + text.startswith(" ", end)
    return parts, start


def halves(sentence: str) -> list[str]:
    """Cut a sentence in two, after a clause near its middle or else between words; return a short one whole."""
    if len(sentence) < _MIN_LENGTH_TO_CUT:
        return [sentence]
    at = _cut(sentence, 0, 1, len(sentence) - 1, len(sentence) // 2)
    parts = [sentence[:at].strip(), sentence[at:].strip()]
    return parts if all(is_sayable(part) for part in parts) else [sentence]


def _cut(text: str, start: int, low: int, high: int, ideal: int) -> int:
    """Return where to cut the text from `start` on: after a clause near `ideal`, else at the space nearest to it.

    Both lie between `low` and `high`; a cut inside a word may lie before `low`, to keep a character with its marks.
    """
    reach = max(1, (high - low) // 3)
    first, last = max(low, ideal - reach), min(high, ideal + reach)
    clauses = [stop.end() for stop in _CLAUSE.finditer(text, first - 1, last + 1) if stop.end() <= last]
    places = clauses or [space.start() for space in _SPACE.finditer(text, low, high + 1)]
    if places:
        return min(places, key=lambda at: abs(at - ideal))
    at = ideal
    while at > max(start + 1, ideal - _MAX_CLUSTER_LENGTH) and _is_mark(text[at]):
        at -= 1
    return ideal if _is_mark(text[at]) else at


def _is_mark(char: str) -> bool:
    """Whether a character combines with the one before it."""
    return unicodedata.category(char).startswith("M")
