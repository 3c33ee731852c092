"""Chooses the sizes of an utterance's blocks, so that playback starts early and never runs dry.

Making a block takes the time to draw its tokens and to decode its window, which also holds the prompt and some tokens
before. Both speeds are measured with every block. The text tells how long the utterance will be.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Protocol

from .flow import TOKENS_PER_SECOND

HOPS = (10, 25, 50, 100)
"""Tokens of one block: few for the first, because the listener waits for it; more later, because every window
repeats the prompt."""

LOOK_AHEAD = 3
"""Tokens that the flow's encoder looks ahead; a block's last tokens wait for them."""

CONTEXT = 60
"""Tokens before a window's new ones that are decoded again with the new ones."""

HELD_BACK = 0.1
"""Seconds of finished audio that the vocoder and the watermark hold back for their cross-fades."""

ALL_TOKENS = 1_000_000
"""More tokens than any utterance has: one block of them is the whole utterance."""

_MARGIN = 1.2
"""Factor on the expected time of a block, and on the expected length of an utterance."""
_NEWEST = 0.3
"""Weight of the latest measurement in the moving average."""


@dataclass
class Pace:
    """Speeds measured on this machine with this model; None before the first measurement."""

    token: float | None = None
    """Seconds to draw a token."""
    window: float | None = None
    """Seconds to decode a window to sound, for each token in it."""
    tokens_per_byte: float = 1.6
    """Speech tokens for each UTF-8 byte of text; the initial value is speech at 15 letters a second."""

    def drew(self, tokens: int, seconds: float) -> None:
        """Learn from the time that drawing tokens took."""
        if tokens:
            self.token = _blend(self.token, seconds / tokens)

    def rendered(self, window: int, seconds: float) -> None:
        """Learn from the time that decoding a window of `window` tokens took."""
        self.window = _blend(self.window, seconds / window)

    def spoke(self, text: str, tokens: int) -> None:
        """Learn from the number of tokens that a text became."""
        self.tokens_per_byte = _blend(self.tokens_per_byte, tokens / max(1, len(text.encode())))

    def making(self, tokens: int, window: int) -> float:
        """Estimate the seconds, with a margin, to draw tokens and to decode a window."""
        if self.token is None or self.window is None:
            return math.inf
        return _MARGIN * (tokens * self.token + window * self.window)


def _blend(before: float | None, now: float) -> float:
    return now if before is None else (1 - _NEWEST) * before + _NEWEST * now


class Plan(Protocol):
    """Chooses the number of tokens in each block of one utterance."""

    def first(self) -> int:
        """Return the tokens of the first block."""

    def then(self, made: int, ahead: float) -> int:
        """Return the tokens of the block after `made` tokens, of which `ahead` seconds were not played yet."""


class Fixed:
    """Sizes known beforehand; the last one repeats. They don't depend on the clock."""

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
    """Sizes by the measured speed: the first block is the smallest of `HOPS` after which playback won't run dry.

    Where even the largest is too small, the whole utterance is one block: one wait is better than many gaps.
    """

    def __init__(self, pace: Pace, text: str, prompt: int, unknown: int) -> None:
        """`prompt` is the tokens of the flow's prompt; `unknown` is the first block's size before any measurement."""
        self._pace = pace
        self._expected = math.ceil(_MARGIN * pace.tokens_per_byte * len(text.encode()))
        self._prompt = prompt
        self._unknown = unknown

    def first(self) -> int:
        if self._pace.window is None:
            return self._unknown
        return next((hop for hop in HOPS if hop >= self._expected or self._lasts(hop)), ALL_TOKENS)

    def then(self, made: int, ahead: float) -> int:
        """Return the largest block that will be ready in time.

        If none will, it is the smallest, or, where the machine is slower than speech, the largest, for fewer gaps.
        """
        fitting = [hop for hop in HOPS if self._making(made, hop) <= ahead]
        if fitting:
            return fitting[-1]
        return HOPS[0] if self._making(made, HOPS[0]) < HOPS[0] / TOKENS_PER_SECOND else HOPS[-1]

    def _making(self, made: int, hop: int) -> float:
        return self._pace.making(hop, self._prompt + min(made, CONTEXT) + hop + LOOK_AHEAD)

    def _lasts(self, first: int) -> bool:
        """Whether playback that begins after a first block never runs dry, for an utterance as long as expected."""
        made, ahead = first, first / TOKENS_PER_SECOND - HELD_BACK
        while made < self._expected:
            hop = min(self.then(made, ahead), self._expected - made)
            ahead -= self._making(made, hop)
            if ahead < 0:
                return False
            ahead += hop / TOKENS_PER_SECOND
            made += hop
        return True
