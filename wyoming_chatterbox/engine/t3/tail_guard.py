"""Stops a model that has lost its text, and draws only a few different tokens (mostly silence) without end."""

from __future__ import annotations

from collections import Counter, deque

FEW = 8
"""Different tokens that are few: speech has as many within half a second."""
MOST_TOKENS = 60
"""Tokens in a row with only `FEW` different ones that end the utterance: 2.4 s.

A pause of 1.5 s is 38 tokens of silence, to which up to seven of the speech before and after count.
"""
HEARD_TOKENS = 24
"""Tokens in a row with only `FEW` different ones that are passed on at once: 1 s. Further ones wait."""


class TailGuard:
    """Passes an utterance's tokens on, without a tail that wanders among a few of them.

    The latest tokens, as many as have only `FEW` different ones among them, are a run. When a run is longer than
    `HEARD_TOKENS`, its further tokens are held back. They are passed on when the run ends by itself. They are dropped
    when it reaches `MOST_TOKENS`, and the guard is `tripped`.
    """

    def __init__(self) -> None:
        self.tripped = False
        self._run: deque[int] = deque()
        self._counts: Counter[int] = Counter()
        self._held: list[int] = []

    def push(self, token: int) -> list[int]:
        """Take the next token; return the tokens to pass on now, none once the guard is tripped."""
        self._run.append(token)
        self._counts[token] += 1
        while len(self._counts) > FEW:
            oldest = self._run.popleft()
            self._counts[oldest] -= 1
            if not self._counts[oldest]:
                del self._counts[oldest]
        self.tripped = self.tripped or len(self._run) >= MOST_TOKENS
        self._held.append(token)
        return [] if self.tripped or len(self._run) > HEARD_TOKENS else self.flush()

    def flush(self) -> list[int]:
        """Return the tokens held back, at the end of an utterance that ended by itself."""
        held, self._held = self._held, []
        return [] if self.tripped else held
