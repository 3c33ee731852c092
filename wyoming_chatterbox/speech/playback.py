"""How far the sound of a reply is ahead of its playback."""

from __future__ import annotations

import math
import time
from collections.abc import Callable


class Playback:
    """The playback of one reply: it begins with the first sound, and stops only while no sound is left.

    Nobody tells the server when a sound is heard, so the clock has to: a client that stores all sound before it plays
    any counts as one that plays at once.
    """

    def __init__(self, speed: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        """Sound is played `speed` times as fast as it was made; `clock` returns seconds."""
        self._speed = speed
        self._clock = clock
        self._runs_dry = -math.inf
        self.given = 0.0
        """Seconds of playback so far, those to come included."""

    def give(self, sound: float) -> None:
        """Note that `sound` seconds, at the speed at which they were made, follow all before."""
        self.pause(sound / self._speed)

    def pause(self, seconds: float) -> None:
        """Note that seconds of silence, which no speed changes, follow all before."""
        self._runs_dry = max(self._runs_dry, self._clock()) + seconds
        self.given += seconds

    def again(self, sound: float) -> None:
        """Note that the last `sound` seconds are made once more, and not played twice."""
        self._runs_dry -= sound / self._speed
        self.given -= sound / self._speed

    @property
    def ahead(self) -> float:
        """Seconds until the playback has no sound left; 0 before the first sound."""
        return max(0.0, self._runs_dry - self._clock())
