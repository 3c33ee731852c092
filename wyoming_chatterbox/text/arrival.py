"""The surroundings of a mark, which those who decide about it need to know."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Arrival:
    """Describes the text before a place, and the text still to come."""

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
