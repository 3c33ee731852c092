"""Preparing a voice that somebody waits for, without making all others wait as long."""

from __future__ import annotations

import threading
import time

from ..engine import Engine, Voice
from .scheduler import Scheduler

_TURN_SECONDS = 1.0
"""Seconds that a preparation has the model for while others wait; twice as many the next time, as stages are long."""


async def prepare(scheduler: Scheduler, engine: Engine, voice: Voice) -> None:
    """Prepare a voice in turns: whoever waits meanwhile is spoken to in between.

    Leaving early frees the worker at the next step. Raises what `Engine.prepare` does, and `ShuttingDownError`.
    """
    unwanted = threading.Event()
    seconds = _TURN_SECONDS

    def turn() -> bool:
        until = time.monotonic() + seconds
        return engine.prepare(voice, lambda: unwanted.is_set() or (scheduler.waiting > 0 and time.monotonic() > until))

    try:
        while not await scheduler.call(turn, "preparing a voice", engine):
            seconds *= 2
    finally:
        unwanted.set()
