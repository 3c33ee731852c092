"""How much of a text has come, as far as it matters to those who decide about its marks."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Arrival:
    """What is known about the text before a place, and about the text still to come."""

    more: bool = True
    """Whether more text may come."""
    stalled: bool = False
    """Whether none has come for a while."""
    patient: bool = False
    """Whether none has come for a longer while."""
    before: str = "\n"
    """The character before the place."""
