"""What the Wyoming side and the HTTP side share: options, voices, engines, replies."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field

from .config import Config
from .connections import Connections
from .lifecycle import Lifecycle
from .replies import Replies
from .voices import Catalogue, Voices


@dataclass(frozen=True)
class Service:
    """The one service that all connections talk to."""

    config: Config
    voices: Voices
    lifecycle: Lifecycle
    replies: Replies
    started: float = field(default_factory=time.time)
    connections: dict[str, Connections] = field(default_factory=dict)
    """Those of each port, by the name of its protocol; the servers put them here."""

    async def catalogue(self) -> Catalogue:
        """The voices there are now; the directory is looked at off the event loop."""
        return await asyncio.to_thread(self.voices.scan)
