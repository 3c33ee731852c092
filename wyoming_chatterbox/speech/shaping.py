"""The speed and loudness of a reply: what an engine says goes through here before a client hears it.

It works on a stream, off the event loop. At speed 1 and with no loudness to reach, blocks go through as they are.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Iterable
from contextlib import aclosing

import numpy as np

from ..audio import SAMPLE_RATE, Block
from ..audio.limiter import Limiter
from ..audio.loudness import LoudnessMeter
from ..audio.tempo import Tempo
from ..engine import Engine, Voice
from ..voices.voice import Style
from .levels import Levels, Speaker

_AT_A_TIME = SAMPLE_RATE // 2
"""Samples shaped in one go: the first of a long block need not wait for its last."""


class Shaping:
    """Shapes the sound of one utterance: to a speed, and louder by a gain in dB, or not at all with None."""

    def __init__(self, speed: float, gain: float | None) -> None:
        self._tempo = Tempo(speed)
        self._meter = None if gain is None else LoudnessMeter()
        self._limiter = None if gain is None else Limiter(gain)
        self._changes = speed != 1.0 or gain is not None

    def pieces(self, block: Block) -> Iterable[Block]:
        """Cut a block into pieces that are soon shaped."""
        if not self._changes:
            return [block]
        return (block[start : start + _AT_A_TIME] for start in range(0, len(block), _AT_A_TIME))

    async def feed(self, block: Block) -> Block:
        """Take samples (n,); return those that are ready, (m,)."""
        return await asyncio.to_thread(self._feed, block) if self._changes else block

    async def finish(self) -> Block:
        """Return the samples held back; the utterance is over."""
        return await asyncio.to_thread(self._finish) if self._changes else np.zeros(0, np.float32)

    def measure(self) -> tuple[float, float] | None:
        """Return the LUFS of what was fed, before any change, and the seconds that count; None if too little was."""
        return None if self._meter is None else self._meter.measure()

    def _feed(self, block: Block) -> Block:
        if self._meter is not None:
            self._meter.feed(block)
        sound = self._tempo.feed(block)
        return sound if self._limiter is None else self._limiter.feed(sound)

    def _finish(self) -> Block:
        rest = self._tempo.finish()
        return rest if self._limiter is None else np.concatenate([self._limiter.feed(rest), self._limiter.finish()])


class ReplyShaping:
    """Shapes the utterances of a reply; an engine's gain for a voice stays the same in all of it."""

    def __init__(self, style: Style, levels: Levels) -> None:
        self._speed = 1.0 if style.speed is None else style.speed
        self._target = style.loudness or None
        self._levels = levels
        self._gains: dict[Speaker, float] = {}

    async def shaped(self, sound: AsyncGenerator[tuple[Engine, Voice, Block], None]) -> AsyncGenerator[Block, None]:
        """Shape an utterance, each engine's part on its own; learn from it how loud the engine says the voice."""
        part: tuple[Speaker, Shaping] | None = None
        async with aclosing(sound) as blocks:
            async for engine, voice, block in blocks:
                speaker = Speaker.of(engine.describe().name, voice)
                if part is not None and part[0] != speaker:
                    if len(rest := await self._end(*part)):
                        yield rest
                    part = None
                part = part or (speaker, Shaping(self._speed, self._gain(speaker)))
                for piece in part[1].pieces(block):
                    if len(ready := await part[1].feed(piece)):
                        yield ready
        if part is not None and len(rest := await self._end(*part)):
            yield rest

    def _gain(self, speaker: Speaker) -> float | None:
        if self._target is None:
            return None
        if speaker not in self._gains:
            self._gains[speaker] = self._levels.gain(speaker, self._target)
        return self._gains[speaker]

    async def _end(self, speaker: Speaker, shaping: Shaping) -> Block:
        rest = await shaping.finish()
        if (measured := shaping.measure()) is not None:
            self._levels.learn(speaker, *measured)
        return rest
