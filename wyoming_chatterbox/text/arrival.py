"""What those who decide about a mark know of the text around it, besides the mark itself."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Arrival:
    """What is known about the text before a place, and about the text still to come."""

    ssml: bool = False
    """Whether only tags are markup."""
    more: bool = True
    """Whether more text may come."""
    stalled: bool = False
    """Whether none has come for a while."""
    patient: bool = False
    """Whether none has come for a longer while."""
    before: str = "\n"
    """The character before the place."""
