"""How far a download is, for the page and for the log."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_LOGGER = logging.getLogger(__name__)
_REPORT_EVERY = 0.1
_LOG_EVERY = 10.0
"""Seconds."""
_LOG_STEP = 0.1
"""Part of the whole."""


@dataclass(frozen=True)
class Progress:
    """How far a download is. All counts of bytes include what was there already."""

    file: str
    file_bytes_done: int
    file_bytes_total: int
    bytes_done: int
    """Of the whole set."""
    bytes_total: int
    files_done: int
    files_total: int
    resumed: int
    """Bytes of the whole set that were there already and are still of use."""


class Tally:
    """Counts bytes and files; reports ten times a second and at each file, logs every 10 % or 10 s."""

    def __init__(self, sizes: Mapping[str, int], there: Mapping[str, int], report: Callable[[Progress], None]) -> None:
        """`sizes` of all files by name, and the bytes that are `there` of some."""
        self._sizes = dict(sizes)
        self._resumed = {name: there.get(name, 0) for name in sizes}
        self._done = dict(self._resumed)
        self._report = report
        self._finished: set[str] = set()
        self._current = ""
        self._began = self._reported = self._logged = time.monotonic()
        self._logged_part = self._part()

    @property
    def bytes_total(self) -> int:
        return sum(max(size, self._done[name]) for name, size in self._sizes.items())

    @property
    def bytes_missing(self) -> int:
        return self.bytes_total - sum(self._done.values())

    @property
    def resumed(self) -> int:
        return sum(self._resumed.values())

    def start(self, name: str) -> None:
        self._current = name
        self._tell()

    def advance(self, count: int) -> None:
        """The current file has `count` bytes now; fewer than before where a server made it start afresh."""
        name = self._current
        self._done[name] = count
        self._resumed[name] = min(self._resumed[name], count)
        now = time.monotonic()
        if now - self._reported >= _REPORT_EVERY:
            self._tell()
        if now - self._logged >= _LOG_EVERY or self._part() - self._logged_part >= _LOG_STEP:
            self._logged, self._logged_part = now, self._part()
            _LOGGER.info(
                "Downloaded %.0f %% of %s, %s; at %s",
                100 * self._part(),
                readable(self.bytes_total),
                self._rate(),
                name,
            )

    def finish(self) -> None:
        """The current file is complete and checked."""
        self._finished.add(self._current)
        self._tell()

    def log_end(self) -> None:
        _LOGGER.info("Downloaded all of %s, %s", readable(self.bytes_total), self._rate())

    def _tell(self) -> None:
        self._reported = time.monotonic()
        name = self._current
        done = self._done[name]
        self._report(
            Progress(
                file=name,
                file_bytes_done=done,
                file_bytes_total=max(self._sizes[name], done),
                bytes_done=sum(self._done.values()),
                bytes_total=self.bytes_total,
                files_done=len(self._finished),
                files_total=len(self._sizes),
                resumed=self.resumed,
            )
        )

    def _part(self) -> float:
        return sum(self._done.values()) / max(1, self.bytes_total)

    def _rate(self) -> str:
        came = sum(self._done.values()) - self.resumed
        return f"{came / 1e6 / max(1e-3, time.monotonic() - self._began):.1f} MB/s"


def readable(count: float) -> str:
    """Bytes in the unit that suits."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"
