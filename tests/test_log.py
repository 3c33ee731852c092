"""The log: nobody waits for its reader, nobody forges a line of it, and nobody fills the disk with it."""

from __future__ import annotations

import asyncio
import fcntl
import logging
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.client import describe, raw
from tests.process import server_process
from tests.serving import until
from wyoming_chatterbox.log import QueuedHandler, Repeats

BAD_CLIENT = b"{nonsense\n"
MINUTE = 60.0


class Pipe:
    """A small pipe, for standard error to be; nobody reads before `read_all` does, until all writers are gone."""

    def __init__(self) -> None:
        self.reader, self.writer = os.pipe()
        self.said = ""
        fcntl.fcntl(self.writer, fcntl.F_SETPIPE_SZ, 4096)

    def close_writer(self) -> None:
        os.close(self.writer)

    def read_all(self) -> str:
        while data := os.read(self.reader, 4096):
            self.said += data.decode(errors="replace")
        os.close(self.reader)
        return self.said


@contextmanager
def logger(descriptor: int | None) -> Iterator[logging.Logger]:
    """A logger that writes to `descriptor`, and is closed at the end."""
    handler = QueuedHandler(descriptor, capacity=100)
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    made = logging.Logger("test", logging.DEBUG)
    made.addHandler(handler)
    try:
        yield made
    finally:
        handler.close()


def join_writers() -> None:
    """Wait until the threads that write are done: they must not write to a descriptor that is another's by then."""
    for thread in threading.enumerate():
        if thread.name == "log":
            thread.join()


def written(log_all: Callable[[logging.Logger], None], *, read_late: bool = False) -> list[str]:
    """The lines that are read in the end, at once or only when everything has been logged."""
    pipe = Pipe()
    with ThreadPoolExecutor(1) as executor, logger(pipe.writer) as log:
        reading = None if read_late else executor.submit(pipe.read_all)
        log_all(log)
        reading = reading or executor.submit(pipe.read_all)
        log.handlers[0].close()
        join_writers()
        pipe.close_writer()
        return reading.result().splitlines()


def record(level: int, message: str, *values: object) -> logging.LogRecord:
    return logging.LogRecord("server", level, "server.py", 1, message, values, None)


def test_a_message_forges_no_line_and_commands_no_terminal() -> None:
    evil = "one\nERROR forged\r\x1b[2J\x07\u202e\x9b\u2028ünd"
    lines = written(lambda log: log.warning("%s", evil))
    assert lines == ["WARNING one", r"    ERROR forged\r\x1b[2J\x07\u202e\x9b\u2028ünd"]


def test_a_traceback_can_be_told_from_the_lines_around_it() -> None:
    def fail(log: logging.Logger) -> None:
        try:
            raise ValueError("bad\nERROR forged\x1b[2J")
        except ValueError:
            log.exception("It failed")

    first, *others = written(fail)
    assert first == "ERROR It failed"
    assert others[0] == "    Traceback (most recent call last):"
    assert others[-2:] == ["    ValueError: bad", r"    ERROR forged\x1b[2J"]


def test_a_huge_message_is_cut() -> None:
    (line,) = written(lambda log: log.warning("%s", "x" * 4_000_000))
    assert len(line) < 25_000
    assert line.endswith("(4000000 characters)")


def test_repeated_lines_are_counted_and_others_are_not() -> None:
    repeats = Repeats()
    floods = [record(logging.WARNING, "%s is turned away", f"client {number}") for number in range(30_000)]
    assert sum(repeats.admits(flood, now=0.001 * number) for number, flood in enumerate(floods)) == 10
    assert repeats.admits(record(logging.WARNING, "Something else"), now=30.0)
    assert repeats.admits(record(logging.ERROR, "%s is turned away", "client"), now=30.0)
    assert repeats.counted(MINUTE - 1) == []
    (told,) = repeats.counted(MINUTE)
    assert (told.name, told.levelno) == ("server", logging.WARNING)
    assert told.getMessage() == "29990 more lines like this came: client 9 is turned away"
    assert repeats.admits(floods[0], now=MINUTE + 1), "the next minute begins anew"


def test_a_line_for_each_reply_of_a_home_is_no_flood() -> None:
    repeats = Repeats()
    assert all(repeats.admits(record(logging.INFO, "%s heard", number), now=0.5 * number) for number in range(100))
    assert all(repeats.admits(record(logging.DEBUG, "detail"), now=1.0) for _ in range(10_000))


def test_what_was_counted_is_told_at_the_end() -> None:
    def flood(log: logging.Logger) -> None:
        for number in range(25):
            log.warning("Client %d is turned away", number)

    lines = written(flood)
    assert lines[-1] == "WARNING 15 more lines like this came: Client 9 is turned away"
    assert len(lines) == 11


def many(log: logging.Logger) -> None:
    for number in range(5000):
        log.debug("line %d", number)


def test_a_reader_that_rests_costs_lines_and_learns_how_many() -> None:
    lines = written(many, read_late=True)
    dropped = [int(line.split()[1]) for line in lines if "log lines were dropped" in line]
    assert dropped
    assert sum(line.startswith("DEBUG line") for line in lines) + sum(dropped) == 5000


@pytest.mark.slow(2)
def test_the_end_does_not_wait_for_a_reader_that_never_reads() -> None:
    pipe = Pipe()
    with logger(pipe.writer) as log:
        many(log)
    os.close(pipe.reader)
    join_writers()
    pipe.close_writer()


@pytest.mark.parametrize("gone", ["reader", "writer", "nothing was there"])
def test_a_standard_error_that_is_gone_is_no_error(gone: str, capfd: pytest.CaptureFixture[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    if gone == "writer":
        os.close(writer)
    with logger(None if gone == "nothing was there" else writer) as log:
        many(log)
    join_writers()
    if gone != "writer":
        os.close(writer)
    assert capfd.readouterr().err == ""


@pytest.mark.slow(2)
async def test_a_server_whose_standard_error_nobody_reads_goes_on_serving(tmp_path: Path) -> None:
    pipe = Pipe()
    async with server_process(tmp_path, "--debug", stderr=pipe.writer) as server:
        pipe.close_writer()
        await server.answering()
        odd = b'{"type": "odd"}\n' * 3000
        for _ in range(2):
            await raw(server.uri, odd + BAD_CLIENT)
        assert (await describe(server.uri)).tts
        reading = asyncio.create_task(asyncio.to_thread(pipe.read_all))
        await until(lambda: "log lines were dropped" in pipe.said)
    await reading


@pytest.mark.slow(2)
async def test_a_server_whose_standard_error_nobody_reads_can_be_stopped(tmp_path: Path) -> None:
    pipe = Pipe()
    async with server_process(tmp_path, "--debug", stderr=pipe.writer) as server:
        pipe.close_writer()
        await server.answering()
        await raw(server.uri, b'{"type": "odd"}\n' * 3000 + BAD_CLIENT)
        assert await server.stop() == 0
    pipe.read_all()


@pytest.mark.slow(2)
async def test_a_flood_of_bad_clients_is_a_few_lines(tmp_path: Path) -> None:
    async with server_process(tmp_path) as server:
        await server.answering()
        for _ in range(10):
            await asyncio.gather(*(raw(server.uri, BAD_CLIENT) for _ in range(30)))
        await server.stop()
        assert "290 more lines like this came: 127.0.0.1:" in server.said()
        assert len(server.said().splitlines()) < 60
