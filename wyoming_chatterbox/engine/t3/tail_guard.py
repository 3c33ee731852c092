"""What stops a model that has lost its text: the same token, silence above all, or a short cycle, without end."""

from __future__ import annotations

LONGEST_CYCLE = 8
"""Tokens that may repeat as a group."""
ALLOWED = 50
"""Repeated tokens that end the utterance: 2 s, more than the pauses of real speech."""
HEARD = 15
"""Repeated tokens that are passed on at once: 0.6 s. The others wait until it is known what becomes of them."""


class TailGuard:
    """Passes an utterance's tokens on, less a tail that only repeats itself.

    A token repeats if it equals the one 1, or 2, ... or `LONGEST_CYCLE` before it, as have all since the repetition
    began. Past `HEARD` such tokens the following are held back: they are passed on when the repetition ends by itself,
    and dropped when there are `ALLOWED` of them, at which the guard is `tripped`.
    """

    def __init__(self) -> None:
        self.tripped = False
        self._last: list[int] = []
        self._repeated = [0] * LONGEST_CYCLE
        self._held: list[int] = []

    def push(self, token: int) -> list[int]:
        """Take the next token; give those that can be heard now, none once the guard is tripped."""
        for index in range(LONGEST_CYCLE):
            repeats = index < len(self._last) and self._last[-1 - index] == token
            self._repeated[index] = self._repeated[index] + 1 if repeats else 0
        self._last = [*self._last[1 - LONGEST_CYCLE :], token]
        longest = max(self._repeated)
        self.tripped = self.tripped or longest >= ALLOWED
        self._held.append(token)
        return [] if self.tripped or longest > HEARD else self.flush()

    def flush(self) -> list[int]:
        """Give what was held back, at the end of an utterance that ended by itself."""
        held, self._held = self._held, []
        return [] if self.tripped else held
