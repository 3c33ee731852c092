"""Roman numerals after names: "Henry IV", "World War II", "siglo XIX", "XIXe siècle"."""

from __future__ import annotations

import re

from .written import Found, Written

_NUMERAL = re.compile(
    r"(?P<numeral>(?=[IVXLC])C{0,3}(?:XC|XL|L?X{0,3})(?:IX|IV|V?I{0,3}))(?P<end>\.|er|ère|re|ème|e|º|°)?(?![\w])"
)
_FOLLOWS = re.compile(r"\.?\s([^\W\d_]+)")
_MONTH_AFTER = re.compile(r"\s(?:de\s)?([^\W\d_]{3,})")
"""As in the name of a street: "Via XX Settembre"."""
_ORDINAL_ENDINGS = ("e", "ème", "er", "ère", "re")
_FIRST_ENDINGS = ("er", "ère", "re")
_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50, "C": 100}
_SMALL = re.compile(r"[IVX]+")
_LEAST_NAME = 4
_GREATEST = 39


def value(numeral: str) -> int:
    """Return the number that a Roman numeral stands for."""
    total = 0
    for char, follows in zip(numeral, numeral[1:] + " ", strict=False):
        number = _VALUES[char]
        total += -number if number < _VALUES.get(follows, 0) else number
    return total


def roman(written: Written, at: int) -> Found | None:
    """Find a Roman numeral that a name or a word such as "chapter" before it tells."""
    found = _NUMERAL.match(written.text, at)
    if not found or not found["numeral"]:
        return None
    numeral, ending = found["numeral"], found["end"] or ""
    language, writing = written.language, written.writing
    if ending in _FIRST_ENDINGS and numeral != "I":  # "Ver" is a word
        return None
    number = value(numeral)
    end = found.end("numeral")
    follows = _FOLLOWS.match(written.text, found.end() if ending != "." else end)
    of_century = follows is not None and follows[1].lower() in writing.century_after
    before = "" if written.left(at).rstrip().endswith((",", ".")) else written.word_before(at)
    key = follows[1].lower() if follows else ""
    short = writing.century_short.get(f"{before} {key}") or writing.century_short.get(key)
    if follows and short and written.text.startswith(".", follows.end()) and ending != ".":
        form = writing.ordinal_before.get(before) or _form_of(written, short)
        return written.after_dot(follows.end()), f"{language.ordinal(number, form=form)} {short}"
    if ending in _ORDINAL_ENDINGS and (len(numeral) > 1 or ending in ("er", "ème") or of_century):
        return found.end(), language.ordinal(number)
    if follows and of_century:
        form = writing.ordinal_before.get(before) or _form_of(written, follows[1])
        return follows.start(1) - 1, language.ordinal(number, form=form)
    if ending == "." and follows and "before" in writing.regnal:
        return found.end(), language.ordinal(number)
    name = written.name_before(at)
    if not name:
        return None
    is_number = numeral != "I" or not follows or follows[1] == "of" or "one" in writing.regnal
    if name.lower() in writing.rulers and number <= _GREATEST and is_number:
        return _regnal(written, number, name, end)
    month = _MONTH_AFTER.match(written.text, end) if "one" in writing.regnal else None
    if month and month[1].lower() in language.months:
        return end, language.day(number)
    is_sure = len(numeral) > 1 or name[0].isupper() or ("one" in writing.regnal and _SMALL.fullmatch(numeral))
    is_short = name.lower() in writing.abbreviations or f"{name.lower()}." in writing.abbreviations
    if (is_short and len(numeral) > 1) or (name.lower() in writing.parts and is_sure):
        return end, language.cardinal(number)
    small = len(numeral) > 1 and number <= _GREATEST and _SMALL.fullmatch(numeral)
    named = len(name) >= _LEAST_NAME and name[0].isupper() and not name.isupper() and name.lower() not in writing.clock
    return (end, language.cardinal(number)) if small and named else None


def _form_of(written: Written, word: str) -> str:
    """Return the form of an ordinal before a word."""
    return next((form for pattern, form in written.writing.ordinal_after if pattern.fullmatch(word)), "")


def _regnal(written: Written, number: int, name: str, end: int) -> Found:
    """Find a ruler's number, as the language says it: "the fourth", "quatorze", "segundo", "der Vierte"."""
    language, said_as = written.language, written.writing.regnal
    last_ordinal = int(said_as.get("ordinals_until", "0"))
    if number > last_ordinal:
        return end, language.cardinal(number)
    gender = "feminine" if name.lower() in written.writing.queens else "masculine"
    ordinal = language.ordinal(number, form=said_as.get(f"{gender}_form", gender))
    if said_as.get("capital"):
        ordinal = ordinal[:1].upper() + ordinal[1:]
    if said_as.get("dot") and written.text.startswith(".", end):
        end = written.after_dot(end)
    return end, said_as.get(gender, "{0}").replace("{0}", ordinal)
