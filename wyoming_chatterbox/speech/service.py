"""The objects that Wyoming and HTTP share: options, voices, engines, replies."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from functools import cached_property

from ..config import Config
from ..families import spoken_sounds
from ..network.connections import Connections
from ..text.pipeline import Reading
from ..text.pronunciation_file import PronunciationFile
from ..voices.folder import VoicesFolder
from .lifecycle import Lifecycle
from .replies import Replies


@dataclass(frozen=True)
class Service:
    """The one service that all connections talk to."""

    config: Config
    voices: VoicesFolder
    lifecycle: Lifecycle
    replies: Replies
    pronunciations: PronunciationFile = field(default_factory=lambda: PronunciationFile(None))
    started: float = field(default_factory=time.monotonic)
    connections: dict[str, Connections] = field(default_factory=dict)
    """The connections of each port, by the name of its protocol; the servers register them here."""

    @cached_property
    def reading(self) -> Reading:
        """How texts are read."""
        return Reading.of(
            self.config,
            sounds=spoken_sounds(self.config.model),
            words=lambda language: self.pronunciations.latest.words(language),
        )
