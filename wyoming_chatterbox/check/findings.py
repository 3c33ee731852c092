"""Findings of a check, and what one subject tells the next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from ..config import Config
from ..precision import Precision

if TYPE_CHECKING:
    from ..engine.files.outlook import Outlook


class Level(Enum):
    """How good a finding is; the value is the mark that stands before it."""

    OK = "ok"
    WARNING = "warning"
    """Home Assistant would hear Chatterbox, but something is missing."""
    PROBLEM = "problem"
    """Home Assistant would hear the standby voice at most."""


@dataclass(frozen=True)
class Finding:
    """One fact about this machine."""

    words: str
    level: Level = Level.OK
    advice: str = ""
    """Advice: what a person can do about it."""
    stops_server: bool = False
    """Whether the server would not start at all."""


def warning(words: str, advice: str = "") -> Finding:
    """Make a finding that keeps nobody from hearing Chatterbox."""
    return Finding(words, Level.WARNING, advice)


def problem(words: str, advice: str = "", *, stops_server: bool = False) -> Finding:
    """Make a finding that keeps Chatterbox from speaking."""
    return Finding(words, Level.PROBLEM, advice, stops_server)


@dataclass
class Machine:
    """Everything that is known so far of this machine, and of what it would run."""

    config: Config
    running: str | None = None
    """Where a server of ours runs already, as a URI."""
    device: str | None = None
    """The torch device that would compute."""
    model: str | None = None
    """The model that would be loaded: a name or a directory."""
    family: str | None = None
    precision: Precision | None = None
    outlook: Outlook | None = None
    """The model's files, as far as they are here."""
    to_come: int | None = None
    """Bytes that are still to be downloaded; None for none."""
    has_standby: bool = False
