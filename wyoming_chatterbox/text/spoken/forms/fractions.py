"""Fractions: "3/4", "½", "1 1/2", "2½", "8/10"."""

from __future__ import annotations

import re
import unicodedata

from .measured import unit_key
from .written import Found, Written

_SIGN = re.compile(r"(?:(?P<whole>\d{1,6})\s?)?(?P<sign>[¼-¾\u2150-\u215e\u2189])")
_SLASHED = re.compile(r"(?:(?P<whole>\d{1,3})\s)?(?P<n>\d{1,2})[/⁄](?P<d>\d{1,3})(?![\d/]|[.,]\d)")
_UNIT = re.compile(r"\s?(?P<name>[^\W\d_]+[²³]?)(?!\w)")
_DENOMINATORS = frozenset((2, 3, 4, 5, 6, 7, 8, 9, 10, 12, 16, 20, 24, 25, 30, 32, 36, 48, 50, 60, 64, 100))
_OUT_OF = frozenset((10, 20, 100))


def fraction(written: Written, at: int) -> Found | None:
    """Find a proper fraction, after a whole number or not, with its unit."""
    language = written.language
    if found := _SIGN.match(written.text, at):
        top, _, bottom = unicodedata.normalize("NFKC", found["sign"]).partition("\u2044")
    elif found := _SLASHED.match(written.text, at):
        top, bottom = found["n"], found["d"]
    else:
        return None
    if not bottom or int(bottom) not in _DENOMINATORS or not 0 < int(top) < int(bottom) or top[0] == "0":
        return None
    whole = int(found["whole"] or 0)
    out_of = written.writing.out_of
    if out_of and int(bottom) in _OUT_OF and int(top) > 1 and not whole:
        return found.end(), out_of.format(language.cardinal(int(top)), language.cardinal(int(bottom)))
    if unit := _UNIT.match(written.text, found.end()):
        key = unit_key(written, unit["name"])
        if key and "/" not in key and unit["name"] != "in":
            return written.after_dot(unit.end()), language.fraction_of(key, int(top), int(bottom), whole)
    return found.end(), language.fraction(int(top), int(bottom), whole)
