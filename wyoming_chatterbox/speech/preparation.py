"""Preparing a voice for a reply that waits for it, in turns with other replies."""

from __future__ import annotations

import threading
import time

from ..engine import Engine, Voice
from .scheduler import Scheduler

_TURN_SECONDS = 1.0
"""Seconds of a preparation's first turn while others wait; each further turn is twice as long, as stages are long."""


async def prepare(scheduler: Scheduler, engine: Engine, voice: Voice) -> None:
    """Prepare a voice in turns; waiting utterances are spoken in between.

    Leaving early frees the worker at the next step. Raises the errors of `Engine.prepare`, and `ShuttingDownError`.
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
