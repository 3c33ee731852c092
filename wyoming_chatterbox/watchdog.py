"""For how long an engine may show no sign of life before it counts as hung: pure policy, without a clock.

An engine shows one with every block, and whenever it asks whether it shall go on: before each token and each
evaluation of the flow. How long that takes is learnt from the engine itself, as machines differ a thousandfold.
"""

from __future__ import annotations

from enum import Enum

BASE = 120.0
"""Seconds that an engine of which nothing is known may be silent."""
_LEAST = 0.5
"""Shares of the base: what even the fastest engine has, ..."""
_MOST = 10.0
"""... what even the slowest has, ..."""
_UNHURRIED = 5.0
"""... and what work has that asks nothing on its way."""
_SLOWER = 20.0
"""Times that a step may take longer than the longest so far: the machine may begin to swap."""
_LOOKS = 20
"""Looks within the base."""


class Stretch(Enum):
    """What an engine is doing between two signs of life."""

    STEP = "between two steps"
    START = "from the text to the first step"
    UNHURRIED = "preparing a voice, cleaning, closing"


class Watchdog:
    """Judges one engine, looked at every `interval` seconds while it works."""

    def __init__(self, base: float = BASE) -> None:
        self.base = base
        self.interval = base / _LOOKS
        self.silence = 0.0
        """Seconds since the latest sign of life."""
        self._longest: float | None = None
        self._sign: object = None
        self._stretch = Stretch.UNHURRIED

    def look(self, sign: object, stretch: Stretch, elapsed: float) -> bool:
        """Note what is seen after `elapsed` seconds; true once the engine has been silent for too long.

        `sign` is another one after each sign of life. Of a process that was stopped for a while, `elapsed` is long
        though the engine had no chance: it counts as two looks at most.
        """
        if sign != self._sign:
            if self._stretch is not Stretch.UNHURRIED:
                self._longest = max(self._longest or 0.0, self.silence)
            self._sign = sign
            self.silence = 0.0
        else:
            self.silence += min(elapsed, 2 * self.interval)
        self._stretch = stretch
        return self.silence > self.bound(stretch)

    def bound(self, stretch: Stretch) -> float:
        """Seconds of silence that are allowed now."""
        if stretch is Stretch.UNHURRIED:
            return _UNHURRIED * self.base
        if self._longest is None:
            return self.base
        learnt = min(max(_LEAST * self.base, _SLOWER * self._longest), _MOST * self.base)
        return learnt if stretch is Stretch.STEP else max(self.base, learnt)
