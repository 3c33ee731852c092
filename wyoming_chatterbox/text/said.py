"""Shows what would be said of a text, for people who wonder why it sounds as it does."""

from __future__ import annotations

from .items import Item, Pause
from .pipeline import Reading, items_of


def said(text: str, language: str, reading: Reading) -> list[str]:
    """Return what is said of a whole text in a voice's language: an utterance each, and `(pause 0.5 s)`."""
    return [shown(item) for item in items_of(text, language, reading)]


def shown(item: Item) -> str:
    """Write an item as a person would; before text in a language of its own stands that language's code."""
    if isinstance(item, Pause):
        return f"(pause {item.seconds:g} s)"
    return item.text if item.language is None else f"({item.language}) {item.text}"
