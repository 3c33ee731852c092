"""Voices changed, renamed, deleted and brought back over HTTP."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from wyoming.tts import SynthesizeVoice

from tests.client import describe, plain
from tests.http_serving import SPEECH, http
from tests.serving import until
from tests.test_voices import record
from tests.voices_http import VOICES, form, hum, listed, names, refused, send
from wyoming_chatterbox.voices.aside import ASIDE
from wyoming_chatterbox.voices.library import Library


async def test_a_profile_is_changed_key_by_key(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "alice.wav")
    profile = tmp_path / "voices" / "alice.yaml"
    profile.write_text("# Mine\nlabel: Ally\nspeed: 0.9\n")
    async with http(tmp_path) as server:
        changes: dict[str, Any] = {"speed": 1.2, "seed": 7, "label": None, "aliases": ["al"]}
        status, entry = await send(server, method="PATCH", path=f"{VOICES}/alice", json=changes)
        assert (status, entry["name"]) == (200, "alice")
        assert profile.read_text() == "aliases:\n- al\nseed: 7\nspeed: 1.2\n"
        assert profile.with_name(".alice.yaml.bak").read_text() == "# Mine\nlabel: Ally\nspeed: 0.9\n"
        for key, value in (("speed", 9), ("temperature", "hot"), ("aliases", [1, [2]]), ("color", "red")):
            error = await refused(server, 400, method="PATCH", path=f"{VOICES}/alice", json={key: value})
            assert error["param"] == key
        error = await refused(server, 400, method="PATCH", path=f"{VOICES}/alice", json={"recording": "bob.wav"})
        assert error["param"] == "recording"
        nothing = {"speed": None, "seed": None, "aliases": None}
        await send(server, method="PATCH", path=f"{VOICES}/alice", json=nothing)
        assert not profile.exists()
        await refused(server, 404, method="PATCH", path=f"{VOICES}/nobody", json={})


async def test_a_profile_that_is_broken_is_left_to_be_mended(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "alice.wav")
    (tmp_path / "voices" / "alice.yaml").write_text("speed: very")
    async with http(tmp_path) as server:
        error = await refused(server, 409, method="PATCH", path=f"{VOICES}/alice", json={"speed": 1})
        assert "alice.yaml must be mended by hand first: speed can't be 'very'" in error["message"]
        assert (tmp_path / "voices" / "alice.yaml").read_text() == "speed: very"


async def test_a_voice_gets_another_name_with_all_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    record(folder / "alice.wav")
    record(folder / "bob.wav")
    (folder / "alice.yaml").write_text("speed: 0.9\n")
    async with http(tmp_path) as server:
        status, entry = await send(server, method="PATCH", path=f"{VOICES}/alice", json={"name": "Zoë", "label": "Zo"})
        assert (status, entry["name"]) == (200, "Zoë")
        assert names(folder) == ["Zoë.wav", "Zoë.yaml", "bob.wav"]
        assert (folder / "Zoë.yaml").read_text() == "label: Zo\nspeed: 0.9\n"
        assert "alice" not in await listed(server)
        error = await refused(server, 409, method="PATCH", path=f"{VOICES}/Zoë", json={"name": "BOB"})
        assert "'bob'" in error["message"]
        status, entry = await send(server, method="PATCH", path=f"{VOICES}/bob", json={"name": "Bob"})
        assert (status, entry["name"], entry["recording"]) == (200, "Bob", "Bob.wav")
        await refused(server, 400, method="PATCH", path=f"{VOICES}/Bob", json={"name": "../x"})
        (folder / "calm.yaml").write_text("recording: Bob.wav\n")
        error = await refused(server, 409, method="PATCH", path=f"{VOICES}/Bob", json={"name": "Rob"})
        assert "calm.yaml" in error["message"]
        assert names(folder) == ["Bob.wav", "Zoë.wav", "Zoë.yaml", "calm.yaml"]


async def test_the_models_own_voice_has_a_profile_and_stays(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        status, _ = await send(server, method="PATCH", path=f"{VOICES}/default", json={"speed": 0.9})
        assert status == 200
        assert (tmp_path / "voices" / "default.yaml").read_text() == "speed: 0.9\n"
        await refused(server, 409, method="DELETE", path=f"{VOICES}/default")
        await refused(server, 409, method="PATCH", path=f"{VOICES}/default", json={"name": "other"})
        await send(server, method="PATCH", path=f"{VOICES}/default", json={"speed": None})
        assert names(tmp_path / "voices") == []


async def test_a_deleted_voice_comes_back(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    sound = record(folder / "alice.wav").read_bytes()
    (folder / "alice.yaml").write_text("speed: 0.9\n")
    async with http(tmp_path) as server:
        assert "alice" in await listed(server)
        status, answer = await send(server, method="DELETE", path=f"{VOICES}/alice")
        assert (status, answer["files"]) == (200, ["alice.wav", "alice.yaml"])
        assert answer["undo"]["seconds"] == 60
        assert names(folder) == []
        assert "alice" not in await listed(server)
        assert "alice" not in [voice.name for voice in (await describe(server.running.uri)).tts[0].voices]
        await refused(server, 404, method="DELETE", path=f"{VOICES}/alice")
        await refused(server, 404, path=f"{VOICES}/alice/undelete?id=0123456789abcdef")
        status, answer = await send(server, path=f"{VOICES}/Alice/undelete?id={answer['undo']['id']}")
        assert (status, answer["voice"]["name"]) == (200, "alice")
        assert (folder / "alice.wav").read_bytes() == sound
        assert (folder / "alice.yaml").read_text() == "speed: 0.9\n"
        heard = await plain(server.running.uri, "Hello.", SynthesizeVoice(name="alice"))
        assert heard.error is None
        await refused(server, 404, path=f"{VOICES}/alice/undelete")


async def test_a_deleted_voice_does_not_come_back_over_another(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    record(folder / "alice.wav")
    async with http(tmp_path) as server:
        _, answer = await send(server, method="DELETE", path=f"{VOICES}/alice")
        await send(server, form(hum(3, "FLAC"), name="Alice"))
        error = await refused(server, 409, path=f"{VOICES}/alice/undelete")
        assert "'Alice'" in error["message"]
        await send(server, method="DELETE", path=f"{VOICES}/Alice")
        path = f"{VOICES}/alice/undelete"
        assert (await send(server, path=f"{path}?id={answer['undo']['id']}"))[1]["files"] == ["alice.wav"]
        await refused(server, 409, path=path)


async def test_after_its_time_a_deleted_voice_is_gone_for_good(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    record(folder / "alice.wav")
    async with http(tmp_path, library=Library(folder, undo_seconds=0.0)) as server:
        assert (await send(server, method="DELETE", path=f"{VOICES}/alice"))[0] == 200
        await until(lambda: not (folder / ASIDE).exists())
        error = await refused(server, 404, path=f"{VOICES}/alice/undelete")
        assert error["code"] == "too-late"


async def test_a_broken_file_can_be_deleted_and_comes_back_too(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    folder.mkdir()
    (folder / "memo 3.wav").write_text("no sound")
    async with http(tmp_path) as server:
        path = f"{VOICES}/{quote('memo 3.wav')}"
        assert (await send(server, method="DELETE", path=path))[1]["files"] == ["memo 3.wav"]
        assert (await server.get(VOICES))[1]["broken"] == []
        assert (await send(server, path=f"{path}/undelete"))[1]["voice"] is None
        assert names(folder) == ["memo 3.wav"]


async def test_a_recording_that_others_use_goes_with_them_or_not_at_all(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    record(folder / "alice.wav")
    (folder / "alice-calm.yaml").write_text("recording: alice.wav\nspeed: 0.9\n")
    async with http(tmp_path) as server:
        error = await refused(server, 409, method="DELETE", path=f"{VOICES}/alice")
        assert "alice-calm.yaml" in error["message"]
        assert names(folder) == ["alice-calm.yaml", "alice.wav"]
        status, answer = await send(server, method="DELETE", path=f"{VOICES}/alice?styles=true")
        assert (status, answer["files"]) == (200, ["alice.wav", "alice-calm.yaml"])
        assert names(folder) == []
        await send(server, path=f"{VOICES}/alice/undelete")
        assert names(folder) == ["alice-calm.yaml", "alice.wav"]


async def test_a_reply_goes_on_when_its_voice_is_deleted(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "alice.wav")
    async with http(tmp_path) as server:
        engine = server.running.chatterbox
        engine.pause_after = 2
        request = {"input": "One two three. Four five.", "voice": "alice", "response_format": "pcm"}
        async with server.client.post(SPEECH, json=request) as response:
            assert response.status == 200
            assert (await send(server, method="DELETE", path=f"{VOICES}/alice"))[0] == 200
            engine.pause_after = None
            assert len(await response.read()) == 5 * 4800
        assert {utterance.voice.name for utterance in engine.said} == {"alice"}


async def test_changes_are_told_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with http(tmp_path) as server:
        await send(server, form(hum(), name="alice"))
        await send(server, method="PATCH", path=f"{VOICES}/alice", json={"name": "bob"})
        await send(server, method="DELETE", path=f"{VOICES}/bob")
        await send(server, path=f"{VOICES}/bob/undelete")
    said = [entry.getMessage() for entry in caplog.records if entry.name.endswith("voices.library")]
    assert said == [
        "The voice 'alice' is added",
        "The voice 'alice' is called 'bob' now",
        "The voice 'bob' is deleted; for 60 s it can be brought back",
        "The voice 'bob' is back",
    ]
