"""Chunks of text between spaces, and which of them a rule may look at."""

from __future__ import annotations

import re
from functools import cache

from .forms.units import PER_UNITS
from .forms.writing import EDGES, Writing
from .language import Language
from .letters import FANCY, WIDE

MAX_CHUNK_LENGTH = 200
"""Characters; a longer stretch without white space is taken as several chunks."""

CHUNK = re.compile(rf"\s|[{WIDE}]|[^\s{WIDE}]{{1,{MAX_CHUNK_LENGTH}}}")
"""A space, a character of a script without spaces, or a chunk of another script."""

_HOT = re.compile(
    rf"[\d_&@#~^|·±−≥≤≠≈<>×÷=+/\\→⇒←↔↑↓▲▼♭♯°%‰€$£¥¢₽₩₹₺₪₴₫₱฿§√∞½⅓¼¾\u2150-\u215f²³™®©º№{FANCY}]"
    r"|[א-ת][\"'׳״]|\b[IVXL]{2,}|\b[IVX]\b|\b(?:I|V|X|[IVXL]{2,})(?:er|ère|re|e|ème)\b|[a-z]{3}\.[a-z]|[a-z]\.[a-z]{2}"
    r"|^\.[^\W\d_]{2}|^-\Z"
)
_JOINING = frozenset({"-", "–", "—", "−", "~", "〜", "～", "x", "*", "^", ":", *"年月日号號時时點点分秒"})
_HYPHEN = re.compile("[-–]")


class Chunks:
    """Tells which chunks of a language are hot: a rule may rewrite them."""

    def __init__(self, language: Language) -> None:
        self._writing = Writing.of(language)
        writing = self._writing
        self._greek = re.compile(f"[{''.join(writing.greek)}]" if writing.greek else "(?!)")
        self._exact = frozenset(writing.currencies) | frozenset(writing.compass) | frozenset(PER_UNITS)

    @classmethod
    @cache
    def of(cls, language: Language) -> Chunks:
        """Those of a language, made once."""
        return cls(language)

    def is_hot(self, chunk: str) -> bool:
        """Whether a chunk opens a region."""
        if _HOT.search(chunk):
            return True
        if not chunk.isascii() and self._greek.search(chunk):
            return True
        if self._writing.word_endings and self._writing.long_pattern.match(chunk.lstrip("([„“\"'")):
            return True
        word = chunk.strip(EDGES)
        lower = word.lower()
        if lower in self._writing.starts or word in self._exact:
            return True
        first, *others = _HYPHEN.split(lower)
        if not others:
            return False
        is_wind = others[-1] in self._writing.wind and word.partition("-")[0] in self._exact
        return is_wind or first.rstrip(".") in self._writing.named_days or others[-1] in self._writing.starts

    def goes_on(self, chunk: str) -> bool:
        """Whether a chunk in a region lets it go on."""
        if chunk in _JOINING or self.is_hot(chunk):
            return True
        word = chunk.strip(EDGES)
        return word.lower() in self._writing.goes_on or word in self._writing.units or chunk in self._writing.units
