"""Reading a recording's file in a thread of its own: it may lie on a network share that hangs."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent import futures
from functools import partial
from pathlib import Path
from typing import Any, Generic, TypeVar

from ...daemon_thread import in_daemon_thread
from ...errors import SlowRecordingError
from ...problem import Problem

T = TypeVar("T")

_PATIENCE_SECONDS = 20.0
"""Seconds that a reading may take."""
_ASK_SECONDS = 0.05
"""Seconds between two checks for cancellation while a file is read."""


class Reader:
    """Reads one file at a time in a daemon thread. If that thread hangs, no other reading begins."""

    def __init__(self) -> None:
        self._latest: futures.Future[Any] | None = None

    def begin(self, read: Callable[[], T]) -> futures.Future[T] | None:
        """Start `read` in a thread; return None while an earlier file is still being read."""
        if self._latest is not None and not self._latest.done():
            return None
        begun = self._latest = in_daemon_thread(read, "recording")
        return begun


class Reading(Generic[T]):
    """One reading of a file. Waiting for it may be interrupted, and resumed."""

    def __init__(self, reader: Reader, path: Path, read: Callable[[Path], T]) -> None:
        self._reader = reader
        self._path = path
        self._read = partial(read, path)
        self._begun: futures.Future[T] | None = None

    def result(self, ask: Callable[[], None]) -> T:
        """Wait for what was read; `ask()` is called every moment, and an exception from it ends the wait.

        Raises what `read` raises, and `SlowRecordingError` if the file has not answered for 20 s.
        """
        until = time.monotonic() + _PATIENCE_SECONDS
        while True:
            self._begun = self._begun or self._reader.begin(self._read)
            if self._begun is None:
                time.sleep(_ASK_SECONDS)
            elif futures.wait([self._begun], _ASK_SECONDS).done:
                return self._begun.result()
            ask()
            if time.monotonic() > until:
                raise SlowRecordingError(
                    f"{self._path} can't be read: its folder has not answered for {_PATIENCE_SECONDS:g} s.",
                    Problem("folder-silent", {"folder": str(self._path.parent), "seconds": _PATIENCE_SECONDS}),
                )
