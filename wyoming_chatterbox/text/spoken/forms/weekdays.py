"""Days of the week: before a date, in spans and lists, alone."""

from __future__ import annotations

import re

from ..letters import WORD
from .clock import time
from .dates import day_first, month_first, numeric
from .written import Found, Written

_NAME = re.compile(rf"(?P<name>{WORD})(?P<dot>\.?)")
_GOES_ON = re.compile(r"\s(\d|[^\W\d_])")
_HOURS_AFTER = re.compile(r"\s\d{1,2}(?:[.:]\d\d|h(?:\d\d)?)?\s?[-–]\s?\d{1,2}(?:[.:h]\d\d)?(?!\d|[.,]\d|\s?[°%€$])")
_BREAKS = (" ", ",")
_COLON_AND_NUMBER = re.compile(r":\s[-+−]?\d")
_WEEKDAY_GAP = re.compile(r",?\s(?:the\s|den\s|le\s|el\s|il\s)?")
_WEEKDAY_RANGE = re.compile(rf"(?:\s?[-–]\s?|[~〜～]|\s(?P<to>{WORD}|t/m)\s)(?P<name>{WORD})")
_NEIGHBOUR = r"(?:,\s|\s?[/&]\s?|,?\s(?P<and>[^\W\d_]{1,3})\s)"
_DAY_LISTED_AFTER = re.compile(rf"{_NEIGHBOUR}(?P<name>[^\W\d_]+)")
_DAY_LISTED_BEFORE = re.compile(rf"(?P<name>[^\W\d_]+)\.?{_NEIGHBOUR}\Z")
_AMOUNT_AFTER = re.compile(r",\s[-+−]?\d")
_ORDINAL_AFTER = re.compile(r"\s\d{1,2}(?:st|nd|rd|th)(?!\w)")
_TIME_BEFORE = re.compile(r"\d:\d\d\s\Z")
_HIGH_AND_LOW = re.compile(r"\s[-−]?\d{1,3}°?/[-−]?\d{1,3}(?![\d/])")
"""The temperatures of a day: "Mon 70/52"."""


def weekday(written: Written, at: int) -> Found | None:
    """Find a day of the week before a date or a time, or two of them: "Sat 28 Nov", "Mon-Fri", "Fri 10:30"."""
    text, language = written.text, written.language
    name = _NAME.match(text, at)
    number = language.weekdays.get(name["name"].lower(), 0) if name else 0
    if not name or not number or (language.weekday(1)[:1].isupper() and not name["name"][0].isupper()):
        return None
    full = language.weekday(number).lower()
    short = not name["name"].lower().startswith(full)  # "Tiistaina" keeps its case
    after = name.end() if short else name.end("name")
    other = _WEEKDAY_RANGE.match(text, after)
    last = language.weekdays.get(other["name"].lower(), 0) if other else 0
    to = language.word("to")
    if other and other["to"]:
        to = {to: to, **written.writing.short}.get(other["to"], "")
        last = last if short and to else 0
    same = other and (other["name"][0].isupper() == name["name"][0].isupper() or written.starts_sentence(at))
    if other and last and same:
        end = written.after_dot(other.end("name"))
        return end, language.weekday_range(number, last, to=to, after=written.word_before(at))
    if gap := _WEEKDAY_GAP.match(text, after):
        for rule in (numeric, day_first, month_first):
            if found := rule(written, gap.end()):
                # "Tiistaina" keeps its case.
                as_written = name["name"] if len(name["name"]) > len(language.weekday(number)) else ""
                return found[0], language.with_weekday(number, found[1], name=as_written)
        if short and time(written, gap.end()):
            return after, language.weekday(number)
    is_no_day = name["name"].lower() in written.writing.no_days and not _COLON_AND_NUMBER.match(text, after)
    joined = written.char_before(at) in "-–_" and not written.starts_sentence(at)
    if short and not joined and (_is_dotted(name, text) or (not is_no_day and _HOURS_AFTER.match(text, after))):
        return after, language.weekday(number)
    is_sure = (name["name"][0].isupper() or name["dot"]) and not is_no_day and not joined
    introduces = (
        text.startswith(":", after)
        or (written.after_dot(name.end("name")) == name.end() and _is_inside(name, text))
        or (_AMOUNT_AFTER.match(text, after) and written.starts_sentence(at))
        or written.word_before(at) in written.writing.day_before | written.writing.weekday_before
        or written.left(at).rstrip().endswith(":")
        or _TIME_BEFORE.search(written.left(at))
    )
    is_over = _HIGH_AND_LOW.match(text, after) and not is_no_day
    day_follows = _ORDINAL_AFTER.match(text, after)
    is_open = name["name"][0].isupper() and written.word_after(after) in written.writing.weekday_after
    if short and (
        is_over or day_follows or is_open or (is_sure and introduces) or _is_listed(written, at, after, name["name"])
    ):
        return written.after_dot(name.end("name")), language.weekday(number)
    return None


def _is_dotted(name: re.Match[str], text: str) -> bool:
    """Whether the full stop behind a short name ends no sentence: a number or a small letter follows."""
    follows = _GOES_ON.match(text, name.end()) if name["dot"] else None
    return follows is not None and not follows[1].isupper()


def _is_inside(name: re.Match[str], text: str) -> bool:
    """Whether the full stop behind a short name stands before a comma or a small letter: "Fr. Schmidt" is a woman."""
    return bool(name["dot"]) and text.startswith(_BREAKS, name.end()) and not text[name.end() + 1 :][:1].isupper()


def _is_listed(written: Written, at: int, after: int, name: str) -> bool:
    """Whether a day stands beside another one, and not both are other words too: "Mon/Wed", "Sat, Sun"."""
    neighbours = _DAY_LISTED_AFTER.match(written.text, after), _DAY_LISTED_BEFORE.search(written.left(at))
    words = ("", written.language.word("and"), written.language.word("or"))
    for found in neighbours:
        other = found["name"] if found and (found["and"] or "") in words else ""
        if name[0].isupper() and other[:1].isupper() and other.lower() in written.language.weekdays:
            return not {name.lower(), other.lower()} <= written.writing.no_days
    return False
