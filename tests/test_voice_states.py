"""All voices are prepared when they are found, and how far each is can be seen."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from wyoming.tts import SynthesizeVoice

from tests.client import PATIENCE, plain
from tests.http_serving import http
from tests.serving import Running, serving, until
from tests.test_voices import record
from wyoming_chatterbox.engine import VOICES_KEPT, Voice
from wyoming_chatterbox.errors import VoiceError
from wyoming_chatterbox.speech import idle_preparation


def states(running: Running) -> dict[str, str]:
    state = running.service.preparation.state
    return {voice.name: state(voice) for voice in running.service.voices.catalogue.voices}


def asked(running: Running) -> list[str]:
    return [voice.name for voice in running.chatterbox.asked_to_prepare]


def many(folder: Path, number: int) -> None:
    content = record(folder / "000.wav").read_bytes()
    for each in range(number):
        (folder / f"{each:03}.wav").write_bytes(content)


async def test_a_voice_waits_is_prepared_and_is_ready(tmp_path: Path) -> None:
    for name in ("alice", "bob"):
        record(tmp_path / "voices" / f"{name}.wav")
    async with http(tmp_path) as server:
        running = server.running
        await found(running, 2)
        assert states(running) == {"default": "ready", "alice": "waiting", "bob": "waiting"}
        running.chatterbox.go_on_preparing.clear()
        running.preparation.start()
        await until(lambda: asked(running) == ["alice"])
        assert states(running) == {"default": "ready", "alice": "preparing", "bob": "waiting"}
        told = (await server.get("/info"))[1]
        assert told["preparation"] == {"recording": "alice.wav", "ready": 0, "preparing": 1, "waiting": 1, "broken": 0}
        assert [voice["state"] for voice in told["voices"]] == ["ready", "preparing", "waiting"]
        running.chatterbox.go_on_preparing.set()
        await until(lambda: set(states(running).values()) == {"ready"})
        told = (await server.get("/info"))[1]
        assert told["preparation"] == {"recording": None, "ready": 2, "preparing": 0, "waiting": 0, "broken": 0}


async def test_one_that_cannot_be_cloned_is_broken_and_one_that_a_reply_prepared_is_ready(tmp_path: Path) -> None:
    path = record(tmp_path / "voices" / "alice.wav")
    record(tmp_path / "voices" / "bob.wav")
    async with serving(tmp_path) as running:
        await found(running, 2)
        await plain(running.uri, "Hello.", SynthesizeVoice(name="bob"))
        assert states(running) == {"default": "ready", "alice": "waiting", "bob": "ready"}
        running.chatterbox.unfit["alice"] = VoiceError(f"{path} is silent.")
        running.preparation.start()
        await until(lambda: states(running)["alice"] == "broken")
        assert states(running)["bob"] == "ready"
        assert asked(running) == ["bob", "alice"]


async def test_one_whose_recording_changed_waits_again(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "alice.wav")
    async with serving(tmp_path) as running:
        running.preparation.start()
        await until(lambda: states(running)["alice"] == "ready")
        running.chatterbox.go_on_preparing.clear()
        record(tmp_path / "voices" / "alice.wav", 3.0)
        assert await running.service.voices.refresh(PATIENCE)
        await until(lambda: states(running)["alice"] == "preparing")
        running.chatterbox.go_on_preparing.set()
        await until(lambda: states(running)["alice"] == "ready")


async def test_while_chatterbox_is_unloaded_new_voices_wait_and_those_prepared_are_ready(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "alice.wav")
    async with serving(tmp_path, "--idle-unload", "1") as running:
        running.preparation.start()
        await until(lambda: states(running)["alice"] == "ready")
        await until(lambda: running.chatterbox.closed)
        record(tmp_path / "voices" / "bob.wav")
        await found(running, 2)
        assert states(running) == {"default": "ready", "alice": "ready", "bob": "waiting"}
        await plain(running.uri, "Hello.")
        await until(lambda: states(running)["bob"] == "ready")


async def found(running: Running, number: int) -> None:
    """Wait until that many recordings are voices."""
    await until(lambda: len(running.service.voices.catalogue.voices) == number + 1)


class OnDisk:
    """Lets the fake keep voices on disk: it has only the latest in memory."""

    def __init__(self, running: Running, full_after: int | None = None) -> None:
        """The disk is full after so many voices."""
        running.chatterbox.voices_kept = 1000
        self._full_after = full_after
        self._engine = running.chatterbox
        self._prepare = running.chatterbox.prepare
        running.chatterbox.prepare = self.prepare  # type: ignore[method-assign]

    def prepare(self, voice: Voice, cancelled: object) -> bool:
        done = self._prepare(voice, cancelled)  # type: ignore[arg-type]
        del self._engine.voices[:-VOICES_KEPT]
        if len(self._engine.asked_to_prepare) == self._full_after:
            self._engine.voices_kept = VOICES_KEPT
        return done


async def test_more_voices_than_memory_keeps_are_prepared_and_the_most_urgent_stay_there(tmp_path: Path) -> None:
    many(tmp_path / "voices", VOICES_KEPT + 20)
    async with serving(tmp_path, "--voice", "050") as running:
        await found(running, VOICES_KEPT + 20)
        OnDisk(running)
        running.preparation.start()
        await until(lambda: set(states(running).values()) == {"ready"})
        await until(lambda: len(asked(running)) == 2 * VOICES_KEPT + 20)
        assert asked(running)[0] == "050"
        assert len(set(asked(running))) == VOICES_KEPT + 20
        assert {voice.name for voice in running.chatterbox.voices} == set(asked(running)[:VOICES_KEPT])
        # That is all, for as long as the voices stay as they are.
        await asyncio.sleep(0.1)
        assert len(asked(running)) == 2 * VOICES_KEPT + 20
        assert running.preparation.snapshot()["ready"] == VOICES_KEPT + 20
        # A new one comes first, and those that are on disk are left there.
        urgent, before = asked(running)[:VOICES_KEPT], len(asked(running))
        record(tmp_path / "voices" / "new.wav")
        assert await running.service.voices.refresh(PATIENCE)
        await until(lambda: running.preparation.snapshot()["ready"] == VOICES_KEPT + 21)
        await until(lambda: set(urgent) == {voice.name for voice in running.chatterbox.voices})
        assert asked(running)[before] == "new"
        assert set(asked(running)[before + 1 :]) <= set(urgent)


async def test_voices_follow_one_another_without_a_pause(tmp_path: Path) -> None:
    many(tmp_path / "voices", 40)
    async with serving(tmp_path) as running:
        await found(running, 40)
        # With a pause before each, they would take longer than anybody waits for them.
        pause = 1.1 * PATIENCE / 40
        patient = idle_preparation.IdlePreparation(running.service.voices, running.service.replies, pause=pause)
        patient.start()
        try:
            await until(lambda: len(asked(running)) == 40)
        finally:
            await patient.close()


async def test_no_more_are_prepared_once_the_disk_takes_none(tmp_path: Path) -> None:
    many(tmp_path / "voices", VOICES_KEPT + 20)
    async with serving(tmp_path) as running:
        await found(running, VOICES_KEPT + 20)
        OnDisk(running, full_after=3)
        running.preparation.start()
        await until(lambda: running.preparation.snapshot()["ready"] == VOICES_KEPT)
        await asyncio.sleep(0.1)
        assert len(asked(running)) == VOICES_KEPT
        assert running.preparation.snapshot()["waiting"] == 20


@pytest.mark.parametrize("name", ["alice", "default"])
async def test_who_has_a_text_never_waits_for_more_than_a_step(tmp_path: Path, name: str) -> None:
    many(tmp_path / "voices", 5)
    record(tmp_path / "voices" / "alice.wav")
    async with serving(tmp_path) as running:
        await found(running, 6)
        running.chatterbox.go_on_preparing.clear()
        running.preparation.start()
        await until(lambda: asked(running) == ["000"])
        reply = asyncio.create_task(plain(running.uri, "Hello.", SynthesizeVoice(name=name)))
        if name == "alice":
            await until(lambda: "alice" in asked(running))
            assert asked(running) == ["000", "alice"]
            running.chatterbox.go_on_preparing.set()
        assert (await reply).seconds > 0
        running.chatterbox.go_on_preparing.set()
        await until(lambda: running.preparation.snapshot()["ready"] == 6)
