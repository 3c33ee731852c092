"""Signs between words and numbers, in the language's words for them."""

from __future__ import annotations

import re

from .crosses import EQUATION_LENGTH, cross
from .measured import unit_key
from .written import Found, Rule, Written

_BEFORE_NUMBER = {
    "~": "about", "≈": "about", "∼": "about", "±": "plus_minus", "≥": "at_least", "≤": "at_most", ">=": "at_least",
    "<=": "at_most", ">": "greater", "<": "less", "#": "number", "№": "number", "+/-": "plus_minus",
    "+/–": "plus_minus", "+-": "plus_minus", "+–": "plus_minus",
}  # fmt: skip
_ANYWHERE = {
    "=": "equals", "≠": "not_equal", "÷": "divided", "&": "and", "±": "plus_minus", "≈": "about", "√": "root",
    "⇒": "to", "∞": "infinity", "§": "section", "²": "squared", "³": "cubed", "−": "minus", "↑": "up", "↓": "down",
    "≤": "at_most", "≥": "at_least", "⁺": "plus", "⁻": "minus",
    "♭": "flat", "♯": "sharp",
}  # fmt: skip
_TRIANGLES = {"▲": "up", "▼": "down"}
_COMPARISONS = {"=": "equals", "!": "not_equal", "<": "at_most", ">": "at_least"}
_SILENT = frozenset("©®™℠←")
_PREFIX = re.compile(r"(?P<sign>[<>]=|\+/?[-–]|[~≈∼±≥≤<>#№])\s?(?=[-+–]?(?:[\d$€£½⅓¼¾]|\.\d))")
_COMPARISON = re.compile(r"(?<![=!<>-])(?:={2,3}|!={1,2}|[<>]=)(?![=>])")
_COLOUR = re.compile(r"#(?=\d*[a-fA-F])(?=[a-fA-F]*\d)[0-9A-Fa-f]{6}(?!\w)")
_ARROW = re.compile(r"(?:-+>|=+>|→)")
_POWER = re.compile(r"\^(?:(?P<n>-?\d+)|\{(?P<group>-?\d+|-?[a-zA-Z])\}|(?P<letter>[a-zA-Z])(?!\w))")
_UNIT_BEHIND = re.compile(r"\s(?P<unit>[^\W\d_]+(?:/[^\W\d_]+)?[²³]?)(?![\w/])")
_BASE_BEFORE = re.compile(r"[\w)\]}°∞]\Z")
_PLACEHOLDER = re.compile(r"<[^\s<>]*\Z")
_NUMBER_BEFORE = re.compile(r"\d\s?\Z")
_NUMBER_AFTER = re.compile(r"\s?\d")
_LONE_NUMBER = re.compile(r"(?<![\w.,])\d[\d.,]*\s\Z")
_AMOUNT_BEFORE = re.compile(r"(?:[\d%°€$£¼-¾⅐-⅞]|[\d°]\s?(?:[^\W\d_]|/){1,5}|\d\s?[ap]\.?m\.?)\s?\Z")
_AMOUNT_AFTER = re.compile(r"\s?[-+]?[\d$€£¼-¾⅐-⅞]")
_TIGHT_AMOUNT = re.compile(r"[-+]?[\d$€£]")
_DAY_BEFORE = re.compile(r"\d(?:st|nd|rd|th)?\s?\Z")
_TERM_BEFORE = re.compile(r"(?:(?<![^\W_])\d*[a-z]|[)²³])\s\Z")
_SIGN_BEFORE = re.compile(r"(?:\(|=\s?|[²³])\Z")
_VARIABLE_BEHIND = re.compile(r"\d*[a-z]{1,2}(?![^\W_])")
_TERM_AFTER = re.compile(r"\s[\w(][\w()²³^+*/ .-]*=")
_UNIT = r"\s?(?P<unit>[^\W\d_]{1,5}(?:/[^\W\d_]+)?|[%°](?:\s?[CF](?!\w))?)"
_UNIT_BEFORE = re.compile(rf"\d{_UNIT}\s*\Z")
_UNIT_BEFORE_SLASH = re.compile(r"(?:\d\s?°?[^\W\d_]{1,4}|[°%])\Z")
_UNIT_AFTER = re.compile(rf"\s?[-+]?\d[\d.,:]*{_UNIT}")
_VARIABLE_BEFORE = re.compile(r"(?<![^\W_])(?:[^\W\d_]\d?|[\d.]+)\s\Z")
_VARIABLE_JOINED = re.compile(r"(?<![^\W_])\d*[a-z]\d?\Z")
_TERM_JOINED = re.compile(r"(?:\d+|\d*[a-z])\s?[=≈]")
_VARIABLE_AFTER = re.compile(r"\s\d{0,3}[^\W\d_]?\d?(?!\w)")
_NAME_AFTER = re.compile(r"\s?([^\W\d_]+)")
_PER = re.compile(r"/(?P<name>[^\W\d_]+[²³]?)(?!\w)")
_SURE_NAMES = frozenset(("hr", "hour", "sec", "second"))
_SURE_UNITS = frozenset(("kWh", "kg", "km", "min", "d", "week", "month", "year"))
_CHAPTER_BEFORE = re.compile(r"([^\W\d_]+)\.?\s\d{1,3}\Z")
_EDITION = re.compile(r":(?:19|20)\d\d(?!\d)")
_MINUTES = re.compile(r":(?=[0-5]\d(?![\w:]))")
_DEGREES_OF = re.compile(r"°\s?(?P<scale>[CF])(?!\w)")
_DOT_NAME = re.compile(r"\.(?=[^\W\d_]{2,})")
_SHORT_YEAR = re.compile(r"\d{2,3}(?![\w'’\"])")
_GREAT = re.compile(r"\s?\d[\d.,]*\d{3}")
_NOTE_BEFORE = re.compile(r"(?<![^\W_])[A-G]\Z")
_EQUALS = re.compile("[=≈]")
_CALCULATES = re.compile(r"[=≈]\s\d+\Z")
_UNIT_SIGNS = tuple("%°℃")


def symbol(written: Written, at: int) -> Found | None:
    """Find a sign, said in the language's word for it; one that says nothing here stays."""
    text, language, char = written.text, written.language, written.text[at]
    if found := _COLOUR.match(text, at):
        said = " ".join(language.digits(char) if char.isdecimal() else char for char in found[0][1:])
        return found.end(), f"{language.word('hash')} {said}"
    if (found := _PREFIX.match(text, at)) and not _stands_between(written, at):
        return found.end(), language.word(_BEFORE_NUMBER[found["sign"]]) + " "
    if (found := _ARROW.match(text, at)) and (at or found.end() < len(text)):
        return found.end(), language.word("to")
    if char in "<>" and _is_loose(written, at):
        return _comparison(written, at)
    if (found := _COMPARISON.match(text, at)) and not _PLACEHOLDER.search(written.left(at)):
        if found[0] == "==" and _is_loose_on_one_side(written, at, found.end()):
            return found.end(), ""
        return found.end(), language.word(_COMPARISONS[char])
    if rule := _RULES.get(char):
        return rule(written, at)
    if char == "&" and text.startswith("&&", at):
        return at + 2, language.word("and")
    if char in _TRIANGLES:  # of prices: "▲ 2.3%"
        return at + 1, language.word(_TRIANGLES[char]) if _AMOUNT_AFTER.match(text, at + 1) else ""
    if char in _SILENT:
        return at + 1, ""
    if char in "²³" and not written.char_before(at).isalnum():
        return None
    return (at + 1, language.word(_ANYWHERE[char])) if char in _ANYWHERE else None


def _comparison(written: Written, at: int) -> Found | None:
    """Between two letters a comparison, between words the way through a menu: "Settings > System"."""
    if _VARIABLE_BEFORE.search(written.left(at)) and _VARIABLE_AFTER.match(written.text, at + 1):
        return at + 1, written.language.word(_BEFORE_NUMBER[written.text[at]])
    return (at + 1, ",") if written.text[at] == ">" else None


def _is_loose_on_one_side(written: Written, at: int, end: int) -> bool:
    """Whether a mark stands at the beginning or at the end of a word: "==on==" is emphasis."""
    return (written.char_before(at).isalnum()) != written.text[end : end + 1].isalnum()


def _stands_between(written: Written, at: int) -> bool:
    """Whether a sign joins what is before it: "a<5", "5~6"."""
    before, char = written.char_before(at), written.text[at]
    return (before.isalpha() and char in "<>~+#") or (char == "~" and (before.isdecimal() or before in _UNIT_SIGNS))


def _joins_numbers(written: Written, at: int) -> bool:
    return bool(_NUMBER_BEFORE.search(written.left(at)) and _NUMBER_AFTER.match(written.text, at + 1))


def _is_loose(written: Written, at: int) -> bool:
    """Whether there are spaces on both sides."""
    return written.char_before(at).isspace() and written.text[at + 1 : at + 2].isspace()


def _dash(written: Written, at: int) -> Found | None:
    """Between two amounts or dates "to", in a calculation "minus"; between words it stays."""
    text, language, left = written.text, written.language, written.left(at)
    name = _NAME_AFTER.match(text, at + 1)
    is_day = name and name[1].lower() in written.writing.named_days and _DAY_BEFORE.search(left)
    is_end = name and name[1].lower() in written.writing.range_end and _AMOUNT_BEFORE.search(left)
    if name and (is_day or is_end):
        return at + 1, f" {language.word('to')} "
    if _is_minus(written, at):
        return at + 1, language.word("minus")
    if not _AMOUNT_AFTER.match(text, at + 1):
        return None
    if written.word_before(at) in written.writing.range_end:
        return at + 1, f" {language.word('to')} "
    if _NUMBER_BEFORE.search(left) and "=" in text[at:]:
        return at + 1, language.word("minus")
    tight = not (left[-1:].isspace() or text[at + 1].isspace())
    if (
        tight or (text[at] != "—" and _is_loose(written, at) and not _ends_a_part(written, at))
    ) and _AMOUNT_BEFORE.search(left):
        return at + 1, language.word("to")
    return (at + 1, " ") if tight and left[-1:].isalpha() else None


def _is_minus(written: Written, at: int) -> bool:
    """Whether a dash belongs to a term of an equation: "3x - 5 = 0", "a - b = c", "(-b + c)", "b²-4ac"."""
    left = written.left(at)
    if _SIGN_BEFORE.search(left) and _VARIABLE_BEHIND.match(written.text, at + 1):
        return True
    return bool(_is_loose(written, at) and _TERM_BEFORE.search(left) and _TERM_AFTER.match(written.text, at + 1))


def _ends_a_part(written: Written, at: int) -> bool:
    """Whether what is measured before a loose dash is something else than after it: "at 80 % – 250 km range"."""
    before, after = _UNIT_BEFORE.search(written.left(at)), _UNIT_AFTER.match(written.text, at + 1)
    unit = before["unit"].rstrip() if before else ""
    return bool(unit) and unit.lower() not in ("am", "pm") and (after is None or after["unit"].rstrip() != unit)


def _tilde(written: Written, at: int) -> Found | None:
    """Between two amounts or times: "10:00~12:30"; silent as the home folder in a path: "~/docs"."""
    if written.text.startswith("/", at + 1):
        return at + 2, ""
    joins = _AMOUNT_BEFORE.search(written.left(at)) and _AMOUNT_AFTER.match(written.text, at + 1)
    return (at + 1, written.language.word("to")) if joins else None


def _dots(written: Written, at: int) -> Found | None:
    """Between two amounts: "-3°C..5°C"."""
    end = at + (2 if written.text[at] == "." else 1)
    if written.text[at:end] not in ("..", "…") or written.char_before(at) in ("", ".", "…"):
        return None
    joins = _AMOUNT_BEFORE.search(written.left(at)) and _TIGHT_AMOUNT.match(written.text, end)
    return (end, written.language.word("to")) if joins and not written.left(at)[-1:].isdecimal() else None


def _plus(written: Written, at: int) -> Found | None:
    before, follows = written.char_before(at), written.text[at + 1 : at + 2]
    said = before.isalnum() or before in ("+", "°", "%") or follows.isdecimal() or _is_loose(written, at)
    return (at + 1, written.language.word("add") or written.language.word("plus")) if said else None


def _times(written: Written, at: int) -> Found | None:
    if written.text.startswith("**", at) and _BASE_BEFORE.search(written.left(at)):
        power = _NUMBER_AFTER.match(written.text, at + 2)
        return (at + 2, f" {written.language.word('power')} ") if power else None
    return (at + 1, written.language.word("times")) if _joins_numbers(written, at) else None


def _colon(written: Written, at: int) -> Found | None:
    """Find a score or a proportion: "3:2", "16 : 9"."""
    spaced = written.char_before(at).isspace()
    if spaced and _MINUTES.match(written.text, at):
        return at + 1, ""  # of an hour that goes without saying: "at :15"
    if not _joins_numbers(written, at) or written.text[at + 1].isspace() != spaced:
        return None
    is_great = _GREAT.match(written.text, at + 1)
    chapter = _CHAPTER_BEFORE.search(written.left(at))
    is_verse = chapter is not None and chapter[1].lower() in written.writing.verse
    if not spaced and (is_verse or _EDITION.match(written.text, at)):
        return at + 1, " "
    if spaced and (written.writing.spaced_colon or not _LONE_NUMBER.search(written.left(at))):
        return None
    ratio = written.writing.ratio
    is_scale = is_great and not ratio.isalpha()
    return at + 1, f" {ratio if ratio and not is_scale else written.language.word('to')} "


def _slash(written: Written, at: int) -> Found:
    """ "Per" before a time or a unit ("3x/day", "people/km²"), else a short break."""
    text = written.text
    found, writing = _PER.match(text, at), written.writing
    unit = writing.per_units.get(found["name"].lower()) or writing.units.get(found["name"], "") if found else ""
    if (
        found
        and written.language.measures(unit)
        and (found["name"][-1] in "²³" or unit in _SURE_UNITS or found["name"] in _SURE_NAMES)
    ):
        return found.end(), " " + written.language.per("", unit).strip()
    equals = bool(_EQUALS.search(written.text[at : at + EQUATION_LENGTH]) or _CALCULATES.search(written.left(at)))
    if not _is_loose(written, at):
        if _VARIABLE_JOINED.search(written.left(at)) and _TERM_JOINED.match(text, at + 1):
            return at + 1, f" {written.language.word('divided')} "
        is_power = written.char_before(at) in "²³)" and written.text[at + 1 : at + 2].isdecimal()
        if is_power or (equals and _joins_numbers(written, at)):
            return at + 1, f" {written.language.word('divided')} "
        parts = _UNIT_BEFORE_SLASH.search(written.left(at)) and _AMOUNT_AFTER.match(text, at + 1)
        return at + 1, ", " if parts else " "
    left = written.left(at)
    is_term = "=" in left and _TERM_BEFORE.search(left) and _VARIABLE_AFTER.match(text, at + 1)
    divides = is_term or (equals and _joins_numbers(written, at))
    return at + 1, written.language.word("divided") if divides else ","


def _between(written: Written, at: int) -> Found | None:
    """Between two numbers a dot in the middle is a sign of multiplication; it and a bar divide what is beside them."""
    if written.text[at] == "·" and _joins_numbers(written, at):
        return at + 1, written.language.word("times")
    return (at + 1, ",") if _is_loose(written, at) else None


def _hash(written: Written, at: int) -> Found | None:
    """ "C#", "C#5", "Sunny#2024", or "#weather"."""
    if written.char_before(at).isalpha():
        is_name = written.text[at + 1 : at + 2].isdecimal() and not _NOTE_BEFORE.search(written.left(at))
        return at + 1, f" {written.language.word('hash')} " if is_name else "sharp"
    return (at + 1, "hashtag ") if written.text[at + 1 : at + 2].isalpha() else None


def _at(written: Written, at: int) -> Found | None:
    return (at + 1, written.language.word("at")) if at + 1 < len(written.text) else None


def _underscore(written: Written, at: int) -> Found:
    joins = written.char_before(at).isalnum() and written.text[at + 1 : at + 2].isalnum()
    return at + 1, " " if joins else ""


def _dot(written: Written, at: int) -> Found | None:
    """Between amounts "to"; before a name, which it is a part of, "dot": ".NET", ".env"."""
    before = written.char_before(at)
    if (not before or before in " \t/\\") and _DOT_NAME.match(written.text, at):
        return at + 1, f"{written.language.word('dot')} "
    if before.isalpha() and written.text[at + 1 : at + 2].isdecimal():
        return at + 1, " "
    return _dots(written, at)


def _backslash(written: Written, at: int) -> Found:
    return at + 1, " "


def _degree(written: Written, at: int) -> Found | None:
    """Find a unit of temperature without a number: "in °C"."""
    found = _DEGREES_OF.match(written.text, at)
    if not found:
        return None
    return found.end(), written.language.unit({"C": "celsius", "F": "fahrenheit"}[found["scale"]])


def _apostrophe(written: Written, at: int) -> Found | None:
    """Before the last digits of a year it is silent: "in '58"."""
    before = written.char_before(at)
    return (at + 1, "") if (not before or before.isspace()) and _SHORT_YEAR.match(written.text, at + 1) else None


def _percent(written: Written, at: int) -> Found:
    return at + 1, written.language.unit("percent")


def _caret(written: Written, at: int) -> Found | None:
    """ "10^6", "x^2", "x^n"."""
    language, found = written.language, _POWER.match(written.text, at)
    if not found or not _BASE_BEFORE.search(written.left(at)):
        return None
    power = found["n"] or found["group"] or found["letter"]
    if named := {"2": "squared", "3": "cubed"}.get(power):
        return found.end(), f" {language.word(named)}"
    sign = f"{language.word('minus')} " if power.startswith("-") else ""
    number = power.lstrip("-")
    said = f" {language.word('power')} {sign}{language.cardinal(int(number)) if number.isdecimal() else number}"
    unit = _UNIT_BEHIND.match(written.text, found.end()) if written.char_before(at).isdecimal() else None
    key = unit_key(written, unit["unit"]) if unit else ""
    return (unit.end(), f"{said} {language.unit(key)}") if unit and key else (found.end(), said)


_RULES: dict[str, Rule] = {
    "~": _tilde, "〜": _tilde, "～": _tilde, "-": _dash, "–": _dash, "—": _dash, "+": _plus, "*": _times, ":": _colon,
    "/": _slash, "#": _hash, "@": _at, "_": _underscore, "%": _percent, "^": _caret, "×": cross, "'": _apostrophe,
    "’": _apostrophe, "\\": _backslash, "°": _degree, ".": _dot, "…": _dots, "·": _between, "|": _between,
}  # fmt: skip
