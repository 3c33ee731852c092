"""Replies: one client's text, spoken by one engine from the first word to the last.

A reply keeps the engine it began with, so that its voice doesn't change when Chatterbox becomes ready midway. Only when
that engine fails does another say what is left: Chatterbox afresh if that takes but a moment, else the standby voice.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ..engine import SAMPLE_RATE, Block, Engine, Sampling, Utterance, Voice
from ..errors import (
    ChatterboxError,
    EngineError,
    OutOfMemoryError,
    OverloadedError,
    ShuttingDownError,
    TextError,
    VoiceError,
)
from ..faults import message, told
from ..quoting import quoted
from .lifecycle import Lifecycle
from .preparation import prepare
from .remainder import FAST, Remainder
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
    left_out: int = 0
    """Sentences that nobody could say: in a language that only Chatterbox knows, for one."""
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
    refused: int = 0
    """Not begun, because there were too many."""
    rescued: int = 0
    """Sentences that the standby voice said because Chatterbox couldn't."""
    tried_again: int = 0
    """Sentences that Chatterbox said at a further try, after memory had run out."""
    audio_seconds: float = 0.0


class Replies:
    """Opens replies, bounds how many there are at once, and remembers the latest."""

    def __init__(
        self, lifecycle: Lifecycle, scheduler: Scheduler, *, limit: int, seed: int | None, sampling: Sampling
    ) -> None:
        self.lifecycle = lifecycle
        self.scheduler = scheduler
        self.limit = limit
        self.longest_wait = 5.0
        """Seconds that a reply may wait for its client, to read or to send text, when others need its place."""
        self.counters = Counters()
        self.records: deque[Record] = deque(maxlen=_REMEMBERED)
        self._seed = seed
        self._sampling = sampling
        self._open: dict[Reply, asyncio.Timeout] = {}
        """Each with its place, which expires when another reply gets it."""

    @property
    def active(self) -> int:
        """Replies in the making."""
        return len(self._open)

    @asynccontextmanager
    async def open(self, voice: Voice, client: str) -> AsyncIterator[Reply]:
        """Begin a reply to `client`; `OverloadedError` if there are too many already, or if it has to make room."""
        self._make_room()
        record = Record(client=client, voice=voice.name, started=time.time())
        self.records.append(record)
        reply = Reply(self, voice, record)
        self._open[reply] = asyncio.timeout(None)
        self.counters.total += 1
        try:
            with self.lifecycle.wanted():
                async with _kept(self._open[reply]):
                    yield reply
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
            _tell(record)
        finally:
            self._open.pop(reply, None)
            self.counters.audio_seconds += record.audio_seconds

    def _make_room(self) -> None:
        """Have the reply that waits longest for its client make room for another, if all places are taken."""
        if len(self._open) < self.limit:
            return
        idlest = max(self._open, key=lambda reply: reply.waited)
        if idlest.waited < self.longest_wait:
            self.counters.refused += 1
            raise OverloadedError(f"{self.active} replies are in the making, which is the limit (--max-replies)")
        self._open.pop(idlest).reschedule(asyncio.get_running_loop().time())

    def utterance(self, text: str, voice: Voice) -> Utterance:
        """What an engine is to say. It always has a seed: tried again, it sounds the same."""
        seed = random.getrandbits(63) if self._seed is None else self._seed
        return Utterance(text, voice, seed, self._sampling, repeatable=self._seed is not None)

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


@dataclass(eq=False)
class Reply:
    """One reply in the making."""

    _replies: Replies
    voice: Voice
    record: Record
    _waits_since: float | None = field(default_factory=time.monotonic)
    """`time.monotonic()` of the last sign of the client while this waits for it; None while an engine is waited for."""
    _engine: Engine | None = field(default=None)
    _pace: float = FAST
    """Characters a second, of the latest that was said to its end."""
    _unspeakable: TextError | None = field(default=None)

    @property
    def waited(self) -> float:
        """Seconds that this reply has waited for its client, to read or to send text."""
        return 0.0 if self._waits_since is None else time.monotonic() - self._waits_since

    def wait_for_client(self) -> None:
        """Note that the client is to read a block, or has read a part of it."""
        self._waits_since = time.monotonic()

    async def say(self, sentence: str) -> AsyncGenerator[Block, None]:
        """Speak one sentence, block by block; leaving early frees the model at its next step.

        A sentence that nobody can say is left out: the next may be one that somebody can. Raises `NotReadyError` with
        nobody to speak, `EngineError` or `VoiceError` if the speaker fails and nobody stands in, `ShuttingDownError`.
        """
        lifecycle = self._replies.lifecycle
        begun = time.monotonic()
        self._waits_since = None
        if self._engine is None or not lifecycle.usable(self._engine):
            self._engine = await lifecycle.choose()
        self.record.sentences += 1
        self.record.characters += len(sentence)
        left = Remainder(self._replies.utterance(sentence, self.voice))
        while left:
            engine = self._engine
            try:
                async with aclosing(self._speak(engine, left.first, left.heard)) as blocks:
                    async for block in blocks:
                        if self.record.first_audio_seconds is None:
                            self.record.first_audio_seconds = time.monotonic() - begun
                        left.heard += len(block)
                        self.wait_for_client()
                        yield block
                        self._waits_since = None
                lifecycle.spoke(engine)
                if left.heard > SAMPLE_RATE:
                    self._pace = len(left.first.text) * SAMPLE_RATE / left.heard
                left.said()
            except ShuttingDownError:
                raise
            except VoiceError as err:
                if self.voice.recording is None:
                    raise
                _LOGGER.warning("%s; the model's own voice speaks instead", err)
                self.voice = replace(self.voice, recording=None)
                left.change_voice(self.voice)
            except Exception as err:
                try:
                    self._engine = await self._recover(engine, left, err)
                except TextError as unspeakable:
                    self.record.left_out += 1
                    self._unspeakable = unspeakable
                    break
        self.wait_for_client()

    def require_speech(self) -> None:
        """Raise the `TextError` of a sentence that was left out: to be called where a reply ends without a sound."""
        if self._unspeakable is not None:
            raise self._unspeakable

    async def _recover(self, engine: Engine, left: Remainder, err: Exception) -> Engine:
        """Choose who says what is left after `engine` failed: itself if that is worth another try, or another."""
        lifecycle = self._replies.lifecycle
        whole = left.first.text
        if isinstance(err, OutOfMemoryError) and engine is lifecycle.chatterbox and left.try_again():
            how = "from where it broke off" if left.heard else "whole" if left.first.text == whole else "in two pieces"
            _LOGGER.warning("%s. What can be spared is freed, and %s is tried again %s", told(err), quoted(whole), how)
            self._replies.counters.tried_again += 1
            await lifecycle.clean(engine)
            return engine
        lifecycle.failed(engine, err)
        successor = await lifecycle.replacement(engine)
        name = engine.describe().name
        if successor is None:
            _LOGGER.warning("%s failed to say %s, and nobody goes on: %s", name, quoted(whole), told(err))
            raise err if isinstance(err, ChatterboxError) else EngineError(message(err)) from err
        left.pass_on(self._pace)
        other = successor.describe().name
        self._replies.counters.rescued += successor is not lifecycle.chatterbox
        _LOGGER.warning("%s failed to say %s, %s goes on: %s", name, quoted(whole), other, told(err))
        return successor

    async def _speak(self, engine: Engine, utterance: Utterance, heard: int) -> AsyncGenerator[Block, None]:
        """Speak an utterance, less the samples that were heard before."""
        record = self.record
        record.engine = engine.describe().name
        begun = time.monotonic()
        try:
            if not engine.prepared(utterance.voice):
                await prepare(self._replies.scheduler, engine, utterance.voice)
            async with aclosing(self._replies.scheduler.speak(engine, utterance)) as blocks:
                async for block in blocks:
                    fresh, heard = block[heard:], max(0, heard - len(block))
                    record.audio_seconds += len(fresh) / SAMPLE_RATE
                    if len(fresh):
                        yield fresh
        finally:
            record.busy_seconds += time.monotonic() - begun


def _tell(record: Record) -> None:
    if record.first_audio_seconds is None:
        _LOGGER.debug("%s sent nothing that can be said", record.client)
        return
    _LOGGER.info(
        "Spoke %.1f s to %s in the voice %s (%s), the first sound after %.2f s",
        record.audio_seconds,
        record.client,
        quoted(record.voice),
        record.engine,
        record.first_audio_seconds,
    )


@asynccontextmanager
async def _kept(place: asyncio.Timeout) -> AsyncIterator[None]:
    """Hold a place among the replies; `OverloadedError` when it goes to another."""
    try:
        async with place:
            yield
    except TimeoutError as err:
        if not place.expired():
            raise
        raise OverloadedError("This reply waited too long for its client, and another needed its place") from err


def _rounded(record: Record) -> dict[str, Any]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in vars(record).items()}
