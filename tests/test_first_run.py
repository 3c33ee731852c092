"""The first start: a person at a terminal sees a bar below the log, and a log without a terminal has lines."""

from __future__ import annotations

import fcntl
import logging
import os
import re
import struct
import termios
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client import PATIENCE
from tests.fakes import FakeEngine
from tests.hub import Hub
from tests.process import server_process
from tests.serving import until
from tests.test_log import join_writers
from wyoming_chatterbox.engine import Stage
from wyoming_chatterbox.engine.files.progress import DownloadTally, format_duration
from wyoming_chatterbox.families import TURBO
from wyoming_chatterbox.log import QueuedHandler
from wyoming_chatterbox.progress_bar import drawing, with_bar

HALF = {"bytes_done": 700_000_000, "bytes_total": 1_400_000_000, "rate": 11e6, "resumes_in_seconds": None}
DOWNLOADING = Stage("downloading", "the nano model is being downloaded", HALF)
LOADING = Stage("loading", "the nano model is being loaded")


class Screen:
    """A terminal of 100 columns, which a program writes to."""

    def __init__(self) -> None:
        self._reader, self.descriptor = os.openpty()
        fcntl.ioctl(self.descriptor, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 100, 0, 0))
        self.written = b""
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        while True:
            try:
                self.written += os.read(self._reader, 65536)
            except OSError:
                return

    def close(self) -> None:
        """The program has written all that it will."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1
        self._thread.join()

    @property
    def lines(self) -> list[str]:
        """The lines that a person sees: one that was erased is gone."""
        shown = []
        for line in self.written.decode().split("\n"):
            now = line.rstrip("\r").split("\x1b[K")[-1]
            assert "\r" not in now
            shown.append(now)
        return shown


@dataclass
class Sheet:
    """Something that shows one line below all others."""

    columns: int = 99
    shown: list[str] = field(default_factory=list)

    def show_below(self, text: str) -> None:
        self.shown.append(text)


def logged(screen: Screen, write: Callable[[QueuedHandler, logging.Logger], None]) -> list[str]:
    """The lines that are seen after `write`, and the end of the process."""
    handler = QueuedHandler(screen.descriptor)
    handler.setFormatter(logging.Formatter("%(message)s"))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    write(handler, logger)
    handler.close()
    join_writers()
    screen.close()
    return screen.lines


def test_log_lines_stay_whole_above_the_bar() -> None:
    screen = Screen()

    def write(terminal: QueuedHandler, logger: logging.Logger) -> None:
        logger.info("before")
        terminal.show_below("bar")
        for number in range(3):
            logger.info("line %d", number)

    assert logged(screen, write) == ["before", "line 0", "line 1", "line 2", ""]
    assert b"line 1\r\nbar" in screen.written


def test_nothing_is_left_of_the_bar_at_the_end_and_nothing_comes_after_it() -> None:
    screen = Screen()

    def write(terminal: QueuedHandler, _logger: logging.Logger) -> None:
        terminal.show_below("bar")
        terminal.close()
        terminal.show_below("late")

    assert logged(screen, write) == [""]
    assert b"bar" in screen.written
    assert b"late" not in screen.written


def test_a_reader_that_was_away_finds_the_latest_bar_and_no_line_is_lost_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    screen = Screen()
    away = threading.Event()
    write_bytes = os.write

    def write_later(descriptor: int, data: bytes) -> int:
        away.wait(PATIENCE)
        return write_bytes(descriptor, data)

    monkeypatch.setattr("wyoming_chatterbox.log.os.write", write_later)

    def write(terminal: QueuedHandler, logger: logging.Logger) -> None:
        logger.info("before")
        for number in range(3000):
            terminal.show_below(f"bar {number}")
        logger.info("after")
        away.set()

    assert logged(screen, write) == ["before", "after", ""]
    assert screen.written.count(b"bar") <= 4


@pytest.mark.parametrize("outcome", ["loaded", "failed"])
def test_the_bar_is_there_while_files_come_and_gone_when_they_are_loaded(outcome: str) -> None:
    sheet = Sheet()
    stages: list[Stage] = []

    def load(report: Callable[[Stage], None], _cancelled: Callable[[], bool]) -> FakeEngine:
        report(DOWNLOADING)
        assert "50 %" in sheet.shown[-1]
        if outcome == "failed":
            raise RuntimeError
        report(LOADING)
        assert sheet.shown[-1] == ""
        return FakeEngine("chatterbox")

    loading = with_bar(load, sheet)
    if outcome == "failed":
        with pytest.raises(RuntimeError):
            loading(stages.append, lambda: False)
    else:
        loading(stages.append, lambda: False)
    assert sheet.shown[-1] == ""
    assert stages[0] == DOWNLOADING


def test_the_bar_tells_part_bytes_rate_and_time_left() -> None:
    drawn = drawing(HALF, 99)
    assert all(part in drawn for part in ("50 %", "700MB of 1.40GB", "11.0 MB/s", "64 s left"))
    assert "broke off" in drawing({**HALF, "rate": None, "resumes_in_seconds": 2.0}, 99)


@given(st.integers(20, 200), st.integers(0, 10**10), st.integers(0, 10**10), st.none() | st.floats(1, 1e9))
def test_the_bar_fits_on_a_line_of_any_terminal(columns: int, done: int, more: int, rate: float | None) -> None:
    drawn = drawing({"bytes_done": done, "bytes_total": done + more, "rate": rate}, columns)
    assert len(drawn) <= columns
    assert "\n" not in drawn


@pytest.mark.parametrize(("seconds", "words"), [(0.4, "0 s"), (89, "89 s"), (120, "2 min"), (9000, "2.5 h")])
def test_a_duration_is_told_in_its_own_unit(seconds: float, words: str) -> None:
    assert format_duration(seconds) == words


def test_lines_tell_the_progress_where_there_is_no_terminal(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        tally = DownloadTally({"t3": 1000}, {}, lambda _: None)
        tally.start("t3")
        for count in range(0, 1001, 10):
            tally.advance(count)
        tally.finish()
        tally.log_end()
    lines = [record.getMessage() for record in caplog.records]
    assert [line.partition(" of ")[0] for line in lines] == [f"Downloaded {part} %" for part in range(10, 91, 10)] + [
        "Downloaded all"
    ]
    assert re.search(r"in \d+ s, at .* MB/s", lines[-1])


@pytest.mark.slow(5)
@pytest.mark.parametrize("where", ["terminal", "pipe"])
async def test_a_server_shows_the_bar_on_a_terminal_alone_and_takes_it_away_when_it_ends(
    tmp_path: Path, where: str
) -> None:
    # How many percent depends on the pieces that the bytes came in.
    told = re.compile(r"Downloaded \d+ % of")
    with Hub() as hub:
        hub.add_family(TURBO, size=1_000_000)
        hub.stall(TURBO.t3[0], after=900_000)
        screen = Screen()
        stderr = screen.descriptor if where == "terminal" else None
        async with server_process(tmp_path, "--model", "turbo", hub=hub.url, stderr=stderr) as server:
            await server.answering()
            await server.reaches("downloading")
            if where == "terminal":
                await until(lambda: b"Downloading" in screen.written)
            else:
                await until(lambda: told.search(server.said()) is not None)
            assert await server.stop() == 0
        screen.close()
        seen = "\n".join(screen.lines) if where == "terminal" else server.said()
    assert "are downloaded from 127.0.0.1" in seen
    assert "|" not in seen
    assert "\x1b" not in seen
    assert (told.search(seen) is not None) == (where == "pipe")
