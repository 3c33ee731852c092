"""Voices added over HTTP: forms and bodies, names, styles, and what is refused in plain words."""

from __future__ import annotations

from pathlib import Path

import aiohttp
import pytest
from wyoming.tts import SynthesizeVoice
from yarl import URL

from tests.client import CYCLE, describe, plain
from tests.http_serving import http
from tests.test_voices import record
from tests.voices_http import VOICES, form, hum, names, refused, send
from wyoming_chatterbox.voices.profile import KEYS


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


async def test_the_folder_is_made_where_it_is_missing(tmp_path: Path) -> None:
    folder = tmp_path / "voices" / "of" / "mine"
    async with http(tmp_path, voices_directory=folder) as server:
        while not (await server.get(VOICES))[1]["folder"]["writable"]:
            # It takes a busy machine over a second to try that out.
            pass
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


@pytest.mark.parametrize("field", ["voice_file", "audio", "files"])
async def test_the_file_may_be_in_a_field_of_any_name(tmp_path: Path, field: str) -> None:
    data = aiohttp.FormData()
    data.add_field("name", "alice")
    data.add_field(field, hum(), filename="memo.wav", content_type="audio/wav")
    async with http(tmp_path) as server:
        status, entry = await send(server, data)
        assert (status, entry["recording"]) == (201, "alice.wav")


@pytest.mark.parametrize("empty_first", [True, False])
async def test_a_field_for_another_file_may_stay_empty(tmp_path: Path, empty_first: bool) -> None:
    fields = {"file": (hum(), "memo.wav"), "more": (b"", "")}
    data = aiohttp.FormData()
    data.add_field("name", "alice")
    for field in sorted(fields, reverse=empty_first):
        content, name = fields[field]
        data.add_field(field, content, filename=name, content_type="application/octet-stream")
    async with http(tmp_path) as server:
        status, entry = await send(server, data)
        assert (status, entry.get("recording")) == (201, "alice.wav"), entry


FORM = b'--b\r\nContent-Disposition: form-data; name="name"\r\n\r\nalice\r\n--b--\r\n'


@pytest.mark.parametrize(
    ("body", "kind", "words"),
    [
        (FORM, "multipart/form-data", "Content-Type has no boundary"),
        (FORM.replace(b"alice", b"J\xf6rg"), "multipart/form-data; boundary=b", "'name' is not in UTF-8"),
        (
            FORM.replace(b'"name"', b'"file"; filename="a.wav"').replace(b"alice", b""),
            "multipart/form-data; boundary=b",
            "file is empty: send the recording",
        ),
        (FORM, "multipart/form-data; boundary=b", "file is missing: send the recording"),
    ],
)
async def test_what_is_wrong_with_a_form_is_told(tmp_path: Path, body: bytes, kind: str, words: str) -> None:
    async with http(tmp_path) as server:
        error = await refused(server, 400, body, headers={"Content-Type": kind})
        assert words in error["message"]
        assert names(tmp_path / "voices") == []
