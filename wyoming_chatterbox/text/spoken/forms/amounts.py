"""Amounts: numbers with a sign, ranges, units, money and durations."""

from __future__ import annotations

import re
from dataclasses import replace

from ..letters import WIDE
from ..measures import Amount
from ..numbers import Number
from .units import ONLY_AFTER_SLASH
from .written import Found, Written

_SIGN = re.compile(r"[-+–](?=\d)|[-+–](?=[.,]\d)")
_RANGE = re.compile(r"(?:[-–—]|\s[-–—]\s)(?=[-+]?\d)")
_CHAIN = re.compile(r"\s?(?:[-–/.:]\d|=)")
_UNIT = re.compile(
    r"(?:\s|-(?=[^\W\d_]))?"
    rf"([%‰]|°\s?[CFK](?:/[^\W\d]+)?(?!\w)|[^\s\d,;:!?()\[\]\"“”…+=<>~&@#_|،{WIDE}]+(?:\^?[23](?!\w))?(?:/[^\W\d]+[²³23]?)?)"
)
_SCALE = re.compile(r"\s?([^\W\d_]+)")
_STOP_INSIDE = re.compile(r"\.(?=\s?[€$£%]|\s[^\W\d_]?[a-z])")
_MONEY_SCALE = re.compile(r"\s?(k|K|M|Md|Mrd|Mio)(?=[€$£])")
_MONEY_SCALES = {"k": 3, "K": 3, "M": 6, "Mio": 6, "Md": 9, "Mrd": 9}
_ATTACHED_SCALES = {"k": 3, "M": 6, "B": 9, "T": 12}
_LETTER_SCALES = {"k": 3, "K": 3, "M": 6, "m": 6, "mn": 6, "B": 9, "b": 9, "bn": 9, "T": 12, "tn": 12}
_PART = re.compile(r"\s?([^\W\d_]+)")
_NEXT_PART = re.compile(r",?\s?(?=\d)")
_OF = re.compile(r"\s(?:de|di|d['’])\s?")
_SLASH = re.compile(r"\s?/\s?([^\W\d_]+[²³]?)")
_FEET = re.compile(r"(?P<ft>\d{1,2})['’′]\s?(?P<in>\d{1,2}(?:\.\d+)?)(?:[\"”″]|''|’’)")
_INCHES = re.compile(r"[\"”](?=\s(?:TV|screen|display|monitor|pipe|wheels?|tablet|pizza)\b)")
_COMMA = re.compile(r",(\d{1,2})(?![,.]?\d)")
_AFTER_INCHES = re.compile(r"\.?\s?(?:\Z|[,;:!?)\"]|of\b|x\b|by\b|tall\b|wide\b|long\b|thick\b|deep\b)")
_NOUN = re.compile(r"\s(?!of\b|and\b|or\b|in\b|is\b|to\b|from\b|at\b)[^\W\d_]{2}")
_LETTERS = frozenset("ABCFKV")
_ORDER = ("d", "h", "min", "s")


def read_amount(written: Written, at: int) -> tuple[Amount, int] | None:
    """The number or the range of two numbers, with signs, that begins at a position, and where it ends."""
    low = _signed(written, at)
    if not low:
        return None
    number, end = low
    if (dash := _RANGE.match(written.text, end)) and (high := _signed(written, dash.end())):
        upper, after = high
        if not _CHAIN.match(written.text, after) and not (len(number.whole) > 1 and number.whole[0] == "0"):
            return (number, upper), after
    return number, end


def _signed(written: Written, at: int) -> tuple[Number, int] | None:
    sign = _SIGN.match(written.text, at)
    begin = sign.end() if sign else at
    if written.text[begin : begin + 1] in (".", ","):
        found = written.number(begin + 1)
        if not found or found[0].fraction:
            return None
        found = Number("0", found[0].whole), found[1]
    else:
        found = written.number(begin)
    if not found:
        return None
    number, end = found
    if sign:
        number = replace(number, plus=True) if sign[0] == "+" else replace(number, negative=True)
    return number, end


def _last(amount: Amount) -> Number:
    return amount if isinstance(amount, Number) else amount[1]


def _scaled(amount: Amount, scale: int) -> Amount:
    if isinstance(amount, Number):
        return replace(amount, scale=scale)
    return amount[0], replace(amount[1], scale=scale)


def may_have_sign(written: Written, at: int) -> bool:
    """Whether a dash at a position may be a minus."""
    before = written.char_before(at)
    return not before or before.isspace() or before in "([{\"'“„«/=:<>≤≥~±*×"


def measure(written: Written, at: int) -> Found | None:
    """An amount with its unit, scale or currency: "-4 °C", "10-15 %", "1.5 Mio. €"."""
    if not written.text[at].isdecimal() and not may_have_sign(written, at):
        return None
    found = read_amount(written, at)
    if not found:
        return None
    amount, end = found
    scale, after = _scale(written, end) or _attached_scale(written, _last(amount), end)
    if scale:
        amount, end = _scaled(amount, scale), after
    if paid := _currency_after(written, amount, end):
        return paid
    if measured := _measured(written, amount, at, end):
        return measured
    if not scale and isinstance(amount, Number) and not amount.fraction and (comma := _comma(written, amount, end)):
        return comma
    if scale:
        return written.after_dot(end), _say(written, amount)
    if isinstance(amount, Number) and not (amount.negative or amount.plus):
        return None
    return end, _say(written, amount)


def percent_first(written: Written, at: int) -> Found | None:
    """A sign of percent before its number, as Turkish has it: "%25"."""
    if written.text[at] != "%" or written.char_before(at).isalnum():
        return None
    found = read_amount(written, at + 1)
    return (found[1], written.language.measure(found[0], "percent")) if found else None


def feet_and_inches(written: Written, at: int) -> Found | None:
    """ "5'10\"" of a person's height."""
    found = _FEET.match(written.text, at)
    if not found:
        return None
    measure = written.language.measure
    return found.end(), f"{measure(Number(found['ft']), 'ft')} {measure(Number.read(found['in']), 'in')}"


def _comma(written: Written, whole: Number, end: int) -> Found | None:
    """A decimal comma in a language that has a point, if a unit tells that it is one."""
    found = _COMMA.match(written.text, end)
    if not found or written.language.decimal_mark == ",":
        return None
    amount = replace(whole, fraction=found[1])
    return _currency_after(written, amount, found.end()) or _measured(written, amount, found.end(), found.end())


def _say(written: Written, amount: Amount) -> str:
    language, ratio = written.language, written.writing.ratio
    if isinstance(amount, Number):
        return language.number(amount)
    low, high = amount
    if ratio and not (low.fraction or high.fraction or high.scale or int(low.whole) < int(high.whole)):
        return f"{language.number(low)} {ratio} {language.number(high)}"
    return language.range(low, high)


def _scale(written: Written, end: int) -> tuple[int, int] | None:
    """The power of ten of a word such as "million" at a position, and where it ends."""
    word = _SCALE.match(written.text, end)
    scale = written.language.scales.get(word[1].lower(), 0) if word and len(word[1]) > 1 else 0
    if not (word and scale):
        return None
    end = word.end()
    return scale, end + bool(_STOP_INSIDE.match(written.text, end))


def _attached_scale(written: Written, number: Number, end: int) -> tuple[int, int]:
    """That of a single letter: "2.5k", "500k" and "1.2M", but not "10k", "4K" and "5B"."""
    if paid := _MONEY_SCALE.match(written.text, end):
        return _MONEY_SCALES[paid[1]], paid.end()
    word = _SCALE.match(written.text, end)
    scale = _ATTACHED_SCALES.get(word[0], 0) if word else 0
    sure = number.fraction or (scale == 3 and len(number.whole) > 2) or scale == 6
    return (scale, word.end()) if word and scale and sure else (0, end)


def money(written: Written, at: int) -> Found | None:
    """A currency before its amount: "$5.3 billion", "EUR 10", "-$5"."""
    text = written.text
    negative = text[at] in "-–"
    if negative and not may_have_sign(written, at):
        return None
    sign = written.writing.currency.match(text, at + negative)
    if not sign or (sign[0][-1].isalpha() and written.char_before(at).isalnum()):
        return None
    begin = sign.end() + (text[sign.end() : sign.end() + 1] in (" ", "\u00a0", "\u202f"))
    found = read_amount(written, begin)
    if not found:
        return None
    amount, end = found
    if negative and isinstance(amount, Number):
        amount = replace(amount, negative=True)
    scale, after = _scale(written, end) or (0, end)
    if not scale and (word := _SCALE.match(text, end)) and not word[0][0].isspace():
        scale, after = _LETTER_SCALES.get(word[1], 0), word.end()
    if scale:
        amount, end = _scaled(amount, scale), after
    return _paid(written, amount, written.writing.currencies[sign[0]], end)


def _currency_after(written: Written, amount: Amount, end: int) -> Found | None:
    text = written.text
    begin = end + (text[end : end + 1] in (" ", "\u00a0", "\u202f"))
    if (of := _OF.match(text, end)) and _last(amount).scale:
        begin = of.end()
    if text.startswith("¢", begin) and isinstance(amount, Number):
        return begin + 1, written.language.money(Number("0", amount.whole.rjust(2, "0")), "USD")
    sign = written.writing.currency.match(text, begin)
    if not sign:
        return None
    if sign[0][-1].isalpha() and len(sign[0]) == 1:
        return None
    return _paid(written, amount, written.writing.currencies[sign[0]], sign.end())


def _paid(written: Written, amount: Amount, currency: str, end: int) -> Found | None:
    language = written.language
    try:
        said = language.money(amount, currency)
    except KeyError:
        return None
    if slash := _SLASH.match(written.text, end):
        unit = written.writing.units.get(slash[1], "")
        if language.measures(unit):
            return slash.end(), language.per(said, unit)
    return end, said


def _measured(written: Written, amount: Amount, begin: int, end: int) -> Found | None:
    if inches := _INCHES.match(written.text, end):
        return inches.end(), _describing(written, amount, "in")
    unit = _UNIT.match(written.text, end)
    if not unit:
        return None
    spaced = unit[0][0].isspace()
    hyphen = unit[0][0] == "-"
    candidate = unit[1]
    for name in dict.fromkeys(
        (candidate, candidate.rstrip(".'’"), candidate.split("-")[0].rstrip("."), candidate.split("/")[0])
    ):
        key = unit_key(written, name)
        after = unit.start(1) + len(name)
        if not key or not _is_unit(written, name, amount, end, after, spaced):
            continue
        if hyphen and (len(name) < 2 or name in written.writing.time_units):
            return None
        if hyphen:
            return after, _describing(written, amount, key)
        if after < len(written.text) and written.text[after - 1].isalpha() and written.text[after].isalnum():
            continue
        if written.text.startswith("-", after) and written.text[after + 1 : after + 2].isalpha():
            return after + 1, _describing(written, amount, key) + " "
        if isinstance(amount, Number) and written.language.code == "en" and _describes(written, begin, after):
            return after, _describing(written, amount, key)
        return (written.after_dot(after) if name[-1].isalpha() else after), written.language.measure(amount, key)
    return _counted(written, amount, end)


def _describes(written: Written, begin: int, after: int) -> bool:
    """Whether a measure stands before a noun, in English: "a 5 km run"."""
    return written.word_before(begin) in ("a", "an", "the") and bool(_NOUN.match(written.text, after))


def _describing(written: Written, amount: Amount, key: str) -> str:
    """A measure as part of a name: "five kilometer"."""
    said = _say(written, amount)
    return (
        f"{said}{written.space}{written.language.unit(key, Number('1'))}"
        if "/" not in key
        else written.language.measure(amount, key)
    )


def unit_key(written: Written, name: str) -> str:
    """The key of a unit by its spelling, "" if it is none that the language has words for."""
    units, language = written.writing.units, written.language
    key = units.get(name, "")
    if name in ONLY_AFTER_SLASH:
        return ""
    if not key and "/" in name:
        counted, _, per = name.partition("/")
        key = f"{units.get(counted, '?')}/{units.get(per, '?')}"
    return key if key and language.measures(key) else ""


def _is_unit(written: Written, name: str, amount: Amount, end: int, after: int, spaced: bool) -> bool:
    number = _last(amount)
    if name == "in":
        begin = end - len(number.whole)
        feet = written.word_before(begin) in ("ft", "feet", "foot")
        after_in = bool(_AFTER_INCHES.match(written.text, after))
        return written.language.code == "en" and (not spaced or bool(number.fraction) or feet or after_in)
    if name in _LETTERS and not spaced:
        if name == "K":
            return bool(number.fraction) or len(number.whole) > 2
        if name == "B":
            return len(number.whole) > 2
        begin = end - len(number.whole)
        return written.word_before(begin) not in written.writing.place
    return True


def _counted(written: Written, amount: Amount, end: int) -> Found | None:
    """A number before the written-out name of a unit: the gender of its numeral is known."""
    word = _PART.match(written.text, end)
    if not word or not word[0][0].isspace() or not isinstance(amount, Number):
        return None
    gender = written.language.nouns.get(word[1].lower())
    return (end, written.language.number(amount, gender=gender)) if gender else None


def duration(written: Written, at: int) -> Found | None:
    """Numbers of days, hours, minutes and seconds in a row: "2 d 3 h", "1h30m", "1h30"."""
    text, units = written.text, written.writing.time_units
    parts: list[tuple[Number, str]] = []
    place, end = at, at
    spelled = ""
    while len(parts) < len(_ORDER):
        found = written.number(place)
        word = _PART.match(text, found[1]) if found else None
        unit = units.get(word[1].rstrip("."), "") if word else ""
        if found and not unit and parts and parts[-1][1] == "h" and place == end and found[1] - place == 2 and not word:
            parts.append((found[0], "min"))
            end = found[1]
            break
        if not (found and word and unit) or (parts and _ORDER.index(unit) <= _ORDER.index(parts[-1][1])):
            break
        parts.append((found[0], unit))
        spelled += word[1] + " "
        end = written.after_dot(word.end())
        gap = _NEXT_PART.match(text, end)
        if not gap:
            break
        place = gap.end()
    if len(parts) < 2:
        return None
    return end, written.language.duration(parts)
