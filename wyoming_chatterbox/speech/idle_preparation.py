"""Preparing voices while nobody speaks, so that the first reply in a voice starts as quickly as the second.

This keeps no engine loaded and loads none, and every text comes first.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from functools import partial
from pathlib import Path

from ..engine import VOICES_KEPT, Engine, Voice
from ..errors import OutOfMemoryError, ShuttingDownError, VoiceError
from ..faults import message
from ..quoting import quoted
from ..voices.catalogue import Catalogue
from ..voices.folder import VoicesFolder
from .replies import Replies

_LOGGER = logging.getLogger(__name__)

_PAUSE_SECONDS = 1.0
"""Seconds between two looks at whether anybody speaks; preparing begins if nobody does at either."""


class IdlePreparation:
    """Lets the engine prepare the recordings of the catalogue, one after the other."""

    def __init__(self, voices: VoicesFolder, replies: Replies, *, pause: float = _PAUSE_SECONDS) -> None:
        """`pause` is how many seconds nobody must have spoken before a preparation begins."""
        self._voices = voices
        self._replies = replies
        self._pause = pause
        self._seen: tuple[Engine, Catalogue] | None = None
        self._left: deque[Voice] = deque()
        """Voices still to be prepared, the most urgent first."""
        self._prepared = 0
        self._closing = False
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin, in the background."""
        self._task = asyncio.create_task(self._run(), name="idle preparation")

    async def close(self) -> None:
        """Stop; a preparation in progress ends at its next step."""
        self._closing = True
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _run(self) -> None:
        was_quiet = False
        while True:
            await asyncio.sleep(self._pause)
            quiet = not self._is_busy() and self._voices.trouble is None
            engine = self._replies.lifecycle.chatterbox
            if engine is not None and quiet and was_quiet and (voice := self._next(engine)):
                await self._prepare(engine, voice)
            was_quiet = quiet

    def _is_busy(self) -> bool:
        return self._replies.active > 0 or self._replies.scheduler.waiting > 0

    def _next(self, engine: Engine) -> Voice | None:
        """Return the voice to prepare now; None if all are prepared."""
        catalogue = self._voices.catalogue
        if self._seen != (engine, catalogue):
            self._seen = engine, catalogue
            self._left = deque(self._in_order(catalogue))
        while self._left and engine.prepared(self._left[0]):
            self._left.popleft()
        return self._left[0] if self._left else None

    def _in_order(self, catalogue: Catalogue) -> list[Voice]:
        """Return one voice of each recording, as many as an engine keeps.

        The preferred voice comes first, then those used most recently, then the others by name.
        """
        urgent = [catalogue.find().name, *(record.voice for record in reversed(self._replies.records))]
        ranks = {name: rank for rank, name in reversed(list(enumerate(urgent)))}
        by_recording: dict[Path, Voice] = {}
        for voice in sorted(catalogue.voices, key=lambda voice: ranks.get(voice.name, len(urgent))):
            if voice.recording is not None and not self._voices.is_unfit(voice):
                by_recording.setdefault(voice.recording, voice)
        return list(by_recording.values())[:VOICES_KEPT]

    async def _prepare(self, engine: Engine, voice: Voice) -> None:
        lifecycle, scheduler = self._replies.lifecycle, self._replies.scheduler

        def cancelled() -> bool:
            return self._closing or self._is_busy() or lifecycle.chatterbox is not engine

        begun = time.monotonic()
        try:
            if not await scheduler.call(partial(engine.prepare, voice, cancelled), "preparing a voice", engine):
                return
        except ShuttingDownError:
            return
        except VoiceError as err:
            if self._voices.trouble is not None:
                # The folder is at fault, not the recording, which is tried again when the folder is back.
                return
            reason = str(err).removeprefix(f"{voice.recording} ").rstrip(".")
            self._voices.reject(voice, f"it can't be cloned, so the model's own voice speaks instead: {reason}")
        except OutOfMemoryError as err:
            _LOGGER.warning("%s; voices are prepared when they are first used", str(err).rstrip("."))
            self._left.clear()
            await lifecycle.clean(engine)
        except Exception as err:
            _LOGGER.warning("The voice %s can't be prepared ahead: %s", quoted(voice.name), message(err))
        else:
            self._prepared += 1
            _LOGGER.debug("The voice %s was prepared within %.1f s", quoted(voice.name), time.monotonic() - begun)
        if self._left:
            self._left.popleft()
        if not self._left and self._prepared:
            _LOGGER.info("Voices prepared while nobody spoke: %d", self._prepared)
            self._prepared = 0
