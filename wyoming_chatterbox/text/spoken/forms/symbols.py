"""Signs between words and numbers."""

from __future__ import annotations

import re

from .written import Found, Written

_BEFORE_NUMBER = {
    "~": "about", "≈": "about", "∼": "about", "±": "plus_minus", "≥": "at_least", "≤": "at_most", ">=": "at_least",
    "<=": "at_most", ">": "greater", "<": "less", "#": "number", "№": "number",
}  # fmt: skip
_BETWEEN = {
    "=": "equals", "≠": "not_equal", "×": "times", "÷": "divided", "&": "and", "→": "to", "±": "plus_minus",
    "≈": "about", "√": "root", "∞": "infinity", "§": "section", "²": "squared", "³": "cubed",
}  # fmt: skip
_PREFIX = re.compile(r"(?P<sign>[<>]=|[~≈∼±≥≤<>#№])\s?(?=[-+–]?[\d$€£½⅓¼¾.])")
_ARROW = re.compile(r"(?:-+>|=+>)")
_SILENT = frozenset("©®™℠¿¡")
_MEASURED_BEFORE = re.compile(r"\d\s?(?:[^\W\d_]{1,2}\s)?\Z")
_NAME_AFTER = re.compile(r"\s?([^\W\d_]+)")
_RATIO = re.compile(r"\d\s\Z")
_POWER = re.compile(r"\^(?P<n>-?\d+)")


def symbol(written: Written, at: int) -> Found | None:
    """A sign, said in the language's word for it; one that says nothing here stays."""
    text, language = written.text, written.language
    char = text[at]
    before, follows = written.char_before(at), text[at + 1 : at + 2]
    if found := _PREFIX.match(text, at):
        between = before.isalpha() or (before.isdecimal() and char in "~#")
        if not (between and char in "<>~"):
            return found.end(), language.word(_BEFORE_NUMBER[found["sign"]]) + " "
    if found := _ARROW.match(text, at):
        return found.end(), language.word("to")
    if found := _POWER.match(text, at):
        power = int(found["n"])
        if power == 2 or power == 3:
            return found.end(), language.word("squared" if power == 2 else "cubed")
        return found.end(), f"{language.word('power')} {language.cardinal(power)}"
    if char in "-–—":
        return _dash(written, at)
    if char == "+":
        plus = language.word("plus")
        if before == "+":
            return at + 1, plus
        return (
            (at + 1, plus)
            if before.isalnum() or follows.isdecimal() or (before.isspace() and follows.isspace())
            else None
        )
    if char == "*":
        return (at + 1, language.word("times")) if _joins_numbers(written, at) else None
    if char == ":" and _RATIO.search(written.left(at)) and follows == " " and text[at + 2 : at + 3].isdecimal():
        return at + 1, written.writing.ratio or language.word("to")
    if char == ":" and before.isdecimal() and follows.isdecimal():
        return at + 1, f" {written.writing.ratio or language.word('to')} "
    if char == "/" and before == " " and _joins_numbers(written, at):
        return at + 1, language.word("divided")
    if char == "/":
        return at + 1, "," if before.isspace() and follows.isspace() else " "
    if char == "#":
        if before.isalpha():
            return at + 1, "sharp"
        return (at + 1, f"{language.word('hashtag') or 'hashtag'} ") if follows.isalpha() else None
    if char == "@":
        return (at + 1, language.word("at")) if follows else None
    if char == "_":
        return at + 1, " " if before.isalnum() and follows.isalnum() else ""
    if char == "%":
        return at + 1, language.unit("percent")
    if char in ("²", "³") and not before.isalnum():
        return None
    if char in _SILENT:
        return None if char in "¿¡" else (at + 1, "")
    if char in _BETWEEN:
        if char in "→×" and not (follows or before):
            return None
        return at + 1, language.word(_BETWEEN[char])
    return None


def _joins_numbers(written: Written, at: int) -> bool:
    return bool(re.search(r"\d\s?\Z", written.left(at)) and re.match(r"\s?\d", written.text[at + 1 :]))


def _dash(written: Written, at: int) -> Found | None:
    """A dash between two amounts is "to", in a calculation "minus"; between words it stays."""
    text, language = written.text, written.language
    left = written.left(at)
    name = _NAME_AFTER.match(text, at + 1)
    named = bool(name) and name[1].lower() in written.writing.named_days and left.rstrip()[-1:].isdecimal()
    if not named and not re.match(r"\s?[-+]?[\d$€£]", text[at + 1 :]):
        return None
    if re.search(r"\d\s?\Z", left) and "=" in text[at:]:
        return at + 1, language.word("minus")
    tight = not left[-1:].isspace() and not text[at + 1].isspace()
    loose = left[-1:].isspace() and text[at + 1].isspace()
    if (tight or loose) and re.search(r"(?:[\d%°€$£]|[\d°]\s?(?:[^\W\d_]|/){1,5}|\d\s?[ap]\.?m\.?)\s?\Z", left):
        return at + 1, language.word("to")
    if tight and left[-1:].isalpha():
        return at + 1, " "
    return None


def by(written: Written, at: int) -> Found | None:
    """An "x" between numbers or after one: "1920x1080", "3x"."""
    text, language = written.text, written.language
    if not written.char_before(at).isdecimal() and not _MEASURED_BEFORE.search(written.left(at)):
        return None
    if found := re.compile(r"[xX×]\s?(?=\d)").match(text, at):
        equals = text.find("=", found.end(), found.end() + 12) >= 0
        word = language.word("times") if equals or not written.writing.by else written.writing.by
        return found.end(), f"{word} "
    if text[at] in "xX×" and not text[at + 1 : at + 2].isalnum() and written.char_before(at).isdecimal():
        return at + 1, language.word("times")
    return None
