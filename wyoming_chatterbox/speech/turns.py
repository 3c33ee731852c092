"""Whose turn it is: which job a worker advances next. It needs no thread, and no clock but that of the playbacks.

Of the utterances, the one whose playback runs dry first goes on. A second one is begun beside a first that is not
finished only if the machine can keep up with both, and if the first has sound enough until the second's is there, and
some to spare. A machine that is too slow for that finishes one before it begins the next: one late answer is better
than many gaps.
"""

from __future__ import annotations

import math
from typing import Generic, Protocol, TypeVar

from .playback import Playback

MOST_BEGUN = 2
"""Utterances that may be under way at once: each has a KV cache of its own."""
_MARGIN = 1.2
"""Factor on the time that a step is expected to take."""
_TO_SPARE = 1.0
"""Seconds of sound that the first keeps while the second begins. With less, an engine has time for small blocks only,
and a machine that keeps up with two in large blocks may not do so in small ones."""
_NEWEST = 0.3
"""Weight of the latest measurement in the moving averages."""


class Candidate(Protocol):
    """A job that wants to be advanced."""

    @property
    def playback(self) -> Playback | None:
        """Where its sound is played; None for a job that has the worker to itself."""

    @property
    def begun(self) -> bool:
        """Whether it was advanced before."""

    @property
    def unwanted(self) -> bool:
        """Whether nobody awaits it any more: it ends at its next step."""


C = TypeVar("C", bound=Candidate)


class Speed:
    """How fast a worker speaks, by moving averages over its latest steps."""

    def __init__(self) -> None:
        self.beginning = math.inf
        """Seconds until the first sound of an utterance."""
        self._work = self._sound = 0.0

    def learn(self, work: float, sound: float, *, first: bool) -> None:
        """Learn that a step, perhaps an utterance's first, took `work` seconds and made `sound` seconds."""
        if first:
            known = math.isfinite(self.beginning)
            self.beginning = (1 - _NEWEST) * self.beginning + _NEWEST * work if known else work
        self._work = (1 - _NEWEST) * self._work + work
        self._sound = (1 - _NEWEST) * self._sound + sound

    def keeps_up_with(self, playback_speed: float) -> bool:
        """Whether sound can be made so many times as fast as it was spoken; false as long as nothing is known."""
        return self._sound > 0 and playback_speed * _MARGIN * self._work <= self._sound


class Turns(Generic[C]):
    """The jobs of one worker, in the order in which they came.

    A job that has the worker to itself waits for all jobs that came before it, and those that come after wait for it.
    """

    def __init__(self, most_begun: int = MOST_BEGUN) -> None:
        self.speed = Speed()
        self._most_begun = most_begun
        self._jobs: list[C] = []

    def __len__(self) -> int:
        return len(self._jobs)

    def add(self, job: C) -> None:
        """Let a job wait for its turn."""
        self._jobs.append(job)

    def remove(self, job: C) -> None:
        """Take out a job that has ended."""
        self._jobs.remove(job)

    def save_memory(self) -> None:
        """From now on, finish one utterance before the next is begun."""
        self._most_begun = 1

    def next(self) -> C:
        """Choose the job to advance; there must be one."""
        first = next((job for job in self._jobs if job.unwanted), self._jobs[0])
        if first.unwanted or first.playback is None:
            return first
        begun: list[tuple[Playback, C]] = []
        waiting: list[tuple[Playback, C]] = []
        for job in self._jobs:
            if job.playback is None:
                break
            (begun if job.begun else waiting).append((job.playback, job))
        # The first of those that run dry at the same time came first.
        playback, driest = min(begun or waiting, key=_ahead)
        if begun and waiting and len(begun) < self._most_begun:
            its_playback, newcomer = min(waiting, key=_ahead)
            speed = its_playback.speed + sum(other.speed for other, _ in begun)
            enough = max(its_playback.ahead, _MARGIN * self.speed.beginning + _TO_SPARE)
            if playback.ahead > enough and self.speed.keeps_up_with(speed):
                return newcomer
        return driest


def _ahead(candidate: tuple[Playback, Candidate]) -> float:
    return candidate[0].ahead
