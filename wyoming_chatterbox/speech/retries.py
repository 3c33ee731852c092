"""When Chatterbox is tried again after it failed, and how that is explained."""

from __future__ import annotations

import time
from dataclasses import dataclass

from ..faults import message


@dataclass(frozen=True)
class Failure:
    """Why Chatterbox can't speak."""

    message: str
    hint: str
    wait: float
    """Seconds until the next try."""
    retry_at: float
    """`time.monotonic()` of it."""

    @property
    def left(self) -> float:
        """Seconds from now until the next try, 0 if it is due."""
        return max(0.0, self.retry_at - time.monotonic())


class Retries:
    """Waits that double from one failure to the next, until Chatterbox has spoken."""

    def __init__(self, first: float, longest: float) -> None:
        """The first wait and the longest, in seconds."""
        self._first = first
        self._longest = longest
        self._wait = 0.0

    def reset(self) -> None:
        """Note that all is well: the next wait is the first again."""
        self._wait = 0.0

    def after(self, error: BaseException) -> Failure:
        """Explain a failure, and say when to try again."""
        self._wait = min(self._wait * 2 or self._first, self._longest)
        hint = getattr(error, "hint", "") or (
            "Give it more memory, or choose a smaller --model or --dtype."
            if isinstance(error, MemoryError)
            else "See the log; --debug shows more."
        )
        return Failure(message(error), hint, self._wait, time.monotonic() + self._wait)
