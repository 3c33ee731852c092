"""The latest lines of the log, for the page and for a report."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from . import faults
from .families import MODELS
from .log_format import harmless
from .precision import PRECISIONS

_KEPT = 500
_OURS = "wyoming_chatterbox"
_PLAIN_WORDS = frozenset(
    {*MODELS, *PRECISIONS, "none", "standby", "starting", "downloading", "loading", "ready", "idle", "failed"}
    | {"cpu", "cuda", "cuda:0", "mps", "HTTP", "Wyoming"}
)
"""Values in a line that say nothing of a person."""


@dataclass(frozen=True)
class Line:
    """One line of the log."""

    time: float
    """By `time.time()`."""
    level: str
    text: str
    """The message and, on further lines, the traceback."""
    bare: str
    """The same without any value that could tell something of a person: words, names, addresses, files."""

    def shown(self) -> dict[str, Any]:
        """Return what `/log` says of the line."""
        return {name: value for name, value in asdict(self).items() if name != "bare"}


class LogTail:
    """Keeps the latest lines, and tells listeners of new ones; safe from any thread."""

    def __init__(self, kept: int = _KEPT) -> None:
        self._lines: deque[Line] = deque(maxlen=kept)
        self._listeners: tuple[Callable[[Line], None], ...] = ()
        self._guard = threading.Lock()

    @property
    def lines(self) -> list[Line]:
        """The lines kept, the oldest first."""
        return list(self._lines)

    def add(self, record: logging.LogRecord) -> None:
        """Keep a record as a line, and tell the listeners."""
        safe = harmless(record)
        text = f"{safe.msg}\n{safe.exc_text}" if safe.exc_text else str(safe.msg)
        line = Line(record.created, record.levelname.lower(), text, _bare(record))
        self._lines.append(line)
        for listener in self._listeners:
            listener(line)

    def listen(self, listener: Callable[[Line], None]) -> None:
        """Call `listener` with each new line, in the thread that logs it; it must neither wait nor raise."""
        with self._guard:
            self._listeners = (*self._listeners, listener)

    def leave(self, listener: Callable[[Line], None]) -> None:
        """Call a listener no more."""
        with self._guard:
            self._listeners = tuple(other for other in self._listeners if other != listener)


def _bare(record: logging.LogRecord) -> str:
    origin = record.name.removeprefix(f"{_OURS}.")
    # The messages of other packages are written beforehand, with whatever they are about.
    said = _without_values(record) if record.name.partition(".")[0] in (_OURS, "__main__") else "..."
    if record.exc_info and record.exc_info[1] is not None:
        said += f" [{_places(record.exc_info[1])}]"
    return f"{origin}: {said}"


def _without_values(record: logging.LogRecord) -> str:
    args = record.args
    if not args:
        return str(record.msg)
    values = tuple(args) if isinstance(args, tuple) else (args,)
    try:
        return str(record.msg) % tuple(value if _says_nothing(value) else _Hidden() for value in values)
    except (TypeError, ValueError):
        return str(record.msg)


def _says_nothing(value: object) -> bool:
    return isinstance(value, (int, float)) or (isinstance(value, str) and value in _PLAIN_WORDS)


class _Hidden:
    def __str__(self) -> str:
        return "..."

    __repr__ = __str__


def _places(error: BaseException) -> str:
    """Name the types of an error and its causes, and the last steps to it in the code."""
    names = [type(error).__name__]
    while (error.__cause__ or error.__context__) is not None and len(names) < 5:
        error = error.__cause__ or error.__context__ or error
        names.append(type(error).__name__)
    steps = []
    trace = error.__traceback__
    while trace is not None:
        steps.append(faults.place(trace.tb_frame, trace.tb_lineno))
        trace = trace.tb_next
    return " from ".join(names) + (f" at {' > '.join(steps[-6:])}" if steps else "")
