"""An amount with what stands after it: a word such as "million", a currency, a unit."""

from __future__ import annotations

import re
from dataclasses import replace

from ..measures import Amount
from ..numbers import Number
from .amounts import attached_scale, may_have_sign, read_amount, say, scale_after, scaled
from .measured import measured, unit_key
from .money import money_after
from .written import Found, Written

_PLUS_UNIT = re.compile(r"\+\s?(?P<unit>[^\W\d_]{2,}[²³]?)(?!\w)")
_COMMA = re.compile(r",(\d{1,2})(?![,.]?\d)")


def quantity(written: Written, at: int) -> Found | None:
    """Find an amount that is more than a number alone: "-4 °C", "10-15 %", "1.5 Mio. €", "5-10"."""
    if not written.text[at].isdecimal() and not may_have_sign(written, at):
        return None
    found = read_amount(written, at)
    if not found:
        return None
    amount, end = found
    scale, after = scale_after(written, end) or attached_scale(written, amount, end)
    if scale:
        amount, end = scaled(amount, scale), after
    if paid := money_after(written, amount, end):
        whole = replace(amount, fraction="") if isinstance(amount, Number) and not scale else amount
        return paid[0], written.in_case(at, paid[0], whole, paid[1])
    if counted := measured(written, amount, at, end):
        return counted
    if at_least := _at_least(written, amount, end):
        return at_least
    if scale:
        return written.after_dot(end), written.in_case(at, end, amount, say(written, amount))
    if isinstance(amount, Number):
        if not amount.fraction and (comma := _comma(written, amount, at, end)):
            return comma
        if not (amount.negative or amount.plus or written.text[at] == "."):
            return None
    gender = ""
    if not isinstance(amount, Number) and not written.writing.plain_ranges:
        # A noun behind a range has the form that goes with its upper number, never that of one.
        several = (int(number.whole) for number in reversed(amount) if not number.whole.endswith("1"))
        gender = next(filter(None, (written.gender_of(number, at, end) for number in several)), "")
    return end, say(written, amount, gender)


def _at_least(written: Written, amount: Amount, end: int) -> Found | None:
    """Find a sign of plus between an amount and its unit: "24+ hrs"."""
    found = _PLUS_UNIT.match(written.text, end)
    key = unit_key(written, found["unit"]) if found else ""
    if not found or not key or "/" in key:
        return None
    language = written.language
    plus = language.word("plus")
    return written.after_dot(found.end()), written.joined(plus, [say(written, amount), language.unit(key)])


def _comma(written: Written, whole: Number, begin: int, end: int) -> Found | None:
    """Find a decimal comma in a language that has a point, if a unit tells that it is one."""
    found = _COMMA.match(written.text, end)
    if not found or written.language.decimal_mark == ",":
        return None
    amount = replace(whole, fraction=found[1])
    end = found.end()
    if counted := money_after(written, amount, end) or measured(written, amount, begin, end):
        return counted
    return (end, say(written, amount)) if written.word_after(end) in written.language.nouns else None
