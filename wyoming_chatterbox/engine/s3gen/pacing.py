"""How much of an utterance is made before it is heard, so that it starts early and never runs dry.

A block's making takes as long as its tokens are drawn and its window is decoded, which is longer than the block by the
prompt and the tokens before. Both speeds are learnt from every block; how long the utterance will be, from its text.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from .flow import TOKENS_PER_SECOND

HOPS = (10, 25, 50, 100)
"""Tokens of one block: few for the first, as someone waits for it; more later, as every window repeats the prompt."""

LOOK_AHEAD = 3
"""Tokens that the flow's encoder looks ahead; a block's last ones wait until those are there."""

CONTEXT = 60
"""Tokens before a window's new ones that are decoded again with them."""

HELD_BACK = 0.1
"""Seconds of what was made that the vocoder and the watermark keep, until they see how it goes on."""

WHOLE = 1_000_000
"""A block of all tokens that there are."""

_MARGIN = 1.2
"""What is expected to take a second is given this long; and as much more text is expected to come."""
_NEWEST = 0.3
"""Weight of the latest measurement among all."""


@dataclass
class Pace:
    """What this machine and model were seen to take; None for what wasn't seen yet."""

    token: float | None = None
    """Seconds to draw a token."""
    window: float | None = None
    """Seconds to make sound of a window, for each token in it."""
    tokens_per_byte: float = 1.6
    """Of text; the first value is that of speech at 15 letters a second."""

    def drew(self, tokens: int, seconds: float) -> None:
        """Learn from tokens that were drawn."""
        if tokens:
            self.token = _blend(self.token, seconds / tokens)

    def rendered(self, window: int, seconds: float) -> None:
        """Learn from a window that was made sound of; its length in tokens."""
        self.window = _blend(self.window, seconds / window)

    def spoke(self, text: str, tokens: int) -> None:
        """Learn how long a text became."""
        self.tokens_per_byte = _blend(self.tokens_per_byte, tokens / max(1, len(text.encode())))

    def making(self, tokens: int, window: int) -> float:
        """Seconds, with a margin, that it takes to draw tokens and to make sound of a window."""
        if self.token is None or self.window is None:
            return math.inf
        return _MARGIN * (tokens * self.token + window * self.window)


def _blend(before: float | None, now: float) -> float:
    return now if before is None else (1 - _NEWEST) * before + _NEWEST * now


class Plan(Protocol):
    """Chooses how many tokens each block of one utterance is made of."""

    def first(self) -> int:
        """Tokens of the first block."""

    def then(self, made: int, ahead: float) -> int:
        """Tokens of the block after `made` tokens of sound, of which `ahead` seconds were not heard yet."""


class Fixed:
    """Sizes known beforehand, of which the last goes on: the same whatever the clock says."""

    def __init__(self, *sizes: int) -> None:
        self._sizes = sizes
        self._next = 0

    def first(self) -> int:
        return self.then(0, 0.0)

    def then(self, made: int, ahead: float) -> int:
        size = self._sizes[min(self._next, len(self._sizes) - 1)]
        self._next += 1
        return size


class Paced:
    """Sizes that follow the speed: the first block is the smallest of `HOPS` after which playback won't run dry.

    Where even the largest is too small, all is made before it is heard: one wait is better than many gaps.
    """

    def __init__(self, pace: Pace, text: str, prompt: int, unknown: int) -> None:
        """`prompt` is the flow's, in tokens; `unknown` is the first block of a machine that was never measured."""
        self._pace = pace
        self._expected = math.ceil(_MARGIN * pace.tokens_per_byte * len(text.encode()))
        self._prompt = prompt
        self._unknown = unknown

    def first(self) -> int:
        if self._pace.window is None:
            return self._unknown
        return next((hop for hop in HOPS if hop >= self._expected or self._lasts(hop)), WHOLE)

    def then(self, made: int, ahead: float) -> int:
        """The largest block that is there in time; if none is, the smallest, or the largest where the machine is slower
        than speech: that is fewer gaps."""
        fitting = [hop for hop in HOPS if self._making(made, hop) <= ahead]
        if fitting:
            return fitting[-1]
        return HOPS[0] if self._making(made, HOPS[0]) < HOPS[0] / TOKENS_PER_SECOND else HOPS[-1]

    def _making(self, made: int, hop: int) -> float:
        return self._pace.making(hop, self._prompt + min(made, CONTEXT) + hop + LOOK_AHEAD)

    def _lasts(self, first: int) -> bool:
        """Whether playback that begins after a first block would never wait, for an utterance as long as expected."""
        made, ahead = first, first / TOKENS_PER_SECOND - HELD_BACK
        while made < self._expected:
            hop = min(self.then(made, ahead), self._expected - made)
            ahead -= self._making(made, hop)
            if ahead < 0:
                return False
            ahead += hop / TOKENS_PER_SECOND
            made += hop
        return True
