"""The format of a line of the log."""

from __future__ import annotations

import logging

_WITH_ORIGIN = "%(asctime)s %(levelname)s %(name)s: %(message)s"
_OURS = frozenset({"wyoming_chatterbox", "__main__"})


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
