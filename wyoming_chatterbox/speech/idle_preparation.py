"""Preparing voices while nobody speaks, so that the first reply in a voice starts as quickly as the second.

Every voice is prepared once it is found. With an engine that keeps voices on disk, only new ones take long.
This keeps no engine loaded and loads none, and every text comes first.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter, deque
from functools import partial
from pathlib import Path
from typing import Any, Literal, get_args

from ..engine import VOICES_KEPT, Engine, Version, Voice
from ..errors import HungError, OutOfMemoryError, ShuttingDownError, SlowRecordingError, VoiceError
from ..faults import message
from ..quoting import quoted
from ..voices.catalogue import Catalogue
from ..voices.folder import VoicesFolder
from .replies import Replies

_LOGGER = logging.getLogger(__name__)

_PAUSE_SECONDS = 1.0
"""Seconds between two looks at whether anybody speaks; preparing begins if nobody does at either."""

_Key = tuple[Path | None, Version | None]
"""A recording in one version."""
State = Literal["ready", "preparing", "waiting", "broken"]
"""How far a voice is: a waiting one is prepared later, or by the first reply in it; a broken one can't be cloned."""


class IdlePreparation:
    """Lets the engine prepare the recordings of the catalogue, one after the other."""

    def __init__(self, voices: VoicesFolder, replies: Replies, *, pause: float = _PAUSE_SECONDS) -> None:
        """`pause` is how many seconds nobody must have spoken before a preparation begins."""
        self._voices = voices
        self._replies = replies
        self._pause = pause
        self._seen: tuple[Engine, Catalogue, int] | None = None
        self._left: deque[Voice] = deque()
        """Voices still to be prepared, the most urgent first."""
        self._now: Path | None = None
        """The recording that is being prepared."""
        self._done: set[_Key] = set()
        """Recordings that were prepared. Beyond those that are in memory, they are on disk."""
        self._prepared = 0
        """Voices prepared since the log said how many."""
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

    def state(self, voice: Voice) -> State:
        """Tell how far a voice of the catalogue is. The model's own voice is always ready."""
        if voice.recording is None:
            return "ready"
        if self._voices.is_unfit(voice):
            return "broken"
        engine = self._replies.lifecycle.chatterbox
        if _key(voice) in self._done or (engine is not None and engine.prepared(voice)):
            return "ready"
        return "preparing" if voice.recording == self._now else "waiting"

    def snapshot(self) -> dict[str, Any]:
        """Return the name of the recording that is being prepared, and the number of recordings in each state."""
        recordings = {voice.recording: voice for voice in self._voices.catalogue.voices if voice.recording is not None}
        states = Counter(map(self.state, recordings.values()))
        return {
            "recording": self._now.name if self._now is not None else None,
            **{state: states[state] for state in get_args(State)},
        }

    async def _run(self) -> None:
        was_quiet = False
        while True:
            await asyncio.sleep(self._pause)
            while was_quiet and self._is_quiet() and (engine := self._replies.lifecycle.chatterbox) is not None:
                if not await self._forget_others(engine):
                    break
                voice = self._next(engine)
                if voice is None or not await self._prepare(engine, voice):
                    break
            was_quiet = self._is_quiet()

    async def _forget_others(self, engine: Engine) -> bool:
        """Have the engine forget the voices that aren't in the catalogue any more; False if it can't now."""
        catalogue = self._voices.catalogue
        if self._seen is not None and self._seen[:2] == (engine, catalogue):
            return True
        try:
            await self._replies.scheduler.call(
                partial(engine.keep_only, catalogue.voices), "forgetting voices that are gone", engine
            )
        except (HungError, ShuttingDownError):
            return False
        except Exception as err:
            _LOGGER.warning("Voices that are gone stay in memory: %s", message(err))
        return catalogue is self._voices.catalogue

    def _is_quiet(self) -> bool:
        return not self._is_busy() and self._voices.trouble is None

    def _is_busy(self) -> bool:
        return self._replies.active > 0 or self._replies.scheduler.waiting > 0

    def _next(self, engine: Engine) -> Voice | None:
        """Return the voice to prepare now; None if all are prepared."""
        seen = engine, self._voices.catalogue, engine.voices_kept
        if self._seen != seen:
            known = self._done if self._seen is not None and self._seen[0] is engine else set()
            self._seen = seen
            voices = self._in_order(self._voices.catalogue)
            self._done = self._done.intersection(map(_key, voices))
            self._left = deque(voices[: engine.voices_kept])
            if len(self._left) > VOICES_KEPT:
                # Those on disk aren't all read again. New ones push the most urgent out of memory, so these come last.
                self._left = deque(voice for voice in self._left if _key(voice) not in known)
                self._left.extend(voices[:VOICES_KEPT])
        while self._left and engine.prepared(self._left[0]):
            self._left.popleft()
        if self._left:
            return self._left[0]
        if self._prepared:
            _LOGGER.info("Voices prepared while nobody spoke: %d", self._prepared)
            self._prepared = 0
        return None

    def _in_order(self, catalogue: Catalogue) -> list[Voice]:
        """Return one voice of each recording.

        The preferred voice comes first, then those used most recently, then the others by name.
        """
        urgent = [catalogue.find().name, *(record.voice for record in reversed(self._replies.records))]
        ranks = {name: rank for rank, name in reversed(list(enumerate(urgent)))}

        def rank(voice: Voice) -> int:
            return ranks.get(voice.name, len(urgent))

        # A recording has a voice in each language, so these are many more.
        by_recording: dict[Path, Voice] = {}
        for voice in catalogue.voices:
            if voice.recording is not None:
                other = by_recording.setdefault(voice.recording, voice)
                if other is not voice and rank(voice) < rank(other):
                    by_recording[voice.recording] = voice
        return sorted((voice for voice in by_recording.values() if not self._voices.is_unfit(voice)), key=rank)

    async def _prepare(self, engine: Engine, voice: Voice) -> bool:
        """Prepare a voice; returns whether the next one may follow at once."""
        lifecycle, scheduler = self._replies.lifecycle, self._replies.scheduler

        def cancelled() -> bool:
            return self._closing or self._is_busy() or lifecycle.chatterbox is not engine

        begun = time.monotonic()
        self._now = voice.recording
        try:
            if not await scheduler.call(partial(engine.prepare, voice, cancelled), "preparing a voice", engine):
                return False
        except (HungError, ShuttingDownError):
            return False
        except SlowRecordingError as err:
            _LOGGER.debug("The voice %s can't be prepared now: %s", quoted(voice.name), message(err))
        except VoiceError as err:
            if self._voices.trouble is not None:
                # The folder is at fault, not the recording, which is tried again when the folder is back.
                return False
            reason = str(err).removeprefix(f"{voice.recording} ").rstrip(".")
            self._voices.reject(voice, f"it can't be cloned, so the model's own voice speaks instead: {reason}")
        except OutOfMemoryError as err:
            _LOGGER.warning("%s; voices are prepared when they are first used", str(err).rstrip("."))
            self._left.clear()
            await lifecycle.clean(engine)
        except Exception as err:
            _LOGGER.warning("The voice %s can't be prepared ahead: %s", quoted(voice.name), message(err))
        else:
            self._prepared += _key(voice) not in self._done
            self._done.add(_key(voice))
            _LOGGER.debug("The voice %s was prepared within %.1f s", quoted(voice.name), time.monotonic() - begun)
        finally:
            self._now = None
        if self._left:
            self._left.popleft()
        return True


def _key(voice: Voice) -> _Key:
    return voice.recording, voice.version
