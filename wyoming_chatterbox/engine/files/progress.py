"""Progress of a download, for the page and for the log."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

_LOGGER = logging.getLogger(__name__)
_REPORT_SECONDS = 0.1
"""Seconds between two reports to the page."""
_FIRST_RATE_SECONDS = 1.0
"""Seconds after which the rate means something."""
_SMOOTHING_SECONDS = 5.0
"""Seconds over which the rate is averaged: newer ones weigh more."""
_LOG_SECONDS = 60.0
"""A line is logged after these seconds, or at each tenth of all bytes."""
_SHOWN_BY_BAR = {"shown_by_bar": True}
"""Marks lines that a terminal shows as a bar."""


@dataclass(frozen=True)
class Progress:
    """Progress of a download. Every count of bytes includes those that were on the disk before."""

    file: str
    file_bytes_done: int
    file_bytes_total: int
    bytes_done: int
    """Bytes of all files so far."""
    bytes_total: int
    files_done: int
    files_total: int
    resumed: int
    """Bytes of all files that were on the disk before and are still of use."""
    rate: float | None = None
    """Bytes a second, smoothed; None at first, and while the connection is broken."""
    resumes_in_seconds: float | None = None
    """Seconds until a connection that broke off is made anew; None if it is not broken."""


class Rate:
    """Bytes a second, averaged with weights that fade with time."""

    def __init__(self, now: float) -> None:
        """`now` is the moment when bytes begin to come, by a monotonic clock in seconds."""
        self._began = self._counted = now
        self._bytes = 0
        self._mean = 0.0
        self.value: float | None = None
        """None until there is something to go by."""

    def add(self, count: int, now: float) -> None:
        """Count bytes that came until `now`; none or fewer is a file that begins anew."""
        self._bytes += max(0, count)
        passed = now - self._counted
        if passed < _REPORT_SECONDS:
            return
        fading = math.exp(-passed / _SMOOTHING_SECONDS)
        self._mean = self._mean * fading + (1 - fading) * self._bytes / passed
        self._bytes, self._counted = 0, now
        age = now - self._began
        if age >= _FIRST_RATE_SECONDS:
            # What the weights of all past seconds make together: at first less than 1.
            self.value = self._mean / (1 - math.exp(-age / _SMOOTHING_SECONDS))


class DownloadTally:
    """Counts bytes and files; reports ten times a second and at each file, logs every 10 % or minute."""

    def __init__(self, sizes: Mapping[str, int], there: Mapping[str, int], report: Callable[[Progress], None]) -> None:
        """`sizes` has the bytes of each file by name, `there` those that are on the disk before the download."""
        self._sizes = dict(sizes)
        self._resumed = {name: there.get(name, 0) for name in sizes}
        self._done = dict(self._resumed)
        self._report = report
        self._finished: set[str] = set()
        self._current = ""
        self._began = self._reported = self._logged = time.monotonic()
        self._logged_tenths = self._tenths()
        self._rate = Rate(self._began)

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
        self._report_progress()

    def advance(self, count: int) -> None:
        """Note that the current file has `count` bytes now: fewer than before if the server starts it afresh."""
        name = self._current
        before, self._done[name] = self._done[name], count
        self._resumed[name] = min(self._resumed[name], count)
        now = time.monotonic()
        self._rate.add(count - before, now)
        if now - self._reported >= _REPORT_SECONDS:
            self._report_progress()
        tenths = self._tenths()
        if self.bytes_missing and (now - self._logged >= _LOG_SECONDS or tenths > self._logged_tenths):
            self._logged, self._logged_tenths = now, tenths
            _LOGGER.info(
                "Downloaded %.0f %% of %s, at %s%s",
                100 * self._part(),
                format_bytes(self.bytes_total),
                self._average(),
                f"; {format_duration(self.bytes_missing / self._rate.value)} left" if self._rate.value else "",
                extra=_SHOWN_BY_BAR,
            )

    def break_off(self, pause: float) -> None:
        """Note that the connection broke off, and is made anew after `pause` seconds."""
        self._rate = Rate(time.monotonic() + pause)
        self._report_progress(pause)

    def finish(self) -> None:
        """Note that the current file is complete and checked."""
        self._finished.add(self._current)
        self._report_progress()

    def log_end(self) -> None:
        took = format_duration(time.monotonic() - self._began)
        _LOGGER.info("Downloaded all of %s in %s, at %s", format_bytes(self.bytes_total), took, self._average())

    def _report_progress(self, pause: float | None = None) -> None:
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
                rate=self._rate.value,
                resumes_in_seconds=pause,
            )
        )

    def _part(self) -> float:
        return sum(self._done.values()) / max(1, self.bytes_total)

    def _tenths(self) -> int:
        return 10 * sum(self._done.values()) // max(1, self.bytes_total)

    def _average(self) -> str:
        came = sum(self._done.values()) - self.resumed
        return f"{came / 1e6 / max(1e-3, time.monotonic() - self._began):.1f} MB/s"


def format_bytes(count: float) -> str:
    """Write a number of bytes in the largest unit that leaves a digit before the point."""
    for unit in ("bytes", "kB", "MB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "bytes" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.2f} GB"


def format_duration(seconds: float) -> str:
    """Write a duration in the largest unit that leaves a digit: `40 s`, `3 min`, `2.5 h`."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"
