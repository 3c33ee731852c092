"""When Chatterbox is loaded again after a failure, and at which precision: the whole policy."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from ..errors import ChatterboxError, HungError, OutOfMemoryError, TextError
from ..faults import message
from ..problem import Problem

_MAX_FAILED_UTTERANCES = 3
"""Utterances in a row that Chatterbox may fail to speak before it is loaded again."""


@dataclass(frozen=True)
class Failure:
    """Why Chatterbox can't speak, and when it is loaded again."""

    message: str
    hint: str
    wait: float
    """Seconds from the failure to the next try."""
    retry_at: float
    """When the next try is due, by `time.monotonic()`."""
    problem: Problem
    """The same as `message`, for a program to put into words."""
    kind: str = "Exception"
    """The type of the error, which says nothing of what was spoken."""

    @property
    def left(self) -> float:
        """Seconds from now until the next try, 0 if it is due."""
        return max(0.0, self.retry_at - time.monotonic())


@dataclass(frozen=True)
class LowerPrecision:
    """Memory ran out, and Chatterbox is loaded again at once at a lower precision."""

    precision: str


class RetryPolicy:
    """Decides after each failure whether and when to load Chatterbox again.

    Where memory ran out, it is loaded again at once, one precision lower. Otherwise the waits double from one failure
    to the next, until Chatterbox has spoken.
    """

    def __init__(self, first: float, longest: float, lower_precision: Callable[[], str | None]) -> None:
        """`first` and `longest` wait, in seconds.

        `lower_precision` has the next load choose one precision lower than the last, and returns its name; None if
        there is none lower.
        """
        self._first = first
        self._longest = longest
        self._lower_precision = lower_precision
        self._wait = 0.0
        self._failed_utterances = 0

    def loaded(self) -> None:
        """Note that Chatterbox is loaded: its failed utterances are counted from 0."""
        self._failed_utterances = 0

    def spoke(self) -> None:
        """Note that Chatterbox has spoken an utterance: the next wait is the first again."""
        self._failed_utterances = 0
        self._wait = 0.0

    def asked(self) -> None:
        """Note that a person wants a try now: if it fails too, the next wait is the first again."""
        self._wait = 0.0

    def must_reload(self, error: Exception) -> bool:
        """Count an utterance that failed; return whether Chatterbox has to be loaded again because of it.

        It has to where memory ran out, or after three failures in a row. A text that can't be spoken doesn't count,
        nor does a hang, which the scheduler notices.
        """
        if isinstance(error, TextError | HungError):
            return False
        self._failed_utterances += 1
        return isinstance(error, OutOfMemoryError) or self._failed_utterances >= _MAX_FAILED_UTTERANCES

    def after(self, error: BaseException) -> Failure | LowerPrecision:
        """Decide what comes after a failure: a load at a lower precision at once, or a wait and the reason for it."""
        out_of_memory = isinstance(error, MemoryError)
        if out_of_memory and (precision := self._lower_precision()):
            return LowerPrecision(precision)
        self._wait = min(self._wait * 2 or self._first, self._longest)
        hint = getattr(error, "hint", "") or (
            "Give it more memory, or choose a smaller --model or --dtype."
            if out_of_memory
            else "See the log; --debug shows more."
        )
        problem = error.problem if isinstance(error, ChatterboxError) else Problem()
        if out_of_memory:
            problem = OutOfMemoryError.problem
        return Failure(message(error), hint, self._wait, time.monotonic() + self._wait, problem, type(error).__name__)
