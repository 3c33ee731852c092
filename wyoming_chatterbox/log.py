"""The log: records become lines of text, which a thread of its own writes to standard error.

The reader of standard error may be slow, or never read at all. Lines wait in a queue of limited length, so that logging
never waits for the reader; a line is dropped and counted if the queue is full. Lines of one kind that come again and
again are counted instead of repeated, and no character of a message can forge a line or control a terminal.
"""

from __future__ import annotations

import logging
import math
import os
import queue
import select
import sys
import threading
import time
from dataclasses import dataclass

from .config import Config
from .log_format import formatter, harmless
from .log_tail import LogTail

_NOISY_LIBRARIES = ("httpx", "huggingface_hub")
_MAX_WAITING_LINES = 1000
"""The most lines that wait to be written."""
_CLOSE_SECONDS = 1.0
"""Seconds that `close` waits for the reader."""
_WINDOW_SECONDS = 60.0
_MAX_KINDS = 256


SHOWN_BY_BAR = "shown_by_bar"
"""Attribute of a record that tells how far something is: a terminal shows a bar instead."""
_NEXT_BELOW = "\0"
"""Stands among the lines for the text below them; a line ends with a line feed."""
_ERASE = "\r\x1b[K"
"""Makes a terminal forget its last line."""


def set_up(options: Config) -> tuple[LogTail, QueuedHandler | None]:
    """Log to standard error as `--log-format` and `--debug` say, Python's warnings included.

    Return what keeps the latest lines and, if standard error is a terminal, what shows a line below them.
    """
    tail = LogTail()
    handler = QueuedHandler(_standard_error(), tail=tail)
    handler.setFormatter(formatter(options.log_format, debug=options.debug))
    logging.basicConfig(level=logging.DEBUG if options.debug else logging.INFO, handlers=[handler])
    logging.captureWarnings(True)
    if not options.debug:
        for name in _NOISY_LIBRARIES:
            logging.getLogger(name).setLevel(logging.WARNING)
    return tail, handler if handler.is_terminal else None


def close() -> None:
    """Write the waiting lines, for a second at most. Call it before `os._exit`, or before a last message."""
    logging.shutdown()


class Repeats:
    """Decides which records are written, and counts the others.

    Records of one kind share their logger, their level and their message, apart from the values in it. In a minute, ten
    of a kind are written if they are warnings or worse, and a hundred of the level INFO; the rest are counted, and the
    count is logged at the end of the minute. All DEBUG records are written.
    """

    def __init__(self) -> None:
        self._kinds: dict[tuple[str, int, str], _Kind] = {}

    def admits(self, record: logging.LogRecord, now: float) -> bool:
        """Whether to write `record`; `now` is in seconds of a monotonic clock."""
        if record.levelno < logging.INFO:
            return True
        key = (record.name, record.levelno, str(record.msg))
        kind = self._kinds.get(key)
        if kind is None:
            if len(self._kinds) >= _MAX_KINDS:
                return True
            kind = self._kinds[key] = _Kind(now + _WINDOW_SECONDS, 10 if record.levelno >= logging.WARNING else 100)
        kind.left -= 1
        if kind.left == 0:
            kind.example = record.getMessage()
        return kind.left >= 0

    def pause(self, now: float) -> float | None:
        """Return the seconds until there may be a count to log; None if there is nothing to wait for."""
        kind = next(iter(self._kinds.values()), None)
        return None if kind is None else max(0.0, kind.ends - now)

    def counted(self, now: float) -> list[logging.LogRecord]:
        """Return a record for each kind whose minute is over and of which some records were not written."""
        told = []
        # All minutes are equally long, so they end in the order in which they began.
        while (pause := self.pause(now)) is not None and pause <= 0:
            key = next(iter(self._kinds))
            kind = self._kinds.pop(key)
            if kind.left < 0:
                name, level, _ = key
                told.append(_record(name, level, "%d more lines like this came: %s", -kind.left, kind.example[:200]))
        return told


@dataclass
class _Kind:
    ends: float
    left: int
    """Records that may still be written; below zero, minus the number of those that were not."""
    example: str = ""


class QueuedHandler(logging.Handler):
    """Writes lines to a file descriptor, in a thread of its own; without a descriptor, nowhere."""

    def __init__(
        self, descriptor: int | None, capacity: int = _MAX_WAITING_LINES, *, tail: LogTail | None = None
    ) -> None:
        """`tail` keeps what is written, and what is dropped because the reader is slow."""
        super().__init__()
        self._tail = tail
        self._descriptor = descriptor
        self.is_terminal = descriptor is not None and os.isatty(descriptor) and os.environ.get("TERM") != "dumb"
        """Whether a person looks at the lines, and a line can be erased."""
        self._below = ""
        """The text below all lines, as it is shown; only the writing thread uses it."""
        self._next_below: str | None = None
        """The text that is to be shown there next, so that a slow reader finds the latest one alone."""
        self._capacity = capacity
        self._repeats = Repeats()
        self._dropped = 0
        self._closed = False
        self._guard = threading.RLock()
        # Not a `queue.Queue`: a finaliser may log in the middle of another record's `put`.
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._write_lines, name="log", daemon=True)
        self._thread.start()

    def handle(self, record: logging.LogRecord) -> bool:
        """Put a record into the queue without the handler's own lock: `logging.shutdown` holds that while it waits."""
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Put a record into the queue, or count it; never wait."""
        try:
            with self._guard:
                if self._repeats.admits(record, time.monotonic()):
                    self._put(record)
        except Exception:
            self.handleError(record)

    @property
    def columns(self) -> int:
        """Columns that a line may fill without being wrapped."""
        try:
            return max(20, os.get_terminal_size(self._descriptor or 0).columns - 1)
        except OSError:
            return 79

    def show_below(self, text: str) -> None:
        """Show this text below the last line, in place of what was shown there; only on a terminal."""
        with self._guard:
            if self.is_terminal and not self._closed:
                if self._next_below is None:
                    self._lines.put(_NEXT_BELOW)
                self._next_below = text

    def close(self) -> None:
        """Log the counts, and wait a moment until the lines are written."""
        with self._guard:
            if self._closed:
                return
            self._closed = True
            self._tell(math.inf, self._capacity)
            self._lines.put(None)
        self._thread.join(_CLOSE_SECONDS)
        super().close()

    def _put(self, record: logging.LogRecord) -> None:
        if self._tail is not None:
            self._tail.add(record)
        if self.is_terminal and hasattr(record, SHOWN_BY_BAR):
            return
        if self._lines.qsize() < self._capacity:
            self._lines.put(self.format(harmless(record)) + "\n")
        else:
            self._dropped += 1

    def _tell(self, now: float, waiting: int) -> None:
        """Log the counts of repeated records; and of dropped lines, once no more than `waiting` lines wait."""
        for record in self._repeats.counted(now):
            self._put(record)
        if self._dropped and self._lines.qsize() <= waiting:
            text = "%d log lines were dropped: they came faster than they were read"
            self._lines.put(self.format(_record(__name__, logging.WARNING, text, self._dropped)) + "\n")
            self._dropped = 0

    def _write_lines(self) -> None:
        while True:
            try:
                line = self._lines.get(timeout=self._pause())
            except queue.Empty:
                line = ""
            erase = _ERASE if self._below else ""
            if line is None:
                self._write(erase.encode())
                return
            if line is _NEXT_BELOW:
                with self._guard:
                    line = self._below = self._next_below or ""
                    self._next_below = None
            elif line:
                line += self._below
            else:
                erase = ""
            self._write((erase + line).encode("utf-8", "backslashreplace"))
            with self._guard:
                self._tell(time.monotonic(), self._capacity // 2)

    def _pause(self) -> float | None:
        with self._guard:
            return self._repeats.pause(time.monotonic())

    def _write(self, data: bytes) -> None:
        # Not through `sys.stderr`: a thread that is stuck there holds a lock that the end of the process needs.
        while data and self._descriptor is not None:
            try:
                data = data[os.write(self._descriptor, data) :]
            except BlockingIOError:
                select.select([], [self._descriptor], [])
            except OSError:
                # The reader is gone.
                return


def _record(name: str, level: int, message: str, *values: object) -> logging.LogRecord:
    return logging.LogRecord(name, level, __file__, 0, message, values, None)


def _standard_error() -> int | None:
    try:
        return sys.stderr.fileno()
    except (AttributeError, OSError):
        # It was closed when the process began, or has no file descriptor.
        return None
