"""How far the sound of a reply is ahead of its playback."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable


class Playback:
    """The playback of one reply: it begins with the first sound, and stops only while no sound is left.

    Nobody tells the server when a sound is heard, so the clock has to: a client that stores all sound before it plays
    any counts as one that plays at once. All methods are safe from any thread.
    """

    def __init__(self, speed: float = 1.0, clock: Callable[[], float] = time.monotonic) -> None:
        """Sound is played `speed` times as fast as it was made; `clock` returns seconds."""
        self.speed = speed
        self._clock = clock
        self._lock = threading.Lock()
        self._runs_dry = -math.inf
        self._repeated = 0.0
        """Seconds of the sound to come, as it is made, that were given before."""

    def give(self, sound: float) -> None:
        """Note that `sound` seconds, at the speed at which they were made, follow all before."""
        with self._lock:
            repeated = min(sound, self._repeated)
            self._repeated -= repeated
            self._follow((sound - repeated) / self.speed)

    def pause(self, seconds: float) -> None:
        """Note that seconds of silence, which no speed changes, follow all before."""
        with self._lock:
            self._follow(seconds)

    def again(self, sound: float) -> None:
        """Note that the next `sound` seconds to be given were given before, and are not played twice."""
        with self._lock:
            self._repeated = sound

    @property
    def ahead(self) -> float:
        """Seconds until the playback has no sound left; 0 before the first sound."""
        return max(0.0, self._runs_dry - self._clock())

    def _follow(self, seconds: float) -> None:
        self._runs_dry = max(self._runs_dry, self._clock()) + seconds
