"""Shows what would be said of a text, for people who wonder why it sounds as it does."""

from __future__ import annotations

from .pronunciations import PronouncedText, Pronunciations
from .sentences import split


def said(text: str, *, language: str, pronunciations: Pronunciations, max_sentence: int) -> list[str]:
    """Return what is said of a whole text, an utterance each; `max_sentence` in characters."""
    words = PronouncedText(pronunciations, language)
    return [words.add(sentence) + words.finish() for sentence in split(text, max_sentence)]
