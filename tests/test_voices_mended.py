"""Changes of voices that fail half-way, meet odd files, or are no longer waited for."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from tests.client import PATIENCE
from tests.http_serving import http
from tests.serving import until
from tests.test_library import SLOW, full_disk, listed
from tests.test_voices import record
from tests.voices_http import VOICES, form, hum, refused, send
from wyoming_chatterbox.errors import ConflictError, FolderError, UnknownVoiceError, VoiceError
from wyoming_chatterbox.speech.idle_preparation import IdlePreparation
from wyoming_chatterbox.voices.aside import ASIDE
from wyoming_chatterbox.voices.catalogue import Catalogue
from wyoming_chatterbox.voices.finding import VoiceName
from wyoming_chatterbox.voices.library import Library
from wyoming_chatterbox.voices.profile import Profile, read_profile
from wyoming_chatterbox.voices.profiles import Profiles
from wyoming_chatterbox.voices.voice import NamedVoice
from wyoming_chatterbox.voices.voice_files import VoiceFiles
from wyoming_chatterbox.web import listings


async def test_a_failed_replacement_leaves_the_voice_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "voices"
    old = record(folder / "alice.wav").read_bytes()
    (folder / "alice.yaml").write_text("speed: 0.9\n")
    async with http(tmp_path) as server:
        full_disk(monkeypatch)
        error = await refused(server, 507, form(hum(3, "FLAC"), name="alice", label="New", replace="true"))
        assert "no room left" in error["message"]
        assert listed(folder) == ["alice.wav", "alice.yaml"]
        assert (folder / "alice.wav").read_bytes() == old


def test_the_first_error_is_told_where_the_way_back_fails_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = VoiceFiles(tmp_path)
    record(tmp_path / "alice.wav")
    (tmp_path / "alice.yaml").write_text("speed: 0.9\n")
    sound = files.temporary()
    sound.write_bytes(b"sound")
    replace = os.replace

    def only_there(source: Path, target: Path) -> None:
        if ASIDE in Path(source).parts:
            raise PermissionError(errno.EPERM, "not back")
        replace(source, target)

    monkeypatch.setattr(os, "replace", only_there)
    full_disk(monkeypatch)
    with pytest.raises(OSError, match="No space"):
        files.add("alice", sound, ".flac", Profile(label="New"), instead=True)
    assert any(path.name == "alice.wav" for path in (tmp_path / ASIDE).rglob("*"))


@pytest.mark.parametrize("name", ["x.yaml", "alice.yml"])
async def test_a_pipe_in_the_folder_stops_no_change(tmp_path: Path, name: str) -> None:
    record(tmp_path / "voices" / "alice.wav")
    os.mkfifo(tmp_path / "voices" / name)
    async with http(tmp_path, library=Library(tmp_path / "voices", patience=PATIENCE)) as server:
        status, answer = await send(server, method="DELETE", path=f"{VOICES}/alice")
        assert status == 200, answer
        assert (await send(server, path=f"{VOICES}/alice/undelete"))[0] == 200


def test_a_pipe_is_no_profile(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.yaml")
    with pytest.raises(VoiceError, match="it is no file"):
        read_profile(tmp_path / "x.yaml")


async def test_a_recording_that_became_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    alice = record(tmp_path / "voices" / "alice.wav")
    async with http(tmp_path, library=Library(tmp_path / "voices", patience=PATIENCE)) as server:
        alice.unlink()
        os.mkfifo(alice)
        async with server.client.get(f"{VOICES}/alice/sample") as response:
            assert response.status in (404, 409)


class Reading:
    """Reads profiles, and can hang meanwhile."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.answers = threading.Event()

    def __call__(self, path: Path) -> Profile:
        self.begun.set()
        self.answers.wait()
        return read_profile(path)


@pytest.mark.parametrize("leaves", [True, False])
async def test_a_deletion_that_nobody_waits_for_any_more_can_be_undone(tmp_path: Path, leaves: bool) -> None:
    record(tmp_path / "alice.wav")
    (tmp_path / "other.yaml").write_text("speed: 0.9\n")
    reading = Reading()
    library = Library(tmp_path, reading, patience=PATIENCE if leaves else 0.05)
    deleting = asyncio.create_task(library.delete(VoiceName("alice", tmp_path / "alice.wav")))
    if leaves:
        await asyncio.to_thread(reading.begun.wait)
        deleting.cancel()
        await asyncio.wait([deleting])
    else:
        with pytest.raises(FolderError, match="has not answered"):
            await deleting
    reading.answers.set()
    await until(lambda: not (tmp_path / "alice.wav").exists())
    async with asyncio.timeout(PATIENCE):
        while not (tmp_path / "alice.wav").exists():
            # A busy machine may be late again, and restore it all the same.
            with suppress(FolderError):
                if await library.writable() and (back := await library.restore("alice")) is not None:
                    assert back.files == ("alice.wav",)
            await asyncio.sleep(0.002)
    assert listed(tmp_path) == ["alice.wav", "other.yaml"]
    library.close()


async def test_what_could_not_come_back_can_be_brought_back_later(tmp_path: Path) -> None:
    record(tmp_path / "alice.wav")
    library = Library(tmp_path)
    await library.delete(VoiceName("alice", tmp_path / "alice.wav"))
    (tmp_path / "alice.mp3").touch()
    with pytest.raises(ConflictError, match=r"alice\.mp3"):
        await library.restore("alice")
    (tmp_path / "alice.mp3").unlink()
    assert await library.restore("alice") is not None
    assert await library.restore("alice") is None
    library.close()


async def test_a_profile_that_the_folder_knows_is_not_read_again(tmp_path: Path) -> None:
    reader = Profiles(tmp_path)
    (tmp_path / "alice.yaml").write_text("speed: 0.9\n")
    (tmp_path / "broken.yaml").write_text("speed: very\n")
    paths = [tmp_path / "alice.yaml", tmp_path / "broken.yaml"]
    known = reader.look(paths).good[0].profile
    assert reader.read(paths[0]) is known
    with pytest.raises(VoiceError, match="speed can't be 'very'"):
        reader.read(paths[1])
    paths[0].write_text("speed: 0.75\n")
    assert reader.read(paths[0]).style.speed == 0.75


async def test_only_some_of_many_styles_are_named(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    record(folder / "alice.wav")
    for number in range(40):
        (folder / f"style{number:02}.yaml").write_text("recording: alice.wav\n")
    async with http(tmp_path) as server:
        error = await refused(server, 409, method="DELETE", path=f"{VOICES}/alice")
        assert "style00.yaml, style01.yaml" in error["message"]
        assert "style11.yaml and 28 more too: delete them first" in error["message"]


async def test_a_voice_with_a_recording_of_its_own_does_not_become_a_style(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    record(folder / "alice.wav")
    record(folder / "bob.wav")
    (folder / "bob.yaml").write_text("speed: 0.9\n")
    async with http(tmp_path) as server:
        error = await refused(server, 409, json={"name": "bob", "recording": "alice.wav", "replace": True})
        assert "'bob' has a recording of its own, bob.wav" in error["message"]
        assert (folder / "bob.yaml").read_text() == "speed: 0.9\n"
        own = {"name": "bob", "recording": "bob.wav", "speed": 0.8, "replace": True}
        assert (await send(server, json=own))[1]["style"] == {"speed": 0.8}


async def test_a_renamed_voice_keeps_a_profile_that_named_its_recording(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    record(folder / "alice.wav")
    (folder / "alice.yaml").write_text("recording: alice.wav\nspeed: 0.9\n")
    async with http(tmp_path) as server:
        status, entry = await send(server, method="PATCH", path=f"{VOICES}/alice", json={"name": "bob"})
        assert (status, entry["name"], entry["style"]) == (200, "bob", {"speed": 0.9})
        assert (folder / "bob.yaml").read_text() == "speed: 0.9\n"
        assert (await server.get(VOICES))[1]["broken"] == []


def test_a_style_that_names_its_recording_in_another_case_keeps_it(tmp_path: Path) -> None:
    files = VoiceFiles(tmp_path)
    alice = VoiceName("Alice", record(tmp_path / "Alice.wav"))
    (tmp_path / "calm.yaml").write_text("recording: ALICE.wav\n")
    for change in (lambda: files.delete(alice), lambda: files.change(alice, {}, "bob")):
        with pytest.raises(ConflictError, match=r"calm\.yaml"):
            change()
    record(tmp_path / "ALICE.wav")
    assert files.delete(alice)[1] == ["Alice.wav"]


async def test_a_change_is_made_as_a_whole_or_not_at_all(tmp_path: Path) -> None:
    inner = tmp_path / "voices" / "sub"
    record(inner / "alice.wav")
    (inner / "bob.wav").write_text("no sound")
    async with http(tmp_path) as server:
        changes = {"name": "bob", "speed": 0.7}
        error = await refused(server, 409, method="PATCH", path=f"{VOICES}/alice", json=changes)
        assert "bob.wav" in error["message"]
        assert listed(inner) == ["alice.wav", "bob.wav"]


def test_a_profile_that_cannot_be_written_leaves_the_voice_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = VoiceFiles(tmp_path)
    alice = VoiceName("alice", record(tmp_path / "alice.wav"))
    (tmp_path / "alice.yaml").write_text("speed: 0.9\n")
    full_disk(monkeypatch)
    with pytest.raises(OSError, match="No space"):
        files.change(alice, {"speed": 0.7}, "bob")
    assert listed(tmp_path) == ["alice.wav", "alice.yaml"]
    assert (tmp_path / "alice.yaml").read_text() == "speed: 0.9\n"


@pytest.mark.parametrize("name", ["alice.yaml", "alice.mp3"])
async def test_a_broken_file_comes_back_beside_a_voice_of_its_name(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "voices"
    record(folder / "alice.wav")
    (folder / name).write_text("speed: very")
    async with http(tmp_path) as server:
        assert (await send(server, method="DELETE", path=f"{VOICES}/{name}"))[1]["files"] == [name]
        assert (await send(server, path=f"{VOICES}/{name}/undelete"))[1]["files"] == [name]
        assert listed(folder) == sorted(["alice.wav", name])


async def test_what_stayed_beside_a_deleted_voice_is_not_in_its_way_back(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    record(folder / "alice.wav")
    (folder / "alice.mp3").write_text("no sound")
    async with http(tmp_path) as server:
        assert (await send(server, method="DELETE", path=f"{VOICES}/alice"))[1]["files"] == ["alice.wav"]
        assert (await send(server, path=f"{VOICES}/alice/undelete"))[1]["files"] == ["alice.wav"]


async def test_all_profiles_of_a_voice_and_their_copies_go_with_it(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    record(folder / "alice.wav")
    (folder / "alice.yaml").write_text("speed: 0.9  # slowly\n")
    (folder / "alice.yml").write_text("speed: 0.8\n")
    async with http(tmp_path) as server:
        await send(server, method="PATCH", path=f"{VOICES}/alice", json={"speed": 0.7})
        there = [".alice.yaml.bak", "alice.wav", "alice.yaml", "alice.yml"]
        assert listed(folder) == there
        _, answer = await send(server, method="DELETE", path=f"{VOICES}/alice")
        assert answer["files"] == there[1:]
        assert [name for name in listed(folder) if not name.startswith(ASIDE)] == []
        assert (await send(server, path=f"{VOICES}/alice/undelete"))[1]["files"] == there[1:]
        assert listed(folder) == there
        await send(server, method="PATCH", path=f"{VOICES}/alice", json={"name": "bob"})
        assert listed(folder) == [".bob.yaml.bak", "bob.wav", "bob.yaml", "bob.yml"]


def test_a_voice_does_not_take_the_profile_of_one_that_differs_in_case(tmp_path: Path) -> None:
    files = VoiceFiles(tmp_path)
    record(tmp_path / "Alice.wav")
    (tmp_path / "Alice.yaml").write_text("speed: 0.9\n")
    alice = VoiceName("alice", record(tmp_path / "alice.wav"))
    assert files.delete(alice)[1] == ["alice.wav"]


async def test_two_servers_with_one_folder_leave_each_other_the_way_back(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    record(folder / "alice.wav")
    async with http(tmp_path) as server:
        await send(server, method="DELETE", path=f"{VOICES}/alice")
        VoiceFiles(folder).remove_leftovers()
        assert (await send(server, path=f"{VOICES}/alice/undelete"))[1]["files"] == ["alice.wav"]


async def test_styles_over_an_older_profile_keep_its_recording(tmp_path: Path) -> None:
    files = VoiceFiles(tmp_path)
    record(tmp_path / "alice.wav")
    files.add("calm", None, "", Profile(recording="alice.wav"))
    files.add("calm", None, "", SLOW, instead=True)
    assert (tmp_path / "calm.yaml").read_text() == "recording: alice.wav\nspeed: 0.8\n"


async def test_thousands_of_voices_are_described_off_the_event_loop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    record(tmp_path / "voices" / "alice.wav")
    threads: set[int] = set()
    state, described, encode = IdlePreparation.state, listings.voices, json.dumps

    def noted(function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **options: Any) -> Any:
            threads.add(threading.get_ident())
            return function(*args, **options)

        return call

    async with http(tmp_path) as server:
        monkeypatch.setattr(IdlePreparation, "state", noted(state))
        monkeypatch.setattr(listings, "voices", noted(described))
        monkeypatch.setattr(json, "dumps", noted(encode))
        for path in ("/info", "/v1/audio/voices"):
            assert (await server.get(path))[0] == 200
            assert threads
            assert threading.get_ident() not in threads
            threads.clear()
        async with server.client.get("/events") as response:
            assert (await response.content.readline()) == b"event: info\n"
            assert threads
            assert threading.get_ident() not in threads


async def test_the_list_for_openai_clients_is_made_once_a_catalogue(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "alice.wav")
    async with http(tmp_path) as server:
        catalogue = server.running.service.voices.catalogue
        assert listings.voices(catalogue) is listings.voices(catalogue)
        assert [voice["id"] for voice in (await server.get("/v1/audio/voices"))[1]["voices"]] == ["default", "alice"]
        await send(server, form(hum(), name="zoe"))
        voices = (await server.get("/v1/audio/voices"))[1]["voices"]
        assert [voice["id"] for voice in voices] == ["default", "alice", "zoe"]


@pytest.mark.parametrize("name", ["alice-fr", "alice-NB", "default-de", "DEFAULT-de"])
async def test_no_name_is_taken_that_could_be_no_voice(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "voices"
    async with http(tmp_path, "--languages=de", "--languages=en", languages=("de", "en", "fr", "no")) as server:
        assert (await send(server, form(hum(), name="alice")))[0] == 201
        for body in ({"data": form(hum(), name=name)}, {"json": {"name": name, "recording": "alice.wav"}}):
            error = await refused(server, 400, **body)
            assert (error["code"], error["param"]) == ("bad-name", "name")
            assert "--languages" in error["message"] or "the model's own voice" in error["message"]
        error = await refused(server, 400, method="PATCH", path=f"{VOICES}/alice", json={"name": name})
        assert error["param"] == "name"
        assert listed(folder) == ["alice.wav"]
        assert (await send(server, form(hum(), name="alice-de")))[1]["languages"] == ["de"]


async def test_a_profile_for_a_language_that_is_not_offered_is_refused(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "alice.wav")
    async with http(tmp_path) as server:
        error = await refused(server, 400, json={"name": "alice-de", "speed": 0.9})
        assert "the model speaks en" in error["message"]
        assert (await send(server, form(hum(), name="alice-de")))[0] == 201


@pytest.mark.parametrize("path", [VOICES, VOICES + "/"])
async def test_a_new_voice_is_where_the_answer_says(tmp_path: Path, path: str) -> None:
    async with http(tmp_path) as server, server.client.post(path, json={"name": "zoe", "speed": 0.9}) as response:
        location = response.url.join(URL(response.headers["Location"], encoded=True))
        assert (location.path, (await server.client.get(location)).status) == (f"{VOICES}/zoe", 200)


async def test_a_name_in_braces_may_have_a_slash_behind_it(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        await send(server, json={"name": "{x}", "speed": 0.9})
        for path in (f"{VOICES}/%7Bx%7D", f"{VOICES}/%7Bx%7D/"):
            async with server.client.get(URL(path, encoded=True)) as response:
                assert (response.status, (await response.json()).get("name")) == (200, "{x}")


def test_only_a_language_is_passed_over_behind_a_name() -> None:
    catalogue = Catalogue((NamedVoice("default", "en"), NamedVoice("kid", "en", stem="kid")))
    assert catalogue.find("kid-de").name == "kid"
    for name, language in (("kid-01", None), ("kid-01", "en"), ("kid-ok", None)):
        with pytest.raises(UnknownVoiceError):
            catalogue.find(name, language)


async def test_a_preview_takes_the_languages_that_speech_takes(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "alice.wav")
    async with http(
        tmp_path, "--languages=de", "--languages=en", "--languages=fr", languages=("de", "en", "fr")
    ) as server:
        engine = server.running.chatterbox
        for query, language in (("", "de"), ("?language=fr-CA", "fr"), ("?language=eng", "en")):
            async with server.client.get(f"{VOICES}/alice/preview{query}") as response:
                assert (response.status, len(await response.read()) > 44) == (200, True)
            assert engine.said[-1].voice.language == language
        await refused(server, 400, method="GET", path=f"{VOICES}/alice/preview?language=gsw")


async def test_a_voice_is_changed_and_deleted_by_its_own_name_only(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "alice.wav")
    async with http(tmp_path, languages=("de", "en")) as server:
        for method in ("DELETE", "PATCH"):
            error = await refused(server, 409, method=method, path=f"{VOICES}/alice-de", json={"speed": 0.9})
            assert "'alice-de' is the voice 'alice' in one language: use 'alice'" in error["message"]
        assert listed(tmp_path / "voices") == ["alice.wav"]
        assert (await server.get(f"{VOICES}/alice-de"))[0] == 200
        assert (await send(server, method="DELETE", path=f"{VOICES}/ALICE"))[0] == 200


async def test_names_and_aliases_that_are_taken_are_told_as_what_they_are(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    record(folder / "alice.wav")
    (folder / "alice.yaml").write_text("aliases: [al]\n")
    record(folder / "bob.wav")
    async with http(tmp_path) as server:
        error = await refused(server, 409, form(hum(), name="AL"))
        assert "'AL' is an alias of the voice 'alice' already" in error["message"]
        assert error["problem"] == {"code": "name-is-alias", "values": {"name": "AL", "voice": "alice"}}
        for alias in ("Alice", "AL", "default"):
            error = await refused(server, 409, method="PATCH", path=f"{VOICES}/bob", json={"aliases": ["b", alias]})
            assert f"The alias {alias!r} can't be used" in error["message"]
            assert error["param"] == "aliases"
            await refused(server, 409, form(hum(), name="zoe", aliases=alias))
        assert listed(folder) == ["alice.wav", "alice.yaml", "bob.wav"]
        for aliases in (["al", "ally"], ["alice"]):
            status, entry = await send(server, method="PATCH", path=f"{VOICES}/alice", json={"aliases": aliases})
            assert (status, entry["aliases"]) == (200, aliases)
        renamed = {"name": "zoe", "aliases": ["alice"]}
        assert (await send(server, method="PATCH", path=f"{VOICES}/alice", json=renamed))[1]["aliases"] == ["alice"]


@pytest.mark.parametrize("field", ["consent", "replace"])
async def test_a_field_that_is_neither_true_nor_false_is_named(tmp_path: Path, field: str) -> None:
    async with http(tmp_path) as server:
        for body in ({"data": form(hum(), name="alice", **{field: "perhaps"})}, {"json": {"name": "x", field: "y"}}):
            error = await refused(server, 400, **body)
            assert error["param"] == field
            assert "it takes true or false" in error["message"]
        assert (await send(server, json={"name": "x", "speed": 0.9, "consent": True, "replace": None}))[0] == 201


async def test_a_recording_that_cannot_be_read_is_told_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = record(tmp_path / "voices" / "alice.wav")
    async with http(tmp_path) as server:
        really = os.open

        def locked(path: Any, *args: Any, **options: Any) -> int:
            if path == alice:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return really(path, *args, **options)

        monkeypatch.setattr(os, "open", locked)
        error = await refused(server, 503, method="GET", path=f"{VOICES}/alice/sample")
        assert "can't be read (Permission denied)" in error["message"]
        assert "written" not in error["message"]


async def test_a_list_of_aliases_is_a_list(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "alice.wav")
    async with http(tmp_path) as server:
        error = await refused(server, 400, method="PATCH", path=f"{VOICES}/alice", json={"aliases": {"a": 1}})
        assert (error["param"], "it takes a list of at most" in error["message"]) == ("aliases", True)
        error = await refused(server, 400, method="PATCH", path=f"{VOICES}/alice", json={"aliases": ["x" * 201]})
        assert "of at most 200 characters" in error["message"]
