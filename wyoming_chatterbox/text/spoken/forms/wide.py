"""Dates and times as Chinese, Japanese and Korean write them, with a word after each number."""

from __future__ import annotations

import re

from .written import Found, Written

_DATE = re.compile(r"(?:(?P<y>\d{2,4})\s?[年년]\s?)?(?P<m>\d{1,2})\s?[月월](?:\s?(?P<d>\d{1,2})\s?[日号號일])?(?!份)")
_DOTTED = re.compile(
    r"(?P<y>20\d\d)\.(?:(?P<m>0\d|1[0-2])\.(?P<d>[0-3]\d)|\s(?P<month>1[0-2]|0?\d)\.\s(?P<day>[0-3]?\d)\.?)(?![\w]|\.\d)"
)
"""Not "2026.11.2", which is a version."""
_YEAR = re.compile(r"(?P<y>\d{4})\s?[年년](?!間|间|来|來|前|後|后)")
_TIME = re.compile(
    r"(?P<h>\d{1,2})\s?[時时點点시](?!間|间|간)(?:\s?(?P<m>\d{1,2})\s?[分분])?(?:\s?(?P<s>\d{1,2})\s?[秒초])?"
)
_COLONS = re.compile(r"(?P<h>\d{1,2}):(?P<m>[0-5]\d)(?::(?P<s>[0-5]\d))?(?![\d:])")


def _is_western(written: Written) -> bool:
    """Whether no word of these languages is near."""
    return written.text.isascii() and written.before.isascii() and not written.writing.year_first


def date(written: Written, at: int) -> Found | None:
    """ "2026年11月25日", "11월 25일", "10月"; a month alone and a year alone too."""
    if _is_western(written):
        return None
    dotted = _DOTTED.match(written.text, at) if written.writing.year_first else None
    if dotted and int(dotted["m"] or dotted["month"]):
        numbers = [int(dotted[short] or dotted[long]) for short, long in (("m", "month"), ("d", "day"))]
        return dotted.end(), written.language.date(int(dotted["y"]), *numbers)
    found = _DATE.match(written.text, at)
    if found and 1 <= int(found["m"]) <= 12 and int(found["d"] or 1) <= 31:
        year, day = (int(found[name]) if found[name] else None for name in ("y", "d"))
        if year is None and day is None:
            return found.end(), written.language.month(int(found["m"]))
        return found.end(), written.language.date(year, int(found["m"]), day)
    if found := _YEAR.match(written.text, at):
        return found.end("y"), written.language.year(int(found["y"]))
    return None


def time(written: Written, at: int) -> Found | None:
    """ "15点30分", "15時30分", "오후 3:05": the half of the day stands before."""
    if _is_western(written):
        return None
    language = written.language
    found = _TIME.match(written.text, at) or _COLONS.match(written.text, at)
    if not found or int(found["h"]) > 24:
        return None
    name = written.left(at, 4).strip()[-2:]
    half = language.half_days.get(name, "") if int(found["h"]) <= 12 else ""
    if found.re is _COLONS and not half:
        return None
    said = language.clock(int(found["h"]), int(found["m"] or 0), int(found["s"]) if found["s"] else None, half)
    return found.end(), said.removeprefix(name).lstrip() if half else said
