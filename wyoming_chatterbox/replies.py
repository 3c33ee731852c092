"""Replies: one client's text, spoken by one engine from the first word to the last.

A reply keeps the engine it began with, so that its voice doesn't change when Chatterbox becomes ready midway. Only when
that engine fails does the standby voice say what is left.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from .engine import SAMPLE_RATE, Block, Engine, Sampling, Utterance, Voice
from .errors import ChatterboxError, EngineError, OverloadedError, ShuttingDownError, VoiceError
from .lifecycle import Lifecycle
from .scheduler import Scheduler

_LOGGER = logging.getLogger(__name__)

_REMEMBERED = 20


@dataclass
class Record:
    """What is known of one reply, for `/info`."""

    client: str
    voice: str
    started: float
    """`time.time()`."""
    engine: str | None = None
    characters: int = 0
    sentences: int = 0
    audio_seconds: float = 0.0
    first_audio_seconds: float | None = None
    """From the first sentence's being complete to its first block."""
    busy_seconds: float = 0.0
    outcome: str = "speaking"
    """speaking, done, cancelled, or an error's code."""


@dataclass
class Counters:
    """Since the start."""

    total: int = 0
    completed: int = 0
    cancelled: int = 0
    failed: int = 0
    rescued: int = 0
    """Sentences that the standby voice said because Chatterbox couldn't."""
    audio_seconds: float = 0.0


class Replies:
    """Opens replies, bounds how many there are at once, and remembers the latest."""

    def __init__(
        self, lifecycle: Lifecycle, scheduler: Scheduler, *, limit: int, seed: int | None, sampling: Sampling
    ) -> None:
        self.lifecycle = lifecycle
        self.scheduler = scheduler
        self.limit = limit
        self.active = 0
        self.counters = Counters()
        self.records: deque[Record] = deque(maxlen=_REMEMBERED)
        self._seed = seed
        self._sampling = sampling

    @contextmanager
    def open(self, voice: Voice, client: str) -> Iterator[Reply]:
        """Begin a reply to `client`; `OverloadedError` if there are too many already."""
        if self.active >= self.limit:
            raise OverloadedError(f"{self.active} replies are in the making, which is the limit (--max-replies)")
        record = Record(client=client, voice=voice.name, started=time.time())
        self.records.append(record)
        self.active += 1
        self.counters.total += 1
        try:
            yield Reply(self, voice, record)
        except (asyncio.CancelledError, GeneratorExit, ConnectionError, ShuttingDownError):
            record.outcome = "cancelled"
            self.counters.cancelled += 1
            raise
        except ChatterboxError as err:
            record.outcome = err.code
            self.counters.failed += 1
            raise
        except BaseException:
            record.outcome = "error"
            self.counters.failed += 1
            raise
        else:
            record.outcome = "done"
            self.counters.completed += 1
        finally:
            self.active -= 1
            self.counters.audio_seconds += record.audio_seconds

    def utterance(self, text: str, voice: Voice) -> Utterance:
        """What an engine is to say."""
        return Utterance(text=text, voice=voice, seed=self._seed, sampling=self._sampling)

    def snapshot(self) -> dict[str, Any]:
        """Counters and the latest replies, newest first."""
        return {
            "active": self.active,
            "waiting_utterances": self.scheduler.waiting,
            "utterances": self.scheduler.utterances,
            "memory_cleanups": self.scheduler.cleanups,
            **{name: round(value, 3) for name, value in vars(self.counters).items()},
            "recent": [_rounded(record) for record in reversed(self.records)],
        }


@dataclass
class Reply:
    """One reply in the making."""

    _replies: Replies
    voice: Voice
    record: Record
    _engine: Engine | None = field(default=None)

    async def say(self, sentence: str) -> AsyncGenerator[Block, None]:
        """Speak one sentence, block by block; leaving early frees the model at its next step.

        Raises `NotReadyError` with nobody to speak, `EngineError` or `VoiceError` if the speaker fails and nobody
        stands in, `ShuttingDownError`.
        """
        lifecycle = self._replies.lifecycle
        if self._engine is None or not lifecycle.usable(self._engine):
            self._engine = await lifecycle.choose()
        self.record.sentences += 1
        self.record.characters += len(sentence)
        while True:
            engine, said_something = self._engine, False
            try:
                async with aclosing(self._speak(engine, sentence)) as blocks:
                    async for block in blocks:
                        said_something = True
                        yield block
                lifecycle.spoke(engine)
                return
            except ShuttingDownError:
                raise
            except VoiceError as err:
                if self.voice.recording is None:
                    raise
                _LOGGER.warning("%s; the model's own voice speaks instead", err)
                self.voice = replace(self.voice, recording=None)
            except Exception as err:
                lifecycle.failed(engine, err)
                self._engine = self._stand_in(engine, sentence, err)
                if said_something:
                    return

    def _stand_in(self, failed: Engine, sentence: str, err: Exception) -> Engine:
        engine = self._replies.lifecycle.stand_in(failed)
        if engine is None:
            raise err if isinstance(err, ChatterboxError) else EngineError(f"{type(err).__name__}: {err}") from err
        self._replies.counters.rescued += 1
        _LOGGER.warning("%s failed to say %r, the standby voice goes on: %s", failed.describe().name, sentence, err)
        return engine

    async def _speak(self, engine: Engine, sentence: str) -> AsyncGenerator[Block, None]:
        record = self.record
        record.engine = engine.describe().name
        begun = time.monotonic()
        try:
            utterance = self._replies.utterance(sentence, self.voice)
            async with aclosing(self._replies.scheduler.speak(engine, utterance)) as blocks:
                async for block in blocks:
                    if record.first_audio_seconds is None:
                        record.first_audio_seconds = time.monotonic() - begun
                    record.audio_seconds += len(block) / SAMPLE_RATE
                    yield block
        finally:
            record.busy_seconds += time.monotonic() - begun


def _rounded(record: Record) -> dict[str, Any]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in vars(record).items()}
