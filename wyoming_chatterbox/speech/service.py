"""The objects that Wyoming and HTTP share: options, voices, engines, replies."""

from __future__ import annotations

import time
from dataclasses import dataclass, field, replace
from functools import cached_property

from ..config import Config
from ..families import spoken_sounds
from ..log_tail import LogTail
from ..network.connections import Connections
from ..network.reach import Reach
from ..text.pipeline import Reading
from ..text.pronunciation_file import PronunciationFile
from ..voices.folder import VoicesFolder
from ..voices.voice import NO_STYLE, NamedVoice, Style
from .idle_preparation import IdlePreparation
from .lifecycle import Lifecycle
from .replies import Replies


@dataclass(frozen=True)
class Service:
    """The one service that all connections talk to."""

    config: Config
    voices: VoicesFolder
    lifecycle: Lifecycle
    replies: Replies
    preparation: IdlePreparation
    pronunciations: PronunciationFile = field(default_factory=lambda: PronunciationFile(None))
    started: float = field(default_factory=time.monotonic)
    reach: Reach = field(default_factory=Reach)
    log: LogTail = field(default_factory=LogTail)
    connections: dict[str, Connections] = field(default_factory=dict)
    """The connections of each port, by the name of its protocol; the servers register them here."""

    def reading_of(self, voice: NamedVoice, style: Style = NO_STYLE) -> Reading:
        """Return how texts are read in a voice; `style` is what a request asks for."""
        pause = style.over(voice.style).sentence_pause
        return self._reading if pause is None else replace(self._reading, sentence_pause=pause)

    @cached_property
    def _reading(self) -> Reading:
        return Reading.of(
            self.config,
            sounds=spoken_sounds(self.config.model),
            words=lambda text, language: self.pronunciations.latest.words(text, language),
        )
