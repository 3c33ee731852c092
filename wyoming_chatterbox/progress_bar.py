"""A bar that shows a person at a terminal how far the download is; a log without a terminal has lines instead."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from .engine import Engine, Stage

_DRAW_SECONDS = 0.2
"""Seconds between two drawings."""
_WIDEST = 120
"""Columns."""
_LAYOUT = "{desc} {percentage:3.0f} % |{bar}| {n_fmt}B of {total_fmt}B{postfix}"

Report = Callable[[Stage], None]
Load = Callable[[Report, Callable[[], bool]], Engine]


class Terminal(Protocol):
    """Shows one line below all others."""

    @property
    def columns(self) -> int:
        """Columns that a line may fill without being wrapped."""

    def show_below(self, text: str) -> None:
        """Show this text below the last line, in place of what was shown there; nothing if it is empty."""


def with_bar(load: Load, terminal: Terminal | None) -> Load:
    """Let `terminal` show the downloads of `load`; without a terminal, return `load` as it is."""
    if terminal is None:
        return load
    drawn = -_DRAW_SECONDS

    def loading(report: Report, cancelled: Callable[[], bool]) -> Engine:
        def reported(stage: Stage) -> None:
            nonlocal drawn
            report(stage)
            progress = stage.progress if stage.state == "downloading" else None
            if progress is None:
                terminal.show_below("")
            elif time.monotonic() - drawn >= _DRAW_SECONDS:
                terminal.show_below(drawing(progress, terminal.columns))
                drawn = time.monotonic()

        try:
            return load(reported, cancelled)
        finally:
            terminal.show_below("")

    return loading


def drawing(progress: Mapping[str, Any], columns: int) -> str:
    """Draw the bar of a download, at most `columns` wide: its part, bytes, rate and time left."""
    from tqdm import tqdm

    from .engine.files.progress import format_duration

    done, total, rate = progress["bytes_done"], progress["bytes_total"], progress["rate"]
    told = ""
    if progress.get("resumes_in_seconds") is not None:
        told = "the connection broke off"
    elif rate:
        told = f"{rate / 1e6:.1f} MB/s, {format_duration((total - done) / rate)} left"
    drawn: str = tqdm.format_meter(
        done,
        max(total, 1),
        0,
        ncols=min(columns, _WIDEST),
        prefix="Downloading",
        ascii=" #",
        unit_scale=True,
        bar_format=_LAYOUT,
        postfix=told,
    )
    return drawn[:columns]
