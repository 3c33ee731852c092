"""Amounts: a number or a range of two, with signs and with words such as "million"."""

from __future__ import annotations

import re
from dataclasses import replace

from ..letters import WIDE, WORD
from ..measures import Amount
from ..numbers import Number
from .written import Written

_AFTER_WIDE = re.compile(rf"(?<!\d)(?<!\d.)[{WIDE}]\Z")
_DEGREES = re.compile(r"[-–][\d.,]+\s?[°度%]")
_SIGN = re.compile(r"[-+–](?=\d)|[-+–](?=[.,]\d)")
_RANGE = re.compile(r"(?:[-–—~～〜]|\s[-–]\s|(?<!\.)\.{2,3}|…)(?=[-+]?\d)")
_DEGREES_BEHIND = re.compile(r"/(?=[-+]?\d[\d.,]*\s?°)")
_CHAIN = re.compile(r"\s?(?:[-–/.:]\d|=|…\d|\.\.)")
_SCALE = re.compile(rf"\s?({WORD})")
_STOP_INSIDE = re.compile(r"\.(?=\s?[€$£%₽₴₺₹¥₩₪]|\s[^\W\d_]?[a-zα-ώа-яё])")
_CODE_BEHIND_STOP = re.compile(r"\.\s?([A-Z]{3})(?!\w)")
_PAID_SCALE = re.compile(r"\s?(k|K|M|Md|Mrd|Mio)(?=[€$£]|\s?(?P<code>[A-Z]{3})(?!\w))")
_PAID_SCALES = {"k": 3, "K": 3, "M": 6, "Mio": 6, "Md": 9, "Mrd": 9}
_ALL = 100
_ATTACHED_SCALES = {"k": 3, "K": 3, "M": 6, "B": 9, "T": 12}


def read_amount(written: Written, at: int) -> tuple[Amount, int] | None:
    """Return the number or the range of two numbers, with signs, that begins at a position, and where it ends."""
    low = _signed(written, at)
    if not low:
        return None
    number, end = low
    dash = _RANGE.match(written.text, end) if written.char_before(at) not in ("…", ".") else None
    dash = dash or _DEGREES_BEHIND.match(written.text, end)
    if dash and (high := _signed(written, dash.end())):
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


def last(amount: Amount) -> Number:
    """Return the number that the form of a unit agrees with."""
    return amount if isinstance(amount, Number) else amount[1]


def scaled(amount: Amount, scale: int) -> Amount:
    """Return an amount with a power of ten."""
    if isinstance(amount, Number):
        return replace(amount, scale=scale)
    return amount[0], replace(amount[1], scale=scale)


def may_have_sign(written: Written, at: int) -> bool:
    """Whether a dash at a position may be a minus."""
    before = written.char_before(at)
    if not before or before.isspace() or before in "([{\"'“„«/=:<>≤≥~±*×，、。：；（「":
        return True
    is_degrees = written.is_dense and _DEGREES.match(written.text, at)
    return bool(is_degrees and _AFTER_WIDE.search(written.left(at)))


def say(written: Written, amount: Amount, gender: str = "") -> str:
    """Return an amount of nothing in particular, or a score: "three to two"; `gender` is that of the thing counted."""
    language, ratio = written.language, written.writing.ratio
    if isinstance(amount, Number):
        return language.number(amount)
    low, high = amount
    falls = not (low.negative or low.fraction or high.fraction or high.scale or int(low.whole) < int(high.whole))
    if falls and int(low.whole) + int(high.whole) == _ALL:  # shares of a hundred: "50-50", "60-40"
        return f"{language.number(low)}{written.space}{language.number(high)}"
    if ratio and falls:
        return written.joined(ratio, [language.number(low), language.number(high)])
    return language.range(low, high, gender=gender)


def scale_after(written: Written, end: int) -> tuple[int, int] | None:
    """Return the power of ten of a word such as "million" at a position, and where it ends."""
    word = _SCALE.match(written.text, end)
    if not word:
        return None
    for name in (word[1], word[1][:2], word[1][:1]) if not word[1].isascii() else (word[1],):
        scale = written.language.scales.get(name.lower(), 0)
        if scale and (len(name) > 1 or not name.isascii()):
            end = word.start(1) + len(name)
            code = _CODE_BEHIND_STOP.match(written.text, end)
            is_inside = _STOP_INSIDE.match(written.text, end) or (code and code[1] in written.writing.currencies)
            return scale, end + bool(is_inside)
    return None


def attached_scale(written: Written, amount: Amount, end: int) -> tuple[int, int]:
    """Return the power of ten of a single letter: "2.5k", "500k" and "1.2M", but not "10k", "4K", "2700K" and "5B"."""
    paid = _PAID_SCALE.match(written.text, end)
    if paid and (not paid["code"] or paid["code"] in written.writing.currencies):
        return _PAID_SCALES[paid[1]], paid.end(1)
    word = _SCALE.match(written.text, end)
    scale = _ATTACHED_SCALES.get(word[0], 0) if word else 0
    number, is_range = last(amount), not isinstance(amount, Number)
    sure = number.fraction or (word and word[0] == "k" and (is_range or len(number.whole) > 2)) or scale == 6
    return (scale, word.end()) if word and scale and sure else (0, end)
