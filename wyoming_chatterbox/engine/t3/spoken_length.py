"""Estimates from a text how many speech tokens it takes, 25 a second: the most stop a model that babbles.

At an everyday pace people say 15 letters a second, or 5 syllables, which are characters in Chinese and Korean
(Pellegrino, Coupé and Marsico 2011). An audiobook has 12 letters a second with its pauses. Slow speech, 100 words a
minute, has 8. Nobody says 30.
"""

from __future__ import annotations

import re
import unicodedata

LONGEST = 1000
"""The most speech tokens of one utterance: 40 s."""

_LETTER = 1.6
_CAPITAL = 3 * _LETTER
"""Tokens of a letter that may be said by its name."""
_DIGIT = 6 * _LETTER
"""Tokens of a digit or another sign that is said as a word, such as "seven" or "percent"."""
_VOWELLESS_LETTER = 1.5 * _LETTER
"""Tokens of a letter of scripts that write consonants, and leave some or all vowels out."""
_SYLLABLE = 3 * _LETTER
"""Tokens of a character that is a syllable."""
_KANA = 2 * _LETTER
"""Tokens of a Japanese mora, which is shorter."""
_BREAK = 5
"""Tokens of the pause at a punctuation mark."""
_TAG = 25
"""Tokens of a sound such as [laugh]."""
_CONSONANT_SCRIPTS = "\u0590"
"""The first character after the alphabets of Europe: Hebrew, Arabic and Devanagari follow."""

_SLOWEST = 2
"""Factor on the everyday pace for the slowest speech: 8 letters or 2.6 syllables a second, pauses included."""
_SPARE = 50
"""Tokens beyond that, 2 s: the silence around a short text, and a word that is drawn out."""
_FASTEST = 2.5
"""Divisor of the everyday pace that is beyond all speech; some letters are also counted too high."""

_TAGS = re.compile(r"\[[a-z ]+\]")
_BREAKS = frozenset(".,;:!?…—–、。，；：！？،؛؟।")


def most_tokens(text: str) -> int:
    """Return the most speech tokens that a text can need from the slowest speaker, at most `LONGEST`.

    A text's end is hardly ever cut by it: to cut speech is worse than to let a model babble on for a moment.
    """
    return min(LONGEST, _SPARE + round(_SLOWEST * _usual_tokens(text)))


def fewest_tokens(text: str) -> int:
    """Return speech tokens in which nobody can have said a text."""
    return round(_usual_tokens(text) / _FASTEST)


def _usual_tokens(text: str) -> float:
    spoken, tags = _TAGS.subn("", text)
    return _TAG * tags + sum(map(_tokens, spoken))


def _tokens(character: str) -> float:
    """Return the speech tokens of one character at an everyday pace."""
    kind = unicodedata.category(character)
    if character in _BREAKS:
        return _BREAK
    if kind[0] in "LM":
        if "\u3040" <= character < "\u3100":
            return _KANA
        if unicodedata.east_asian_width(character) in "WH":
            return _SYLLABLE
        if character >= _CONSONANT_SCRIPTS:
            return _VOWELLESS_LETTER
        return _CAPITAL if kind == "Lu" else _LETTER
    return _DIGIT if kind[0] in "NS" else 0
