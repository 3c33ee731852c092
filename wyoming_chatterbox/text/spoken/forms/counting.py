"""Numbers alone: years, ordinals, and cardinals."""

from __future__ import annotations

import re

from ..letters import WORD
from ..numbers import Number
from .codes import said_version
from .measured import unit_key
from .names import said_digits
from .written import Found, Written

_DIGITS = re.compile(r"\d+")
_COMPOUND = re.compile(r"-[^\W\d_]{3}")
_HYPHENED = re.compile(r"-([^\W\d_]+)")
_YEAR = re.compile(r"[12]\d{3}(?![\w]|[.,]\d|\s?[%°€$£])")
_YEARS = re.compile(r"(?P<first>1[1-9]\d\d|20\d\d)(?:[-–/]|\s[-–]\s)(?P<last>1[1-9]\d\d|20\d\d|\d\d)(?![\w]|[-.,]\d)")
_NEXT_WORD = re.compile(rf"\s({WORD}(?:['’]{WORD})*)")
_DOT = re.compile(r"(?P<n>\d{1,3})\.(?=[\s,;)]|\Z)")
_OTHER_ORDINAL = re.compile(r"\s[^\W\d_]{2,4}\s\d{1,3}\.")
_ORDINALS = re.compile(r"(?P<first>\d{1,3})(?:\.?\s?[-–]\s?|\.(?P<and>/))(?P<last>\d{1,3})\.(?=\s)")
_LISTED = re.compile(r",\s\d{1,3}\.[\s,]")
_FIRST_ORDINAL = re.compile(r"([^\W\d_]+) (?:\d{1,3}\.,? )+(?:[^\W\d_]{2,4} )?\Z")
_LIST_NUMBER = re.compile(r"(?P<n>\d{1,3})[.)](?=\s\S)")
_IN_LIST = re.compile(r"[,;:]\s(?:[^\W\d_]{1,3}\s)?\Z")
_MODEL_BEFORE = re.compile(r"(?<![\w])(?=\w*[A-Z]\w*[A-Z])\w{2,}[\s-]\Z")
_SCIENTIFIC = re.compile(r"(?P<n>\d{1,15})(?:\.(?P<fraction>\d{1,15}))?[eE](?P<e>[-+]?\d{1,3})(?![\w])")
_UNIT_BEHIND = re.compile(r"\s?(?P<unit>[^\W\d_]+(?:/[^\W\d_]+)?[²³]?)(?![\w/])")
_QUARTER_BEFORE = re.compile(r"(?<![\w])(?:Q[1-4]|H[12]|FY)\s\Z")
_ERA_AFTER = re.compile(r"\s(?:(?:to|and|or)\s\d{3,4}\s)?(?:BCE?|AD|CE)\b")
_NAME_AFTER = re.compile(r"\s[^\W\d_a-z][\w]*")
_TEAM = re.compile(r"(?P<n>\d{2})ers?(?!\w)")
_SEVERAL_AFTER = re.compile(r"\s(?!(?:is|was|has)\b)(?:[a-z]{2,}s|people|feet|men|women|children)(?!\w)")
_CAPITAL_BEFORE = re.compile(r"(?<!\w)[A-Z]\w*\s\Z")
"""A thing with a number, not one that is counted: "Error 404 means", but "building 120 homes"."""
_POINT_AFTER = re.compile(r"\s[NSEW]{1,2}\.?(?=\s)")
_LONG = 13
_LONG_NUMBER = 5
"""Digits of one behind "#" that are said one by one."""
_LONGEST_LIST = 20
"""Items; a greater number with a full stop at the start of a line is an ordinal, where they are written so."""
_SURE_YEARS = range(1900, 2100)
_ALL_YEARS = range(100, 2100)
_YEARS_RANGE = range(1001, 2100)


def list_number(written: Written, at: int) -> Found | None:
    """Find the number of a list's item at the start of a line: "1. Milk"."""
    found = _LIST_NUMBER.match(written.text, at)
    left = written.left(at)
    if found and written.text[found.end() - 1] == ")" and "(" not in left and _IN_LIST.search(left):
        return found.end(), written.language.cardinal(int(found["n"])) + ","
    if left.strip():
        return None
    if not found or _is_ordinal_here(written, at, found):
        return None
    return found.end(), written.language.cardinal(int(found["n"])) + ","


def _is_ordinal_here(written: Written, at: int, found: re.Match[str]) -> bool:
    word = _NEXT_WORD.match(written.text, found.end())
    if not word:
        return bool(written.writing.dotted_ordinals and _LISTED.match(written.text, found.end()))
    small = written.writing.dotted_ordinals and word[1][0].islower()
    is_late = small and (int(found["n"]) > _LONGEST_LIST or _OTHER_ORDINAL.match(written.text, found.end()))
    return bool(word[1].lower() in written.language.months or is_late or _form_before(written, word[1]) is not None)


def _form_before(written: Written, noun: str) -> str | None:
    """Return the form of an ordinal before a noun that is hardly an item of a list; None if it may be one."""
    return next((form for pattern, form in written.writing.ordinal_nouns if pattern.fullmatch(noun)), None)


def ordinal(written: Written, at: int) -> Found | None:
    """Find an ordinal: "2nd", "1er", "3.º", or "3." after a word that ordinals follow."""
    language, writing = written.language, written.writing
    digits = _DIGITS.match(written.text, at)
    if not digits or len(digits[0]) > 9:
        return None
    if several := _ordinals(written, at):
        return several
    for ending, form in writing.ordinals:
        if found := ending.match(written.text, digits.end()):
            return found.end(), language.ordinal(int(digits[0]), form=form)
    return _with_dot(written, at)


def _ordinals(written: Written, at: int) -> Found | None:
    """Find two ordinals before a noun: "1.–3. Platz", "3./4. Klasse"."""
    writing, language = written.writing, written.language
    found = _ORDINALS.match(written.text, at) if writing.capital_nouns or writing.dotted_ordinals else None
    word = _NEXT_WORD.match(written.text, found.end()) if found else None
    if not found or not word:
        return None
    form = writing.ordinal_before.get(written.word_before(at))
    if form is None:
        form = next((form for pattern, form in writing.ordinal_after if pattern.fullmatch(word[1])), None)
    form = (_form_before(written, word[1]) if form is None else form) or ""
    first, last = (language.ordinal(int(found[name]), form=form) for name in ("first", "last"))
    return found.end(), f"{first} {language.word('and' if found['and'] else 'to')} {last}"


def _with_dot(written: Written, at: int) -> Found | None:
    """ "3." as an ordinal: after a word that says so, or before a small letter where the language writes so."""
    writing, language = written.writing, written.language
    found = _DOT.match(written.text, at)
    if not found:
        return None
    other = _FIRST_ORDINAL.search(written.left(at))
    before = other[1].lower() if other else written.word_before(at)
    form = writing.ordinal_before.get(before)
    word = _NEXT_WORD.match(written.text, found.end())
    if writing.dotted_ordinals and _LISTED.match(written.text, found.end()):
        return found.end(), language.ordinal(int(found["n"]), form=form or "")
    if not word:
        goes_on = written.text[found.end() : found.end() + 1] in tuple(",;)")
        is_day = (
            form is not None
            and (goes_on or not written.text[found.end() :].strip())
            and (int(found["n"]) <= 31 or before in writing.decade)
        )
        end = found.end() - (not goes_on)
        return (end, language.ordinal(int(found["n"]), form=form or "")) if is_day else None
    starts_small = word[1][0].islower()
    if form is None and (of_noun := _form_before(written, word[1])) is not None:
        return found.end(), language.ordinal(int(found["n"]), form=of_noun)
    if form is not None:
        noun_follows = not (writing.capital_nouns and starts_small)
        is_ordinal = starts_small or noun_follows or other is not None
    else:
        dotted = writing.dotted_ordinals or writing.capital_nouns
        joins = word[1].lower() in (language.word("to"), language.word("and"), language.word("or"))
        in_row = other is not None or (joins and _OTHER_ORDINAL.match(written.text, found.end()) is not None)
        is_ordinal = (writing.dotted_ordinals and starts_small) or (dotted and in_row)
        form = next((form for pattern, form in writing.ordinal_after if pattern.fullmatch(word[1])), "")
    return (found.end(), language.ordinal(int(found["n"]), form=form or "")) if is_ordinal else None


def _is_before_name(written: Written, end: int) -> bool:
    """Whether a name follows, of which there is one, in English: "the 2026 FIFA World Cup", but "2000 Americans"."""
    name = _NAME_AFTER.match(written.text, end)
    if not name or not written.writing.years_before_names:
        return False
    word = name[0].strip()
    return word[-1] not in "sS" and not written.language.measures(written.writing.units.get(word, "?"))


def team(written: Written, at: int) -> Found | None:
    """Find players named by a number, in English: "the 49ers"."""
    found = _TEAM.match(written.text, at)
    if not found or not written.writing.years_before_names:
        return None
    said = written.language.cardinal(int(found["n"])).removesuffix("e")
    return found.end(), said + found[0][len(found["n"]) :]


def years(written: Written, at: int) -> Found | None:
    """Find a range of years: "2025-2026", "1914-18"."""
    found = _YEARS.match(written.text, at)
    if not found:
        return None
    first, last = int(found["first"]), int(found["last"])
    if last <= (first % 100 if len(found["last"]) == 2 else first):
        return None
    language = written.language
    pattern = language.word("range") or f"{{0}} {language.word('to')} {{1}}"
    return found.end(), pattern.replace("{0}", language.year(first)).replace("{1}", language.year(last))


def number(written: Written, at: int) -> Found | None:
    """Find a number that no other rule knows."""
    language, writing = written.language, written.writing
    digits = _DIGITS.match(written.text, at)
    found = written.number(at)
    if not digits or not found:
        return None
    amount, end = found
    before = written.word_before(at)
    if not amount.fraction and end == digits.end():
        is_long = len(digits[0]) >= (_LONG_NUMBER if written.char_before(at) == "#" else _LONG)
        if is_long or (len(digits[0]) > 1 and digits[0][0] == "0"):
            return end, language.digits(digits[0])
        if before in writing.version:
            return end, said_version(written, digits[0])
        kind, ending_end = written.numeral_by_ending(end)
        if kind:
            return ending_end, language.cardinal(int(digits[0]), gender=kind)
        if _is_year(written, at, int(digits[0]), end, before):
            word = _NEXT_WORD.match(written.text, end)
            follows = word[1] if word else ""
            if word and (full := writing.year_short.get(f"{before} {follows}") or writing.year_short.get(follows)):
                year = language.year(int(digits[0]), after=before, before=full)
                return written.after_dot(word.end()), f"{year} {full}"
            return end, language.year(int(digits[0]), after=before, before=follows)
        if _is_name(written, digits[0], end, before):
            return end, said_digits(written, digits[0])
        if len(digits[0]) == 4 and (written.text[end : end + 1] == "p" or _MODEL_BEFORE.search(written.left(at))):
            return end, said_digits(written, digits[0])
        if writing.compound and _COMPOUND.match(written.text, end):
            return end, writing.compound.applied(language.number(amount))
        if (gender := written.gender_of(int(digits[0]), at, end)) and written.char_before(at) != "第":
            word = _NEXT_WORD.match(written.text, end)
            if word and digits[0] == "1" and language.word("one_after"):
                return word.end(), f"{word[1]} {language.cardinal(1, gender=gender)}"
            return end, written.in_case(at, end, amount, language.cardinal(int(digits[0]), gender=gender))
    return end, written.in_case(at, end, amount, language.number(amount))


def _is_name(written: Written, digits: str, end: int, before: str) -> bool:
    """Whether a number names a house or a room, in English: its digits are said in pairs."""
    writing = written.writing
    if len(digits) not in (3, 4) or not writing.numbered:
        return False
    if before in writing.numbered and (
        not _SEVERAL_AFTER.match(written.text, end) or _CAPITAL_BEFORE.search(written.left(end - len(digits)))
    ):
        return True
    if before in writing.year and int(digits) in _SURE_YEARS:
        return False
    point = _POINT_AFTER.match(written.text, end)
    right = written.right(point.end() if point else end)
    street = writing.street_after.match(right)
    return street is not None and not _SEVERAL_AFTER.match(right, street.end())


def scientific(written: Written, at: int) -> Found | None:
    """Find a number with an exponent: "1.5e-5"."""
    found = _SCIENTIFIC.match(written.text, at)
    if not found:
        return None
    language = written.language
    number = language.number(Number(found["n"], found["fraction"] or ""))
    ten = f"{language.word('times')} {language.cardinal(10)} {language.word('power')}"
    said = f"{number} {ten} {language.cardinal(int(found['e']))}"
    unit = _UNIT_BEHIND.match(written.text, found.end())
    key = unit_key(written, unit["unit"]) if unit else ""
    return (unit.end(), f"{said} {language.unit(key)}") if unit and key else (found.end(), said)


def _is_year(written: Written, at: int, number: int, end: int, before: str) -> bool:
    """Whether a number is a year, by the word before or because no thing is counted after it."""
    writing = written.writing
    word = _NEXT_WORD.match(written.text, end)
    if number in _ALL_YEARS and word and word[1].lower() in writing.word_for_year:
        return True
    if number not in _YEARS_RANGE or not _YEAR.match(written.text, at):
        return False
    part = _HYPHENED.match(written.text, end)
    if part and part[1] in writing.century_ending:
        return True
    begins = word is not None and word[1].lower() in writing.year_after and written.starts_sentence(at)
    if before in writing.year or begins or _ERA_AFTER.match(written.text, end):
        return True
    if number not in _SURE_YEARS:
        return False
    is_sure = _QUARTER_BEFORE.search(written.left(at))
    if is_sure or _is_before_name(written, end):
        return True
    counts_nothing = not word or word[1].lower() in writing.year_after
    return counts_nothing or before in writing.decade or bool(word and writing.capital_nouns and word[1][0].islower())
