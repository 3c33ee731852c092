"""Amounts with a unit: "-4 °C", "10-15 %", "10 µg/m³", "5'10\"", and durations: "2 d 3 h"."""

from __future__ import annotations

import re
from dataclasses import replace

from ..letters import HANGUL, WIDE
from ..measures import Amount
from ..numbers import Number
from .amounts import last, read_amount, say
from .compass import is_before_street
from .units import ONLY_AFTER_SLASH, PER_UNITS
from .written import Found, Written

_UNIT = re.compile(
    r"(?:\s|-(?=[^\W\d_]|[%°]))?"
    rf"([%‰]|inH2O(?!\w)|°\s?[CFK](?:/[^\W\d]+)?(?![^\W{HANGUL}{WIDE}])"
    rf"|[^\s\d,;:!?।॥؟()\[\]\"“”…+=<>~&@#_|،↑↓→–—{WIDE}{HANGUL}]+(?:\^?[23](?!\w))?(?:/[^\W\d]+\^?[²³23]?)?)"
)
_PER_SECOND_SQUARED = re.compile(r"(\w+)/s\^?[²2]\Z")
_PER_THING = re.compile(r"\.?/(?P<thing>[a-z]{3,})(?![\w/]|\s\d)")
_PER_HUNDRED = re.compile(r"\s?/\s?(?P<n>10{2,3})\s?(?P<unit>km|км|mi|g|ml)\b")
_LETTERS_ALONE = re.compile(r"[^\W\d_]+(?:[·*][^\W\d_]+)?[²³]?(?![\w/])")
_ALONE = re.compile(r"(?P<counted>[^\W\d_]+)/(?P<per>[^\W\d_]+)(?![\w/])")
_LEAST_ALONE = 2
_PARTICLE = re.compile(f"[{HANGUL}{WIDE}]")
_BREAKS = re.compile(r"[.\s-]+")
_DASH = re.compile("[-–]")
_SIGNED_PERCENT = re.compile(r"(?P<sign>[-+–]?)%")
_OF_AS_MANY = re.compile(r"/(\d{1,2})(?![\d/]|[.,]\d)")
"""Behind a unit: "24h/24", "7j/7"."""
_MARK = re.compile("['’]")
_MORE_DIGITS = re.compile(r"-\d")
_WORD = re.compile(r"\s?([^\W\d_]+)")
_NEXT_PART = re.compile(r",?\s?(?=\d)")
_FEET = re.compile(
    r"(?P<great>\d{1,2})['’′][\s-]?(?P<small>\d{1,2}(?:\.\d+)?)(?:[\"”″]|''|’’)"
    r"|(?P<tall>[3-7])['’](?P<rest>1[01]|\d)(?![\w'’\"])"
)
_INCHES_IN_A_FOOT = 12
_INCHES = re.compile(
    r"[\"”](?=\s?[x×]\s?\d|\s(?:TV|screen|display|monitor|pipe|wheels?|tablet|pizza|of|by|tall|wide|long|thick|deep|high)\b)"
)
_SIZE_BEFORE = re.compile(r"\d+(?:\.\d+)?[\"”″]?\s?[x×]\s?\Z")
_INCHES_ALONE = re.compile(r"[\"”″](?!\w)")
_INCHES_BEFORE = re.compile(r"\d[\"”](?:\s?[x×]\s?|\sby\s)\Z")
_AFTER_INCHES = re.compile(r"\.?\s?(?:\Z|[,;:=!?)\"]|of\b|[x×]|by\b|tall\b|wide\b|long\b|thick\b|deep\b)")
_WORD_AFTER = re.compile(r"\s\w")
_QUOTE_OPEN = re.compile(r"(?:(?<!\d)\"|[“„])[^\"”“]*\Z")
_MARK_OPEN = re.compile(r"(?<![\w'’])['‘](?!\d0s)(?=\S|\Z)[^'’]*\Z")
_FEET_ALONE = re.compile(r"['’′](?!\w)|['’′](?=[x×]\d)")
_LEAST_HIGH = 4
"""Digits of a number before a quote that hardly closes another: "ceiling 2,000'"."""
_FEET_BEFORE = re.compile(r"\d[x×]\Z|\d['’′\"”″](?:\s?[x×–-]\s?|\sby\s)\Z|\d['’′]\s?\d{1,2}[\"”″],?\s\Z")
_DASH_AFTER = re.compile(r"\s?[–-]\s?(?=\d{1,3}['’′])")
_SIZE_AFTER = re.compile(r"\s?[x×]\s?\d|\s(?:tall|wide|long|deep|high|thick|by)\b")
_LETTERS = frozenset("ABCFKV")
_NAME_AFTER = re.compile(r"\s[^\W\d_a-zß-ÿ]")
_ORDER = ("d", "h", "min", "s")
_YEAR_DIGITS = 4


def measured(written: Written, amount: Amount, begin: int, end: int) -> Found | None:
    """Find an amount before its unit; `begin` and `end` are those of the amount."""
    language = written.language
    inches = _INCHES.match(written.text, end)
    if inches and not _QUOTE_OPEN.search(written.left(begin)):
        is_measure = _AFTER_INCHES.match(written.text, inches.end())
        return inches.end(), language.measure(amount, "in") if is_measure else _describing(written, amount, "in")
    if inches_after := inches_end(written, amount, begin, end):
        sized = _SIZE_BEFORE.search(written.left(begin))
        begin -= len(sized[0]) if sized else 0
        describes = isinstance(amount, Number) and written.describes(begin, inches_after)
        return inches_after, _describing(written, amount, "in") if describes else language.measure(amount, "in")
    feet = _FEET_ALONE.match(written.text, end)
    if feet and not _MARK_OPEN.search(written.left(begin)):
        is_by = (
            last(amount).fraction
            or _FEET_BEFORE.search(written.left(begin))
            or _SIZE_AFTER.match(written.text, feet.end())
        )
        describes = isinstance(amount, Number) and written.describes(begin, feet.end())
        if dash := _DASH_AFTER.match(written.text, feet.end()):
            return dash.end(), written.joined(language.word("to"), [language.measure(amount, "ft"), ""]).rstrip()
        if is_by or describes or len(last(amount).whole) >= _LEAST_HIGH:
            return feet.end(), _describing(written, amount, "ft") if describes else language.measure(amount, "ft")
    spaced = written.writing.spaced_unit.match(written.text, end)
    if spaced and (key := unit_key(written, plain_name(spaced["name"]))):
        describes = spaced[0][0] == "-" or (isinstance(amount, Number) and written.describes(begin, spaced.end()))
        words = _describing(written, amount, key) if describes else language.measure(amount, key)
        return written.after_dot(spaced.end()), words
    if wide := written.writing.wide_unit.match(written.text, end):
        return wide.end(), language.measure(amount, written.writing.units[wide[0]])
    unit = _UNIT.match(written.text, end)
    if not unit:
        return None
    if (squared := _PER_SECOND_SQUARED.match(unit[1])) and (key := unit_key(written, squared[1] + "/s")):
        return unit.end(), f"{language.measure(amount, key)}{written.space}{language.word('squared')}"
    short = written.writing.short_pattern.match(written.text, unit.start(1))
    for name in _names(written, unit):
        if short and short.end() > unit.start(1) + len(name) + 1:  # "476 d. C."
            break
        if written.writing.units.get(name) == "" or written.is_word(name, unit.start(1) + len(name)):
            break
        key = unit_key(written, name)
        after = unit.start(1) + len(name)
        if key == "m" and _lasts(written, begin, after):
            key = "min"
        if name in written.writing.short_times and _lasts(written, begin, after):
            key = written.writing.short_times[name]
        if name.endswith(".") and written.after_dot(after - 1) < after:  # the sentence's full stop: "It costs 50c."
            continue
        if not key or _goes_on(written.text, after) or not _is_unit(written, name, amount, end, after):
            continue
        if unit[0][0] == "-":
            is_name = len(name) == 1 or _MORE_DIGITS.match(written.text, after)
            return None if is_name else (written.after_dot(after), _describing(written, amount, key))
        if written.text.startswith("-", after) and written.text[after + 1 : after + 2].isalpha():
            return after + 1, _describing(written, amount, key) + " "
        if isinstance(amount, Number) and written.describes(begin, after):
            return after, _describing(written, amount, key)
        if (of := _OF_AS_MANY.match(written.text, after)) and of[1] == last(amount).whole and written.writing.out_of:
            return of.end(), written.writing.out_of.format(language.measure(amount, key), language.cardinal(int(of[1])))
        said = language.measure(amount, key)
        if hundred := _PER_HUNDRED.match(written.text, after):
            whole = language.measure(Number(hundred["n"]), written.writing.units[hundred["unit"]])
            return hundred.end(), written.joined(language.word("per"), [said, whole])
        if (per := _PER_THING.match(written.text, after)) and "/" not in key and language.word("per"):
            return per.end(), written.joined(language.word("per"), [said, per["thing"]])
        after = written.after_dot(after) if name[-1].isalpha() else after
        kind, _ = written.numeral_by_ending(after)
        said = language.measure(amount, key, numeral=kind) if kind else said
        return after, written.in_case(begin, after, amount, said)
    return _counted(written, amount, begin, end)


def _lasts(written: Written, begin: int, after: int) -> bool:
    """Whether "m" means minutes, by a word behind it or before the amount: "45m left", "Prep: 15m"."""
    word, writing = _WORD.match(written.text, after), written.writing
    if word and word[1] in writing.minutes_before:
        return True
    is_told = written.left(begin).endswith(": ") and written.word_before(begin) in writing.minutes_behind
    return is_told and written.text[after - 2].isdecimal() and not written.text.startswith(" of ", after)


def alone(written: Written, at: int) -> Found | None:
    """Find a unit without an amount: "in km/h", "pro kWh"."""
    if (unit := _LETTERS_ALONE.match(written.text, at)) and unit[0] in PER_UNITS:
        before = written.word_before(at)
        per = written.language.per("", PER_UNITS[unit[0]]).split() if before in written.writing.per else []
        if per:
            is_said = per[0].rstrip(".") == before
            return unit.end(), " ".join(per[1:]) if is_said else written.language.unit(PER_UNITS[unit[0]], Number("1"))
    found = _ALONE.match(written.text, at)
    if not found:
        return None
    is_sure = len(found["counted"]) >= _LEAST_ALONE and found["per"] in written.writing.time_units
    key = unit_key(written, found[0]) if is_sure or found[0] in written.writing.units else ""
    return (found.end(), written.language.unit(key)) if "/" in key else None


def inches_end(written: Written, amount: Amount, begin: int, end: int) -> int | None:
    """Return where the sign of inches after an amount ends; None if a quote there closes another one, or none is there.

    As in "Rain 0.1\"", "12\" x 18\"".
    """
    sign = _INCHES_ALONE.match(written.text, end)
    if not sign:
        return None
    left = written.left(begin)
    is_measured = not isinstance(amount, Number) or bool(amount.fraction) or _WORD_AFTER.match(written.text, sign.end())
    is_sure = _INCHES_BEFORE.search(left) or (is_measured and not _QUOTE_OPEN.search(left))
    return sign.end() if is_sure else None


def _names(written: Written, unit: re.Match[str]) -> dict[str, None]:
    """How much of what stands after a number may be the unit: the most first."""
    name = unit[1]
    before_mark = _MARK.split(name)[0]
    ends = before_mark != name and written.writing.endings.pattern.match(written.text, unit.start(1) + len(before_mark))
    names = [name, name.rstrip(".'’"), _DASH.split(name)[0].rstrip("."), name.split("/")[0].rstrip(".")]
    if name[0] == "°":
        names.append("°")
    if ends:
        names.append(before_mark)
    return dict.fromkeys(names)


def plain_name(name: str) -> str:
    """Return the name of a unit of several words as units have it: "ч.л" as "ч л"."""
    return " ".join(_BREAKS.split(name))


def _goes_on(text: str, after: int) -> bool:
    goes_on = after < len(text) and text[after - 1].isalpha() and text[after].isalnum()
    return goes_on and not _PARTICLE.match(text, after)


def unit_key(written: Written, name: str) -> str:
    """Return the key of a unit by its spelling, "" if it is none that the language has words for."""
    units = written.writing.units
    key = "" if name in ONLY_AFTER_SLASH else units.get(name, "")
    if not key and "/" in name:
        counted, _, per = name.partition("/")
        key = f"{units.get(counted, '?')}/{units.get(per, '?')}"
    return key if key and written.language.measures(key) else ""


def _is_unit(written: Written, name: str, amount: Amount, end: int, after: int) -> bool:
    """Whether letters that may be a unit are one here: "5 in the morning", "4K", "Room 3B" have none."""
    number = last(amount)
    spaced = written.text[end].isspace()
    before = written.word_before(end - len(number.whole))
    if name in written.writing.year_short and len(number.whole) == _YEAR_DIGITS:
        return f"{before} {name}" not in written.writing.year_short and not (
            number.whole[:2] in ("19", "20") and written.text.startswith(".", after)
        )
    if name == "in":
        sure = not spaced or bool(number.fraction) or before in ("ft", "feet", "foot")
        return sure or bool(_AFTER_INCHES.match(written.text, after))
    if name in written.writing.compass and is_before_street(written, after):
        return False
    if len(name) == 1 and name.isupper() and before in written.writing.place:
        return False
    if spaced or name not in _LETTERS:
        return True
    if len(number.whole) > 1 and number.whole[0] == "0":  # "007F" is a code
        return False
    if name == "B" and (len(number.whole) <= 2 or _NAME_AFTER.match(written.text, after)):
        return False
    if name == "K":
        return len(number.whole) > 2 or bool(number.fraction)
    return before not in written.writing.place


def _describing(written: Written, amount: Amount, key: str) -> str:
    """Return a measure as part of a name: "five kilometer"."""
    if "/" in key:
        return written.language.measure(amount, key)
    return f"{say(written, amount)}{written.space}{written.language.unit(key, Number('1'))}"


def _counted(written: Written, amount: Amount, begin: int, end: int) -> Found | None:
    """Find a number before the written-out name of a unit: the gender of its numeral is known."""
    word = _WORD.match(written.text, end)
    if not word or not word[0][0].isspace() or not isinstance(amount, Number):
        return None
    if len(amount.whole) in (_YEAR_DIGITS - 1, _YEAR_DIGITS) and word[1].lower() in written.writing.word_for_year:
        return None
    gender = written.language.nouns.get(word[1].lower())
    return (
        (end, written.in_case(begin, end, amount, written.language.number(amount, gender=gender))) if gender else None
    )


def percent_first(written: Written, at: int) -> Found | None:
    """Find a sign of percent before its number, as Turkish has it: "%25"."""
    sign = _SIGNED_PERCENT.match(written.text, at)
    if not sign or written.char_before(at).isalnum():
        return None
    found = read_amount(written, sign.end())
    if found and sign["sign"] and isinstance(found[0], Number):
        found = replace(found[0], negative=sign["sign"] != "+", plus=sign["sign"] == "+"), found[1]
    return (found[1], written.language.measure(found[0], "percent")) if found else None


def feet_and_inches(written: Written, at: int) -> Found | None:
    """ "5'10\"" of a person's height; from 12 on, the second number is seconds."""
    found = _FEET.match(written.text, at)
    if not found:
        return None
    great, small = found["great"] or found["tall"], found["small"] or found["rest"]
    units = ("ft", "in") if float(small) < _INCHES_IN_A_FOOT else ("min", "s")
    parts = zip((great, small), units, strict=True)
    return found.end(), written.space.join(written.language.measure(Number.read(n), unit) for n, unit in parts)


def duration(written: Written, at: int) -> Found | None:
    """Find numbers of days, hours, minutes and seconds in a row: "2 d 3 h", "1h30m", "1h30"."""
    text, units = written.text, written.writing.time_units
    parts: list[tuple[Number, str]] = []
    place, end = at, at
    while len(parts) < len(_ORDER):
        found = written.number(place)
        word = _WORD.match(text, found[1]) if found else None
        unit = units.get(word[1].rstrip("."), "") if word else ""
        if found and not unit and parts and parts[-1][1] == "h" and place == end and found[1] - place == 2 and not word:
            parts.append((found[0], "min"))
            end = found[1]
            break
        if not (found and word and unit) or (parts and _ORDER.index(unit) <= _ORDER.index(parts[-1][1])):
            break
        parts.append((found[0], unit))
        end = written.after_dot(word.end())
        gap = _NEXT_PART.match(text, end)
        if not gap:
            break
        place = gap.end()
    if len(parts) < 2:
        return None
    return end, written.in_case(at, end, parts[0][0], written.language.duration(parts))
