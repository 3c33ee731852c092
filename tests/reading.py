"""The utterances and pauses of a text, as lists of strings."""

from __future__ import annotations

from collections.abc import Iterable

from wyoming_chatterbox.text.items import Item, Say
from wyoming_chatterbox.text.pipeline import Reading, TextPipeline, items_of

UNSPOKEN = "xx"
"""A language in which numbers and symbols stay as they are written."""


def shown(items: Iterable[Item]) -> list[str]:
    """The items as a person would write them: the text of utterances, and `(pause 1 s)`."""
    return [item.text if isinstance(item, Say) else f"(pause {item.seconds:g} s)" for item in items]


class Texts:
    """Text in pieces, without a language that spells anything out."""

    def __init__(self, max_length: int = 280, reading: Reading | None = None, *, ssml: bool = False) -> None:
        self.pipeline = TextPipeline(UNSPOKEN, reading or Reading(max_length), ssml=ssml)

    @property
    def pending(self) -> bool:
        return self.pipeline.pending

    def add(self, piece: str) -> list[str]:
        return shown(self.pipeline.add(piece))

    def settle(self, *, patient: bool = False) -> list[str]:
        return shown(self.pipeline.settle(patient=patient))

    def flush(self) -> list[str]:
        return shown(self.pipeline.flush())

    def finish(self) -> list[str]:
        return shown(self.pipeline.finish())


def split(text: str, max_length: int = 280, reading: Reading | None = None, *, ssml: bool = False) -> list[str]:
    """Return what is said of a whole text."""
    return shown(items_of(text, UNSPOKEN, reading or Reading(max_length), ssml=ssml))


def in_pieces(
    pieces: Iterable[str], max_length: int = 280, reading: Reading | None = None, *, ssml: bool = False
) -> list[str]:
    """Return what is said of a text that arrives in pieces."""
    texts = Texts(max_length, reading, ssml=ssml)
    return [item for piece in pieces for item in texts.add(piece)] + texts.finish()
