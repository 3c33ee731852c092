"""Dates: ISO, local and partial ones."""

from __future__ import annotations

import re

from ..letters import WORD
from .clock import said_time
from .written import Found, Written

_ISO = re.compile(
    r"(?P<y>\d{4})([-/])(?P<m>\d\d?)\2(?P<d>\d\d?)(?![\d-])"
    r"(?:[T_](?P<h>\d\d)[:-]?(?P<min>[0-5]\d)(?:[:-]?(?P<s>\d\d)(?:[.,]\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?(?![^\W_])"
)
_DATE_BEFORE = re.compile(r"\b(?:from|since)\s\d\d?/\d\d?\s(?:to|through|until)\s\Z", re.IGNORECASE)
_NUMERIC = re.compile(r"\d{1,4}[-/.]")
"""The beginning of every date in digits."""
_YEAR_MONTH = re.compile(r"(?P<y>(?:19|20)\d\d)-(?P<m>0[1-9]|1[0-2])(?![\d-])")
_MONTH_YEAR = re.compile(r"(?P<m>0\d|1[0-2]|[1-9])/(?P<y>(?:19|20)\d\d)(?![\w/]|[.,]\d)")
_DOTTED = re.compile(r"(?P<d>\d\d?)\.\s?(?P<m>\d\d?)\.\s?(?P<y>(?P<century>\d\d)?\d\d)(?![\w]|[.,:]\d|\s?[°%])")
_DAY_MONTH = re.compile(r"(?P<d>\d\d?)\.\s?(?P<m>\d\d?)\.(?!\d)")
_DAY_MONTH_BARE = re.compile(r"(?P<d>\d\d?)\.(?P<m>\d\d)(?![\d.]|\.\d)")
_DAY_RANGE = re.compile(r"(?P<first>\d\d?)\.\s?(?:(?P<and>/)|[-–—]|\s[-–]\s)\s?(?=(?:\d\d?\./)?\d\d?\.\s?\d\d?\.)")
_SLASHED = re.compile(r"(?P<a>\d\d?)(?P<mark>[/-])(?P<b>\d\d?)(?P=mark)(?P<y>\d{4}|\d\d)(?![\w/])")
_YEAR_BEHIND_DASH = re.compile(r"(?P<a>\d\d?)(?P<mark>/)(?P<b>\d\d?)-(?P<y>(?:19|20)\d\d)(?![\w/-])")
_DAY_SLASH_MONTH = re.compile(r"(?P<a>\d\d?)/(?P<b>\d\d?)(?![\d/]|\s?[°%])")
_CALCULATES_BEFORE = re.compile(r"\b(?:multipl|divid)\w+ by \Z")
_YEAR_BEHIND = re.compile(r"\s(?P<y>(?:19|20)\d\d)(?![\w]|[.,]\d)")
_DAY_DASH_MONTH = re.compile(r"(?P<d>[0-3]\d)-(?P<m>0[1-9]|1[0-2])(?![\w-]|[.,]\d|\s?[°%€])")
_DAY = r"(?P<d>[0-3]?\d)(?:st|nd|rd|th|er|re|º|ª|°|:?e|hb|\.)?"
_DAYS = re.compile(
    rf"(?:(?P<first>[0-3]?\d)(?:st|nd|rd|th|\.)?\s?[-–]\s?)?{_DAY}(?:\s|-)?(?:of\s|d['’]|de\s)?(?P<month>{WORD})(?P<dot>\.?)"
)
_DAY_UNTIL = re.compile(
    rf"(?P<day>(?P<d>[0-3]?\d)(?:er|\.?[º°])?)(?=\s(?P<to>[^\W\d_]+)\s[0-3]?\d\.?\s(?:de\s)?(?P<month>{WORD}))"
)
_YEAR = re.compile(r"(?:,?\s|-)(?:de[l]?\s)?(?P<y>[12]\d{3})(?![\w]|[.,:]\d|\s?[°%])")
_SHORT_YEAR = re.compile(r"\s['’](?P<y>\d\d)(?!\w)")
_WORD_AFTER = re.compile(rf"\s(?P<word>{WORD})")
_NAME = re.compile(rf"(?P<name>{WORD})(?P<dot>\.?)")
_DAY_AFTER = re.compile(
    r",?\s(?P<d>[0-3]?\d)(?:st|nd|rd|th)?(?:(?:\s?[-–]\s?|\s(?:to|through)\s)(?P<last>[0-3]?\d)(?:st|nd|rd|th)?"
    r"(?!\s?[ap]\.?m\b))?(?!\w|:\d|-(?-i:[a-z])|[.,/]\d|\s?[°%€])",
    re.IGNORECASE,
)
_WEEKDAY_BEFORE = re.compile(r"(?P<word>[^\W\d_]+)\s(?P<day>[^\W\d_]+)\.?,?\Z")
_DAYS_BEFORE = re.compile(
    r"([^\W\d_]+)\.?\s\d{1,2}(?:st|nd|rd|th)?(?:,\s\d{1,2}(?:st|nd|rd|th)?){0,5}(?:,?\s(?:&|[^\W\d_]{2,3})\s|,\s)\Z"
)
_DAY_LISTED = re.compile(
    r"[0-3]?\d(?=[,;.!?)]*(?:\Z|\s(?:&|[^\W\d_]{2,3})\s\d)|[,;.!?)]\s|\s(?:is|are|was|were|will)(?!\w))(?![.,]\d)"
)
_DASH_AFTER = re.compile(r"\s?[-–]\s?(?=[^\W\d_])")
_LONG_NAME = 4
"""Letters of a day's name, which may have an ending: "perjantaina"."""


def _valid(month: int, day: int) -> bool:
    return 1 <= month <= 12 and 1 <= day <= 31


def _word_before(written: Written, at: int) -> str:
    """Return the word that the form of a date depends on; "" at the start of a sentence, after a colon and a bracket.

    A day of the week may stand between.
    """
    left = written.left(at).rstrip()
    if written.starts_sentence(at) or left.endswith((":", "(", " –", " —")):
        return ""
    word = written.word_before(at)
    between = _WEEKDAY_BEFORE.search(left) if word in written.language.weekdays else None
    return between["word"].lower() if between else word or "-"


def numeric(written: Written, at: int) -> Found | None:
    """Find a date in digits: "2026-11-25", "25.11.2026", "11/25/2026", "25.11."."""
    if not _NUMERIC.match(written.text, at):
        return None
    return _with_word_for_year(written, _numeric(written, at))


def _numeric(written: Written, at: int) -> Found | None:
    text, language, writing = written.text, written.language, written.writing
    before = _word_before(written, at)
    if found := _ISO.match(text, at):
        year, month, day = int(found["y"]), int(found["m"]), int(found["d"])
        if _valid(month, day):
            said = language.date(year, month, day, after=before)
            if found["h"]:
                of_day = said_time(written, at, int(found["h"]), int(found["min"]), int(found["s"] or 0))
                said = f"{said}{written.space}{of_day}"
            return found.end(), said
    if (found := _YEAR_MONTH.match(text, at)) and not _spaced_range(text, found.end()):
        return found.end(), language.date(int(found["y"]), int(found["m"]), after=before)
    if (found := _MONTH_YEAR.match(text, at)) and int(found["m"]):
        return found.end(), language.date(int(found["y"]), int(found["m"]), after=before)
    if not writing.month_first and (found := _DAY_RANGE.match(text, at)) and (rest := numeric(written, found.end())):
        joins = language.word("and" if found["and"] else "to")
        return rest[0], f"{language.day(int(found['first']), after=before or '-')} {joins} {rest[1]}"
    dotted = not writing.month_first and before not in writing.version
    if (found := _DOTTED.match(text, at)) and _valid(int(found["m"]), int(found["d"])) and (dotted or found["century"]):
        return found.end(), language.date(int(found["y"]), int(found["m"]), int(found["d"]), after=before)
    if found and found["century"] and writing.month_first and _valid(int(found["d"]), int(found["m"])):
        return found.end(), language.date(int(found["y"]), int(found["d"]), int(found["m"]), after=before)
    if found := _SLASHED.match(text, at) or _YEAR_BEHIND_DASH.match(text, at):
        first, second = int(found["a"]), int(found["b"])
        month_first = writing.month_first and found["mark"] == "/"
        month, day = (first, second) if (month_first and first <= 12) or second > 12 else (second, first)
        if _valid(month, day) and (found["mark"] == "/" or len(found["y"]) == 4):
            return found.end(), language.date(int(found["y"]), month, day, after=before)
    dotted = writing.dotted_dates and not written.is_clock(at)
    if dotted and (found := _DAY_MONTH.match(text, at)) and _valid(int(found["m"]), int(found["d"])):
        ends_text = not text[found.end() :].strip()
        if _is_decimal(written, at, found, before) and ends_text:
            return None
        end = found.end() - ends_text
        return end, language.date(None, int(found["m"]), int(found["d"]), after=before)
    is_said = not _CALCULATES_BEFORE.search(written.left(at)) and (
        before in writing.day_before
        or _DATE_BEFORE.search(written.left(at))
        or written.word_before(at) in language.weekdays
    )
    found = _DAY_MONTH_BARE.match(text, at) if is_said and dotted else None
    if found and _valid(int(found["m"]), int(found["d"])):
        return found.end(), language.date(None, int(found["m"]), int(found["d"]), after=before)
    found = _DAY_DASH_MONTH.match(text, at) if is_said and not writing.month_first else None
    if found and 0 < int(found["d"]) <= 31 and (found["m"][0] == "0" or int(found["d"]) > int(found["m"])):
        return found.end(), language.date(None, int(found["m"]), int(found["d"]), after=before)
    if found := _DAY_SLASH_MONTH.match(text, at):
        first, second = int(found["a"]), int(found["b"])
        month, day = (first, second) if writing.month_first and first <= 12 else (second, first)
        with_year = None if writing.month_first else _YEAR_BEHIND.match(text, found.end())
        if with_year and _valid(month, day):
            return with_year.end(), language.date(int(with_year["y"]), month, day, after=before)
        if _valid(month, day) and (is_said or _is_no_fraction(month, day, month_first=writing.month_first)):
            return found.end(), language.date(None, month, day, after=before)
    return None


def _is_decimal(written: Written, at: int, found: re.Match[str], before: str) -> bool:
    """Whether "21.5." at the end of a sentence is a number that a machine wrote: nothing says that it is a date."""
    is_tight = len(found[0]) == len(found["d"]) + len(found["m"]) + 2
    if written.left(at).endswith((".-", ".–", "./")):  # the last day of a span: "3.–5.12."
        return False
    word, days = written.word_before(at), written.language.weekdays
    is_day = word in days or any(len(day) >= _LONG_NAME and word.startswith(day) for day in days)
    told = is_day or not before or before in written.writing.day_before or before in written.writing.ordinal_before
    return is_tight and found["m"][0] != "0" and not (told or written.starts_sentence(at))


def _is_no_fraction(month: int, day: int, *, month_first: bool) -> bool:
    """Whether "12/25" or "25/12" is a date rather than a fraction or "24/7"."""
    if day <= 12:
        return False
    return (month >= 10 and day != 16) if month_first else (month, day) != (7, 24)


def _spaced_range(text: str, end: int) -> bool:
    return text.startswith(("%", " %", "°", " °"), end)


def _with_word_for_year(written: Written, found: Found | None) -> Found | None:
    """Take in the word for "year" behind a date that is said with it: "25 ноября 2026 года"."""
    words = written.writing.word_for_year
    if not found or found[1].rpartition(" ")[2] not in words:
        return found
    word = _WORD_AFTER.match(written.text, found[0])
    return (written.after_dot(word.end()), found[1]) if word and word["word"].lower() in words else found


def day_first(written: Written, at: int) -> Found | None:
    """Find a day and the name of its month: "28 Nov 2026", "3. Mai", "1er mai", "25-28 Nov"."""
    return _with_word_for_year(written, _day_first(written, at))


def _day_first(written: Written, at: int) -> Found | None:
    until = _DAY_UNTIL.match(written.text, at)
    is_day = until is not None and until["to"].lower() in written.writing.day_to and _month(written, until["month"])
    if until and is_day and _valid(1, int(until["d"])):
        return until.end("day"), written.language.day(int(until["d"]), after=_word_before(written, at))
    found = _DAYS.match(written.text, at)
    month = _month(written, found["month"]) if found else 0
    if not found or not month or not _valid(month, int(found["d"])):
        return None
    language, text = written.language, written.text
    end = found.end() if not found["dot"] or _is_short(written, found["month"]) else found.end() - 1
    year = _YEAR.match(text, end)
    if not year:
        end = written.after_dot(found.end("month"))
    day = int(found["d"])
    before = (written.word_before(at) or "-") if found["first"] else _word_before(written, at)
    if before in written.writing.day_of and not found["first"]:
        said = written.writing.day_of[before].format(day=language.day(day), month=language.month(month))
        said += f" {language.year(int(year['y']))}" if year else ""
    else:
        said = language.date(int(year["y"]) if year else None, month, day, after=before)
    if found["first"]:
        last = language.day(day, after=before)
        said = said.replace(last, f"{language.day(int(found['first']), after=before)} {language.word('to')} {last}", 1)
    return (year.end() if year else end), said


def month_first(written: Written, at: int) -> Found | None:
    """Find a month's name, then its day or year: "Nov 28", "November 28th, 2026", "November 2026"."""
    text, language, before = written.text, written.language, written.word_before(at)
    name = _NAME.match(text, at)
    month = _month(written, name["name"]) if name else 0
    if not name or not month:
        return None
    after = name.end() if _is_short(written, name["name"]) else name.end("name")
    dash = _DASH_AFTER.match(text, after)
    other = _NAME.match(text, dash.end()) if dash else None
    if dash and other and (last := _month(written, other["name"])) and _is_short(written, name["name"]):
        end, said = month_first(written, dash.end()) or (written.after_dot(other.end("name")), language.month(last))
        return end, f"{language.month(month)} {language.word('to')} {said}"
    if (found := _DAY_AFTER.match(text, after)) and written.writing.month_first and _valid(month, int(found["d"])):
        year = _YEAR.match(text, found.end())
        said = language.date(int(year["y"]) if year else None, month, int(found["d"]), after=before)
        if found["last"] and int(found["last"]) > int(found["d"]):
            first = language.day(int(found["d"]), after=before)
            said = said.replace(first, f"{first} {language.word('to')} {language.day(int(found['last']))}", 1)
        return (year or found).end(), said
    if year := _YEAR.match(text, after):
        return _with_word_for_year(written, (year.end(), language.date(int(year["y"]), month, after=before)))
    if year := _SHORT_YEAR.match(text, after):
        return year.end(), f"{language.month(month)} {language.cardinal(int(year['y']))}"
    dotted = name["dot"] and written.after_dot(name.end("name")) == name.end() < len(text) and name["name"][0].isupper()
    if (dotted or before in written.writing.month_before) and _is_short(written, name["name"]):
        return written.after_dot(name.end("name")), language.month(month)
    return None


def day_listed(written: Written, at: int) -> Found | None:
    """Find a day behind another one of the same month: "Dec 24, 25 and 26"."""
    found = _DAY_LISTED.match(written.text, at) if written.writing.month_first else None
    before = _DAYS_BEFORE.search(written.left(at)) if found else None
    if not found or not before or not _month(written, before[1]) or not _valid(1, int(found[0])):
        return None
    return found.end(), written.language.day(int(found[0]))


def _month(written: Written, name: str) -> int:
    """Return the number of a month, or 0."""
    language = written.language
    month = language.months.get(name.lower(), 0)
    return month if month and (name[0].isupper() or not language.month(1)[:1].isupper()) else 0


def _is_short(written: Written, name: str) -> bool:
    month = written.language.months.get(name.lower(), 0)
    return bool(month) and name.lower() != written.language.month(month).lower()
