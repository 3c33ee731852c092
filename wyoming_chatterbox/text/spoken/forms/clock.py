"""Times of day and durations with colons."""

from __future__ import annotations

import re

from ..letters import WORD
from ..numbers import Number
from .written import Found, Written

_TIME = re.compile(
    r"(?P<h>\d{1,2}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d)(?:[.,]\d+)?(?:Z|[-+]\d\d:?\d\d)?)?(?![\d]|[:.,]\d|\s000)"
)
_DOTTED = re.compile(r"(?P<h>[01]?\d|2[0-4])\.(?P<m>[0-5]\d)(?![\d]|[.,]\d)")
_UNTIL_DOTTED = re.compile(r"(?:\s?[-–]\s?|\s(?P<word>[^\W\d_]+)\s)(?P<h>[01]?\d|2[0-4])\.(?P<m>[0-5]\d)(?!\d|[.,]\d)")
_SIGN_AFTER = re.compile(r"\s?[%‰°€$£¥₽₺₹₪₩/]")
_WITH_H = re.compile(r"(?P<h>[01]?\d|2[0-4])\s?(?P<unit>[hHuU])\s?(?P<m>[0-5]\d)(?![\d:]|[.,]\d|\s?(?:min|mn|m|s)\b)")
_MILITARY = re.compile(r"(?P<h>[01]\d|2[0-3])(?P<m>[0-5]\d)\s(?:hours|hrs)\b")
_HALF = re.compile(r"\s?(?P<half>[ap]\.\s?m\.?|[apAP][mM]|[AP]\.M\.?)(?![\w])")
_SHORT_HALF = re.compile(r"(?<=:\d\d)[ap](?!\w)")
_HOUR = re.compile(r"(?P<h>\d{1,2})(?=\s?[^\W\d_])")
_HOURS = re.compile(r"(?P<first>\d{1,2})\s?[-–]\s?(?P<h>\d{1,2})(?=\s?[aApP])")
_WORD_AFTER = re.compile(rf"\s?(?P<word>{WORD}(?:['’]{WORD})*)")
_PER = re.compile(r"\s?(?:min)?/(?P<unit>km|mi)\b")
_LAP = re.compile(r"(?P<m>\d{1,2}):(?P<s>[0-5]\d)\.(?P<fraction>\d{1,3})(?![\d]|[:.,]\d)")
_SHORT_RANGE = re.compile(
    r"(?P<h1>1?\d)(?::(?P<m1>[0-5]\d))?(?P<half1>[ap])\s?[-–]\s?(?P<h2>1?\d)(?::(?P<m2>[0-5]\d))?(?P<half2>[ap])(?!\w)"
)
_LAST_HOUR = 24
_AFTER_HOUR = re.compile(
    r"(?P<h>[01]?\d|2[0-4])\s(?P<word>[^\W\d_]+)(?:\s(?P<m>[0-5]?\d)(?![\d.,:]\d|[\d/]|\s?[-–%°]))?(?![.,]\d)"
)


_UNTIL = re.compile(r"(?:[-–]|\s[-–]\s)(?P<h>\d{1,2}):(?P<m>[0-5]\d)(?!\d|[:.,]\d)")
_EARLY = tuple(f"0{hour}" for hour in range(10))
_HOUR_WITH_UNIT = re.compile(r"(?P<h>[01]?\d|2[0-4])\s?h(?![\w/]|\s\d)")
_BARE_HOUR = re.compile(r"(?P<h>[01]?\d|2[0-4])(?![\w]|[.,:]\d|\s?[-–%°])")


def said_time(written: Written, at: int, hour: int, minute: int = 0, second: int = 0, half: str = "") -> str:
    """Return the time of day in words, for a place in the text; seconds of nought are left out."""
    before = "" if written.left(at).rstrip().endswith((",", ";")) else written.word_before(at)
    return written.language.clock(hour, minute, second or None, half, after=before)


def time(written: Written, at: int) -> Found | None:
    """Find a time of day: "15:30", "3:05 PM", "3pm", "15.30 Uhr", "15h30"; or a duration: "1:05:30", "5:30 min"."""
    text, writing = written.text, written.writing
    if writing.month_first and (found := _SHORT_RANGE.match(text, at)):
        return found.end(), _short_range(written, found, at)
    if found := _TIME.match(text, at):
        return _colons(written, found, at)
    if writing.month_first and (found := _LAP.match(text, at)):
        parts = (Number(found["m"]), "min"), (Number(str(int(found["s"])), found["fraction"]), "s")
        return found.end(), written.language.duration(parts)
    if (found := _HOURS.match(text, at)) and (half := _half(written, found.end())) and int(found["h"]) <= 12:
        first = written.language.cardinal(int(found["first"]))
        end, name = half
        last = said_time(written, at, int(found["h"]), 0, 0, name)
        return end, f"{first} {written.language.word('to')} {last}"
    if (
        (found := _HOUR.match(text, at))
        and 0 < int(found["h"]) <= 12
        and (half := _half(written, found.end(), bare=True))
        and _is_half(written, at, text[found.end() : half[0]].strip())
    ):
        return half[0], said_time(written, at, int(found["h"]), 0, 0, half[1])
    if (found := _MILITARY.match(text, at)) and written.word_before(at) in writing.clock and writing.month_first:
        return found.end(), said_time(written, at, int(found["h"]), int(found["m"]))
    if found := _DOTTED.match(text, at):
        if half := _half(written, found.end()):
            return half[0], said_time(written, at, int(found["h"]), int(found["m"]), 0, half[1])
        if span := _dotted_span(written, found, at):
            return span
        end = _after(written, found.end())
        has_ending = bool(writing.clock_dotted and writing.endings.pattern.match(text, found.end()))
        if end > found.end() or _is_told(written, at, found.end()) or _is_sure(written, found) or has_ending:
            return end, said_time(written, at, int(found["h"]), int(found["m"]))
    lasts = written.word_before(at) in writing.lasting
    found = _WITH_H.match(text, at) if not lasts else None
    if found and found["unit"].lower() in writing.clock_after:
        return found.end(), said_time(written, at, int(found["h"]), int(found["m"]))
    if (found := _HOUR_WITH_UNIT.match(text, at)) and written.word_before(at) in writing.hour_with_unit:
        return found.end(), said_time(written, at, int(found["h"]))
    if (found := _BARE_HOUR.match(text, at)) and _is_hour(written, at, found.end()):
        return found.end(), said_time(written, at, int(found["h"]))
    if (found := _AFTER_HOUR.match(text, at)) and found["word"].lower() in writing.hour_after:
        if found["m"]:
            return found.end(), said_time(written, at, int(found["h"]), int(found["m"]))
        return found.end("word"), said_time(written, at, int(found["h"]), 0)
    return None


def _is_told(written: Written, at: int, end: int) -> bool:
    """Whether the words before digits with a point say that they are a time, and no unit behind them says otherwise."""
    until = _UNTIL_DOTTED.match(written.text, end)
    end = until.end() if until else end
    word = _WORD_AFTER.match(written.text, end)
    is_unit = word and (
        word["word"] in written.writing.units
        or word["word"].lower() in written.language.nouns
        or word["word"] in written.writing.currencies
    )
    counts = word and written.writing.capital_nouns and word["word"][0].isupper()
    return written.is_clock(at) and not (is_unit or counts or _SIGN_AFTER.match(written.text, end))


def _dotted_span(written: Written, found: re.Match[str], at: int) -> Found | None:
    """Find two times with points, of which the words beside them say so: "18.30–20.00 Uhr", "9.00 tot 12.30 uur"."""
    until = _UNTIL_DOTTED.match(written.text, found.end())
    writing, language = written.writing, written.language
    if not until or (until["word"] and until["word"].lower() not in (*writing.clock, language.word("to"))):
        return None
    end = _after(written, until.end())
    told = end > until.end() or _is_told(written, at, until.end())
    alone = writing.clock_dotted and not until["word"] and len(until["h"]) == 2 and found["m"][1] in "05"
    if not told and (not alone or _SIGN_AFTER.match(written.text, until.end())):
        return None
    times = (int(found["h"]), int(found["m"])), (int(until["h"]), int(until["m"]))
    if not until["word"] and (span := language.clock_range(*times, after=written.word_before(at))):
        return end, span
    to = until["word"] or language.word("to")
    first = said_time(written, at, *times[0])
    return end, f"{first} {to} {language.clock(*times[1], after=to)}"


def _short_range(written: Written, found: re.Match[str], at: int) -> str:
    first, last = (
        said_time(written, at, int(found[f"h{place}"]), int(found[f"m{place}"] or 0), 0, f"{found[f'half{place}']}m")
        for place in "12"
    )
    return f"{first} {written.language.word('to')} {last}"


def _colons(written: Written, found: re.Match[str], at: int) -> Found | None:
    hour, minute, second = int(found["h"]), int(found["m"]), int(found["s"] or 0)
    text = written.text
    if half := _half(written, found.end()):
        return half[0], said_time(written, at, hour, minute, second, half[1] if hour <= 12 else "")
    if not found["s"] and (per := _PER.match(text, found.end())):
        return per.end(), written.language.per(_lasting(written, [(hour, "min"), (minute, "s")]), per["unit"])
    if (hour > _LAST_HOUR and hour + minute == 100) or written.word_before(at) in written.writing.ratio_before:
        ratio = written.writing.ratio or written.language.word("to")
        return found.end(), written.joined(ratio, [written.language.cardinal(part) for part in (hour, minute)])
    word = _WORD_AFTER.match(text, found.end())
    unit = written.writing.time_units.get(word["word"], "") if word else ""
    is_time = unit in written.writing.clock_after and written.word_before(at) not in written.writing.lasting
    if word and not found["s"] and unit in ("min", "h") and not is_time:
        parts = ("min", "s") if unit == "min" else ("h", "min")
        return word.end(), _lasting(written, [(hour, parts[0]), (minute, parts[1])])
    lasts = written.word_before(at) in written.writing.lasting
    at_a_time = (written.word_before(at) in written.writing.clock and not lasts) or written.left(at).rstrip()[
        -1:
    ].isdecimal()
    if found["s"] and not at_a_time and (len(found["h"]) == 1 or hour == 0 or hour > _LAST_HOUR):
        end = word.end() if word and unit == "h" else found.end()
        return end, _lasting(written, [(hour, "h"), (minute, "min"), (second, "s")])
    is_left = found["h"] == "0" and written.word_after(found.end()) in written.writing.minutes_before
    if hour > _LAST_HOUR or (is_left and not found["s"]):
        return found.end(), _lasting(written, [(hour, "min"), (minute, "s")])
    until = _UNTIL.match(text, found.end()) if not found["s"] else None
    if until and int(until["h"]) <= _LAST_HOUR:
        last = int(until["h"]), int(until["m"])
        if span := written.language.clock_range((hour, minute), last, after=written.word_before(at)):
            return _after(written, until.end()), span
    return _once(written, _after(written, found.end()), said_time(written, at, hour, minute, second))


def _lasting(written: Written, parts: list[tuple[int, str]]) -> str:
    shown = [(Number(str(count)), unit) for count, unit in parts if count] or [(Number("0"), parts[-1][1])]
    return written.language.duration(shown)


def _is_sure(written: Written, found: re.Match[str]) -> bool:
    """Whether digits with a point can only be a time where times are written so: "06.45", but not "06.12", a day."""
    return bool(written.writing.clock_dotted) and found["h"] in _EARLY and int(found["m"]) not in range(1, 13)


def _is_half(written: Written, at: int, name: str) -> bool:
    """Whether the half of a day behind an hour alone is no unit: "م" is afternoon and meters."""
    return len(name) > 1 or written.word_before(at) in written.writing.hour_before


def _is_hour(written: Written, at: int, end: int) -> bool:
    """Whether a number alone is an hour, by the word before, or together with the word or the end behind it."""
    writing, before = written.writing, written.word_before(at)
    if written.left(at).rstrip().endswith(","):
        return False
    if before in writing.hour_before:
        return True
    ends = written.text[end : end + 1] in (",", ";") or not written.text[end:].strip(" .!?")
    return before in writing.hour_maybe and (ends or written.word_after(end) in writing.hour_parts)


def _half(written: Written, end: int, *, bare: bool = False) -> tuple[int, str] | None:
    """Return the half of the day, "am" or "pm", that is written at a position, and where it ends."""
    if short := _SHORT_HALF.match(written.text, end):
        return short.end(), f"{short[0]}m"
    found = _HALF.match(written.text, end)
    if not found:
        other = written.writing.half_day.match(written.text, end)
        return (other.end(), written.language.half_days[other["half"].lower()]) if other else None
    name = found["half"]
    if bare and name == "am" and not written.writing.bare_am:
        return None
    stop = found.end()
    if name.endswith("."):
        stop = written.after_dot(stop - 1)
    return stop, "am" if name[0] in "aA" else "pm"


def _after(written: Written, end: int) -> int:
    """Return the position after a word such as "Uhr", which the spoken time has anyway."""
    word = _WORD_AFTER.match(written.text, end)
    return word.end() if word and word["word"].lower() in written.writing.clock_after else end


def _once(written: Written, end: int, said: str) -> Found:
    """Return the time with the part of the day behind it taken in, if it has been said."""
    word = _WORD_AFTER.match(written.text, end)
    return (word.end() if word and said.endswith(f" {word['word']}") else end), said
