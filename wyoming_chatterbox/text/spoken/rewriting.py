"""Rewrites a region of text: tries the rules from left to right, the particular ones first."""

from __future__ import annotations

import re

from .forms import (
    abbreviations,
    clock,
    codes,
    compass,
    counting,
    crosses,
    dates,
    decades,
    fractions,
    measured,
    money,
    names,
    quantities,
    roman,
    symbols,
    weekdays,
    wide,
)  # fmt: skip
from .forms.written import Rule, Written
from .language import Language
from .letters import is_of_word, plain_letters

_OPENERS = "([{\"'“„«"
_LETTERS = re.compile(r"[^\W\d_²³¹¼-¾⅐-⅞]+")
_PLAIN = re.compile(r"[a-zà-ÿ]{2,}(?=[.,;:!?)\"]*(?:\s|\Z))")
"""A word in small letters, as most are."""
_BEGUN = re.compile(r"(?P<word>[^\W\d_]+)\s\S*\d\S*(?:\s\S{1,4})?\s?\Z")
_SIGNED: tuple[Rule, ...] = (
    codes.phone, measured.percent_first, money.money, money.price_unit, decades.decade, quantities.quantity,
    fractions.fraction, symbols.symbol,
)  # fmt: skip
_DIGIT: tuple[Rule, ...] = (
    counting.list_number, codes.address, wide.date, wide.time, dates.numeric, dates.day_first, money.with_colon,
    clock.time, codes.phone, codes.version, codes.chain, names.code, fractions.out_of, fractions.fraction,
    counting.ordinal, counting.scientific, decades.decade, dates.day_listed, counting.team, counting.years,
    measured.duration, measured.feet_and_inches, quantities.quantity, counting.number,
)  # fmt: skip
_LETTER: tuple[Rule, ...] = (
    weekdays.weekday, dates.month_first, abbreviations.anywhere, money.money, codes.address, compass.direction,
    names.version_name, names.address, names.entity, names.episode, names.formula, abbreviations.before_number,
    abbreviations.beside_name, measured.alone, names.time_zone, crosses.by, names.prefix, names.pieces, names.model,
    roman.roman,
)  # fmt: skip


def rewrite(text: str, before: str, after: str, language: Language) -> str:
    """Return the text with its written forms in words; `before` and `after` are what is beside it on its line."""
    written = Written(plain_letters(text), before, after, language)
    text = written.text
    out: list[str] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char.isspace():
            out.append(char)
            at += 1
            continue
        rules = _DIGIT if char.isdecimal() else _SIGNED
        if char.isalpha():
            inside = written.char_before(at)
            rules = (crosses.by,) if inside.isdecimal() else () if inside.isalpha() else _LETTER
            if rules is _LETTER and (word := _PLAIN.match(text, at)) and word[0] not in written.writing.rewritten:
                rules = ()
        if rules and not char.isascii() and char in written.writing.greek:
            rules = (names.greek, *rules)
        for rule in rules:
            if found := rule(written, at):
                end, said = written.with_ending(*found)
                _put(out, written, at, end, said)
                at = end
                break
        else:
            letters = _LETTERS.match(text, at)
            end = letters.end() if letters else at + 1
            out.append(text[at:end])
            at = end
    return "".join(out)


def _put(out: list[str], written: Written, at: int, end: int, said: str) -> None:
    """Write what is said, with spaces to its neighbours, and a capital where a sentence starts."""
    said = _between(written, at, said.strip(" ") if written.is_dense else said)
    if not said:
        return
    if said == ",":
        out[-1:] = [part.rstrip() for part in out[-1:]]
    if said[0].isalpha() and written.starts_sentence(at):
        said = written.capital(said)
    last = out[-1][-1:] if out else written.before[-1:]
    follows = written.text[end : end + 1]
    if not last or last.isspace() or last in _OPENERS:
        said = said.lstrip()
    if not follows or follows.isspace():
        said = said.rstrip()
    if not written.is_dense:
        attached = written.follows_prefix(end) or written.writing.attached.match(written.text, end)
        divided = (follows.isalnum() or (follows == "(" and written.text[end - 1].isdecimal())) and not attached
        joins = written.follows_prefix(at) or (written.language.code == "ko" and written.text[at] in "~〜～")
        before_word = is_of_word(last) or last in (",", ";", ":", ")", "]")
        said = " " * (before_word and is_of_word(said[:1]) and not joins) + said
        said += " " * (is_of_word(said[-1:]) and divided)
    out.append(said)


def _between(written: Written, at: int, said: str) -> str:
    """With "and" in a range after "between": "between 2–5 pm"."""
    before = written.writing.between
    if not before:
        return said
    to, also = written.language.word("to"), written.language.word("and")
    if written.word_before(at) in before:
        return said.replace(f" {to} ", f" {also} ", 1)
    begun = _BEGUN.search(written.left(at)) if said == to else None
    return also if begun and begun["word"].lower() in before else said
