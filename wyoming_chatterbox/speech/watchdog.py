"""How long an engine may show no sign of life before it counts as hung: pure policy, without a clock.

A sign of life is a block, or a call of `cancelled()`: an engine calls it before each token and each evaluation of the
flow. The policy learns from the engine how long such steps take, because machines differ a thousandfold.
"""

from __future__ import annotations

BASE_SECONDS = 120.0
"""Seconds without a sign of life that even the fastest engine may take."""
_MAX_BASE_FACTOR = 10.0
"""The most that any engine may take, as a multiple of the base."""
_UNHURRIED_FACTOR = 5.0
"""Multiple of the base for work without signs of life: preparing a voice, cleaning, closing."""
_SLOWER_STEP_FACTOR = 20.0
"""Multiple of the longest step so far that a step may take: the machine may begin to swap."""
_LOOKS_PER_BASE = 20
"""How often an engine is looked at within the base."""


class Watchdog:
    """Judges one engine, which is looked at every `interval` seconds while it works."""

    def __init__(self, base: float = BASE_SECONDS) -> None:
        self.base = base
        self.interval = base / _LOOKS_PER_BASE
        self.silence = 0.0
        """Seconds since the latest sign of life."""
        self._longest = 0.0
        self._sign: object = None
        self._unhurried = True

    def look(self, sign: object, elapsed: float, *, unhurried: bool = False) -> bool:
        """Note the latest sign of life, `elapsed` seconds after the look before; return whether the engine hangs.

        `sign` differs after each sign of life. `elapsed` counts as two intervals at most: after the process itself was
        stopped for a while it is long, though the engine had no time to work.
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
        """Seconds without a sign of life that are allowed now."""
        least = self.base * (_UNHURRIED_FACTOR if unhurried else 1.0)
        return min(max(least, _SLOWER_STEP_FACTOR * self._longest), _MAX_BASE_FACTOR * self.base)
