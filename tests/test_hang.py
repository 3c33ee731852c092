"""An engine that hangs is noticed: others speak, the server says that it needs help, and the engine is loaded anew."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.client import CYCLE, describe, plain, streamed
from tests.fakes import FakeEngine
from tests.http_serving import SPEECH, Http, http
from tests.serving import until
from wyoming_chatterbox import health_check
from wyoming_chatterbox.engine import Utterance, Voice
from wyoming_chatterbox.errors import HungError, ShuttingDownError
from wyoming_chatterbox.health_check import UnhealthyError

pytestmark = pytest.mark.slow(1)

BASE = 1.0
"""Seconds that an engine may be silent: enough for a fake's thread to get its turn on a busy machine."""


class Engines:
    """Loads a fake after a fake."""

    def __init__(self) -> None:
        self.made: list[FakeEngine] = []

    def __call__(self, *_: object) -> FakeEngine:
        self.made.append(FakeEngine("chatterbox"))
        return self.made[-1]


@asynccontextmanager
async def with_engines(
    directory: Path, *flags: str, base: float = BASE, give_up: float = 60.0
) -> AsyncIterator[tuple[Http, Engines]]:
    """A server whose engines hang no longer than the test, however it ends."""
    engines = Engines()
    async with http(directory, *flags, load=engines, base=base, give_up=give_up) as server:
        await until(lambda: server.running.service.lifecycle.chatterbox is not None)
        try:
            yield server, engines
        finally:
            for engine in (*engines.made, server.running.standby):
                engine.stuck.clear()
                engine.go_on.set()


async def test_the_standby_voice_says_the_rest_and_what_waits_and_the_engine_comes_back(tmp_path: Path) -> None:
    async with with_engines(tmp_path) as (server, engines):
        running, engine = server.running, engines.made[0]
        engine.pause_after = 1
        first = asyncio.create_task(plain(running.uri, "One " + "and another of many words " * 8 + "last."))
        await until(lambda: engine.steps == 1)
        waiting = [asyncio.create_task(plain(running.uri, "Waiting.")) for _ in range(3)]
        await until(lambda: running.scheduler.waiting == 4)
        engine.stuck.set()
        for heard in [await first, *[await task for task in waiting]]:
            assert heard.types == CYCLE
        assert running.standby.texts[0].endswith("last.")
        assert sorted(running.standby.texts[1:]) == ["Waiting."] * 3
        # No second wait for the one that hangs.
        assert (await plain(running.uri, "Later.")).types == CYCLE
        assert running.standby.texts[-1] == "Later."
        assert engine.texts == ["One " + "and another of many words " * 8 + "last."]

        status, health = await server.get("/health")
        assert (status, health["status"]) == (503, "hung")
        assert "no sign of life" in health["message"]
        with pytest.raises(UnhealthyError, match=r"Chatterbox hangs: no sign of life for \d+ s while it was speaking"):
            await health_check.check(running.uri, 10)
        assert (await describe(running.uri)).tts[0].voices, "to other clients it is an answer as ever"
        state = (await server.get("/info"))[1]["status"]
        assert (state["state"], state["retry_in_seconds"]) == ("failed", None)

        engine.stuck.clear()
        await until(lambda: running.service.lifecycle.chatterbox is not None)
        assert engine.closed
        assert (await server.get("/health"))[0] == 200
        await health_check.check(running.uri, 10)
        await plain(running.uri, "Again.")
        assert engines.made[1].texts == ["Again."]


async def test_strangers_are_told_in_a_word(tmp_path: Path) -> None:
    async with with_engines(tmp_path, "--http-token", "a-long-secret-of-many-letters") as (server, engines):
        engines.made[0].stuck.set()
        await plain(server.running.uri, "One.")
        assert await server.get("/health") == (503, {"status": "hung"})


async def test_without_a_standby_voice_listeners_get_an_error_that_says_why(tmp_path: Path) -> None:
    async with with_engines(tmp_path, "--no-standby") as (server, engines):
        engines.made[0].stuck.set()
        heard = await streamed(server.running.uri, ["One. ", "Two."])
        assert heard.types == ["error", "audio-stop", "synthesize-stopped"]
        assert heard.error is not None
        assert heard.error.code == "hung"
        heard = await plain(server.running.uri, "Three.")
        assert heard.error is not None
        assert "no sign of life" in heard.error.text
        assert (await server.refusal(input="Four."))[0] == 503
        engines.made[0].stuck.clear()
        await until(lambda: server.running.service.lifecycle.chatterbox is not None)
        assert (await plain(server.running.uri, "Five.")).types == CYCLE


async def test_the_log_says_what_hangs_and_where(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with with_engines(tmp_path) as (server, engines):
        engines.made[0].stuck.set()
        await plain(server.running.uri, "One.")
    line = next(record.message for record in caplog.records if record.message.startswith("Chatterbox hangs"))
    assert "while it was speaking" in line
    assert "(at tests/fakes.py:" in line


async def test_what_hangs_while_nobody_listens_is_noticed_too(tmp_path: Path) -> None:
    async with with_engines(tmp_path) as (server, engines):
        engine = engines.made[0]
        leaving = asyncio.create_task(plain(server.running.uri, "One two."))
        engine.stuck.set()
        await until(lambda: engine.texts == ["One two."])
        leaving.cancel()
        await until(lambda: server.running.service.lifecycle.trouble is not None)
        await plain(server.running.uri, "Next.")
        assert server.running.standby.texts == ["Next."]


async def test_of_two_under_way_none_is_made_to_its_end_for_a_listener_who_does_not_read(tmp_path: Path) -> None:
    """When the call that hung returns, both have listeners who were told, and who may not have noticed yet."""
    async with with_engines(tmp_path) as (server, engines):
        scheduler, engine = server.running.scheduler, engines.made[0]
        begun = [
            scheduler.speak(engine, Utterance("word " * 10_000, Voice("own", "en"), seed=1)),
            scheduler.speak(engine, Utterance("word " * 10_000, Voice("own", "en"), seed=2)),
        ]
        await anext(begun[0])
        await anext(begun[1])
        engine.stuck.set()
        await scheduler.main.hung.wait()
        steps = engine.steps
        engine.stuck.clear()
        await scheduler.main.returned.wait()
        assert engine.steps == steps
        await until(lambda: server.running.service.lifecycle.chatterbox is not None)
        assert engine.closed
        assert scheduler.waiting == 0
        for blocks in begun:
            with pytest.raises(HungError):
                while True:
                    await anext(blocks)


async def test_other_work_on_the_worker_is_watched_with_more_patience(tmp_path: Path) -> None:
    async with with_engines(tmp_path, base=0.2) as (server, engines):
        scheduler, engine = server.running.scheduler, engines.made[0]
        engine.stuck.set()
        with pytest.raises(HungError, match="preparing alice"):
            await scheduler.call(engine.clean, "preparing alice")
        # While it hangs, nothing waits for it.
        async with server.client.post("/memory/cleanup") as response:
            assert response.status == 200
        with pytest.raises(HungError):
            await scheduler.call(lambda: None)
        assert scheduler.waiting == 0
        await plain(server.running.uri, "One.")
        assert server.running.standby.texts == ["One."]


async def test_an_idle_engine_that_hangs_on_its_way_out_leaves_the_standby_voice(tmp_path: Path) -> None:
    class Clinging(FakeEngine):
        def close(self) -> None:
            self._hang()
            super().close()

    engines = Engines()
    clinging = Clinging("chatterbox")
    clinging.stuck.set()
    load = [clinging, FakeEngine("chatterbox")]
    async with http(tmp_path, "--idle-unload", "0.05", load=lambda *_: load.pop(0), base=0.1, patience=0.0) as server:
        try:
            await until(lambda: server.running.service.lifecycle.trouble is not None)
            assert (await plain(server.running.uri, "One.")).types == CYCLE
            assert server.running.standby.texts == ["One."]
        finally:
            clinging.stuck.clear()
        await until(lambda: clinging.closed and not load)
    assert not engines.made


async def test_a_standby_voice_that_hangs_leaves_chatterbox_alone(tmp_path: Path) -> None:
    async with with_engines(tmp_path) as (server, engines):
        running = server.running
        engines.made[0].failures = [RuntimeError("a hiccup")]
        running.standby.stuck.set()
        heard = await plain(running.uri, "One.")
        assert heard.error is not None
        assert heard.error.code == "hung"
        assert "The standby voice hangs" in (await server.get("/health"))[1]["message"]
        assert (await plain(running.uri, "Two.")).types == CYCLE
        assert engines.made[0].texts == ["One.", "Two."]
        running.standby.stuck.clear()
        await until(lambda: running.service.lifecycle.trouble is None)


async def test_the_two_speak_at_the_same_time(tmp_path: Path) -> None:
    async with with_engines(tmp_path) as (server, engines):
        running = server.running
        engines.made[0].go_on.clear()
        speaking = asyncio.create_task(plain(running.uri, "Chatterbox takes its time."))
        await until(lambda: len(engines.made[0].texts) == 1)
        block = [block async for block in running.scheduler.speak(running.standby, engines.made[0].said[0])]
        assert len(block) == 4
        assert not speaking.done()
        engines.made[0].go_on.set()
        assert (await speaking).types == CYCLE


async def test_one_that_does_not_return_is_lost_but_nobody_is_cut_off(tmp_path: Path) -> None:
    async with with_engines(tmp_path, give_up=0.3) as (server, engines):
        running = server.running
        engines.made[0].stuck.set()
        running.standby.pause_after = 1
        listening = asyncio.create_task(plain(running.uri, "One two."))
        await until(lambda: running.standby.steps == 1)
        await asyncio.sleep(1.0)
        assert not running.service.lifecycle.lost.is_set(), "somebody listens"
        running.standby.pause_after = None
        assert (await listening).types == CYCLE
        await until(running.service.lifecycle.lost.is_set)


async def test_closing_waits_for_no_engine_that_hangs(tmp_path: Path) -> None:
    async with with_engines(tmp_path, base=60) as (server, engines):
        scheduler, engine = server.running.scheduler, engines.made[0]
        engine.stuck.set()
        call = asyncio.create_task(scheduler.call(engine.clean))
        queued = asyncio.create_task(scheduler.call(lambda: None))
        await until(lambda: scheduler.busy)
        await scheduler.close()
        with pytest.raises(ShuttingDownError):
            await queued
        call.cancel()
        await server.running.service.lifecycle.close()
        assert not engine.closed, "its thread is still in the middle of it"


async def test_speech_over_http_goes_on_too(tmp_path: Path) -> None:
    async with with_engines(tmp_path) as (server, engines):
        engines.made[0].stuck.set()
        async with server.client.post(SPEECH, json={"input": "One two.", "response_format": "pcm"}) as response:
            assert len(await response.read()) > 0
        assert server.running.standby.texts == ["One two."]
