"""Crosses between numbers: of sizes ("1920x1080", "5 cm × 3 cm"), of calculations, and of amounts ("2 x 400 g")."""

from __future__ import annotations

import re

from .measured import unit_key
from .names import plural
from .written import Found, Written

_BY = re.compile(r"[xX×]\s?(?=\d)")
_BOARDS = re.compile(r"x(?P<n>\d{1,2})s(?!\w)")
"""Things named by their size, in English: "2x4s"."""
_MODEL = re.compile(r"X\d[A-Z]")
_TERM_BEFORE = re.compile(r"[=+]\s?\d+\Z")
"""The number of a variable: "y = 3x"."""
_OPERATOR = re.compile(r"\s?[+=^²³]|\s[-−]\s")
_MEASURE_BEFORE = re.compile(r"\d[\"”″'’′]?\s?(?:[^\W\d_]{1,2}\s)?\Z")
_LENGTHS = frozenset(("mm", "cm", "m", "km", "µm", "in", "ft", "yd", "mi"))
_LENGTH_AFTER = re.compile(r"\s?\d[\d.,]*(?:[\"”″]|[\s-]?(?:inch(?:es)?|in|mm|cm|ft|feet|yd)(?!\w))")
_LENGTH_BEFORE = re.compile(r"\d\s?(?:[\"”″'’′]|mm|cm|m|km|ft|in|yd)\s?\Z")
_NUMBER_BEFORE = re.compile(r"\d\s?\Z")
_NUMBER_AFTER = re.compile(r"\s?\d")
EQUATION_LENGTH = 12
"""Characters in which an equals sign tells of a calculation."""
_UNIT_AFTER = re.compile(r"\s?[-+]?\d[\d.,:]*\s?(?P<unit>[^\W\d_]{1,5}(?:/[^\W\d_]+)?)")


def by(written: Written, at: int) -> Found | None:
    """Find an "x" between numbers or after one: "1920x1080", "3x"."""
    text, times, before = written.text, written.language.word("times"), written.char_before(at)
    if text[at] not in "xX×" or not _MEASURE_BEFORE.search(written.left(at)) or _MODEL.match(text, at):
        return None
    if written.writing.month_first and (found := _BOARDS.match(text, at)):
        return found.end(), f"{written.writing.by} {plural(written.language.cardinal(int(found['n'])))}"
    if found := _BY.match(text, at):
        in_equation = "=" in text[at : at + EQUATION_LENGTH] or text.startswith("10^", found.end())
        is_times = in_equation or _counts_amounts(written, at, found.end())
        return found.end(), f"{times if is_times else written.writing.by or times} "
    follows = text[at + 1 : at + 2]
    if _OPERATOR.match(text, at + 1) or _TERM_BEFORE.search(written.left(at)):
        return None
    is_loose = before.isspace() and follows.isspace() and written.left(at).rstrip()[-1:].isdecimal()
    is_times = not follows.isalnum() if before.isdecimal() else follows == "/" or is_loose
    return (at + 1, times) if is_times else None


def _counts_amounts(written: Written, at: int, end: int) -> bool:
    """Whether only the number behind an "x" has a unit, and none of a length: "2 x 400 g"."""
    unit = _UNIT_AFTER.match(written.text, end)
    key = unit_key(written, unit["unit"]) if unit and _NUMBER_BEFORE.search(written.left(at)) else ""
    return bool(key) and key not in _LENGTHS


def cross(written: Written, at: int) -> Found | None:
    """Find a sign of multiplication: "by" in a size without spaces or of lengths ("a 5×5 grid"), else "times"."""
    text, left, times = written.text, written.left(at), written.language.word("times")
    is_tight = written.char_before(at).isdecimal() and text[at + 1 : at + 2].isdecimal()
    is_size = (
        (is_tight and not _counts_amounts(written, at, at + 1))
        or (_LENGTH_BEFORE.search(left) and _NUMBER_AFTER.match(text, at + 1))
        or (_NUMBER_BEFORE.search(left) and _LENGTH_AFTER.match(text, at + 1))
    )
    if is_size and "=" not in text[at : at + EQUATION_LENGTH] and "^" not in text[at:]:
        return at + 1, f" {written.writing.by or times} "
    return (at + 1, times) if at or at + 1 < len(text) else None
