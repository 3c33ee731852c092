"""The parts of a reply: stretches of text to say, and pauses between them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Say:
    """Text that an engine says in one go."""

    text: str
    language: str | None = None
    """ISO 639-1; None is the voice's own language."""


@dataclass(frozen=True)
class Pause:
    """Silence between what is said before it and after it."""

    seconds: float
    """At least 0; in text between its stages, 0 only divides what is before it from what is after it."""


Item = Say | Pause
"""A part of a reply."""


@dataclass(frozen=True)
class Switch:
    """A change of language in the middle of a text."""

    language: str | None
    """ISO 639-1; None is the voice's own language."""


Part = str | Pause | Switch
"""A part of plain text: text itself, or what divides it."""
