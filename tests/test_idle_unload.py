"""With --idle-unload, memory goes back when there is no text, and the model comes back when there is."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from wyoming.client import AsyncClient
from wyoming.tts import SynthesizeChunk, SynthesizeStart, SynthesizeStop

from tests.client import listen, plain, streamed
from tests.conftest import Tiny
from tests.fakes import FakeEngine
from tests.http_serving import SPEECH, http
from tests.process import server_process
from tests.serving import Running, serving, until
from wyoming_chatterbox.engine import Engine, Stage
from wyoming_chatterbox.errors import CheckpointError
from wyoming_chatterbox.speech.lifecycle import Lifecycle

IDLE = ("--idle-unload", "0.05")


class Loads:
    """Loads an engine anew each time, when it is let."""

    def __init__(self) -> None:
        self.engines: list[FakeEngine] = []
        self.failures: list[Exception] = []
        self.go = threading.Event()
        self.go.set()
        self.begun = 0
        self.pause_after: int | None = None

    def __call__(self, report: Callable[[Stage], None], cancelled: Callable[[], bool]) -> Engine:
        self.begun += 1
        while not self.go.wait(0.001):
            if cancelled():
                raise CheckpointError("not wanted any more")
        if self.failures:
            raise self.failures.pop(0)
        self.engines.append(FakeEngine("chatterbox"))
        self.engines[-1].pause_after = self.pause_after
        return self.engines[-1]


async def asleep(running: Running) -> Lifecycle:
    """Wait until Chatterbox has given its memory back."""
    lifecycle = running.service.lifecycle
    await until(lambda: lifecycle.idle)
    return lifecycle


async def test_without_text_for_long_enough_the_memory_is_given_back_and_the_state_says_why(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    load = Loads()
    async with http(tmp_path, *IDLE, load=load, patience=60) as server:
        lifecycle = await asleep(server.running)
        await until(lambda: load.engines[0].closed)
        _, info = await server.get("/info")
        assert info["status"]["state"] == "idle"
        assert "--idle-unload" in info["status"]["detail"]
        assert (await server.get("/health"))[0] == 200
        assert (await server.get("/memory"))[1]["counters"]["unloads"] == 1
        assert [engine["name"] for engine in (await server.get("/memory"))[1]["engines"]] == ["standby"]
        assert lifecycle.chatterbox is None
        assert load.begun == 1
    assert "no text came for 0.05 s" in caplog.text


async def test_text_brings_it_back(tmp_path: Path) -> None:
    load = Loads()
    async with serving(tmp_path, *IDLE, load=load, patience=60) as running:
        for number in range(3):
            await asleep(running)
            assert (await plain(running.uri, "Hello again.")).error is None
            assert load.engines[-1].texts == ["Hello again."]
            assert len(load.engines) == number + 2
        assert running.standby.texts == []


async def test_a_streams_start_brings_it_back_before_there_is_a_sentence(tmp_path: Path) -> None:
    load = Loads()
    async with serving(tmp_path, *IDLE, load=load, patience=60) as running:
        lifecycle = await asleep(running)
        async with AsyncClient.from_uri(running.uri) as client:
            await client.write_event(SynthesizeStart().event())
            await until(lambda: lifecycle.chatterbox is load.engines[-1] and len(load.engines) == 2)
            # However long the first word takes.
            await asyncio.sleep(0.2)
            assert lifecycle.chatterbox is not None
            await client.write_event(SynthesizeChunk(text="Good morning.").event())
            await client.write_event(SynthesizeStop().event())
            assert (await listen(client, "synthesize-stopped")).error is None
        assert load.engines[1].texts == ["Good morning."]
        await asleep(running)


async def test_http_brings_it_back_too(tmp_path: Path) -> None:
    load = Loads()
    async with http(tmp_path, *IDLE, load=load, patience=60) as server:
        await asleep(server.running)
        async with server.client.post(SPEECH, json={"input": "Hello.", "response_format": "pcm"}) as response:
            assert len(await response.read()) > 0
        assert load.engines[1].texts == ["Hello."]


async def test_looking_brings_nothing_back(tmp_path: Path) -> None:
    load = Loads()
    async with http(tmp_path, *IDLE, load=load, patience=60) as server:
        await asleep(server.running)
        for path in ("/info", "/memory", "/config", "/health"):
            assert (await server.get(path))[0] == 200
        async with server.client.post("/memory/cleanup") as response:
            assert response.status == 200
        assert load.begun == 1


async def test_what_is_being_said_is_never_too_long(tmp_path: Path) -> None:
    load = Loads()
    async with serving(tmp_path, *IDLE, load=load, patience=60) as running:
        load.pause_after = 1
        await asleep(running)
        speaking = asyncio.create_task(streamed(running.uri, ["One two. ", "Three."]))
        await until(lambda: load.engines[-1].steps == 1)
        engine = load.engines[-1]
        await asyncio.sleep(0.2)
        assert not engine.closed
        engine.pause_after = None
        await speaking
        assert engine.texts == ["One two.", "Three."]
        await asleep(running)


async def test_where_loading_takes_long_the_standby_voice_speaks_in_between(tmp_path: Path) -> None:
    load = Loads()
    async with serving(tmp_path, *IDLE, load=load, patience=0) as running:
        lifecycle = await asleep(running)
        load.go.clear()
        assert (await plain(running.uri, "Early.")).error is None
        assert running.standby.texts == ["Early."]
        load.go.set()
        await until(lambda: lifecycle.chatterbox is not None)


async def test_without_a_standby_voice_a_text_waits_however_long_it_takes(tmp_path: Path) -> None:
    load = Loads()
    async with http(tmp_path, *IDLE, "--no-standby", load=load) as server:
        await asleep(server.running)
        load.go.clear()
        waiting = asyncio.create_task(plain(server.running.uri, "I can wait."))
        await until(lambda: load.begun == 2)
        assert (await server.get("/health"))[0] == 200
        assert not waiting.done()
        load.go.set()
        assert (await waiting).error is None
        assert load.engines[1].texts == ["I can wait."]


async def test_where_it_cannot_come_back_the_standby_voice_speaks_and_it_is_tried_again(tmp_path: Path) -> None:
    load = Loads()
    async with serving(tmp_path, *IDLE, load=load, patience=60) as running:
        await asleep(running)
        load.failures = [CheckpointError("the disk is gone")]
        assert (await plain(running.uri, "Anyone?")).error is None
        assert running.standby.texts == ["Anyone?"]
        await until(lambda: len(load.engines) == 2)


@pytest.mark.parametrize("flags", [(), ("--idle-unload", "0")])
async def test_unless_asked_for_it_never_goes(tmp_path: Path, flags: tuple[str, ...]) -> None:
    async with serving(tmp_path, *flags) as running:
        await asyncio.sleep(0.2)
        assert running.service.lifecycle.chatterbox is running.chatterbox


@pytest.mark.slow(7)
async def test_from_the_command_line_it_goes_and_comes_back(tiny: Tiny, tmp_path: Path) -> None:
    flags = ("--model", str(tiny("nano")), "--device", "cpu", "--idle-unload", "0.5")
    async with server_process(tmp_path, *flags) as server:
        await server.answering()
        await server.reaches("idle")
        assert (await plain(server.uri, "Hello again.")).error is None
        await server.reaches("idle")
        await until(lambda: server.said().count("Chatterbox gives its memory back") == 2)
        assert "Text arrives: Chatterbox is loaded again" in server.said()
