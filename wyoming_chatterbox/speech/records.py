"""Records of replies, for `/info` and the log."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

from ..quoting import quoted

_LOGGER = logging.getLogger(__name__)


@dataclass
class Record:
    """One reply: who asked for it, which engine spoke, how long it took."""

    id: int
    """Its number since the server's start, from 1."""
    client: str
    voice: str
    started: float
    """When the reply began, by `time.time()`."""
    engine: str | None = None
    """Who spoke last; None if nobody has yet."""
    characters: int = 0
    sentences: int = 0
    left_out: int = 0
    """Sentences that no engine could say, for example in a language that only Chatterbox knows."""
    audio_seconds: float = 0.0
    first_audio_seconds: float | None = None
    """Seconds from the moment when the first sentence was complete to its first block."""
    busy_seconds: float = 0.0
    outcome: str = "speaking"
    """speaking, done, cancelled, or an error's code."""

    def log(self) -> None:
        """Log a reply that was spoken to its end."""
        if self.first_audio_seconds is None:
            _LOGGER.debug("%s sent nothing that can be said", self.client)
            return
        _LOGGER.info(
            "Spoke %.1f s to %s in the voice %s (%s), the first sound after %.2f s",
            self.audio_seconds,
            self.client,
            quoted(self.voice),
            self.engine,
            self.first_audio_seconds,
        )

    def rounded(self) -> dict[str, Any]:
        """Return the fields by name, times to a millisecond."""
        return {name: round(value, 3) if isinstance(value, float) else value for name, value in vars(self).items()}


@dataclass
class ReplyCounters:
    """Numbers since the server's start."""

    total: int = 0
    completed: int = 0
    cancelled: int = 0
    failed: int = 0
    refused: int = 0
    """Replies not begun, because there were too many."""
    rescued: int = 0
    """Sentences that the standby voice said because Chatterbox couldn't."""
    tried_again: int = 0
    """Sentences that Chatterbox said at a further try, after memory had run out."""
    audio_seconds: float = 0.0
