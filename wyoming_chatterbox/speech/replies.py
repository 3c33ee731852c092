"""Replies: one client's text, spoken by one engine from the first word to the last.

A reply keeps the engine it began with, so that its voice doesn't change when Chatterbox becomes ready midway. Only if
that engine fails does another say the rest: Chatterbox if it is loaded again soon, else the standby voice.
"""

from __future__ import annotations

import asyncio
import logging
import random
import time
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from ..audio.samples import silences
from ..engine import SAMPLE_RATE, Block, Engine, Sampling, Utterance
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
from ..problem import Problem
from ..quoting import quoted
from ..text.items import Item, Pause, Say
from ..voices.voice import NO_STYLE, NamedVoice, Style
from .levels import Levels
from .lifecycle import Lifecycle
from .playback import Playback
from .preparation import prepare
from .records import Record, ReplyCounters
from .remainder import FAST_PACE, Remainder
from .scheduler import Scheduler
from .shaping import ReplyShaping

_LOGGER = logging.getLogger(__name__)

_REMEMBERED_REPLIES = 20
_FOREIGN_CFG_WEIGHT = 0.0
"""Guidance where the recording's language is not the text's: more of it would carry the recording's accent over, says
upstream's README."""
_BRIEF_SECONDS = 0.1
"""Seconds of silence in a reply that says nothing: a client that gets no sound at all reports a failure, and many
players refuse an empty file."""


class Replies:
    """Opens replies, limits how many there are at once, and remembers the latest."""

    def __init__(
        self,
        lifecycle: Lifecycle,
        scheduler: Scheduler,
        *,
        limit: int,
        style: Style,
        levels: Levels | None = None,
    ) -> None:
        """`style` says how every voice speaks unless it, or a request, says otherwise."""
        self.lifecycle = lifecycle
        self.scheduler = scheduler
        self.limit = limit
        self.longest_wait = 5.0
        """Seconds that a reply may wait for its client (to read, or to send text) while another needs its place."""
        self.counters = ReplyCounters()
        self.records: deque[Record] = deque(maxlen=_REMEMBERED_REPLIES)
        self.levels = levels or Levels()
        self._style = style
        self._open: dict[Reply, asyncio.Timeout] = {}
        """Replies in progress, each with its place, which expires when another reply gets it."""

    @property
    def active(self) -> int:
        """Number of replies in progress."""
        return len(self._open)

    @asynccontextmanager
    async def open(self, voice: NamedVoice, client: str, style: Style = NO_STYLE) -> AsyncIterator[Reply]:
        """Begin a reply to `client`, in a style that comes before the voice's own.

        `OverloadedError` if there are too many already, or if another needs its place.
        """
        self._make_room()
        self.counters.total += 1
        record = Record(id=self.counters.total, client=client, voice=voice.name, started=time.time())
        self.records.append(record)
        reply = Reply(self, voice, style.over(voice.style).over(self._style), record)
        self._open[reply] = asyncio.timeout(None)
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
            record.log()
        finally:
            self._open.pop(reply, None)
            self.levels.keep()
            self.counters.audio_seconds += record.audio_seconds

    def _make_room(self) -> None:
        """If all places are taken, end the reply that has waited longest for its client."""
        if len(self._open) < self.limit:
            return
        idlest = max(self._open, key=lambda reply: reply.waited)
        if idlest.waited < self.longest_wait:
            self.counters.refused += 1
            raise OverloadedError(
                f"{self.active} replies are in progress, which is the limit (--max-replies)",
                Problem("too-many-replies", {"most": self.limit}),
            )
        self._open.pop(idlest).reschedule(asyncio.get_running_loop().time())

    def snapshot(self) -> dict[str, Any]:
        """Return counters and the latest replies, newest first."""
        return {
            "active": self.active,
            "waiting_utterances": self.scheduler.waiting,
            "utterances": self.scheduler.utterances,
            "memory_cleanups": self.scheduler.cleanups,
            **{name: round(value, 3) for name, value in vars(self.counters).items()},
            "recent": [record.rounded() for record in reversed(self.records)],
        }


@dataclass(eq=False)
class Reply:
    """One reply in progress."""

    _replies: Replies
    voice: NamedVoice
    style: Style
    record: Record
    _waits_since: float | None = field(default_factory=time.monotonic)
    """When the client last showed a sign, by `time.monotonic()`; None while the reply waits for an engine instead."""
    _engine: Engine | None = field(default=None)
    _pace: float = FAST_PACE
    """Characters a second of the latest utterance that was said to its end."""
    _unspeakable: TextError | None = field(default=None)

    def __post_init__(self) -> None:
        self._playback = Playback(self.style.speed or 1.0)
        self._shaping = ReplyShaping(self.style, self._replies.levels)

    @property
    def waited(self) -> float:
        """Seconds that this reply has waited for its client to read or to send text."""
        return 0.0 if self._waits_since is None else time.monotonic() - self._waits_since

    def wait_for_client(self) -> None:
        """Note that the reply waits for the client from now on: it was given a block, or has read part of it."""
        self._waits_since = time.monotonic()

    async def speak(self, items: AsyncIterable[Item]) -> AsyncGenerator[Block, None]:
        """Yield the sound of all items, block by block; leaving early frees the model at its next step.

        A pause before the first word waits for it, so that an error can still come first. Text with nothing to say
        gives 0.1 s of silence. A sentence that no engine can say is left out; the `TextError` is raised if that leaves
        the reply without a sound. Raises `NotReadyError` with no engine to speak, `EngineError` or `VoiceError` if the
        engine fails and no other stands in, `ShuttingDownError`, and what `items` raises.
        """
        said = False
        pause = 0.0
        async for item in items:
            if isinstance(item, Pause):
                pause += item.seconds
                if said:
                    self._playback.pause(pause)
                    for block in silences(pause):
                        self.wait_for_client()
                        yield self._counted(block)
                    pause = 0.0
                continue
            async with aclosing(self._say(item)) as blocks:
                async for block in blocks:
                    self._playback.pause(pause)
                    for silent in silences(pause):
                        yield self._counted(silent)
                    said, pause = True, 0.0
                    yield self._counted(block)
        if not said:
            if self._unspeakable is not None:
                raise self._unspeakable
            for block in silences(pause or _BRIEF_SECONDS):
                yield self._counted(block)

    def _counted(self, block: Block) -> Block:
        self.record.audio_seconds += len(block) / SAMPLE_RATE
        return block

    async def _say(self, say: Say) -> AsyncGenerator[Block, None]:
        begun = time.monotonic()
        self._waits_since = None
        async with aclosing(self._shaping.shaped(self._as_made(say))) as blocks:
            async for block in blocks:
                if self.record.first_audio_seconds is None:
                    self.record.first_audio_seconds = time.monotonic() - begun
                self.wait_for_client()
                yield block
                self._waits_since = None
        self.wait_for_client()

    async def _as_made(self, say: Say) -> AsyncGenerator[tuple[Engine, NamedVoice, Block], None]:
        """Yield the sound as an engine makes it, with the engine and its voice; either may change midway."""
        lifecycle = self._replies.lifecycle
        if self._engine is None or not lifecycle.engines.usable(self._engine):
            self._engine = await lifecycle.engines.choose()
        self.record.sentences += 1
        self.record.characters += len(say.text)
        voice = self._voice_for(say, self._engine)
        left = Remainder(self._utterance(say.text, voice))
        while left:
            engine = self._engine
            try:
                async with aclosing(self._speak_utterance(engine, left.first, left.heard)) as blocks:
                    async for block in blocks:
                        left.heard += len(block)
                        yield engine, voice, block
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
                voice = self._voice_for(say, engine)
                left.change_voice(voice)
            except Exception as err:
                try:
                    self._engine = await self._recover(engine, left, err)
                except TextError as unspeakable:
                    self.record.left_out += 1
                    self._unspeakable = unspeakable
                    break

    def _utterance(self, text: str, voice: NamedVoice) -> Utterance:
        """Make an utterance. It always has a seed, so that another try sounds the same."""
        style = self.style
        cfg_weight = style.cfg_weight
        if cfg_weight is None and voice.recorded_language not in (None, voice.language):
            cfg_weight = _FOREIGN_CFG_WEIGHT
        sampling = Sampling(temperature=style.temperature, cfg_weight=cfg_weight, exaggeration=style.exaggeration)
        seed = random.getrandbits(63) if style.seed is None else style.seed
        return Utterance(text, voice, seed, sampling, repeatable=style.seed is not None)

    def _voice_for(self, say: Say, engine: Engine) -> NamedVoice:
        """Return the voice, in the language that the text asks for if the engine has it."""
        if say.language is None or say.language not in engine.languages:
            return self.voice
        return replace(self.voice, language=say.language)

    async def _recover(self, engine: Engine, left: Remainder, err: Exception) -> Engine:
        """Choose who says the rest after `engine` failed: the same engine if another try may help, or another one."""
        lifecycle = self._replies.lifecycle
        whole = left.first.text
        if isinstance(err, OutOfMemoryError) and engine is lifecycle.chatterbox and left.try_again():
            how = "from where it broke off" if left.heard else "whole" if left.first.text == whole else "in two pieces"
            _LOGGER.warning("%s. What can be spared is freed, and %s is tried again %s", told(err), quoted(whole), how)
            self._replies.counters.tried_again += 1
            await lifecycle.clean(engine)
            return engine
        lifecycle.failed(engine, err)
        successor = await lifecycle.engines.replacement(engine)
        name = engine.describe().name
        if successor is None:
            _LOGGER.warning("%s failed to say %s, and nobody goes on: %s", name, quoted(whole), told(err))
            raise err if isinstance(err, ChatterboxError) else EngineError(message(err)) from err
        left.pass_on(self._pace)
        other = successor.describe().name
        self._replies.counters.rescued += successor is not lifecycle.chatterbox
        _LOGGER.warning("%s failed to say %s, %s goes on: %s", name, quoted(whole), other, told(err))
        return successor

    async def _speak_utterance(self, engine: Engine, utterance: Utterance, heard: int) -> AsyncGenerator[Block, None]:
        """Speak an utterance, without the first `heard` samples, which were heard before."""
        record = self.record
        record.engine = engine.describe().name
        begun = time.monotonic()
        self._playback.again(heard / SAMPLE_RATE)
        try:
            if not engine.prepared(utterance.voice):
                await prepare(self._replies.scheduler, engine, utterance.voice)
            async with aclosing(self._replies.scheduler.speak(engine, utterance, self._playback)) as blocks:
                async for block in blocks:
                    fresh, heard = block[heard:], max(0, heard - len(block))
                    if len(fresh):
                        yield fresh
        finally:
            record.busy_seconds += time.monotonic() - begun


@asynccontextmanager
async def _kept(place: asyncio.Timeout) -> AsyncIterator[None]:
    """Hold a place among the replies; `OverloadedError` if another reply gets it."""
    try:
        async with place:
            yield
    except TimeoutError as err:
        if not place.expired():
            raise
        raise OverloadedError("This reply waited too long for its client, and another needed its place") from err
