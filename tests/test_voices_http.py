"""Voices over HTTP, seen and heard: the list, their states, recordings and previews."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiohttp import web
from wyoming.tts import SynthesizeVoice

from tests.client import PATIENCE, plain
from tests.http_serving import decoded, http
from tests.test_voices import record
from tests.voices_http import VOICES, listed, refused
from wyoming_chatterbox.families import MULTILINGUAL_LANGUAGES
from wyoming_chatterbox.web import voices_openapi
from wyoming_chatterbox.web.preview_sentences import SENTENCES
from wyoming_chatterbox.web.voices import add_voices


async def test_the_list_has_one_entry_a_voice_however_many_languages(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "alice.wav")
    record(tmp_path / "voices" / "bob-de.wav")
    (tmp_path / "voices" / "text.wav").write_text("no sound")
    async with http(tmp_path, "--voice", "alice", languages=MULTILINGUAL_LANGUAGES) as server:
        status, answer = await server.get(VOICES)
        while not answer["folder"]["writable"]:
            # It takes a busy machine over a second to try that out.
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
        assert answer["broken"][0]["problem"] == {"code": "recording-unreadable", "values": {}}
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
        assert await voices.refresh(PATIENCE)
        alice = (await listed(server))["alice"]
        assert (alice["state"], alice["reason"]) == ("broken", "it can't be cloned")


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
