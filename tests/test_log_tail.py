"""The latest lines of the log, and a report that holds nothing private."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
import soundfile
from wyoming.tts import SynthesizeVoice

from tests.client import plain
from tests.fakes import FakeEngine
from tests.http_serving import SPEECH, Http, http
from tests.process import server_process
from tests.serving import until
from wyoming_chatterbox.errors import DownloadError
from wyoming_chatterbox.log import QueuedHandler
from wyoming_chatterbox.log_tail import Line, LogTail
from wyoming_chatterbox.problem import Problem

TOKEN = "open-sesame-7"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
SECRET_TEXT = "Grandmother hides the emeralds under the birch"
SECRET_VOICE = "ottilie-mirabelle"


def record(message: str, *args: Any, name: str = "wyoming_chatterbox.test", level: int = 20) -> logging.LogRecord:
    return logging.LogRecord(name, level, __file__, 1, message, args, None)


def test_the_latest_lines_are_kept() -> None:
    tail = LogTail(kept=3)
    for number in range(5):
        tail.add(record("line %d", number))
    assert [line.text for line in tail.lines] == ["line 2", "line 3", "line 4"]
    assert tail.lines[0].shown().keys() == {"time", "level", "text"}


def test_listeners_hear_new_lines_until_they_leave() -> None:
    tail, heard = LogTail(), list[Line]()
    tail.listen(heard.append)
    tail.add(record("one"))
    tail.leave(heard.append)
    tail.add(record("two"))
    assert [line.text for line in heard] == ["one"]


@pytest.mark.parametrize(
    ("told", "bare"),
    [
        (record("Spoke %.1f s to %s in the voice %s (%s)", 1.5, "192.168.1.5:1", "'alice'", "nano"),
         "test: Spoke 1.5 s to ... in the voice ... (nano)"),
        (record("Chatterbox is %s: %s", "ready", "/srv/me/x"), "test: Chatterbox is ready: ..."),
        (record("%(name)s", {"name": "alice"}), "test: %(name)s"),
        (record("nothing to hide"), "test: nothing to hide"),
        (record("told beforehand: alice", name="aiohttp.web"), "aiohttp.web: ..."),
        (record("/srv/me/x.py:3: UserWarning", name="py.warnings"), "py.warnings: ..."),
    ],
)  # fmt: skip
def test_a_bare_line_keeps_numbers_and_our_own_words(told: logging.LogRecord, bare: str) -> None:
    tail = LogTail()
    tail.add(told)
    assert tail.lines[0].bare == bare


def test_a_bare_error_has_types_and_places_but_no_message() -> None:
    tail = LogTail()
    handler = QueuedHandler(None, tail=tail)
    logger = logging.getLogger("wyoming_chatterbox.test")
    logger.addHandler(handler)
    try:
        try:
            raise ValueError(SECRET_TEXT) from KeyError(SECRET_VOICE)
        except ValueError:
            logger.exception("It failed")
    finally:
        logger.removeHandler(handler)
        handler.close()
    (line,) = tail.lines
    assert SECRET_TEXT in line.text
    assert line.bare.startswith("test: It failed [ValueError from KeyError")
    assert SECRET_TEXT not in line.bare
    assert SECRET_VOICE not in line.bare


def test_lines_that_are_only_counted_are_not_kept_either() -> None:
    tail = LogTail()
    handler = QueuedHandler(None, tail=tail)
    for number in range(50):
        handler.emit(record("again %d", number, level=logging.WARNING))
    handler.close()
    assert len(tail.lines) == 11
    assert "more lines like this" in tail.lines[-1].text


def test_no_line_can_forge_another() -> None:
    tail = LogTail()
    tail.add(record("%s", "one\nERROR two\x1b[2J"))
    assert tail.lines[0].text == "one\n    ERROR two\\x1b[2J"


@asynccontextmanager
async def logged(directory: Path, *flags: str, **options: Any) -> AsyncIterator[Http]:
    """A server whose whole log is kept, debugging included."""
    logger = logging.getLogger()
    before = logger.level
    async with http(directory, "--debug", *flags, **options) as server:
        handler = QueuedHandler(None, tail=server.running.service.log)
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)
        try:
            yield server
        finally:
            logger.setLevel(before)
            logger.removeHandler(handler)
            handler.close()


async def report(server: Http) -> str:
    async with server.client.get("/report", headers=BEARER) as response:
        assert (response.status, response.content_type) == (200, "text/plain")
        return await response.text()


async def test_log_has_the_lines(tmp_path: Path) -> None:
    async with logged(tmp_path) as server:
        await plain(server.running.uri, "One.")
        await until(lambda: any("Spoke" in line.text for line in server.running.service.log.lines))
        _, answer = await server.get("/log")
    spoke = next(line for line in answer["lines"] if "Spoke" in line["text"])
    assert spoke["level"] == "info"
    assert "'default'" in spoke["text"]


async def test_a_report_holds_nothing_private(tmp_path: Path) -> None:
    home = tmp_path / "home-of-ottilie"
    (home / "voices").mkdir(parents=True)
    soundfile.write(home / "voices" / f"{SECRET_VOICE}.wav", np.random.default_rng(0).normal(0, 0.1, 48000), 24000)
    (home / "voices" / "broken-mirabelle.wav").write_text("no sound")
    engine = FakeEngine("chatterbox")
    flags = ("--http-token", TOKEN, "--voice", SECRET_VOICE, "--zeroconf", "ottilies-kitchen", "--dtype", "float16")
    async with logged(home, *flags, load=lambda *_: engine) as server:
        await until(lambda: server.running.service.lifecycle.chatterbox is not None)
        await plain(server.running.uri, SECRET_TEXT, SynthesizeVoice(name=SECRET_VOICE))
        engine.failures = [RuntimeError(SECRET_TEXT) for _ in range(6)]
        async with server.client.post(SPEECH, json={"input": SECRET_TEXT}, headers=BEARER) as response:
            await response.read()
        async with server.client.post(SPEECH, json={"input": SECRET_TEXT, "voice": "mirabelle"}, headers=BEARER) as no:
            assert no.status == 400
        async with server.client.get(f"/{SECRET_VOICE}") as no:
            assert no.status == 401
        logging.getLogger("aiohttp.web").error("told beforehand: %s", SECRET_TEXT)
        logging.getLogger("wyoming_chatterbox.web").warning("%s", home)
        told = await report(server)
        whole = str([line.text for line in server.running.service.log.lines])
    assert "ottilie" in whole, "there was something to hide"
    for private in (SECRET_TEXT, "emeralds", "ottilie", "mirabelle", TOKEN, str(tmp_path), str(Path.home()), "127.0.0"):
        assert private not in told, told
    assert "dtype: float16 (flag)" in told
    assert "voice: set (flag)" in told
    assert "http_token: set (flag)" in told
    assert "2 voices, 1 broken recordings" in told


async def test_a_report_says_what_is_wrong(tmp_path: Path) -> None:
    def failing(*_: object) -> FakeEngine:
        problem = Problem("no-space", {"place": "/srv/ottilie", "bytes_needed": 12345, "bytes_free": 7})
        raise DownloadError("/srv/ottilie has too little space", "Free it, ottilie.", problem)

    async with logged(tmp_path, load=failing, first_retry=300) as server:
        await until(lambda: server.running.service.lifecycle.failure is not None)
        told = await report(server)
    assert "problem: no-space (DownloadError, bytes_needed 12345, bytes_free 7)" in told
    assert "ottilie" not in told


@pytest.mark.slow(6)
async def test_a_real_server_keeps_its_log_from_the_first_line(tmp_path: Path) -> None:
    async with server_process(tmp_path, "--debug") as server:
        await server.answering()
        async with aiohttp.ClientSession() as session:
            while True:
                answer: Any = await server.get("log")
                if any("is up" in line["text"] for line in answer["lines"]):
                    break
                await asyncio.sleep(0.05)
            async with session.get(f"{server.http}/report") as response:
                told = await response.text()
    assert "is up" in told
    for private in (str(tmp_path), str(Path.home()) + "/", "127.0.0.1"):
        assert private not in told
