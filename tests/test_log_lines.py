"""The log is for people: each thing once, on a short line, in words that say what to do."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.client import plain
from tests.conftest import Tiny
from tests.fakes import FakeEngine
from tests.process import server_process
from tests.serving import serving, until
from wyoming_chatterbox.engine import Engine, Stage
from wyoming_chatterbox.errors import DownloadError
from wyoming_chatterbox.log_format import formatter

STAMP = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d "


def line(level: int, name: str, message: str, *, debug: bool = False, chosen: str | None = None) -> str:
    return formatter(chosen, debug=debug).format(logging.LogRecord(name, level, "", 0, message, None, None))


def test_a_line_is_a_time_and_a_message_and_says_the_level_from_warnings_on() -> None:
    assert re.fullmatch(STAMP + "All is well", line(logging.INFO, "wyoming_chatterbox.engine.loader", "All is well"))
    assert re.fullmatch(STAMP + "All is well", line(logging.INFO, "__main__", "All is well"))
    assert re.fullmatch(
        STAMP + "ERROR: It broke", line(logging.ERROR, "wyoming_chatterbox.speech.lifecycle", "It broke")
    )
    assert re.fullmatch(STAMP + "WARNING: httpx: Slow", line(logging.WARNING, "httpx", "Slow"))


def test_whoever_debugs_sees_where_a_line_is_from_and_a_chosen_format_is_kept() -> None:
    said = line(logging.INFO, "wyoming_chatterbox.server.wyoming_server", "Up", debug=True)
    assert said.endswith(" INFO wyoming_chatterbox.server.wyoming_server: Up")
    assert line(logging.INFO, "__main__", "Up", debug=True, chosen="%(message)s!") == "Up!"


@pytest.mark.slow(8)
async def test_a_server_s_log_says_each_thing_once(tiny: Tiny, tmp_path: Path) -> None:
    flags = ("--model", str(tiny("nano")), "--device", "cpu", "--quantization", "int8")
    async with server_process(tmp_path, *flags) as server:
        await server.answering()
        await server.reaches("ready")
        assert (await server.get("info"))["status"]["detail"] == "nano on cpu at int8"  # type: ignore[index]
        await plain(server.uri, "Yes.")
        await plain(server.uri, "🙂")
        await server.stop()
        said = server.said()
    lines = said.splitlines()
    assert [text for text in lines if not re.match(STAMP + r"\S", text)] == []
    assert [text for text in lines if "wyoming_chatterbox" in text] == []
    (ready,) = [text for text in lines if "int8" in text]
    assert "Chatterbox is ready: nano on cpu, int8 (" in ready
    assert "float32" not in said
    (spoken,) = [text for text in lines if "Spoke" in text]
    assert re.search(r"Spoke \d+\.\d s to 127\.0\.0\.1:\d+ in the voice 'default' \(nano\)", spoken)
    assert "nobody" not in said
    port = server.uri.rpartition(":")[2]
    assert "Only this machine reaches the server. In a Home Assistant on it: Settings > " in said
    assert f"Wyoming Protocol, host 127.0.0.1, port {port}" in said


class FailingLoader:
    """Reports as a loader does, and fails for one of its reasons, the last of them again and again."""

    def __init__(self, *reasons: str) -> None:
        self.reasons = list(reasons)
        self.calls = 0

    def __call__(self, report: Callable[[Stage], None], _cancelled: Callable[[], bool]) -> Engine:
        report(Stage("loading", "PyTorch is being imported"))
        self.calls += 1
        if not self.reasons:
            return FakeEngine("nano")
        raise DownloadError(self.reasons.pop(0), "Check the network.")


async def test_a_retry_that_fails_for_the_same_reason_is_one_short_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    load = FailingLoader("the hub is down", "the hub is down", "the hub is down", "the disk is full")
    async with serving(tmp_path, load=load, first_retry=0.01) as running:
        await until(lambda: running.service.lifecycle.chatterbox is not None)
    told = [record for record in caplog.records if record.name == "wyoming_chatterbox.speech.status"]
    lines = [record.getMessage() for record in told if "standby voice is ready" not in record.getMessage()]
    assert load.calls == 5
    assert lines[0].startswith("Chatterbox is loading: ")
    assert lines[1].startswith("Chatterbox can't speak: the hub is down. Check the network. (the standby voice speaks")
    assert [re.sub(r"\d+ s$", "N s", text) for text in lines[2:4]] == [
        "Chatterbox still can't speak, for the same reason; next try in N s"
    ] * 2
    assert lines[4].startswith("Chatterbox can't speak: the disk is full. ")
    assert lines[5].startswith("Chatterbox is ready: nano on cpu, float32 (")
    assert len(lines) == 6


async def test_a_failure_that_comes_back_later_is_told_in_full_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    load = FailingLoader("the hub is down")
    async with serving(tmp_path, load=load, first_retry=0.01) as running:
        lifecycle = running.service.lifecycle
        await until(lambda: lifecycle.chatterbox is not None)
        load.reasons = ["the hub is down"]
        for _ in range(3):
            assert lifecycle.chatterbox is not None
            lifecycle.failed(lifecycle.chatterbox, RuntimeError("broken"))
        await until(lambda: load.calls == 4 and lifecycle.chatterbox is not None)
    assert caplog.text.count("Chatterbox can't speak: the hub is down") == 2
    assert "still" not in caplog.text
