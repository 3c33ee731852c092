"""Letters and digits in fancy styles, which mean the same as plain ones."""

from __future__ import annotations

import re
import unicodedata

FANCY = (
    "\u00b9\u2070\u2074-\u209c\u2100-\u214f\u2160-\u2188\u2460-\u24ff\u3200-\u33ff\ufb00-\ufb06\uff01-\uff5e\uffe0-\uffe6"
    "\U0001d400-\U0001d7ff\U0001f100-\U0001f1ff"
)
"""Characters, as in a set of a regular expression, that may be plain ones in another style."""

WIDE = (
    "\u2e80-\u2fdf\u3000-\u312f\u31a0-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uff01-\uff04\uff06-\uff0f"
    "\uff1a-\uff20\uff5b-\uff65"
)
"""Characters of scripts without spaces between words, and their punctuation, as in a set of a regular expression."""

HANGUL = "\uac00-\ud7a3"
"""Korean syllables, as in a set of a regular expression: particles follow a unit without a space."""

WORD = r"(?:[^\W\d_][\u0900-\u0903\u093a-\u094f]*+)++"
"""A word, as a regular expression; the vowel signs of Hindi are no letters to Python."""

_KEPT = frozenset("№！＂＃＇（），．：；？［］＿｛｝～℗℠™℡")
_STYLED = re.compile(f"[{FANCY}]")
_HIGH = "\u2070\u00b9\u2074-\u2079"
_RAISED = re.compile(
    rf"[\u207a\u207b]?[{_HIGH}][{_HIGH}\u00b2\u00b3]*|[\u207a\u207b][\u00b2\u00b3]+|[\u00b2\u00b3]+[{_HIGH}][{_HIGH}\u00b2\u00b3]*"
    r"|[\u00b2\u00b3]{2,}"
)
_CHARGE = re.compile("(?<=[^\\W_])([²³⁴-⁹])(?=[⁺⁻](?![⁰¹²³⁴-⁹]))")
"""Between a chemical sign and its charge."""
_SPELLINGS = {
    "\u2010": "-", "\u2011": "-", "\u2012": "–", "٪": "%", "º C": "°C", "ºC": "°C", "ºF": "°F", "˚": "°", "dB(A)": "dB",
    "dB(C)": "dB", "٫": ".", "٬": ",", "⋅": "·",
}  # fmt: skip
_OTHER_DIGITS = re.compile(r"(?![0-9])\d")
_MICRO = re.compile(r"(?<!\w)\u03bc(?=[A-Za-z])")
_GERSHAYIM = re.compile(r"(?<=[א-ת])\"(?=[א-ת](?![א-ת]))")
"""Before the last letter of a Hebrew abbreviation, as keyboards have it."""
_GERESH = re.compile(r"(?<=[א-ת])'(?![א-ת])")
_ODD = re.compile("|".join(map(re.escape, _SPELLINGS)))
_MINUS = re.compile(r"(?<!\w\s)\u2212(?=\s?[\d.,])|\u2212(?=[\d.,])")
"""A minus of print before a number, but not between two terms, where it is no dash."""


def is_of_word(char: str) -> bool:
    """Whether a character is a letter, a digit or a vowel sign; an empty text is none."""
    return char.isalnum() or (char != "" and unicodedata.category(char)[0] == "M")


def plain_letters(text: str) -> str:
    """Return the text with letters, digits and unit signs of other styles as plain ones; raised digits follow `^`."""
    text = _OTHER_DIGITS.sub(lambda digit: str(int(digit[0])), text)
    text = _ODD.sub(lambda odd: _SPELLINGS[odd[0]], text)
    text = _MINUS.sub("-", text)
    text = _MICRO.sub("\u00b5", text)
    text = _GERESH.sub("׳", _GERSHAYIM.sub("״", text))
    if not (_STYLED.search(text) or _RAISED.search(text)):
        return text
    text = _CHARGE.sub(lambda charge: f" {unicodedata.normalize('NFKC', charge[0])}", text)
    text = _RAISED.sub(lambda raised: "^" + unicodedata.normalize("NFKC", raised[0]).replace("\u2212", "-"), text)
    return _STYLED.sub(_plain, text)


def _plain(styled: re.Match[str]) -> str:
    char = styled[0]
    if char in _KEPT:
        return char
    plain = unicodedata.normalize("NFKC", char)
    if plain.startswith("(") and plain.endswith(")"):
        plain = plain[1:-1]
    return plain if all(part.isalnum() or part in "°%‰/+-=<>&$£¥¢@*|\\^µ∕⁄" for part in plain) else char
