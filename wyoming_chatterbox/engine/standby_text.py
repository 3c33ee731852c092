"""Text made fit for the standby voice, whose reader knows English in plain characters and fails on some others."""

from __future__ import annotations

import logging
import re
import textwrap
import unicodedata
from collections.abc import Callable, Collection, Iterator

from ..quoting import quoted

_LOGGER = logging.getLogger(__name__)

Read = Callable[[str], list[str]]
"""Gives a text's phonemes, in parts; may fail at any text."""

LONGEST_BREATH = 400
"""Phonemes spoken in one go: as many as the standby voice's own limit, which it keeps only where there is a comma."""

_LONGEST_NUMBER = 15
"""Digits read as one number: trillions. The reader fails beyond decillions."""
_LONGEST_WORD = 45
"""Characters without a space: the reader's dictionary has no longer word. Its time grows with the square of these."""
_LONGEST_PIECE = 24
"""Letters that the reader takes of a word it doesn't know; it leaves out the rest."""

_READ = frozenset("\n°¢§¶±×÷™®©•→←½¼¾²³µ£€¥₹₩–—…“”‘’«»¿¡")
"""Characters beyond ASCII that the reader has a word or a pause for."""
_GREEK_WORD = re.compile("[Ͱ-Ͽἀ-῿]{2}")
_GREEK_LETTER = re.compile("[Α-Ωα-ω]")
_NUMBER = re.compile(r"[0-9]+(?:,[0-9]+)*")
_LONG = re.compile(rf"\S{{{_LONGEST_WORD + 1},}}")
_PIECE = re.compile(rf"[^\W_]{{{_LONGEST_PIECE}}}(?=[^\W_])|(?:[^\w\s]|_)+(?=[^\W_])")


def fit(text: str, letters: Collection[str] = ()) -> str:
    """Write a text in what the reader knows: ASCII, its symbols, and `letters`, the accented ones that it knows.

    Other characters become what they stand for (`①` 1, `Ｗ` W, `ḱ` k, `٣` 3, `π` pi) or, where that is not English, a
    space. Long numbers become single digits, and long words are cut.
    """
    text = unicodedata.normalize("NFC", text)
    if not _GREEK_WORD.search(text):
        text = _GREEK_LETTER.sub(_greek_name, text)
    text = "".join(char if char in letters else _plain(char) for char in text)
    # [text](/phonemes/) would give the reader phonemes.
    text = text.replace("](", "] (")
    text = _NUMBER.sub(_spelled, text)
    return _LONG.sub(_cut, text)


def phonemes(text: str, read: Read) -> Iterator[str]:
    """Yield a text's phonemes, in parts of `LONGEST_BREATH` at most.

    What `read` fails at, or finds nothing in, is read by words, and such words by letters; such letters are left out.
    """
    try:
        parts = read(text)
    except Exception as err:
        _LOGGER.debug("The standby voice can't read %s at once: %s", quoted(text), err)
        parts = []
    if any(char.isalpha() for part in parts for char in part):
        for part in parts:
            yield from textwrap.wrap(part, LONGEST_BREATH, break_on_hyphens=False)
        return
    words = text.split()
    pieces = words if len(words) > 1 else [char for char in text if char.isalnum()]
    if pieces != [text]:
        for piece in pieces:
            yield from phonemes(piece, read)


def has_words(text: str) -> bool:
    """Whether there is something to say in any language, and not punctuation or emoji alone."""
    return any(char.isalnum() for char in text)


def _plain(char: str) -> str:
    if char in _READ or (char.isascii() and char.isprintable()):
        return char
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.digit(char))
    # Marks, invisible characters, and modifiers such as Hawaiian's ʻ.
    if category.startswith("M") or category in ("Cf", "Lm"):
        return ""
    stands_for = unicodedata.normalize("NFKD", char).replace("⁄", "/")
    plain = "".join(part for part in stands_for if part in _READ or (part.isascii() and part.isprintable()))
    return plain if plain and category in ("Lu", "Ll") else f" {plain} "


def _greek_name(letter: re.Match[str]) -> str:
    return f" {unicodedata.name(letter[0]).rpartition(' ')[2].lower()} "


def _spelled(number: re.Match[str]) -> str:
    digits = number[0].replace(",", "")
    if len(digits) <= _LONGEST_NUMBER:
        return number[0]
    groups = (" ".join(digits[start : start + 3]) for start in range(0, len(digits), 3))
    return f" {', '.join(groups)} "


def _cut(word: re.Match[str]) -> str:
    return _PIECE.sub(r"\g<0> ", word[0])
