"""Signals, and the end of the process: orderly within its grace time, by force after that.

A thread of its own reads the signals and keeps the time, so that neither a blocked event loop nor a hung thread can
delay the end.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from . import faults

_LOGGER = logging.getLogger(__name__)

GRACE_SECONDS = 5.0
"""Seconds that an orderly end may take: Docker and Home Assistant kill the process after ten."""
_LAST_WORDS_SECONDS = 1.0
"""Seconds that writing the rest of the log may take, as nobody may be reading it."""
_WAITING_FUNCTIONS = frozenset({"_worker", "_work", "_write_lines", "_pump_in"})
"""Functions in which a thread waits for something to do: a pool's, a worker's, the log's, standard input's."""
_NO_SIGNAL = 0
"""Stands for a signal's number if the process ends for another reason."""


class Signals:
    """Ends the process at SIGTERM and SIGINT, immediately at the second; calls actions at other signals."""

    def __init__(self, grace: float = GRACE_SECONDS) -> None:
        self.code = 0
        """The exit code."""
        self.reason = ""
        """Why the process ends; empty if a signal ended it."""
        self._grace = grace
        self._actions: dict[int, Callable[[], object]] = {}
        self._source, self._target = socket.socketpair()
        self._target.setblocking(False)
        self._thread = threading.Thread(target=self._read, name="signals", daemon=True)

    def listen(self, stop: Callable[[], object]) -> None:
        """Take signals from now on. Call this in the main thread; another thread calls `stop` to end the process."""
        for number in (signal.SIGTERM, signal.SIGINT):
            self._actions[number] = stop
            signal.signal(number, _pass_on)
        signal.set_wakeup_fd(self._target.fileno(), warn_on_full_buffer=False)
        self._thread.start()
        if hasattr(signal, "SIGUSR1"):
            # SIGUSR1 shows where a thread hangs. There may be no standard error.
            with suppress(AttributeError, OSError, RuntimeError, ValueError):
                faulthandler.register(signal.SIGUSR1)

    def on(self, name: str, action: Callable[[], object]) -> None:
        """Call `action`, in another thread, at each signal `name`, if the system has it."""
        number = getattr(signal, name, None)
        if number is not None:
            self._actions[number] = action
            signal.signal(number, _pass_on)

    def begin_to_end(self, code: int = 0, reason: str = "") -> None:
        """Start the grace time, unless a signal has."""
        if reason:
            self.code, self.reason = code, reason
        self._target.send(bytes([_NO_SIGNAL]))

    def end(self) -> int:
        """Return the exit code; end the process at once if Python would wait for a thread, or one still works."""
        if any(not thread.daemon for thread in self._others()) or _running(self._others()):
            self._leave("")
        return self.code

    def _others(self) -> list[threading.Thread]:
        ours = (threading.main_thread(), threading.current_thread(), self._thread)
        return [thread for thread in threading.enumerate() if thread not in ours]

    def _read(self) -> None:
        deadline: float | None = None
        while True:
            left = None if deadline is None else max(0.0, deadline - time.monotonic())
            readable, _, _ = select.select([self._source], [], [], left)
            if not readable:
                self._leave(f", {self._grace:g} s after it was told to")
            for number in self._source.recv(64):
                if number in (_NO_SIGNAL, signal.SIGTERM, signal.SIGINT):
                    if deadline is None:
                        deadline = time.monotonic() + self._grace
                    elif number != _NO_SIGNAL:
                        self._leave(", as it was told to twice")
                if action := self._actions.get(number):
                    # The event loop may be closed; whatever the error, the next signal must be taken.
                    with suppress(Exception):
                        action()

    def _leave(self, when: str) -> None:
        """Log which threads still run, and end the process."""
        running = _running(self._others())
        because = f" because {self.reason}" if self.reason else ""
        still = f"; still running: {', '.join(running)}" if running else ""

        def last_words() -> None:
            if because or still:
                _LOGGER.warning("The process ends now%s, with exit code %d%s%s", when, self.code, because, still)
            logging.shutdown()

        writing = threading.Thread(target=last_words, name="last words", daemon=True)
        # No thread can start once the interpreter is shutting down.
        with suppress(RuntimeError):
            writing.start()
            writing.join(_LAST_WORDS_SECONDS)
        os._exit(self.code)


def _running(threads: list[threading.Thread]) -> list[str]:
    """Name each thread that works, and where in the code it is."""
    frames = sys._current_frames()
    running = []
    for thread in threads:
        frame = frames.get(thread.ident or 0)
        if frame is not None and frame.f_code.co_name not in _WAITING_FUNCTIONS:
            running.append(f"{thread.name} (at {faults.place(frame)})")
    return running


def _pass_on(*_: object) -> None:
    """Do nothing: Python has written the signal's number to the socket already."""
