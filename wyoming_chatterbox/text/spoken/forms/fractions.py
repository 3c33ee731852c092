"""Fractions and parts of a whole: "3/4", "½", "1 1/2", "2½", "8/10", "page 2/3"."""

from __future__ import annotations

import re
import unicodedata

from ..numbers import Number
from .measured import inches_end, plain_name, unit_key
from .written import Found, Written

_SIGN = re.compile(r"(?:(?P<whole>\d{1,6})\s?)?(?P<sign>[¼-¾\u2150-\u215e\u2189])")
_SLASH = re.compile(r"[\d.,]+[/⁄]")
_DECIMAL = re.compile(r"(?P<n>\d{1,3})[.,](?P<fraction>\d{1,2})/(?P<d>\d{1,3})(?![\d/]|[.,]\d)")
_DECIMALS = re.compile(r"(?P<n>\d{1,3})\.(?P<fraction>\d{1,2})/(?P<d>\d{1,3}\.\d{1,2})(?![\d/]|\.\d)")
_PRESSURE = re.compile(r"(?P<n>\d{2,3})/(?P<d>\d{2,3})(?P<unit>\s?mmHg\b)?(?![\d/]|[.,]\d)")
_SLASHED = re.compile(r"(?:(?P<whole>\d{1,3})[\s-])?(?P<n>\d{1,2})[/⁄](?P<d>\d{1,3})(?![\d/]|[.,]\d|\s?°)")
_LARGE = re.compile(
    r"(?P<n>\d{1,3}(?:,\d{3})*)/(?P<d>\d{1,3}(?:,\d{3})+|[1-9]\d{2,5})(?!\d|[/.,]\d|\s?°|\s?(?:V|Hz|W|mph)(?!\w))"
)
_WORDS = re.compile(r"[^\W\d_]+")
_ENDING = re.compile(r"(?:th|rd|nd)s?(?!\w)")
"""As some write it: "3/4ths"."""
_UNIT = re.compile(r"[\s-]?(?P<name>[^\W\d_]+[²³]?)(?!\w|['’]\w)")
_DENOMINATORS = frozenset((2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 20, 24, 25, 30, 32, 36, 48, 50, 60, 64, 100))
_OUT_OF = frozenset((10, 20, 100))
_USUAL = frozenset((2, 3, 4, 8, 16))
"""Denominators of things that are cut, as in recipes."""
_MOST_PARTS = 10
"""Fractions of so many parts of more than twice as many are only sizes in inches."""
_BEST = frozenset((3, 5, 10))
"""The best that is given in a rating: "5/5"."""


def out_of(written: Written, at: int) -> Found | None:
    """Find a part of a whole that is no fraction: "4.5/5", "3/5 stars", "10/10", "page 2/3", "120/80 mmHg"."""
    language, writing, text = written.language, written.writing, written.text
    if not _SLASH.match(text, at):
        return None
    if (found := _DECIMAL.match(text, at)) and writing.out_of and int(found["n"]) < int(found["d"]):
        return _of_measure(written, Number(found["n"], found["fraction"]), found["d"], found.end())
    if (found := _DECIMALS.match(text, at)) and writing.out_of and written.char_before(at) != "/":
        unit = _UNIT.match(text, found.end())
        if found["d"].endswith(".0") or (unit and unit_key(written, unit["name"])):
            return _of_measure(written, Number(found["n"], found["fraction"]), found["d"], found.end())
    before = written.word_before(at)
    if (found := _PRESSURE.match(text, at)) and writing.over and (found["unit"] or _is_pressure(written, at)):
        lower = language.measure(Number(found["d"]), "mmHg") if found["unit"] else language.cardinal(int(found["d"]))
        return found.end(), writing.over.format(language.cardinal(int(found["n"])), lower)
    if large := _large(written, at):
        ending = _ENDING.match(text, large[0]) if writing.month_first else None
        return (ending.end() if ending else large[0]), large[1]
    found = _SLASHED.match(text, at)
    if not found or found["whole"] or int(found["n"]) > int(found["d"]):
        return None
    if before in writing.counted and written.word_after(found.end()) not in writing.fraction_after:
        return found.end(), written.out_of(
            writing.counted_of, *(language.cardinal(int(found[name])) for name in ("n", "d"))
        )
    is_rated = written.word_after(found.end()) in writing.out_of_after
    is_all_or_none = found["n"] == "0" or (found["n"] == found["d"] and int(found["n"]) in _BEST)
    if writing.out_of and (is_rated or is_all_or_none):
        return _of_measure(written, Number(found["n"]), found["d"], found.end())
    return None


def _is_pressure(written: Written, at: int) -> bool:
    """Whether one of the last words before a position is one for blood pressure."""
    return not written.writing.pressure.isdisjoint(_WORDS.findall(written.left(at).lower())[-3:])


def _large(written: Written, at: int) -> Found | None:
    """Find a part of a hundred or more: "142/255", "8,432/10,000"."""
    writing = written.writing
    found = _LARGE.match(written.text, at) if writing.out_of else None
    if not found or written.char_before(at) == "/":
        return None
    part, whole = (found[name].replace(",", "") for name in ("n", "d"))
    if part == "1":
        unit = _UNIT.match(written.text, found.end())
        key = unit_key(written, unit["name"]) if unit else ""
        said = written.language.fraction(1, int(whole))
        return (unit.end(), f"{said} {written.language.unit(key)}") if unit and key else (found.end(), said)
    if not 1 < int(part) <= int(whole):
        return None
    if written.word_before(at) in writing.counted:
        numbers = (written.language.cardinal(int(number)) for number in (part, whole))
        return found.end(), written.out_of(writing.counted_of, *numbers)
    return _of_measure(written, Number(part), whole, found.end())


def _of_measure(written: Written, part: Number, whole: str, end: int) -> Found:
    """Return "three out of five", with the unit of the whole if it has one."""
    unit = _UNIT.match(written.text, end)
    key = unit_key(written, unit["name"]) if unit else ""
    language, number = written.language, Number.read(whole)
    said = language.measure(number, key) if key else language.number(number)
    return unit.end() if unit and key else end, written.out_of(written.writing.out_of, language.number(part), said)


def _is_several(written: Written, counted: str) -> bool:
    """Whether a word is the plural of things, in English, and no unit: "3/5 rooms"."""
    return (
        written.writing.month_first
        and len(counted) > 3
        and counted[-1] == "s"
        and counted not in written.language.nouns
    )


def fraction(written: Written, at: int) -> Found | None:
    """Find a proper fraction, after a whole number or not, with its unit."""
    language = written.language
    if found := _SIGN.match(written.text, at):
        top, _, bottom = unicodedata.normalize("NFKC", found["sign"]).partition("\u2044")
    elif (found := _SLASHED.match(written.text, at)) and written.char_before(at) != "/":
        top, bottom = found["n"], found["d"]
    else:
        return None
    if not bottom or int(bottom) not in _DENOMINATORS or not 0 < int(top) < int(bottom) or top[0] == "0":
        return None
    whole = int(found["whole"] or 0)
    if (ending := _ENDING.match(written.text, found.end())) and written.writing.month_first:
        return ending.end(), language.fraction(int(top), int(bottom), whole)
    out_of = written.writing.out_of
    if out_of and int(bottom) in _OUT_OF and int(top) > 1 and not whole:
        return found.end(), written.out_of(out_of, language.cardinal(int(top)), language.cardinal(int(bottom)))
    if inches := inches_end(written, Number(top, bottom), at, found.end()):
        if not written.counts(inches):
            return inches, language.fraction_of("in", int(top), int(bottom), whole)
        return inches, f"{language.fraction(int(top), int(bottom), whole)} {language.unit('in', Number('1'))}"
    if int(top) >= _MOST_PARTS and int(bottom) > _MOST_PARTS * 2:
        return None
    spaced = written.writing.spaced_unit.match(written.text, found.end())
    if unit := spaced or _UNIT.match(written.text, found.end()):
        key = unit_key(written, plain_name(unit["name"])) or unit_key(written, f"{unit['name']}.")
        joined = unit[0][0] == "-"
        if key and "/" not in key and (unit["name"] != "in" or joined):
            said = language.fraction_of(key, int(top), int(bottom), 0 if joined else whole)
            if joined and whole:
                said = f"{language.fraction(int(top), int(bottom), whole)} {language.unit(key, Number('1'))}"
            return written.after_dot(unit.end()), written.in_case(at, unit.end(), Number(top), said)
    counted = written.word_after(found.end())
    if out_of and int(bottom) not in _USUAL and not whole and _is_several(written, counted):
        return found.end(), written.out_of(out_of, language.cardinal(int(top)), language.cardinal(int(bottom)))
    gender = language.nouns.get(counted, "")
    if not gender and written.gender_of(1, at, found.end()) == "feminine":
        gender = "feminine"
    said = language.fraction(int(top), int(bottom), whole, gender=gender)
    return found.end(), written.in_case(at, found.end(), Number(top), said)
