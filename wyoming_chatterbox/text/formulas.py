"""Formulas as language models write them, in LaTeX: `$E = mc^2$`, `\\( x \\)`, `\\[ ... \\]`, `$$ ... $$`.

A formula becomes plain text with signs, such as "E = mc^2" and "1/2", which are spelled out like any other. A dollar
sign is one of money unless all up to the next one is a formula.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

_MAX_LENGTH = 600
"""Characters of the longest formula."""
_CLOSINGS = {"$$": "$$", "$": "$", "\\(": "\\)", "\\[": "\\]"}

_STYLES = "text|textbf|mathrm|mathbf|mathit|operatorname|boxed|mbox"
"""Commands that say how letters look."""
_TEXT = rf"\\(?:{_STYLES})\s?\{{[^{{}}$\\\n]{{0,80}}+\}}"
_TOKEN = re.compile(
    rf"{_TEXT}|\\[A-Za-z]{{1,20}}(?![A-Za-z])|\\[^A-Za-z()\[\]\n\r]|(?<![A-Za-z])[^\W\d_]{{1,3}}(?![^\W\d_])|\d{{1,20}}(?!\d)"
    r"|(?<=\d)[.,](?=\d)|,\s|\s{1,3}(?!\s)|[-+−*/=<>^_(){}|&×÷±≤≥≠≈√°²³·∞]"
)
_TOKEN_BEGUN = re.compile(r"\\\Z|[.,]\Z")
_GROUP_BEGUN = re.compile(r"\\[a-z]{1,12}\s?(?:\{[^{}$\\\n]{0,80}+)?\Z")
_LONG_WORD = re.compile(r"[^\W\d_]{4,30}(?![^\W\d_])|[^\W\d_]{4,30}\Z|[.:;?%]")
_SUM = re.compile(r"[\\^_={}]|[-+−*/×÷<>±≈≤≥≠]\s*[\w\\(]")
_CONTINUES = re.compile(r"[-+−*/=<>×÷±≈≤≥≠^\\]")
_AMOUNT = re.compile(r"[-+−]?\d[\d.,]*")

_FRACTION = re.compile(r"\\[dt]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
_NUMBERS = re.compile(r"\s*\d+\s*")
_GROUP = re.compile(rf"(?:\\(?:{_STYLES}|mathbb)\s?|(?<=[\^_]))\{{([^{{}}]*)\}}")
_ROOT = re.compile(r"\\sqrt\s*\{([^{}]*)\}")
_DEGREES = re.compile(r"\s*\^\s*(?:\{\s*\\circ\s*\}|\\circ(?![A-Za-z]))\s*")
_SPACE = re.compile(
    r"\\(?:[,;:! ]|(?:q?quad|displaystyle|left|right|limits|begin\{[a-z*]*\}|end\{[a-z*]*\})(?![A-Za-z]))"
)
_COMMAND = re.compile(r"\\([A-Za-z]+)")
_ESCAPED = re.compile(r"\\(?=[^\sA-Za-z])")
_MINUS = re.compile(r"(?<=[\w)²³°])\s*[-−]\s*(?=[\w(√])")
_COEFFICIENT = re.compile(r"(?<=\d)(?=x(?!\w))")
_NEGATIVE = re.compile(r"(?<![\w)])-(?=[^\W\d_])")
_SIGNS = {
    "times": "×", "cdot": "×", "ast": "×", "div": "÷", "pm": "±", "leq": "≤", "le": "≤", "geq": "≥", "ge": "≥",
    "neq": "≠", "ne": "≠", "approx": "≈", "sim": "~", "to": "→", "rightarrow": "→", "Rightarrow": "→", "implies": "→",
    "infty": "∞",
    "degree": "°", "circ": "°", "lt": "<", "gt": ">", "ldots": "…", "dots": "…", "cdots": "…",
}  # fmt: skip


@dataclass(frozen=True)
class Formula:
    """A formula as plain text, and where it ends."""

    text: str
    end: int


def formula_at(text: str, at: int, before: str, *, more: bool) -> Formula | int | None:
    """Read the dollar sign or the backslash at `at`; return `at` if it begins no formula.

    The result is None if it takes more text to tell. `before` is the character before it; `more` says that some may.
    """
    if more and text[at:] in ("$", "\\"):
        return None
    opening = text[at : at + 2] if text[at : at + 2] in _CLOSINGS else "$"
    if not text.startswith(opening, at) or (opening == "$" and before.isalnum()):
        return at
    begin = at + len(opening)
    stop = _closing(text, begin, opening, more=more)
    if stop is None or stop < 0:
        return None if stop is None else at
    return Formula(_plain(text[begin:stop]), stop + len(opening))


def _closing(text: str, begin: int, opening: str, *, more: bool) -> int | None:
    """Return where the closing marks begin; -1 if what is before them is no formula, None as in `formula_at`."""
    closing, place = _CLOSINGS[opening], begin
    if opening == "$" and text[begin : begin + 1].isspace():
        return -1
    while place - begin <= _MAX_LENGTH:
        if text.startswith(closing, place):
            after = place + len(closing)
            if opening != "$":
                return place if place > begin else -1
            if after == len(text) and more:
                return None
            follows = text[after : after + 1]
            body = text[begin:place]
            is_sum = bool(body) and not body[-1].isspace() and not (follows.isalnum() or follows == "$")
            return place if is_sum and _is_formula(body) else -1
        if more and (text[place:] == closing[:-1] or _GROUP_BEGUN.match(text, place)):
            return None
        token = _TOKEN.match(text, place)
        if token is None and opening[0] == "\\":
            token = _LONG_WORD.match(text, place)
        if token is None or token.end() == len(text):
            begun = token or place == len(text) or _TOKEN_BEGUN.match(text, place)
            return None if more and begun else -1
        if opening == "$" and _is_of_money(text, begin, token):
            return -1
        place = token.end()
    return -1


def _is_of_money(text: str, begin: int, token: re.Match[str]) -> bool:
    """Whether a word or the end of a clause follows an amount: "$5 and", "$5, or"."""
    if not text[begin].isdecimal():
        return False
    after_amount = _AMOUNT.fullmatch(text, begin, token.start())
    if token[0][0].isspace() or token[0][0] == ",":
        return bool(after_amount) and not _CONTINUES.match(text, token.end())
    return token[0].isalpha() and len(token[0]) > 1


def _is_formula(body: str) -> bool:
    """Whether what stands between two dollar signs is a formula: "5" and "x" are, "5 or" is none."""
    return bool(_SUM.search(body) or _AMOUNT.fullmatch(body) or re.fullmatch(r"[^\W\d_]{1,3}", body))


def _plain(body: str) -> str:
    """Return a formula with signs for its commands, without what only arranges it."""
    body = _SPACE.sub(" ", _DEGREES.sub("° ", body.replace("\\\\", ", ").replace("&", " ")))
    for _ in range(_MAX_LENGTH):
        # From the inside out: nothing in a group has braces any more.
        changed = next((new for rule, by in _GROUPS if (new := rule.sub(by, body, count=1)) != body), None)
        if changed is None:
            break
        body = changed
    body = _COMMAND.sub(_sign, body)
    body = _ESCAPED.sub("", body.replace("{", "").replace("}", ""))
    return " ".join(_NEGATIVE.sub("−", _MINUS.sub(" − ", _COEFFICIENT.sub(" ", body))).split())


def _fraction(found: re.Match[str]) -> str:
    over, under = found[1].strip(), found[2].strip()
    if _NUMBERS.fullmatch(over) and _NUMBERS.fullmatch(under):
        return f" {over}/{under} "
    return f" {_bracketed(over)} ÷ {_bracketed(under)} "


def _root(found: re.Match[str]) -> str:
    return f" √ {_bracketed(found[1].strip())} "


def _bracketed(part: str) -> str:
    return part if re.fullmatch(r"[\w.,^]*|\\[A-Za-z]+", part) else f"({part})"


_GROUPS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str] | str], ...] = (
    (_FRACTION, _fraction), (_ROOT, _root), (_GROUP, r"\1"),
)  # fmt: skip


def _sign(found: re.Match[str]) -> str:
    sign = _SIGNS.get(found[1], found[1])
    return sign if sign == "°" else f" {sign} "
