"""Chatterbox speaks whenever it can, the standby voice whenever it can't."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.client import plain, streamed
from tests.fakes import FakeEngine
from tests.serving import serving, until
from wyoming_chatterbox.engine import Engine, Stage
from wyoming_chatterbox.errors import CheckpointError, DownloadError, EngineError, OutOfMemoryError, TextError

Report = Callable[[Stage], None]


class SlowLoader:
    """Loads when the test says so; fails with what the test gives it."""

    def __init__(self) -> None:
        self.engine = FakeEngine("chatterbox")
        self.go = threading.Event()
        self.failures: list[Exception] = []
        self.calls = 0

    def __call__(self, report: Report, cancelled: Callable[[], bool]) -> Engine:
        self.calls += 1
        report(Stage("downloading", "the tiny model is being downloaded", {"bytes_done": 1, "bytes_total": 2}))
        while not self.go.wait(0.001):
            if cancelled():
                raise EngineError("not wanted any more")
        if self.failures:
            raise self.failures.pop(0)
        return self.engine


async def test_the_standby_voice_speaks_until_chatterbox_is_ready(tmp_path: Path) -> None:
    load = SlowLoader()
    async with serving(tmp_path, load=load) as running:
        await plain(running.uri, "Early.")
        assert running.standby.texts == ["Early."]
        await until(lambda: running.service.lifecycle.stage.state == "downloading")
        state = running.service.lifecycle.snapshot()
        assert (state["state"], state["progress"]) == ("downloading", {"bytes_done": 1, "bytes_total": 2})
        load.go.set()
        await until(lambda: running.service.lifecycle.chatterbox is not None)
        await plain(running.uri, "Late.")
        assert load.engine.texts == ["Late."]
        assert running.service.lifecycle.snapshot()["state"] == "ready"


async def test_no_reply_in_progress_changes_its_voice(tmp_path: Path) -> None:
    load = SlowLoader()
    async with serving(tmp_path, load=load) as running:
        running.standby.go_on.clear()
        task = asyncio.create_task(streamed(running.uri, ["One two. ", "Three is. ", "Four."]))
        await until(lambda: running.standby.texts == ["One two."])
        load.go.set()
        await until(lambda: running.service.lifecycle.chatterbox is not None)
        running.standby.go_on.set()
        await task
        assert running.standby.texts == ["One two.", "Three is.", "Four."]
        assert load.engine.texts == []


failed_loads = pytest.mark.parametrize(
    "failure",
    [
        DownloadError("t3.safetensors can't be had: the hub is down", "Check the network."),
        CheckpointError("t3.safetensors is cut off", "Delete it."),
        OutOfMemoryError("the device is full"),
        RuntimeError("something unforeseen"),
        MemoryError(),
    ],
    ids=lambda failure: type(failure).__name__,
)


@failed_loads
async def test_a_failed_load_is_explained_while_the_standby_voice_speaks(
    tmp_path: Path, failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    load = SlowLoader()
    load.failures = [failure]
    load.go.set()
    async with serving(tmp_path, load=load, first_retry=600.0) as running:
        lifecycle = running.service.lifecycle
        await until(lambda: lifecycle.failure is not None)
        state = lifecycle.snapshot()
        assert state["state"] == "failed"
        assert (str(failure) or "MemoryError") in state["error"]
        assert state["hint"]
        assert 0 < state["retry_in_seconds"] <= 600
        assert state["error"] in caplog.text
        assert (await plain(running.uri, "Still here.")).error is None
        assert running.standby.texts == ["Still here."]


@failed_loads
async def test_a_failed_load_is_tried_again(tmp_path: Path, failure: Exception) -> None:
    load = SlowLoader()
    load.failures = [failure]
    load.go.set()
    async with serving(tmp_path, load=load, first_retry=0.01) as running:
        lifecycle = running.service.lifecycle
        await until(lambda: lifecycle.chatterbox is not None)
        assert lifecycle.snapshot()["error"] is None
        assert load.calls == 2


async def test_waits_between_tries_grow(tmp_path: Path) -> None:
    load = SlowLoader()
    load.failures = [EngineError("no")] * 3
    load.go.set()
    waits: list[float] = []
    async with serving(tmp_path, load=load, first_retry=0.02) as running:
        lifecycle = running.service.lifecycle
        while lifecycle.chatterbox is None:
            if lifecycle.failure is not None and lifecycle.failure.wait not in waits:
                waits.append(lifecycle.failure.wait)
            await asyncio.sleep(0.002)
    assert waits == pytest.approx([0.02, 0.04, 0.08])


async def test_an_engine_that_fails_to_close_is_replaced_all_the_same(tmp_path: Path) -> None:
    class Stuck(FakeEngine):
        def close(self) -> None:
            raise RuntimeError("CUDA error: device-side assert triggered")

    load = SlowLoader()
    load.go.set()
    load.engine = stuck = Stuck("chatterbox")
    async with serving(tmp_path, load=load) as running:
        lifecycle = running.service.lifecycle
        await until(lambda: lifecycle.chatterbox is stuck)
        load.engine = FakeEngine("chatterbox")
        stuck.failures = [OutOfMemoryError("the device is full")] * 2
        await plain(running.uri, "One.")
        await until(lambda: lifecycle.chatterbox is load.engine)
        load.engine.close = stuck.close  # type: ignore[method-assign]


async def test_texts_that_no_engine_could_speak_are_not_held_against_it(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        running.chatterbox.failures = [TextError("the text has too many tokens")] * 4
        for _ in range(4):
            assert (await plain(running.uri, "One.")).error is None
        assert running.service.lifecycle.attempts == 1


async def test_without_a_standby_voice_clients_get_errors_that_say_why(tmp_path: Path) -> None:
    load = SlowLoader()
    async with serving(tmp_path, "--no-standby", load=load) as running:
        heard = await plain(running.uri, "Hello?")
        assert heard.types == ["error"]
        assert heard.error is not None
        assert heard.error.code == "not-ready"
        assert "being downloaded" in heard.error.text
        heard = await streamed(running.uri, ["Hello?"])
        assert heard.types == ["error", "audio-stop", "synthesize-stopped"]
        load.go.set()
        await until(lambda: running.service.lifecycle.chatterbox is not None)
        assert (await plain(running.uri, "Hello!")).error is None


async def test_out_of_memory_gives_the_memory_back_and_loads_afresh(tmp_path: Path) -> None:
    load = SlowLoader()
    load.go.set()
    async with serving(tmp_path, load=load) as running:
        lifecycle = running.service.lifecycle
        await until(lambda: lifecycle.chatterbox is not None)
        first, load.engine = load.engine, FakeEngine("chatterbox")
        first.failures = [OutOfMemoryError("the device is full")] * 2
        assert (await plain(running.uri, "One one. Two.")).error is None
        assert running.standby.texts == ["One one.", "Two."]
        await until(lambda: lifecycle.chatterbox is load.engine)
        assert first.closed
        await plain(running.uri, "Three.")
        assert load.engine.texts == ["Three."]


async def test_a_single_failure_is_forgiven_and_three_in_a_row_are_not(tmp_path: Path) -> None:
    load = SlowLoader()
    load.go.set()
    async with serving(tmp_path, load=load) as running:
        lifecycle = running.service.lifecycle
        await until(lambda: lifecycle.chatterbox is not None)
        for _ in range(2):
            load.engine.failures = [EngineError("a hiccup")]
            await plain(running.uri, "One.")
            await plain(running.uri, "Two.")
        assert load.calls == 1
        load.engine.failures = [EngineError("broken")] * 3
        for _ in range(3):
            assert (await plain(running.uri, "One.")).error is None
        await until(lambda: load.calls == 2)
        assert load.engine.closed


async def test_a_broken_standby_voice_leaves_chatterbox_alone(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        running.standby.failures = [EngineError("hoarse")] * 5
        assert (await plain(running.uri, "One.")).error is None


async def test_an_unexpected_error_after_a_load_has_chatterbox_closed_and_loaded_again(tmp_path: Path) -> None:
    engines: list[FakeEngine] = []
    faults = [RuntimeError("nobody expected this")]

    def load(_report: Report, _cancelled: Callable[[], bool]) -> Engine:
        engines.append(FakeEngine("chatterbox"))
        return engines[-1]

    def settle() -> None:
        if faults:
            raise faults.pop()

    async with serving(tmp_path, load=load, settle=settle) as running:
        await until(lambda: running.service.lifecycle.chatterbox is not None)
        await plain(running.uri, "Here again.")
        first, second = engines
        assert first.closed
        assert (first.texts, second.texts) == ([], ["Here again."])
