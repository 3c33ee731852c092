"""The server as it is, but its Chatterbox is a fake, and what a file in the data directory names hangs.

python -m tests.hanging_server --data-dir DIRECTORY ...

While DIRECTORY/hang-speaking, hang-preparing, hang-closing, hang-loading or hang-folder is there, that hangs: the
engine in an utterance, as it prepares a voice, or as it is closed; the loading; whatever lists the voices directory, as
on a network drive. The environment's HANGING_BASE and HANGING_GIVE_UP are the seconds until a hang is noticed and until
it is given up, and HANGING_GRACE those that it has to end.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from tests.fakes import FakeEngine
from wyoming_chatterbox import __main__ as server
from wyoming_chatterbox.engine import Block, Utterance
from wyoming_chatterbox.signals import Signals
from wyoming_chatterbox.speech.lifecycle import Lifecycle
from wyoming_chatterbox.speech.scheduler import Scheduler

DIRECTORY = Path(sys.argv[sys.argv.index("--data-dir") + 1])


def hang(what: str) -> None:
    """Hang while the file is there; say so in a file of its own."""
    file = f"{DIRECTORY}/hang-{what}"
    # Whenever somebody looks where this thread is, it is here: neither call has lines of its own.
    if os.access(file, os.F_OK):
        (DIRECTORY / f"hangs-{what}").touch()
    while os.access(file, os.F_OK):
        time.sleep(0.01)


class Hanging(FakeEngine):
    """Speaks with a beep, when it doesn't hang."""

    def speak(self, utterance: Utterance, cancelled: Callable[[], bool]) -> Iterator[Block]:
        if utterance.voice.recording is not None:
            hang("preparing")
        for block in super().speak(utterance, cancelled):
            hang("speaking")
            yield block

    def close(self) -> None:
        hang("closing")
        super().close()


class Loader:
    """Loads it at once, when that doesn't hang."""

    def __init__(self, *_: object) -> None:
        """The options are no matter."""

    def __call__(self, *_: object) -> FakeEngine:
        hang("loading")
        return Hanging("chatterbox")

    def lower(self) -> None:
        """There is no lower precision."""


def hanging(listing: Callable[..., Any]) -> Callable[..., Any]:
    """List a directory as ever, but hang at the voices."""

    def listed(path: Any = ".", *arguments: Any) -> Any:
        if Path(os.fsdecode(path)) == DIRECTORY / "voices":
            hang("folder")
        return listing(path, *arguments)

    return listed


if __name__ == "__main__":
    os.listdir = hanging(os.listdir)
    os.scandir = hanging(os.scandir)
    server.Loader = Loader  # type: ignore[assignment, attr-defined]
    if base := os.environ.get("HANGING_BASE"):
        server.Scheduler = partial(Scheduler, base=float(base))  # type: ignore[assignment, attr-defined]
        give_up = float(os.environ["HANGING_GIVE_UP"])
        server.Lifecycle = partial(Lifecycle, give_up=give_up)  # type: ignore[assignment, attr-defined]
    if grace := os.environ.get("HANGING_GRACE"):
        server.Signals = partial(Signals, grace=float(grace))  # type: ignore[assignment, attr-defined]
    sys.exit(server.main())
