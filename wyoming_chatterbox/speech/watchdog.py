"""For how long an engine may show no sign of life before it counts as hung: pure policy, without a clock.

An engine shows one with every block, and whenever it asks whether it shall go on: before each token and each
evaluation of the flow. How long that takes is learnt from the engine itself, as machines differ a thousandfold.
"""

from __future__ import annotations

BASE_SECONDS = 120.0
"""Seconds that even the fastest engine may be silent."""
_MAX_BASE_FACTOR = 10.0
"""Times the base that even the slowest may be."""
_UNHURRIED_FACTOR = 5.0
"""Times the base that work has that shows no signs: preparing a voice, cleaning, closing."""
_SLOWER_STEP_FACTOR = 20.0
"""Times that a step may take longer than the longest so far: the machine may begin to swap."""
_LOOKS_PER_BASE = 20
"""Looks within the base."""


class Watchdog:
    """Judges one engine, looked at every `interval` seconds while it works."""

    def __init__(self, base: float = BASE_SECONDS) -> None:
        self.base = base
        self.interval = base / _LOOKS_PER_BASE
        self.silence = 0.0
        """Seconds since the latest sign of life."""
        self._longest = 0.0
        self._sign: object = None
        self._unhurried = True

    def look(self, sign: object, elapsed: float, *, unhurried: bool = False) -> bool:
        """Note what is seen after `elapsed` seconds; true once the engine has been silent for too long.

        `sign` is another one after each sign of life. Of a process that was stopped for a while, `elapsed` is long
        though the engine had no chance: it counts as two looks at most.
        """
        if sign != self._sign:
            if not self._unhurried:
                self._longest = max(self._longest, self.silence)
            self._sign = sign
            self.silence = 0.0
        else:
            self.silence += min(elapsed, 2 * self.interval)
        self._unhurried = unhurried
        return self.silence > self.bound(unhurried=unhurried)

    def bound(self, *, unhurried: bool = False) -> float:
        """Seconds of silence that are allowed now."""
        least = self.base * (_UNHURRIED_FACTOR if unhurried else 1.0)
        return min(max(least, _SLOWER_STEP_FACTOR * self._longest), _MAX_BASE_FACTOR * self.base)
