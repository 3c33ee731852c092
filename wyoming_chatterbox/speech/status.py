"""How Chatterbox is: the state that `/info`, the page and the log tell a person."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

from .. import faults
from ..engine import Description, Stage
from ..errors import HungError
from .retries import Failure, LowerPrecision
from .scheduler import Scheduler

_LOGGER = logging.getLogger(__name__)

_FRESH_SECONDS = 5.0
"""Seconds without news of a download after which its rate says nothing."""


@dataclass
class LoadCounters:
    """Numbers since the server's start."""

    loads: int = 0
    """Times that Chatterbox was loaded."""
    unloads: int = 0
    """Times that Chatterbox gave its memory back because no text came."""
    out_of_memory: int = 0
    """Times that memory ran out, while Chatterbox was loaded or spoke."""
    lowered: int = 0
    """Times that Chatterbox went on at a lower precision because memory ran out."""


class Status:
    """Chatterbox's stage, its latest failure, and what was counted."""

    def __init__(self, scheduler: Scheduler, idle_unload: float | None) -> None:
        """`idle_unload` in seconds, as the lifecycle has it."""
        self.failure: Failure | None = None
        self.about: Description | None = None
        """Chatterbox as it was loaded the last time."""
        self.attempts = 0
        """Loads tried since the start."""
        self.counters = LoadCounters()
        self._scheduler = scheduler
        self._idle_unload = idle_unload
        self._stage = Stage("starting", "the server has just started")
        self._since = self._entered = time.monotonic()

    @property
    def stage(self) -> Stage:
        """The stage that Chatterbox has reached."""
        return self._stage

    @property
    def trouble(self) -> str | None:
        """Say why the server needs help, as a sentence without a full stop; None where it doesn't."""
        return self._scheduler.trouble

    def describe(self) -> str:
        """Describe the state in one sentence for a person."""
        if self.trouble is not None:
            return f"{self.trouble}. {HungError.hint}"
        if self.failure is not None and self.stage.state == "failed":
            return f"{self.failure.message}. {self.failure.hint} Next try in {self.failure.left:.0f} s".strip()
        return self.stage.detail

    def snapshot(self) -> dict[str, Any]:
        """Return the state, for `/info`."""
        failure = self.failure
        return {
            "state": self.stage.state,
            "state_seconds": round(time.monotonic() - self._since, 1),
            "detail": self.stage.detail,
            "progress": self._progress(),
            "attempts": self.attempts,
            "idle_unload_seconds": self._idle_unload,
            "error": failure.message if failure else None,
            "hint": failure.hint if failure else None,
            "problem": self._problem(failure) if failure else None,
            "retry_in_seconds": round(failure.left, 1) if failure and self.trouble is None else None,
        }

    def enter(self, stage: Stage) -> bool:
        """Note a stage; return whether its state is another than before."""
        changed = stage.state != self._stage.state
        self._entered = time.monotonic()
        if changed:
            self._since = self._entered
        self._stage = stage
        return changed

    def loading(self, stage: Stage) -> bool:
        """Note a stage of loading, and log it; return whether its state is another than before."""
        changed = self.enter(stage)
        if changed:
            # After a failure, only the end of the next try is worth a line.
            level = logging.INFO if self.failure is None else logging.DEBUG
            _LOGGER.log(level, "Chatterbox is %s: %s", stage.state, stage.detail)
        return changed

    def ready(self, about: Description) -> None:
        """Note that Chatterbox is loaded, and log it."""
        self.counters.loads += 1
        self.failure = None
        self.about = about
        self.enter(Stage("ready", f"{about.name} on {about.device} at {about.precision}"))
        _LOGGER.info("Chatterbox is ready: %s on %s, %s (%s)", about.name, about.device, about.precision, about.reason)

    def idle(self) -> None:
        """Note that Chatterbox gives its memory back because no text came, and log it."""
        self.counters.unloads += 1
        why = f"no text came for {self._idle_unload:g} s (--idle-unload)"
        self.enter(Stage("idle", f"{why}, so Chatterbox gave its memory back; with the next text it is loaded again"))
        _LOGGER.info("Chatterbox gives its memory back: %s", why)

    def lowered(self, lower: LowerPrecision, error: BaseException) -> None:
        """Note that Chatterbox is loaded again at a lower precision, and log it."""
        self._count(error)
        self.counters.lowered += 1
        self.failure = None
        self.enter(Stage("loading", f"the model is loaded again at {lower.precision}, because memory ran out"))
        message = str(error) or type(error).__name__
        _LOGGER.warning("%s. Chatterbox is loaded again, one precision lower: %s", message.rstrip("."), lower.precision)

    def failed(self, failure: Failure, error: BaseException, *, has_standby: bool) -> None:
        """Note why Chatterbox can't speak, and log it: briefly where the reason is that of the failure before."""
        self._count(error)
        before, self.failure = self.failure, failure
        self.enter(Stage("failed", failure.message))
        if before is not None and (before.message, before.hint) == (failure.message, failure.hint):
            _LOGGER.warning("Chatterbox still can't speak, for the same reason; next try in %.0f s", failure.wait)
            return
        stand_in = "the standby voice speaks meanwhile" if has_standby else "there is no standby voice"
        when = "it is tried again" if isinstance(error, HungError) else f"next try in {failure.wait:.0f} s"
        _LOGGER.error("Chatterbox can't speak: %s. %s (%s; %s)", faults.told(error), failure.hint, stand_in, when)

    def _progress(self) -> dict[str, Any] | None:
        """Return the progress of a download as it is now, with the seconds that it still takes."""
        progress = self.stage.progress
        if progress is None or not {"bytes_done", "bytes_total", "rate"} <= progress.keys():
            return progress
        age = time.monotonic() - self._entered
        rate, pause = progress.get("rate"), progress.get("resumes_in_seconds")
        if age > _FRESH_SECONDS:
            rate = None
        left = (progress["bytes_total"] - progress["bytes_done"]) / rate if rate else None
        return {
            **progress,
            "rate": round(rate) if rate is not None else None,
            "seconds_left": round(left, 1) if left is not None else None,
            "resumes_in_seconds": round(max(0.0, pause - age), 1) if pause is not None else None,
        }

    @staticmethod
    def _problem(failure: Failure) -> dict[str, Any]:
        return {
            "code": failure.problem.code,
            "values": dict(failure.problem.values),
            "error": failure.message,
            "hint": failure.hint,
        }

    def _count(self, error: BaseException) -> None:
        self.counters.out_of_memory += isinstance(error, MemoryError)
