"""Ends an utterance's sound soon after its speech, without the quiet that a model adds; a cut fades out.

A model that misses its stop token goes on with silence or a murmur for seconds. Tokens don't show which of them are
quiet, so levels tell. Nothing here needs more than NumPy.
"""

from __future__ import annotations

import math

import numpy as np

from .. import SAMPLE_RATE, Block

KEPT_QUIET = 0.3
"""Seconds of quiet that are passed on at once: natural endings have 0.1 to 0.2 s, and weak consonants are quiet too."""

LONGEST_PAUSE = 2.0
"""Seconds of quiet after which no speech is expected any more; real speech pauses for 1.5 s at the most."""

_FRAME = SAMPLE_RATE // 50
"""Samples whose level is measured together: 20 ms."""
_QUIET = 10 ** (-45 / 20)
"""Level below which a frame is quiet, relative to the loudest frame so far."""
_QUIET_FLOOR = 10 ** (-30 / 20)
"""The same for a frame that is little above the quietest one since speech began.

The vocoder never falls silent: it has a floor at about -53 dB of full scale, which is not 45 dB below a soft voice.
Speech this weak is told from the floor by its syllables, which rise above it.
"""
_ABOVE_FLOOR = 2.0
_LOUD = 0.1
_BEGUN = 5
"""Frames within 20 dB of the loudest that make a beginning: a click before the first word is no speech."""
_QUIET_FADE = SAMPLE_RATE // 50
_CUT_FADE = 3 * SAMPLE_RATE // 25
"""Samples that fade out: where quiet is dropped 20 ms, where speech was cut the last three tokens' 120 ms."""

_NOTHING: Block = np.zeros(0, dtype=np.float32)


class Ending:
    """Takes an utterance's blocks, of any size, and gives its sound out as soon as it is certain to be part of it.

    Quiet is held back after `KEPT_QUIET`. It is given out whole when speech goes on, and dropped at the end. After
    `LONGEST_PAUSE` of it the utterance is `over`. What precedes the first speech is never held back. The result does
    not depend on the blocks' sizes.
    """

    def __init__(self, fewest: int = 0, unplayed: int = 0) -> None:
        """`fewest` is the samples that the text takes at least, before which no pause ends it.

        `unplayed` is the samples at the end of the last block that nobody is to hear.
        """
        self.over = False
        """Whether quiet has lasted so long that there is no more to come."""
        self._fewest = fewest
        self._unplayed = unplayed
        self._was_cut = False
        self._held = _NOTHING
        self._given = 0
        """Samples given out so far; those held come next."""
        self._judged = 0
        """Samples so far whose level is known."""
        self._spoken = 0
        """Samples so far up to the end of the last frame that is not quiet."""
        self._loudest = 0.0
        self._floor = math.inf
        self._loud = 0
        """Frames so far that were near the loudest, up to `_BEGUN`."""

    @property
    def held_seconds(self) -> float:
        """Seconds of sound that are held back."""
        return len(self._held) / SAMPLE_RATE

    def cut(self) -> None:
        """Say that the model was stopped: unless quiet ends the sound, it will fade."""
        self._was_cut = True

    def feed(self, block: Block) -> Block:
        """Take the next samples (n,); return those to be heard now, (m,)."""
        self._take(block)
        return self._give(min(self._judged, self._spoken + _samples(KEPT_QUIET) - _QUIET_FADE))

    def finish(self, block: Block = _NOTHING) -> Block:
        """Take the last samples, and return all that are left to be heard."""
        # Where there is nothing else, upstream keeps one token of an utterance.
        unplayed = self._unplayed if self._given + len(self._held) + len(block) > self._unplayed else 0
        self._take(block[: max(0, len(block) - unplayed)])
        end = self._given + len(self._held)
        if self._judged < end and not self.over:
            self._judge(_level(self._held[self._judged - self._given :]), end)
        last = min(end, self._spoken + _samples(KEPT_QUIET))
        sound = self._give(last)
        fade = _QUIET_FADE if last < end else _CUT_FADE if self._was_cut else 0
        if fade := min(fade, len(sound)):
            sound = np.concatenate([sound[:-fade], sound[-fade:] * _fall(fade)])
        return sound

    def _take(self, block: Block) -> None:
        """Hold samples, and measure the frames that are complete now."""
        if self.over:
            return
        self._held = np.concatenate([self._held, block])
        fresh = self._held[self._judged - self._given :]
        frames = fresh[: len(fresh) // _FRAME * _FRAME].reshape(-1, _FRAME)
        for frame in frames:
            self._judge(_level(frame), self._judged + _FRAME)

    def _judge(self, level: float, end: int) -> None:
        """Take the level of the frame that ends at sample `end`."""
        if self.over:
            return
        self._judged = end
        if not math.isfinite(level):
            # Whoever hears it must know, so it is not quiet.
            self._spoken = end
            return
        self._loudest = max(self._loudest, level)
        if self._loud >= _BEGUN:
            self._floor = min(self._floor, level)
        elif level > _LOUD * self._loudest:
            self._loud += 1
        near_floor = min(_ABOVE_FLOOR * self._floor, _QUIET_FLOOR * self._loudest)
        if self._loud >= _BEGUN and level <= max(_QUIET * self._loudest, near_floor):
            self.over = end - self._spoken >= _samples(LONGEST_PAUSE) and self._spoken >= self._fewest
        else:
            self._spoken = end

    def _give(self, until: int) -> Block:
        """Return the held samples up to sample `until` of the utterance."""
        count = max(0, until - self._given)
        sound, self._held = self._held[:count], self._held[count:]
        self._given += count
        return sound


def _level(frame: Block) -> float:
    return float(np.sqrt(np.mean(np.square(frame, dtype=np.float64))))


def _samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)


def _fall(length: int) -> Block:
    """Return a raised cosine from 1 to 0, (length,)."""
    return (0.5 + 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / length)).astype(np.float32)
