"""Stops a model that has lost its text, and repeats one token (mostly silence) or a short cycle without end."""

from __future__ import annotations

LONGEST_CYCLE = 8
"""Tokens of the longest cycle that the guard detects."""
MAX_REPEATED_TOKENS = 50
"""Repeated tokens that end the utterance: 2 s, more than the pauses of real speech."""
HEARD_REPEATED_TOKENS = 15
"""Repeated tokens that are passed on at once: 0.6 s. Further ones wait until the repetition ends."""


class TailGuard:
    """Passes an utterance's tokens on, without a tail that only repeats itself.

    A token is repeated if it equals the one n before it, for an n of 1 to `LONGEST_CYCLE` that is the same since the
    repetition began. After `HEARD_REPEATED_TOKENS` of them, further ones are held back. They are passed on when the
    repetition ends by itself. They are dropped at `MAX_REPEATED_TOKENS`, and the guard is `tripped`.
    """

    def __init__(self) -> None:
        self.tripped = False
        self._last: list[int] = []
        self._repeated = [0] * LONGEST_CYCLE
        self._held: list[int] = []

    def push(self, token: int) -> list[int]:
        """Take the next token; return the tokens to pass on now, none once the guard is tripped."""
        for index in range(LONGEST_CYCLE):
            repeats = index < len(self._last) and self._last[-1 - index] == token
            self._repeated[index] = self._repeated[index] + 1 if repeats else 0
        self._last = [*self._last[1 - LONGEST_CYCLE :], token]
        longest = max(self._repeated)
        self.tripped = self.tripped or longest >= MAX_REPEATED_TOKENS
        self._held.append(token)
        return [] if self.tripped or longest > HEARD_REPEATED_TOKENS else self.flush()

    def flush(self) -> list[int]:
        """Return the tokens held back, at the end of an utterance that ended by itself."""
        held, self._held = self._held, []
        return [] if self.tripped else held
