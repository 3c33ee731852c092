"""Written forms, such as numbers and units, turned into words."""

from __future__ import annotations


class SpokenText:
    """Passes text through unchanged."""

    waiting = False

    def __init__(self, language: str) -> None:
        """`language` is ISO 639-1."""

    def add(self, plain: str) -> str:
        """Take the next piece of plain text."""
        return plain

    def settle(self) -> str:
        """Return what is held, because the text has stalled."""
        return ""

    def finish(self) -> str:
        """Return what is left, because no more text comes."""
        return ""


def spell(text: str, language: str) -> str:
    """Spell out a whole text."""
    return text
