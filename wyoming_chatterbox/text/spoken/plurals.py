"""The plural categories of a language, from CLDR's small language of rules (Unicode TR35, "Language Plural Rules")."""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

Condition = Callable[[Mapping[str, float]], bool]

_DIGITS = 12
_RELATION = re.compile(r"(\w)(?: % (\d+))? (!?=) ([\d.,]+)")


def operands(whole: str, fraction: str) -> dict[str, float]:
    """Return what the rules ask about a number: its value, whole part, its fraction with and without zeros."""
    shown, trimmed = fraction, fraction.rstrip("0")
    return {
        "n": float(f"{whole}.{trimmed}") if trimmed else int(whole),
        "i": int(whole),
        "v": len(shown),
        "w": len(trimmed),
        "f": int(shown or 0),
        "t": int(trimmed or 0),
        "c": 0,
        "e": 0,
    }


def _relation(text: str) -> Condition:
    found = _RELATION.fullmatch(text.strip())
    if not found:
        raise ValueError(f"no plural rule: {text!r}")
    operand, modulus, sign, values = found.groups()
    spans = []
    for value in values.split(","):
        first, _, last = value.partition("..")
        spans.append((int(first), int(last or first)))

    def holds(numbers: Mapping[str, float]) -> bool:
        value = numbers[operand] % int(modulus) if modulus else numbers[operand]
        inside = value == int(value) and any(first <= value <= last for first, last in spans)
        return inside == (sign == "=")

    return holds


def _condition(text: str) -> Condition:
    either = [[_relation(relation) for relation in part.split(" and ")] for part in text.split(" or ")]
    return lambda numbers: any(all(relation(numbers) for relation in both) for both in either)


class Plurals:
    """The rules of one language: plural category -> rule, as CLDR writes it."""

    def __init__(self, rules: Mapping[str, str]) -> None:
        self._rules = [(category, _condition(rule)) for category, rule in rules.items()]
        self._found = lru_cache(maxsize=1024)(self._find)

    def category(self, whole: str, fraction: str = "") -> str:
        """Return the category of a number of these digits: "one", "few" ... or "other"."""
        return self._found(whole, fraction)

    def _find(self, whole: str, fraction: str) -> str:
        # No rule looks at more than the last six digits, and whether there are more.
        whole = whole if len(whole) <= _DIGITS else "1" + whole[-_DIGITS:]
        numbers = operands(whole, fraction[:_DIGITS])
        return next((category for category, holds in self._rules if holds(numbers)), "other")
