"""The format of a line of the log, and what makes any message fit for one."""

from __future__ import annotations

import copy
import logging
from traceback import format_exception

from .quoting import visible

_WITH_ORIGIN = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_OURS = frozenset({"wyoming_chatterbox", "__main__"})
_MAX_MESSAGE_LENGTH = 20_000
"""Characters of a message, and of a traceback, that are written."""


def formatter(chosen: str | None, *, debug: bool) -> logging.Formatter:
    """Return the formatter for --log-format; by default lines for people, with --debug also their origin."""
    if chosen is not None:
        return logging.Formatter(chosen)
    return logging.Formatter(_WITH_ORIGIN) if debug else PlainFormatter()


class PlainFormatter(logging.Formatter):
    """Shows time and message; also the level of warnings and errors, and the logger if another package logs."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(message)s", "%Y-%m-%d %H:%M:%S")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802
        level = f"{record.levelname}: " if record.levelno >= logging.WARNING else ""
        origin = "" if record.name.partition(".")[0] in _OURS else f"{record.name}: "
        return f"{record.asctime} {level}{origin}{record.message}"


def harmless(record: logging.LogRecord) -> logging.LogRecord:
    """Return a copy that can't forge another record: invisible characters are escaped, further lines indented."""
    copied = copy.copy(record)
    copied.msg, copied.args = _indented(record.getMessage()), None
    if record.exc_info and record.exc_info[0] is not None:
        traceback = "".join(format_exception(*record.exc_info))
        copied.exc_text = "    " + _indented(traceback[-_MAX_MESSAGE_LENGTH:])
    return copied


def _indented(text: str) -> str:
    shown = text if len(text) <= _MAX_MESSAGE_LENGTH else f"{text[:_MAX_MESSAGE_LENGTH]}... ({len(text)} characters)"
    return "\n    ".join(visible(line) for line in shown.rstrip("\n").split("\n"))
