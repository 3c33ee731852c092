"""Money: "$5.3 billion", "10€", "12,99 EUR", "0.30 €/kWh", "50¢"."""

from __future__ import annotations

import re
from dataclasses import replace

from ..letters import HANGUL, WIDE
from ..measures import Amount
from ..numbers import Number
from .amounts import last, may_have_sign, read_amount, scale_after, scaled
from .written import Found, Written

_LETTERS = re.compile(r"[^\W\d_]+")
_LETTER_SCALES = {"k": 3, "K": 3, "M": 6, "m": 6, "mn": 6, "B": 9, "b": 9, "bn": 9, "T": 12, "tn": 12}
_OF = re.compile(r"\s(?:de|di|d['’])\s?")
_WITH_COLON = re.compile(r"(?P<whole>\d{1,5}):(?P<cents>\d\d)\s?(?=[^\W\d_])")
_COMMA = re.compile(r",(\d\d)(?![\d%]|[.,]\d)")
_NO_CENTS = re.compile(r"[.,][-–—]{1,2}(?!\d)")
_NO_MONEY = re.compile(r"\s?[°%‰:]")
_CODE = re.compile(r"\s?([A-Z]{3})(?!\w)")
"""Says whose dollars they are: "$5 USD"."""
_TIGHT_CODES = frozenset(
    ("USD", "EUR", "GBP", "CHF", "JPY", "CNY", "RUB", "INR", "PLN", "SEK", "NOK", "DKK", "CAD", "AUD")
)
"""Codes of currencies that may stand before an amount without a space."""
_BETWEEN_HYPHENS = re.compile(r"-(?=[€$£¥]-[^\W\d_])")
"""In a compound: "die 1000-€-Frage"."""
_SLASH = re.compile(rf"\s?/\s?([^\W\d_{WIDE}{HANGUL}]+(?:[·*״][^\W\d_]+)?[²³]?|[^\W\d_]+)")
_WITH_COMMAS = "$£¥₩₹"
_GROUPED = re.compile(r"(?P<whole>[1-9]\d{0,2}(?:,\d{3})+)(?:\.(?P<fraction>\d\d))?(?![\d/]|[.,]\d)")
_TO_SCALE = re.compile(r"\s(?P<word>[^\W\d_]+)\s(?=\d)")
"""Between amounts that share a word such as "million": "$1.5 to 2 billion"."""
_WORD_BEFORE = re.compile(r"([^\W\d_]{2,})\s\(?\Z")
_ENDS = re.compile(r"(?:\s(?!\Z)|(?P<mark>[),;:.!?]\Z|[),;:.!?]\s|\s?\Z))")
_LONGEST_PREPOSITION = 3
_SPACES = (" ", "\u00a0", "\u202f")


def money(written: Written, at: int) -> Found | None:
    """Find a currency before its amount: "$5.3 billion", "EUR 10", "-$5"."""
    text = written.text
    signed = text[at] in "-–+"
    if signed and not may_have_sign(written, at):
        return None
    sign = written.writing.currency.match(text, at + signed)
    if not sign or (sign[0][-1].isalpha() and (written.char_before(at).isalnum() or written.char_before(at) == "/")):
        return None
    begin = sign.end() + text.startswith(_SPACES, sign.end())
    if begin == sign.end() and _CODE.fullmatch(sign[0]) and sign[0] not in _TIGHT_CODES:  # "COP28"
        return None
    found = _grouped_by_comma(written, sign[0], begin) or read_amount(written, begin)
    if not found:
        return None
    amount, end = found
    if dash := _NO_CENTS.match(text, end):
        end = dash.end()
    if _NO_MONEY.match(text, end):
        return None
    comma = _COMMA.match(text, end) if written.language.decimal_mark != "," else None
    if comma and isinstance(amount, Number) and not amount.fraction:
        amount, end = replace(amount, fraction=comma[1]), comma.end()
    if signed and isinstance(amount, Number):
        amount = replace(amount, plus=True) if text[at] == "+" else replace(amount, negative=True)
    scale, after = scale_after(written, end) or (0, end)
    if not scale and (letters := _LETTERS.match(text, end)):
        scale, after = _LETTER_SCALES.get(letters[0], 0), letters.end()
    if scale:
        amount, end = scaled(amount, scale), after
    currency = written.writing.currencies[sign[0]]
    if (code := _CODE.match(text, end)) and code[1] in written.writing.currencies and sign[0] in ("$", code[1]):
        currency, end = code[1], code.end()
    language = written.language
    if written.word_after(end) in language.nouns:  # "$1,500 pesos"
        return end, language.number(amount) if isinstance(amount, Number) else language.range(*amount)
    joined = text.startswith("-", end) and text[end + 1 : end + 2].isalpha()
    if isinstance(amount, Number) and not (amount.fraction and not scale) and (joined or written.describes(at, end)):
        return end, f"{language.number(amount)}{_unit(written, Number('1'), currency)}"
    if isinstance(amount, Number) and not scale and (later := _TO_SCALE.match(text, end)):
        high = written.number(later.end())
        scaled_high = scale_after(written, high[1]) if high else None
        if high and scaled_high and later["word"] in (language.word("to"), language.word("or")):
            paid = _paid(written, replace(high[0], scale=scaled_high[0]), currency, scaled_high[1])
            return (paid[0], f"{language.number(amount)} {later['word']} {paid[1]}") if paid else None
    return _paid(written, amount, currency, end)


def _grouped_by_comma(written: Written, sign: str, at: int) -> tuple[Amount, int] | None:
    """Return an amount with commas between thousands, as the currency's own country writes it: "$1,299"."""
    found = _GROUPED.match(written.text, at) if sign[-1] in _WITH_COMMAS else None
    return (Number(found["whole"].replace(",", ""), found["fraction"] or ""), found.end()) if found else None


def with_colon(written: Written, at: int) -> Found | None:
    """Find a price with a colon before its currency: "2:50 kr"."""
    found = _WITH_COLON.match(written.text, at)
    sign = written.writing.currency.match(written.text, found.end()) if found else None
    if not found or not sign or not sign[0][0].islower():
        return None
    return money_after(written, Number(found["whole"], found["cents"]), found.end())


def price_unit(written: Written, at: int) -> Found | None:
    """Find the sign of a currency without an amount: "in $/kWh", "Preis in €", "2 milioni di €"."""
    sign = written.writing.currency.match(written.text, at)
    if not sign:
        return None
    currency = written.writing.currencies[sign[0]]
    is_per = written.text.startswith("/", sign.end())
    if not is_per and not _stands_alone(written, at, sign.end()):
        return None
    try:
        name = _unit(written, Number("2" if is_per else "5"), currency).strip()
    except KeyError:
        return None
    before = written.word_before(at)
    if before and name.lower().startswith(before[:_LONGEST_PREPOSITION]):  # "the euro (€)"
        return None
    found = _per(written, name, sign.end())
    return found if found[0] > sign.end() or not is_per else None


def _stands_alone(written: Written, at: int, end: int) -> bool:
    """Whether the sign of a currency stands for its name, behind a short word or at the end: not in "the $ sign"."""
    before, ends = _WORD_BEFORE.search(written.left(at)), _ENDS.match(written.text, end)
    if not before or not ends or before[1].lower() in written.writing.articles:
        return False
    return bool(ends["mark"]) or len(before[1]) <= _LONGEST_PREPOSITION


def money_after(written: Written, amount: Amount, end: int) -> Found | None:
    """Find an amount before its currency, or before "ct"; `end` is where the amount ends."""
    text = written.text
    if dash := _NO_CENTS.match(text, end):
        end = dash.end()
    begin = end + (text.startswith(_SPACES, end) or _BETWEEN_HYPHENS.match(text, end) is not None)
    if last(amount).scale and (of := _OF.match(text, end)):
        begin = of.end()
    if (cents := written.writing.cent.match(text, begin)) and isinstance(amount, Number) and len(amount.whole) < 4:
        return _per(written, _cents(written, amount, written.writing.cents[cents[0]]), written.after_dot(cents.end()))
    sign = written.writing.currency.match(text, begin)
    is_letter = sign is not None and sign[0].isalpha() and len(sign[0]) == 1
    if not sign or (is_letter and not text.startswith("/", sign.end())):
        return (end, written.language.number(amount)) if dash and isinstance(amount, Number) else None
    after = written.after_dot(sign.end() - 1) if sign[0].endswith(".") else sign.end()
    return _paid(written, amount, written.writing.currencies[sign[0]], after)


def _cents(written: Written, amount: Number, currency: str) -> str:
    language = written.language
    if not amount.fraction and len(amount.whole) < 3:
        return language.money(replace(amount, whole="0", fraction=amount.whole.rjust(2, "0")), currency)
    return f"{language.number(amount)}{_unit(written, Number('0', '05'), currency)}"


def _unit(written: Written, amount: Number, currency: str) -> str:
    """Return the name of a currency or its hundredth as after an amount, with the space before it."""
    language = written.language
    return language.money(amount, currency).removeprefix(language.cardinal(int(amount.fraction or amount.whole)))


def _paid(written: Written, amount: Amount, currency: str, end: int) -> Found | None:
    try:
        return _per(written, written.language.money(amount, currency, numeral=written.numeral_by_ending(end)[0]), end)
    except KeyError:
        return None


def _per(written: Written, said: str, end: int) -> Found:
    """With what it is paid for, if that follows."""
    if slash := _SLASH.match(written.text, end):
        unit = written.writing.units.get(slash[1]) or written.writing.per_units.get(slash[1].lower(), "")
        if written.language.measures(unit):
            return written.after_dot(slash.end()), written.language.per(said, unit)
        if slash[1].islower() and len(slash[1]) > 2 and (per := written.language.word("per")):
            return slash.end(), written.joined(per, [said, slash[1]])
    return end, said
