"""Voices over HTTP: seen, heard, added, changed, deleted and brought back, and nobody gets outside of the folder."""

from __future__ import annotations

import asyncio
import io
import logging
import tracemalloc
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiohttp
import numpy as np
import pytest
import soundfile
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from wyoming.tts import SynthesizeVoice
from yarl import URL

from tests.client import CYCLE, describe, plain
from tests.http_serving import SPEECH, Http, decoded, http
from tests.serving import until
from tests.test_library import age
from tests.test_voices import record
from wyoming_chatterbox.families import MULTILINGUAL_LANGUAGES
from wyoming_chatterbox.voices.aside import ASIDE
from wyoming_chatterbox.voices.library import Library
from wyoming_chatterbox.voices.profile import KEYS
from wyoming_chatterbox.web import uploads, voices_openapi
from wyoming_chatterbox.web.preview_sentences import SENTENCES
from wyoming_chatterbox.web.voices import add_voices

VOICES = "/v1/voices"
TOKEN = "open-sesame-7"


def hum(seconds: float = 2.0, kind: str = "WAV") -> bytes:
    """A recording as bytes."""
    file = io.BytesIO()
    wave = 0.3 * np.sin(np.arange(round(seconds * 16000)) * 0.05)
    soundfile.write(file, wave, 16000, format=kind)
    return file.getvalue()


def form(sound: bytes | None = None, file_name: str = "memo.wav", **fields: Any) -> aiohttp.FormData:
    data = aiohttp.FormData(quote_fields=False)
    for name, value in fields.items():
        data.add_field(name, str(value))
    if sound is not None:
        data.add_field("file", sound, filename=file_name, content_type="application/octet-stream")
    elif not fields:
        data.add_field("name", "")
    return data


def names(folder: Path) -> list[str]:
    """All files in the folder, hidden ones too, but for those that are set aside."""
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and ASIDE not in path.parts
    )


async def send(server: Http, data: Any = None, method: str = "POST", path: str = VOICES, **options: Any) -> Any:
    """Status and JSON."""
    async with server.client.request(method, path, data=data, **options) as response:
        return response.status, await response.json()


async def refused(server: Http, status: int, data: Any = None, **options: Any) -> dict[str, Any]:
    got, answer = await send(server, data, **options)
    assert got == status, answer
    error: dict[str, Any] = answer["error"]
    return error


async def listed(server: Http) -> dict[str, dict[str, Any]]:
    _, answer = await server.get(VOICES)
    return {voice["name"]: voice for voice in answer["voices"]}


async def test_the_list_has_one_entry_a_voice_however_many_languages(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "alice.wav")
    record(tmp_path / "voices" / "bob-de.wav")
    (tmp_path / "voices" / "text.wav").write_text("no sound")
    async with http(tmp_path, "--voice", "alice", languages=MULTILINGUAL_LANGUAGES) as server:
        status, answer = await server.get(VOICES)
        assert status == 200
        voices = {voice["name"]: voice for voice in answer["voices"]}
        assert list(voices) == ["default", "alice", "bob-de"]
        alice = voices["alice"]
        assert alice["languages"] == sorted(MULTILINGUAL_LANGUAGES)
        assert alice["names"]["de"] == "alice-de"
        assert (alice["own"], alice["recording"], alice["is_default"]) == (False, "alice.wav", True)
        assert alice["bytes"] == (tmp_path / "voices" / "alice.wav").stat().st_size
        assert alice["changed"] == pytest.approx((tmp_path / "voices" / "alice.wav").stat().st_mtime)
        assert (alice["style"], alice["aliases"], alice["recorded_language"]) == ({}, [], None)
        assert (voices["default"]["own"], voices["default"]["recording"]) == (True, None)
        assert voices["bob-de"]["names"] == {"de": "bob-de"}
        assert answer["default"] == "alice"
        assert [broken["file"] for broken in answer["broken"]] == ["text.wav"]
        assert "no sound file" in answer["broken"][0]["reason"]
        assert answer["folder"] == {"path": str(tmp_path / "voices"), "writable": True, "trouble": None}
        for name in ("alice", "ALICE", "alice-de"):
            assert (await server.get(f"{VOICES}/{name}"))[1] == alice


async def test_a_voice_is_waiting_until_it_is_prepared(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "alice.wav")
    async with http(tmp_path) as server:
        assert {name: voice["state"] for name, voice in (await listed(server)).items()} == {
            "default": "ready",
            "alice": "waiting",
        }
        await plain(server.running.uri, "Hello.", SynthesizeVoice(name="alice"))
        assert (await listed(server))["alice"]["state"] == "ready"
        voices = server.running.service.voices
        voices.reject(voices.catalogue.find("alice"), "it can't be cloned")
        assert await voices.refresh()
        alice = (await listed(server))["alice"]
        assert (alice["state"], alice["reason"]) == ("broken", "it can't be cloned")


async def test_a_form_becomes_a_voice_that_speaks_and_that_home_assistant_sees(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        data = form(hum(), name="Oma Erna", label="Grandma", language="de", exaggeration="0.7", aliases="oma, erna")
        async with server.client.post(VOICES, data=data) as response:
            entry = await response.json()
            assert response.status == 201, entry
            location = response.url.join(URL(response.headers["Location"], encoded=True))
        assert (entry["name"], entry["recording"]) == ("Oma Erna", "Oma Erna.wav")
        assert (await server.client.get(location)).status == 200
        assert names(tmp_path / "voices") == ["Oma Erna.wav", "Oma Erna.yaml"]
        profile = (tmp_path / "voices" / "Oma Erna.yaml").read_text()
        for line in ("label: Grandma", "language: de", "exaggeration: 0.7", "- oma", "- erna"):
            assert line in profile
        offered = (await describe(server.running.uri)).tts[0].voices
        assert "Oma Erna" in [voice.name for voice in offered]
        heard = await plain(server.running.uri, "Hello.", SynthesizeVoice(name="Oma Erna"))
        assert heard.types == CYCLE
        assert server.running.chatterbox.said[-1].voice.recording == tmp_path / "voices" / "Oma Erna.wav"


@pytest.mark.parametrize("kind", ["WAV", "FLAC", "MP3", "OGG"])
async def test_a_body_becomes_a_voice_and_its_suffix_is_that_of_its_content(tmp_path: Path, kind: str) -> None:
    async with http(tmp_path) as server:
        status, entry = await send(
            server, hum(kind=kind), params={"name": "alice", "speed": "1.5"}, headers={"Content-Type": "audio/anything"}
        )
        assert status == 201, entry
        assert entry["recording"] == f"alice.{kind.lower()}"
        assert "speed: 1.5" in (tmp_path / "voices" / "alice.yaml").read_text()


async def test_a_sound_of_unknown_kind_keeps_the_suffix_of_a_recording_or_is_refused(tmp_path: Path) -> None:
    sound = hum(kind="W64")
    async with http(tmp_path) as server:
        error = await refused(server, 422, form(sound, "memo.exe", name="alice"))
        assert "send one of" in error["message"]
        assert names(tmp_path / "voices") == []
        assert (await send(server, form(sound, "memo.WAV", name="alice")))[1]["recording"] == "alice.wav"


async def test_without_a_name_the_file_names_the_voice(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        for file_name, name in (("C:\\Users\\Erna\\mein Lied.wav", "mein Lied"), ("/tmp/../zoe.mp3", "zoe")):
            status, entry = await send(server, form(hum(), file_name))
            assert (status, entry["name"]) == (201, name)


async def test_another_style_of_a_recording_needs_no_file(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "alice.wav")
    async with http(tmp_path) as server:
        style = {"name": "alice-calm", "recording": "alice.wav", "exaggeration": 0.3}
        status, entry = await send(server, json=style)
        assert (status, entry["name"]) == (201, "alice-calm")
        assert (tmp_path / "voices" / "alice-calm.yaml").read_text() == "recording: alice.wav\nexaggeration: 0.3\n"
        error = await refused(server, 400, json={"name": "x", "recording": "../secret.wav"})
        assert error["param"] == "recording"
        error = await refused(server, 400, json={"name": "x", "recording": "nobody.wav"})
        assert "'nobody.wav'" in error["message"]


@pytest.mark.parametrize(
    ("sound", "reason"),
    [
        (b"only words", "no sound file"),
        (hum()[:30], "no sound file"),
        (hum(0.5), "0.5 s"),
    ],
    ids=["text", "half a header", "too short"],
)
async def test_what_is_no_recording_is_refused_in_plain_words_and_leaves_nothing(
    tmp_path: Path, sound: bytes, reason: str
) -> None:
    async with http(tmp_path) as server:
        error = await refused(server, 422, form(sound, name="alice"))
        assert reason in error["message"]
        assert (error["code"], error["param"]) == ("no-recording", "file")
        assert names(tmp_path / "voices") == []


BAD_FIELDS = {
    "an unknown field": ({"color": "red"}, "color", "there are: name, label"),
    "a number out of range": ({"exaggeration": "9"}, "exaggeration", "it takes a number from"),
    "a language nobody speaks": ({"language": "xx"}, "language", "it takes one of ar, da"),
    "no consent": ({"consent": "false"}, "consent", "agrees"),
    "a name with a separator": ({"name": "../alice"}, "name", "leave / out"),
    "a hidden name": ({"name": ".alice"}, "name", "full stop"),
    "the name of the model's own voice": ({"name": "Default"}, "name", "model's own"),
    "a recording besides": ({"recording": "bob.wav"}, "recording", "together with a file"),
    "a name twice": ({"name": "a" * 200}, "name", "200 bytes"),
}


@pytest.mark.parametrize("case", BAD_FIELDS)
async def test_a_wrong_field_is_named_with_what_would_be_right(tmp_path: Path, case: str) -> None:
    fields, param, right = BAD_FIELDS[case]
    async with http(tmp_path) as server:
        error = await refused(server, 400, form(hum(), **({"name": "alice"} | fields)))
        assert error["param"] == param
        assert right in error["message"]
        assert names(tmp_path / "voices") == []


async def test_a_form_that_is_none_is_refused(tmp_path: Path) -> None:
    multipart = "multipart/form-data; boundary=x"
    part = b'--x\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
    bodies = {
        b"": 400,
        b"--y\r\n\r\n--y--": 400,
        b"--x\r\nno header\r\n\r\n--x--\r\n": 400,
        part % (b"file", b'; filename="a.wav"', hum()): 400,
        part % (b"name", b"", b"alice") + b"--x--\r\n": 400,
        part % (b"name", b"", b"a" * 9999) + b"--x--\r\n": 400,
        part % (b"name", b"", b"\xff\xfe") + b"--x--\r\n": 400,
        (part % (b"label", b"", b"x")) * 50 + b"--x--\r\n": 400,
        part % (b"file", b"", hum()) + part % (b"file", b"", hum()) + b"--x--\r\n": 400,
        b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\n--y--\r\n--x--\r\n": 400,
    }
    async with http(tmp_path) as server:
        for body, status in bodies.items():
            await refused(server, status, body, headers={"Content-Type": multipart})
        await refused(server, 400, b"hello", headers={"Content-Type": "multipart/form-data"})
        await refused(server, 415, b"hello", headers={"Content-Type": "text/plain"})
        await refused(server, 400, b"", headers={"Content-Type": "audio/wav"}, params={"name": "alice"})
        await refused(server, 400, b"[]", headers={"Content-Type": "application/json"})
        await refused(server, 400, json={"name": 5})
        await refused(server, 400, json={})
        assert names(tmp_path / "voices") == []


async def test_no_voice_replaces_another_unless_that_is_asked_for(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    old = record(folder / "Alice.wav").read_bytes()
    (folder / "Alice.yaml").write_text("label: Ally\nspeed: 0.9  # slowly\n")
    async with http(tmp_path) as server:
        error = await refused(server, 409, form(hum(3), name="alice"))
        assert (error["code"], "'Alice'" in error["message"]) == ("conflict", True)
        assert (folder / "Alice.wav").read_bytes() == old
        status, entry = await send(server, form(hum(3, "FLAC"), name="Alice", replace="true", speed="1.1"))
        assert (status, entry["recording"]) == (201, "Alice.flac")
        assert names(folder) == [".Alice.yaml.bak", "Alice.flac", "Alice.yaml"]
        assert (folder / "Alice.yaml").read_text() == "label: Ally\nspeed: 1.1\n"
        await refused(server, 409, path=f"{VOICES}/Alice/undelete")
        (folder / "Alice.flac").unlink()
        (folder / "Alice.yaml").unlink()
        assert (await send(server, path=f"{VOICES}/Alice/undelete"))[1]["files"] == ["Alice.wav"]
        assert (folder / "Alice.wav").read_bytes() == old


async def test_two_uploads_of_one_name_at_once_make_one_voice(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        answers = await asyncio.gather(*(send(server, form(hum(), name=name)) for name in ("alice", "ALICE", "alice")))
        assert sorted(status for status, _ in answers) == [201, 409, 409]
        assert len(names(tmp_path / "voices")) == 1


async def test_the_folder_is_made_where_it_is_missing(tmp_path: Path) -> None:
    folder = tmp_path / "voices" / "of" / "mine"
    async with http(tmp_path, voices_directory=folder) as server:
        assert (await server.get(VOICES))[1]["folder"]["writable"]
        status, entry = await send(server, form(hum(), name="alice"))
        assert (status, entry["recording"]) == (201, "alice.wav")
        assert names(folder) == ["alice.wav"]


async def test_a_folder_that_cannot_be_written_is_named_with_what_to_do(tmp_path: Path) -> None:
    folder = tmp_path / "file"
    folder.write_text("no folder")
    async with http(tmp_path, voices_directory=folder) as server:
        assert not (await server.get(VOICES))[1]["folder"]["writable"]
        error = await refused(server, 503, form(hum(), name="alice"))
        assert (error["code"], error["message"]) == (
            "folder-trouble",
            f"The voices folder {folder} is no folder: name one with --voices-dir",
        )
        await refused(server, 503, json={"name": "slow", "speed": 0.5})
        await refused(server, 503, method="PATCH", path=f"{VOICES}/default", json={"speed": 0.5})


async def test_an_upload_leaves_some_of_the_disk_free(tmp_path: Path) -> None:
    async with http(tmp_path, library=Library(tmp_path / "voices", spare=10**18)) as server:
        error = await refused(server, 507, form(hum(), name="alice"))
        assert "no room left" in error["message"]
        assert names(tmp_path / "voices") == []


async def test_a_recording_that_is_too_large_is_refused_by_the_name_of_the_option(tmp_path: Path) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield bytes(100_000)

    async with http(tmp_path, "--max-upload-mb", "1") as server:
        for body in (bytes(1_000_001), chunks()):
            error = await refused(server, 413, body, headers={"Content-Type": "audio/wav"}, params={"name": "alice"})
            assert "1 MB" in error["message"]
            assert "--max-upload-mb" in error["message"]
        await refused(server, 413, form(bytes(1_000_001), name="alice"))
        assert names(tmp_path / "voices") == []


@pytest.mark.slow(3)
@pytest.mark.parametrize("as_form", [False, True])
async def test_a_large_recording_is_never_in_memory(tmp_path: Path, as_form: bool) -> None:
    piece = bytes(65536)
    header = hum(0.1)[:44]

    async def chunks() -> AsyncIterator[bytes]:
        if as_form:
            yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="alice.wav"\r\n\r\n'
        yield header
        for _ in range(100_000_000 // len(piece)):
            yield piece
        if as_form:
            yield b"\r\n--x--\r\n"

    kind = "multipart/form-data; boundary=x" if as_form else "audio/wav"
    async with http(tmp_path, "--max-upload-mb", "101") as server:
        tracemalloc.start()
        try:
            await send(server, chunks(), params={"name": "alice"}, headers={"Content-Type": kind})
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert peak < 10_000_000


async def test_an_upload_whose_client_leaves_leaves_nothing(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.server.port)
        writer.write(
            b"POST /v1/voices?name=alice HTTP/1.1\r\nHost: localhost\r\nContent-Type: audio/wav\r\n"
            b"Content-Length: 4000000\r\n\r\n" + hum()
        )
        await until(lambda: any(name.startswith(".upload-") for name in names(tmp_path / "voices")))
        writer.transport.abort()
        await until(lambda: names(tmp_path / "voices") == [])
        assert (await send(server, form(hum(), name="alice")))[0] == 201


@pytest.mark.parametrize("kind", ["audio/wav", "multipart/form-data; boundary=x"])
async def test_an_upload_that_does_not_go_on_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(uploads, "_READ_SECONDS", 0.1)
    async with http(tmp_path) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.server.port)
        writer.write(
            f"POST /v1/voices?name=alice HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
            "Content-Length: 4000\r\n\r\n--x".encode()
        )
        assert (await reader.readline()).split()[1] == b"408"
        writer.transport.abort()
        await until(lambda: names(tmp_path / "voices") == [])


async def test_only_some_recordings_are_received_at_once(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        writers = []
        for number in range(4):
            _, writer = await asyncio.open_connection("127.0.0.1", server.server.port)
            writer.write(
                b"POST /v1/voices?name=v%d HTTP/1.1\r\nHost: localhost\r\nContent-Type: audio/wav\r\n"
                b"Content-Length: 4000000\r\n\r\n" % number
            )
            writers.append(writer)
        await until(lambda: len(names(tmp_path / "voices")) == 4)
        error = await refused(server, 429, form(hum(), name="alice"))
        assert error["code"] == "overloaded"
        for writer in writers:
            writer.transport.abort()
        await until(lambda: names(tmp_path / "voices") == [])
        assert (await send(server, form(hum(), name="alice")))[0] == 201


async def test_what_an_ended_server_left_behind_is_removed_at_the_next_start(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    record(folder / "alice.wav")
    record(folder / ASIDE / "0123456789abcdef" / "bob.wav")
    (folder / ".upload-0123456789abcdef").write_bytes(b"half")
    (folder / ".abcd_123.part").write_bytes(b"half")
    (folder / ".upload-of-mine").write_bytes(b"kept")
    for path in (*folder.glob(".*"), *(folder / ASIDE).iterdir()):
        age(path)
    async with http(tmp_path):
        await until(lambda: not (folder / ASIDE).exists())
        assert names(folder) == [".upload-of-mine", "alice.wav"]


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


async def test_a_recording_is_sent_as_it_is_and_in_parts(tmp_path: Path) -> None:
    sound = record(tmp_path / "voices" / 'Zoë "x".wav', 20).read_bytes()
    async with http(tmp_path) as server:
        path = f"{VOICES}/Zo%C3%AB%20%22x%22/sample"
        async with server.client.get(path) as response:
            assert response.status == 200
            assert response.headers["Content-Type"] == "audio/wav"
            assert response.headers["X-Content-Type-Options"] == "nosniff"
            disposition = response.headers["Content-Disposition"]
            assert disposition == "inline; filename=\"Zo_ _x_.wav\"; filename*=UTF-8''Zo%C3%AB%20%22x%22.wav"
            assert await response.read() == sound
            etag = response.headers["ETag"]
        parts = {
            "bytes=0-43": sound[:44],
            "bytes=1000-": sound[1000:],
            "bytes=-100": sound[-100:],
            "bytes=600000-9999999": sound[600000:],
        }
        for header, part in parts.items():
            async with server.client.get(path, headers={"Range": header, "If-Range": etag}) as response:
                assert response.status == 206
                start = sound.index(part) if len(part) > 44 else 0
                assert response.headers["Content-Range"] == f"bytes {start}-{start + len(part) - 1}/{len(sound)}"
                assert await response.read() == part
        async with server.client.get(path, headers={"Range": "bytes=9999999-"}) as response:
            assert response.status == 416
            assert response.headers["Content-Range"] == f"bytes */{len(sound)}"
        for headers in ({"Range": "bytes=0-1,3-4"}, {"Range": "lines=1"}, {"Range": "bytes=0-1", "If-Range": '"old"'}):
            async with server.client.get(path, headers=headers) as response:
                assert (response.status, len(await response.read())) == (200, len(sound))
        async with server.client.get(path, headers={"If-None-Match": etag}) as response:
            assert (response.status, await response.read()) == (304, b"")
        async with server.client.head(path) as response:
            assert response.headers["Content-Length"] == str(len(sound))
        await refused(server, 404, method="GET", path=f"{VOICES}/default/sample")


async def test_a_recording_that_changed_behind_the_catalogue_is_not_sent(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret" * 50_000)
    alice = record(tmp_path / "voices" / "alice.wav")
    async with http(tmp_path) as server:
        alice.unlink()
        alice.symlink_to(secret)
        async with server.client.get(f"{VOICES}/alice/sample") as response:
            assert response.status in (404, 409)
            assert "secret" not in await response.text()


async def test_a_preview_is_spoken_in_the_language_that_is_asked_for(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "alice.wav")
    async with http(tmp_path, languages=("de", "en", "fr")) as server:
        engine = server.running.chatterbox
        async with server.client.get(f"{VOICES}/alice/preview?language=fr") as response:
            assert (response.status, response.headers["Content-Type"]) == (200, "audio/wav")
            assert len(decoded("wav", await response.read())) > 0
        assert {(said.voice.name, said.voice.language) for said in engine.said} == {("alice-fr", "fr")}
        assert " ".join(engine.texts).startswith("Bonjour. Il est sept heures et demie")
        async with server.client.get(f"{VOICES}/alice/preview?text=Hello&response_format=mp3") as response:
            assert (response.status, response.headers["Content-Type"]) == (200, "audio/mpeg")
        assert (engine.said[-1].voice.language, engine.texts[-1]) == ("en", "Hello")
        for query, param in (("language=xx", "language"), (f"text={'x' * 301}", "text")):
            error = await refused(server, 400, method="GET", path=f"{VOICES}/alice/preview?{query}")
            assert error["param"] == param
        error = await refused(server, 400, method="GET", path=f"{VOICES}/alice/preview?response_format=doc")
        assert error["param"] == "response_format"
        await refused(server, 405, method="PUT", path=f"{VOICES}/alice/preview")


def test_there_is_a_preview_in_every_language_without_digits() -> None:
    assert sorted(SENTENCES) == sorted(MULTILINGUAL_LANGUAGES)
    for sentence in SENTENCES.values():
        assert not any(character.isdigit() for character in sentence)
        assert len(sentence) < 90


FOREIGN = {
    "another origin": {"Origin": "http://evil.example"},
    "no origin of its own": {"Origin": "null"},
    "no origin told": {"Sec-Fetch-Site": "cross-site"},
    "another port of this machine": {"Sec-Fetch-Site": "same-site"},
    "a sandbox that says so": {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
}


@pytest.mark.parametrize("case", FOREIGN)
async def test_pages_of_others_change_nothing(tmp_path: Path, case: str) -> None:
    record(tmp_path / "voices" / "alice.wav")
    async with http(tmp_path) as server:
        headers = FOREIGN[case]
        before = names(tmp_path / "voices")
        for method, path, body in (
            ("POST", VOICES, form(hum(), name="bob")),
            ("POST", f"{VOICES}?name=bob", b"x"),
            ("PATCH", f"{VOICES}/alice", b"{}"),
            ("DELETE", f"{VOICES}/alice", None),
            ("POST", f"{VOICES}/alice/undelete", None),
            ("GET", f"{VOICES}/alice/preview", None),
        ):
            error = await refused(server, 403, body, method=method, path=path, headers=headers)
            assert error["code"] == "foreign-origin"
        assert names(tmp_path / "voices") == before
        assert server.running.chatterbox.said == []


async def test_the_own_page_and_programs_may_change_voices(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        own = f"http://127.0.0.1:{server.server.port}"
        for number, headers in enumerate(
            ({"Origin": own}, {"Origin": own, "Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {})
        ):
            assert (await send(server, form(hum(), name=f"v{number}"), headers=headers))[0] == 201


async def test_a_token_is_needed_where_there_is_one(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "alice.wav")
    async with http(tmp_path, "--http-token", TOKEN) as server:
        for method, path in (
            ("GET", VOICES),
            ("POST", VOICES),
            ("PATCH", f"{VOICES}/alice"),
            ("DELETE", f"{VOICES}/alice"),
            ("GET", f"{VOICES}/alice/sample"),
            ("GET", f"{VOICES}/alice/preview"),
        ):
            await refused(server, 401, method=method, path=path)
        assert names(tmp_path / "voices") == ["alice.wav"]
        status, _ = await send(server, form(hum(), name="bob"), headers={"Authorization": f"Bearer {TOKEN}"})
        assert status == 201


ODD = ["..", ".", "%2e%2e", "..%2f..%2fetc%2fpasswd", "%00", "a%00b", "..%5c..%5cx", "%0a", "%250a", "x" * 5000, "{x}"]


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("rest", ["", "/sample", "/preview", "/undelete"])
async def test_no_name_in_a_path_leads_out_of_the_folder(tmp_path: Path, name: str, rest: str) -> None:
    (tmp_path / "secret.wav").write_bytes(hum())
    (tmp_path / "voices").mkdir()
    async with http(tmp_path) as server:
        for method in ("GET", "POST", "PATCH", "DELETE"):
            head = f"{method} {VOICES}/{name}{rest} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            head += "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
            reader, writer = await asyncio.open_connection("127.0.0.1", server.server.port)
            writer.write(head.encode())
            answer = await reader.read()
            writer.close()
            assert int(answer.split()[1]) in (400, 404, 405), answer[:300]
        assert names(tmp_path) == ["secret.wav"]


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.mark.slow(4)
@settings(deadline=None, max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.text(min_size=1, max_size=40)
    | st.from_regex(r"\A[./\\]{0,4}[a-z.\x00-\x1f\u202e:%]{1,9}\Z")
    | st.sampled_from(
        ["con", "NUL.x", "a" * 120, "é" * 61, "..", "default", "DEFAULT", "~", "$HOME", "-rf", "a\u200db"]
    )
)
def test_whatever_a_voice_is_called_its_file_is_in_the_folder(
    tmp_path_factory: pytest.TempPathFactory, loop: asyncio.Runner, name: str
) -> None:
    async def run(directory: Path) -> None:
        secret = directory / "secret.wav"
        secret.write_bytes(b"mine")
        async with http(directory) as server:
            asked = URL(f"{VOICES}/{quote(name, safe='')}", encoded=True)
            for method, path in (("GET", asked / "sample"), ("DELETE", asked), ("PATCH", asked)):
                async with server.client.request(method, path, json={"speed": 0.7}) as response:
                    assert response.status in (400, 404, 405, 409) or name.lower() == "default"
            (directory / "voices" / "default.yaml").unlink(missing_ok=True)
            status, answer = await send(server, json={"name": name, "speed": 1.5})
            assert status in (201, 400), answer
            assert secret.read_bytes() == b"mine"
            made = [path for path in directory.rglob("*") if path.is_file() and path != secret]
            if status == 201:
                assert [path.parent for path in made] == [directory / "voices"]
                assert made[0].stem == answer["name"]
                made_path = f"{VOICES}/{quote(answer['name'], safe='')}"
                status, _ = await send(server, method="DELETE", path=made_path)
                assert status in (200, 404)
            else:
                assert made == []
                assert answer["error"]["param"] == "name"

    loop.run(run(tmp_path_factory.mktemp("names")))


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


async def test_every_field_of_a_profile_can_be_sent(tmp_path: Path) -> None:
    values = {
        "label": "Ally",
        "language": "de",
        "exaggeration": "0.4",
        "cfg_weight": "0.3",
        "temperature": "0.7",
        "seed": "5",
        "speed": "0.9",
        "loudness": "-20",
        "sentence_pause": "0.4",
        "aliases": "al",
    }
    assert {*values, "recording"} == set(KEYS)
    async with http(tmp_path) as server:
        status, answer = await send(server, form(hum(), name="alice", consent="true", **values))
        assert status == 201, answer
    text = (tmp_path / "voices" / "alice.yaml").read_text()
    assert all(f"{key}:" in text for key in values)


async def test_every_route_is_described(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        app = web.Application()
        add_voices(app, server.running.service)
        routes = {
            (route.method.lower(), route.resource.canonical)
            for route in app.router.routes()
            if route.resource is not None and route.method != "HEAD"
        }
    described = {(method, path) for path, methods in voices_openapi.paths().items() for method in methods}
    assert described == routes
