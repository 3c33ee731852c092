"""Preparing text for the standby voice, whose reader knows English in plain characters and fails on some others."""

from __future__ import annotations

import logging
import re
import textwrap
import unicodedata
from collections.abc import Callable, Collection, Iterator

from ..families import SOUNDS
from ..quoting import quoted

_LOGGER = logging.getLogger(__name__)

Read = Callable[[str], list[str]]
"""Returns a text's phonemes in parts; may raise for any text."""

MAX_PHONEMES = 400
"""Phonemes spoken at once: the standby voice's own limit, which it enforces only at commas."""

_MAX_DIGITS = 15
"""Digits of the longest number that is read as one: trillions. The reader fails beyond decillions."""
_MAX_WORD = 45
"""Characters of the longest word in the reader's dictionary; longer ones are cut, as its time grows with the square."""
_MAX_PIECE = 24
"""Letters that the reader reads of an unknown word; it leaves out the rest."""

_READ = frozenset("\n°¢§¶±×÷™®©•→←½¼¾²³µ£€¥₹₩–—…“”‘’«»¿¡")
"""Characters beyond ASCII that the reader reads as a word or a pause."""
_TAG = re.compile(rf"\s*\[(?:{'|'.join(SOUNDS)})\]", re.IGNORECASE)
_GREEK_WORD = re.compile("[Ͱ-Ͽἀ-῿]{2}")
_GREEK_LETTER = re.compile("[Α-Ωα-ω]")
_NUMBER = re.compile(r"[0-9]+(?:,[0-9]+)*")
_LONG = re.compile(rf"\S{{{_MAX_WORD + 1},}}")
_PIECE = re.compile(rf"[^\W_]{{{_MAX_PIECE}}}(?=[^\W_])|(?:[^\w\s]|_)+(?=[^\W_])")


def without_sounds(text: str) -> str:
    """Leave out the tags of sounds, such as `[laugh]`: this voice would say them as words."""
    return _TAG.sub(" ", text)


def fit(text: str, letters: Collection[str] = ()) -> str:
    """Write a text in the characters that the reader knows: ASCII, some symbols, and the accented `letters`.

    Other characters become their plain form (`①` 1, `Ｗ` W, `ḱ` k, `٣` 3, `π` pi), or a space if they have none in
    English. Long numbers become single digits, and long words are cut.
    """
    text = unicodedata.normalize("NFC", text)
    if not _GREEK_WORD.search(text):
        text = _GREEK_LETTER.sub(_greek_name, text)
    text = "".join(char if char in letters else _plain(char) for char in text)
    # The reader would take [text](/phonemes/) for phonemes.
    text = text.replace("](", "] (")
    text = _NUMBER.sub(_spelled, text)
    return _LONG.sub(_cut, text)


def phonemes(text: str, read: Read) -> Iterator[str]:
    """Yield a text's phonemes, in parts of at most `MAX_PHONEMES`.

    If `read` fails or returns none, the text is read word by word, such a word letter by letter, and such a letter is
    left out.
    """
    try:
        parts = read(text)
    except Exception as err:
        _LOGGER.debug("The standby voice can't read %s at once: %s", quoted(text), err)
        parts = []
    if any(char.isalpha() for part in parts for char in part):
        for part in parts:
            yield from textwrap.wrap(part, MAX_PHONEMES, break_on_hyphens=False)
        return
    words = text.split()
    pieces = words if len(words) > 1 else [char for char in text if char.isalnum()]
    if pieces != [text]:
        for piece in pieces:
            yield from phonemes(piece, read)


def has_words(text: str) -> bool:
    """Whether a text has words in any language, and not only punctuation or emoji."""
    return any(char.isalnum() for char in text)


def _plain(char: str) -> str:
    if char in _READ or (char.isascii() and char.isprintable()):
        return char
    category = unicodedata.category(char)
    if category == "Nd":
        return str(unicodedata.digit(char))
    # Accents, invisible characters, and modifiers such as Hawaiian's ʻ.
    if category.startswith("M") or category in ("Cf", "Lm"):
        return ""
    stands_for = unicodedata.normalize("NFKD", char).replace("⁄", "/")
    plain = "".join(part for part in stands_for if part in _READ or (part.isascii() and part.isprintable()))
    return plain if plain and category in ("Lu", "Ll") else f" {plain} "


def _greek_name(letter: re.Match[str]) -> str:
    return f" {unicodedata.name(letter[0]).rpartition(' ')[2].lower()} "


def _spelled(number: re.Match[str]) -> str:
    digits = number[0].replace(",", "")
    if len(digits) <= _MAX_DIGITS:
        return number[0]
    groups = (" ".join(digits[start : start + 3]) for start in range(0, len(digits), 3))
    return f" {', '.join(groups)} "


def _cut(word: re.Match[str]) -> str:
    return _PIECE.sub(r"\g<0> ", word[0])
