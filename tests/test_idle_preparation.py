"""Voices are prepared while nobody speaks, and nobody has to wait for that."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest
from wyoming.client import AsyncClient
from wyoming.tts import Synthesize, SynthesizeVoice

from tests.client import PATIENCE, describe, plain
from tests.http_serving import http
from tests.serving import Running, serving, until
from tests.test_voices import record
from wyoming_chatterbox.engine import VOICES_KEPT
from wyoming_chatterbox.errors import EngineError, HungError, OutOfMemoryError, VoiceError


def prepared(running: Running) -> list[str]:
    return [voice.name for voice in running.chatterbox.voices]


def asked(running: Running) -> list[str]:
    return [voice.name for voice in running.chatterbox.asked_to_prepare]


async def test_the_preferred_voice_comes_first_then_those_used_of_late_then_the_rest(tmp_path: Path) -> None:
    for name in ("anna", "bob", "carl", "dora"):
        record(tmp_path / "voices" / f"{name}.wav")
    async with serving(tmp_path, "--voice", "dora", languages=("de", "en")) as running:
        running.preparation.start()
        await until(lambda: len(prepared(running)) == 4)
        assert prepared(running)[0] == "dora-en"
        await plain(running.uri, "Hello.", SynthesizeVoice(name="carl-en"))
        running.chatterbox.voices.clear()
        record(tmp_path / "voices" / "emil.wav")
        assert await running.service.voices.refresh(PATIENCE)
        await until(lambda: len(prepared(running)) == 5)
        # Each recording once, whatever languages it speaks.
        assert prepared(running) == ["dora-en", "carl-en", "anna-de", "bob-de", "emil-de"]


async def test_who_has_a_text_comes_first_and_preparing_goes_on_after(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "alice.wav")
    async with serving(tmp_path) as running:
        running.chatterbox.go_on_preparing.clear()
        running.preparation.start()
        await until(lambda: asked(running) != [])
        assert (await plain(running.uri, "One two.")).seconds > 0
        before = len(asked(running))
        await until(lambda: len(asked(running)) > before)
        assert prepared(running) == []
        running.chatterbox.go_on_preparing.set()
        await until(lambda: prepared(running) == ["alice"])
        await plain(running.uri, "Hello.", SynthesizeVoice(name="alice"))
        assert prepared(running) == ["alice"]


async def test_a_recording_that_is_new_or_another_is_prepared(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        running.preparation.start()
        for seconds in (2.0, 3.0):
            record(tmp_path / "voices" / "alice.wav", seconds)
            assert await running.service.voices.refresh(PATIENCE)
            await until(lambda seconds=seconds: len(asked(running)) == seconds - 1)  # type: ignore[misc]


async def test_a_recording_that_cannot_be_cloned_is_told_and_left_alone_until_it_changes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = record(tmp_path / "voices" / "alice.wav")
    record(tmp_path / "voices" / "bob.wav")
    async with http(tmp_path) as server:
        running = server.running
        running.chatterbox.unfit["alice"] = VoiceError(f"{path} is silent.")
        running.preparation.start()
        await until(lambda: "alice.wav" in running.service.voices.catalogue.broken)
        await until(lambda: prepared(running) == ["bob"])
        assert await running.service.voices.refresh(PATIENCE)
        reason = (await server.get("/info"))[1]["broken_recordings"]["alice.wav"]
        assert reason == "it can't be cloned, so the model's own voice speaks instead: is silent"
        assert f"No voice from alice.wav: {reason}" in caplog.text
        assert [voice.name for voice in (await describe(running.uri)).tts[0].voices] == ["default", "alice", "bob"]
        assert asked(running).count("alice") == 1
        running.chatterbox.unfit.clear()
        os.utime(path, (1, 1))
        assert await running.service.voices.refresh(PATIENCE)
        await until(lambda: prepared(running) == ["bob", "alice"])
        assert running.service.voices.catalogue.broken == {}


@pytest.mark.parametrize("error", [EngineError("It broke."), OutOfMemoryError("Memory ran out.")])
async def test_an_engine_that_fails_to_prepare_still_speaks(tmp_path: Path, error: Exception) -> None:
    record(tmp_path / "voices" / "alice.wav")
    async with serving(tmp_path) as running:
        running.chatterbox.unfit["alice"] = error
        running.preparation.start()
        await until(lambda: asked(running) == ["alice"])
        assert (await plain(running.uri, "Hello.")).error is None
        assert running.service.replies.records[-1].engine == "chatterbox"
        assert running.service.voices.catalogue.broken == {}
        await until(lambda: running.chatterbox.cleaned == isinstance(error, OutOfMemoryError))


async def test_an_engine_that_hangs_is_asked_for_no_other_voice_at_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    names = [f"v{number}" for number in range(10)]
    for name in names:
        record(tmp_path / "voices" / f"{name}.wav")
    async with serving(tmp_path) as running:
        running.chatterbox.unfit = {name: HungError("It hangs.") for name in names}
        running.preparation.start()
        await until(lambda: len(asked(running)) >= 3)
        assert set(asked(running)) == {"v0"}
    assert "can't be prepared ahead" not in caplog.text


async def test_nothing_is_prepared_from_a_folder_that_is_gone_until_it_is_back(tmp_path: Path) -> None:
    path = record(tmp_path / "voices" / "alice.wav")
    async with serving(tmp_path) as running:
        running.chatterbox.go_on_preparing.clear()
        running.preparation.start()
        await until(lambda: asked(running) == ["alice"])
        path.parent.rename(tmp_path / "elsewhere")
        assert await running.service.voices.refresh(PATIENCE)
        running.chatterbox.unfit["alice"] = VoiceError(f"{path} can't be read.")
        # Interrupted, it is not even begun again.
        await plain(running.uri, "Hello.")
        await asyncio.sleep(0.1)
        assert asked(running) == ["alice"]
        running.chatterbox.unfit.clear()
        running.chatterbox.go_on_preparing.set()
        (tmp_path / "elsewhere").rename(path.parent)
        assert await running.service.voices.refresh(PATIENCE)
        await until(lambda: prepared(running) == ["alice"])
        assert running.service.voices.catalogue.broken == {}


async def test_preparing_neither_keeps_chatterbox_loaded_nor_wakes_it(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "alice.wav")
    async with serving(tmp_path, "--idle-unload", "0.3") as running:
        running.chatterbox.go_on_preparing.clear()
        running.preparation.start()
        await until(lambda: running.chatterbox.closed)
        record(tmp_path / "voices" / "bob.wav")
        assert await running.service.voices.refresh(PATIENCE)
        await asyncio.sleep(0.1)
        assert running.service.lifecycle.idle
        assert "bob" not in asked(running)


async def test_no_more_voices_are_prepared_than_are_kept(tmp_path: Path) -> None:
    whole = record(tmp_path / "whole.wav").read_bytes()
    (tmp_path / "voices").mkdir()
    for number in range(VOICES_KEPT + 6):
        (tmp_path / "voices" / f"{number:02}.wav").write_bytes(whole)
    async with serving(tmp_path) as running:
        running.preparation.start()
        await until(lambda: len(prepared(running)) == VOICES_KEPT)
        await asyncio.sleep(0.1)
        assert len(asked(running)) == VOICES_KEPT


async def test_the_server_ends_while_a_voice_is_prepared(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "alice.wav")
    async with serving(tmp_path) as running:
        running.chatterbox.go_on_preparing.clear()
        running.preparation.start()
        await until(lambda: asked(running) != [])
    assert prepared(running) == []


async def test_a_bystander_is_spoken_to_while_a_listeners_voice_is_prepared(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "alice.wav")
    async with serving(tmp_path) as running:
        running.chatterbox.go_on_preparing.clear()
        first = asyncio.create_task(plain(running.uri, "Hello.", SynthesizeVoice(name="alice")))
        await until(lambda: asked(running) != [])
        assert (await plain(running.uri, "One two.")).seconds > 0
        assert not first.done()
        running.chatterbox.go_on_preparing.set()
        assert (await first).seconds > 0
        assert running.chatterbox.texts == ["One two.", "Hello."]


async def test_a_client_that_leaves_while_its_voice_is_prepared_frees_the_model(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "alice.wav")
    async with serving(tmp_path) as running:
        running.chatterbox.go_on_preparing.clear()
        async with AsyncClient.from_uri(running.uri) as client:
            await client.write_event(Synthesize("Hello.", voice=SynthesizeVoice(name="alice")).event())
            await until(lambda: asked(running) != [])
        assert (await plain(running.uri, "One two.")).seconds > 0
        assert running.chatterbox.texts == ["One two."]
        assert asked(running) == ["alice"]
