"""Decades of years, of lives and of degrees: "1990s", "in her 30s", "the low 80s"."""

from __future__ import annotations

import re

from .written import Found, Written

_OF = re.compile(r"\sof\b")
_DECADE = re.compile(r"['’]?(?P<n>\d{1,4})(?P<end>['’]?s|er)(?!\w)")
_DECADE_BEFORE = re.compile(r"([^\W\d_]+) (?:['’]?\d0s(?:\s?[-–]\s?|,? (?:to|and|or|through) |, )){1,4}\Z")
_IN_BEFORE = re.compile(r"\bin [^\W\d_]+ \Z", re.IGNORECASE)


def decade(written: Written, at: int) -> Found | None:
    """Find a decade: "1990s", "'90s", "the 90s", "90er"."""
    found = _DECADE.match(written.text, at)
    language, writing = written.language, written.writing
    if not found or not (found["n"].endswith("0") or (found["end"] == "er" and writing.decade_ending == "er")):
        return None
    digits = found["n"]
    if found["end"] == "s" and digits in writing.many and _OF.match(written.text, found.end()):
        return found.end(), writing.many[digits]
    said = language.year(int(digits)) if len(digits) == 4 else language.cardinal(int(digits))
    if found["end"] == "er":
        return (found.end(), said + "er") if writing.decade_ending == "er" else None
    if len(digits) == 3 or not writing.decades:
        return None
    if (
        len(digits) == 2
        and found["end"] == "s"
        and written.text[at].isdecimal()
        and not _is_decade(written, at, found.end())
    ):
        return None
    if digits[-2:] in ("00", "10"):
        return (found.end(), said + "s") if len(digits) == 4 else None
    century = said.rpartition(" ")[0]
    return found.end(), f"{century} {writing.decades[digits[-2:]]}".lstrip()


def _is_decade(written: Written, at: int, end: int) -> bool:
    """Whether "30s" is a decade rather than seconds: "in her 30s", "the low 80s", "80s music"."""
    writing, before, left = written.writing, written.word_before(at), written.left(at)
    follows = written.word_after(end)
    if follows in writing.seconds_before:
        return False
    if writing.decade_before.search(left) or follows in writing.decade_after:
        return True
    if first := _DECADE_BEFORE.search(left):
        before, left = first[1].lower(), left[: first.end(1) + 1]
    return before in writing.decade or (before in writing.age and bool(_IN_BEFORE.search(left)))
