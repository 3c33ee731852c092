"""Requests that real clients send to the speech endpoint, and what is right: a row each."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from tests.client import PATIENCE
from tests.fakes import FakeEngine
from tests.http_serving import SPEECH, Http, http
from tests.playing import played
from tests.serving import until
from wyoming_chatterbox.audio.encoding import FORMATS
from wyoming_chatterbox.engine import SAMPLE_RATE, Block, Utterance
from wyoming_chatterbox.errors import EngineError
from wyoming_chatterbox.web.speech_request import OPENAI_VOICES

TEXT = "One two three. Four five!"
LONG = " ".join(["word"] * 40) + "."
Style = dict[str, Any]


class Breaking(FakeEngine):
    """Fails in the middle of an utterance."""

    def speak(self, utterance: Utterance, cancelled: Callable[[], bool]) -> Iterator[Block]:
        for number, block in enumerate(super().speak(utterance, cancelled)):
            if number == 30:
                raise EngineError("the vocoder stumbled")
            yield block


def recording(directory: Path, name: str) -> Path:
    """Put a voice into the voices folder."""
    path = directory / "voices" / name
    path.parent.mkdir(exist_ok=True)
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, 48000), 24000)
    return path


async def said(server: Http, **request: Any) -> bytes:
    async with server.client.post(SPEECH, json={"input": TEXT, "response_format": "pcm", **request}) as response:
        assert response.status == 200, await response.text()
        return await response.read()


async def events(server: Http, **request: Any) -> list[dict[str, Any]]:
    """Ask for server-sent events; what they hold."""
    asked = {"input": TEXT, "response_format": "pcm", "stream_format": "sse", **request}
    async with server.client.post(SPEECH, json=asked) as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        lines = (await response.text()).split("\n\n")
    assert lines.pop() == ""
    return [json.loads(line.removeprefix("data: ")) for line in lines]


@pytest.mark.parametrize("name", [*OPENAI_VOICES, "Alloy"])
async def test_openais_names_speak_with_the_default_voice(tmp_path: Path, name: str) -> None:
    async with http(tmp_path, "--voice", "default-de", languages=("de", "en")) as server:
        await said(server, voice=name)
        await said(server, voice={"id": name})
        assert {utterance.voice.name for utterance in server.running.chatterbox.said} == {"default-de"}


async def test_a_voice_that_has_one_of_these_names_is_meant_itself(tmp_path: Path) -> None:
    path = recording(tmp_path, "nova.wav")
    async with http(tmp_path) as server:
        await said(server, input="One.", voice="nova")
        await said(server, input="One.", voice="alloy")
        assert [utterance.voice.recording for utterance in server.running.chatterbox.said] == [path, None]


@pytest.mark.parametrize("voice", ["alice", {"id": "alice"}, {"name": "alice"}, {"id": "alice", "name": "Alice"}])
async def test_a_voice_may_be_an_object(tmp_path: Path, voice: object) -> None:
    path = recording(tmp_path, "alice.wav")
    async with http(tmp_path) as server:
        await said(server, voice=voice)
        assert server.running.chatterbox.said[0].voice.recording == path


async def test_an_unknown_voice_is_told_which_there_are(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        status, error = await server.refusal(input=TEXT, voice="yangmi")
        assert (status, error["param"]) == (400, "voice")
        assert "there are: default" in error["message"]


@pytest.mark.parametrize("speed", [1, 1.0, "1.0", "1", 0.9, 1.25, 0.25, 4, None])
async def test_speed_may_be_a_number_or_a_text(tmp_path: Path, speed: object) -> None:
    async with http(tmp_path) as server:
        assert await said(server, speed=speed)


@pytest.mark.parametrize("speed", [0.24, 4.1, 0, -1, "5", "", "fast", True])
async def test_a_speed_that_can_not_be_is_named(tmp_path: Path, speed: object) -> None:
    async with http(tmp_path) as server:
        status, error = await server.refusal(input=TEXT, speed=speed)
        assert (status, error["param"]) == (400, "speed")
        assert "it takes a number from 0.25 to 4" in error["message"]


@pytest.mark.parametrize("name", [*FORMATS, *(name.upper() for name in FORMATS), "Mp3"])
async def test_every_format_can_be_played(tmp_path: Path, name: str) -> None:
    async with http(tmp_path) as server:
        sound, rate = played(name.lower(), await said(server, response_format=name))
    assert 0.5 <= len(sound) / rate < 0.6
    assert np.abs(sound).max() == pytest.approx(0.5, abs=0.05)


async def test_sound_may_come_in_events(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        plain = await said(server)
        told = await events(server)
    assert {event["type"] for event in told[:-1]} == {"speech.audio.delta"}
    assert b"".join(base64.b64decode(event["audio"]) for event in told[:-1]) == plain
    # Two sentences of 0.2 and 0.3 s, of 25 tokens a second.
    assert told[-1]["type"] == "speech.audio.done"
    assert told[-1]["usage"] == {"input_tokens": 25, "output_tokens": 12, "total_tokens": 37}


async def test_events_come_while_the_rest_is_still_to_be_made(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        engine = server.running.chatterbox
        engine.pause_after = 20
        async with server.client.post(SPEECH, json={"input": LONG, "stream_format": "SSE"}) as response:
            line = await asyncio.wait_for(response.content.readline(), PATIENCE)
            assert json.loads(line.removeprefix(b"data: "))["type"] == "speech.audio.delta"
            assert engine.steps <= 20
            engine.pause_after = None
            assert b"speech.audio.done" in await response.read()


async def test_a_failure_in_mid_stream_is_an_event(tmp_path: Path) -> None:
    async with http(tmp_path, "--no-standby", load=lambda *_: Breaking()) as server:
        await until(lambda: server.running.service.lifecycle.speaking is not None)
        told = await events(server, input=LONG)
        assert told[0]["type"] == "speech.audio.delta"
        assert (told[-1]["type"], told[-1]["error"]["code"]) == ("error", "synthesis-failed")
        assert "the vocoder stumbled" in told[-1]["error"]["message"]
        assert server.running.service.replies.records[-1].outcome == "synthesis-failed"


async def test_a_failure_before_the_first_event_is_an_error(tmp_path: Path) -> None:
    async with http(tmp_path, "--no-standby") as server:
        server.running.chatterbox.failures = [EngineError("it stumbled")] * 2
        status, error = await server.refusal(input=TEXT, stream_format="sse")
        assert (status, error["code"]) == (500, "synthesis-failed")


@pytest.mark.parametrize("text", ["🎉", ".", "...", "\n🎉 \n", " "])
@pytest.mark.parametrize("form", FORMATS)
async def test_a_text_that_says_nothing_is_a_moment_of_silence(tmp_path: Path, text: str, form: str) -> None:
    async with http(tmp_path) as server:
        sound, rate = played(form, await said(server, input=text, response_format=form))
        assert 0.1 <= len(sound) / rate < 0.25
        assert np.abs(sound).max() < 1e-3
        assert server.running.chatterbox.said == []
        async with server.client.post("/said", json={"input": text}) as response:
            assert await response.json() == {"said": []}


async def test_no_text_is_an_error(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        status, error = await server.refusal(input="")
        assert (status, error["param"]) == (400, "input")


async def test_further_fields_say_how_the_voice_speaks(tmp_path: Path) -> None:
    flags = ["--exaggeration", "0.9", "--seed", "3", "--temperature", "2"]
    style = {"exaggeration": 0.3, "cfg_weight": "0.2", "seed": 7}
    async with http(tmp_path, *flags, languages=("de", "en")) as server:
        await said(server, input="Eins.", language="de", **style)
        await said(server, input="One.")
        first, second = server.running.chatterbox.said
    sampling = first.sampling
    assert (sampling.exaggeration, sampling.cfg_weight, sampling.temperature) == (0.3, 0.2, 2)
    assert (first.seed, first.voice.language) == (7, "de")
    assert (second.seed, second.sampling.exaggeration, second.voice.language) == (3, 0.9, "en")


async def test_a_pause_between_sentences_may_be_asked_for(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        longer = len(await said(server, sentence_pause=0.5)) - len(await said(server))
    assert longer == 0.5 * SAMPLE_RATE * 2


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("exaggeration", 2.1, "exaggeration can't be 2.1: it takes a number from 0 to 2"),
        ("cfg_weight", -0.1, "cfg_weight can't be -0.1: it takes a number from 0 to 1"),
        ("temperature", 0, "temperature can't be 0: it takes a number from 0.05 to 5"),
        ("temperature", {"a": 1}, "temperature can't be an object"),
        ("seed", 1.5, "seed can't be 1.5: it takes a whole number from 0 to 4294967295"),
        ("seed", -1, "seed can't be -1"),
        ("seed", "lucky", "seed can't be 'lucky'"),
        ("loudness", 3, "loudness can't be 3: it takes a number from -40 to -10, or off"),
        ("sentence_pause", 60, "sentence_pause can't be 60: it takes a number from 0 to 10"),
        ("language", 7, "language must be a string, not a number"),
        ("language", "klingon!", "language can't be 'klingon!': it takes de, en"),
        ("language", "xx", "language can't be 'xx': it takes de, en"),
        ("sample_rate", 12345, "sample_rate can't be 12345: mp3 takes 8000, 16000, 22050, 24000, 44100, 48000"),
        ("sample_rate", True, "sample_rate can't be true"),
        ("sample_rate", 24000.5, "sample_rate can't be 24000.5"),
        ("sample_rate", [], "sample_rate can't be an array"),
    ],
)
async def test_a_field_that_is_wrong_is_named_with_what_is_right(
    tmp_path: Path, field: str, value: object, words: str
) -> None:
    async with http(tmp_path, languages=("de", "en")) as server:
        for path in (SPEECH, "/said"):
            async with server.client.post(path, json={"input": TEXT, field: value}) as response:
                error = (await response.json())["error"]
                assert (response.status, error["param"]) == (400, field)
            assert words in error["message"]
        assert server.running.chatterbox.said == []


async def test_a_voice_with_a_language_of_its_own_speaks_no_other(tmp_path: Path) -> None:
    recording(tmp_path, "alice-de.wav")
    async with http(tmp_path, languages=("de", "en", "fr")) as server:
        await said(server, voice="alice-de", language="de")
        status, error = await server.refusal(input=TEXT, voice="alice-de", language="fr")
        assert (status, error["param"]) == (400, "language")
        assert "the voice 'alice-de' speaks de" in error["message"]


@pytest.mark.parametrize("rate", [16000, "16000"])
async def test_the_header_and_the_type_tell_the_rate(tmp_path: Path, rate: object) -> None:
    async with http(tmp_path) as server:
        for form, kind in (("wav", "audio/wav"), ("pcm", "audio/pcm; rate=16000; channels=1")):
            asked = {"input": TEXT, "response_format": form, "sample_rate": rate}
            async with server.client.post(SPEECH, json=asked) as response:
                assert response.headers["Content-Type"] == kind
                data = await response.read()
            if form == "wav":
                with soundfile.SoundFile(io.BytesIO(data)) as file:
                    assert (file.samplerate, len(file.read())) == (16000, 8000)
            else:
                assert len(data) == 2 * 8000


async def test_a_rate_that_a_format_does_not_take_is_refused(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        status, error = await server.refusal(input=TEXT, response_format="opus", sample_rate=44100)
        assert (status, error["param"]) == (400, "sample_rate")
        assert "opus takes 8000, 16000, 24000, 48000" in error["message"]


@pytest.mark.parametrize("path", ["/v1/models", "/v1/models/tts-1", "/v1/audio/models", "/v1/audio/voices"])
async def test_a_slash_at_the_end_makes_no_difference(tmp_path: Path, path: str) -> None:
    async with http(tmp_path) as server:
        assert await server.get(path) == await server.get(f"{path}/")
        assert (await server.get(path))[0] == 200
        async with server.client.post(f"{SPEECH}/", json={"input": TEXT}) as response:
            assert (response.status, response.content_type) == (200, "audio/mpeg")


async def test_models_are_listed_as_openai_does(tmp_path: Path) -> None:
    async with http(tmp_path, "--model", "turbo", load=lambda *_: FakeEngine("turbo")) as server:
        _, answer = await server.get("/v1/models")
        names = [model["id"] for model in answer["data"]]
        assert (answer["object"], names[:2]) == ("list", ["chatterbox", "turbo"])
        assert {"tts-1", "tts-1-hd", "gpt-4o-mini-tts"} <= set(names)
        assert await server.get("/v1/models/turbo") == (200, answer["data"][1])
        status, wrong = await server.get("/v1/models/whisper-1")
        assert (status, wrong["error"]["code"], wrong["error"]["param"]) == (404, "unknown-model", "model")
        assert "there are: chatterbox" in wrong["error"]["message"]


async def test_open_webui_finds_models_and_voices(tmp_path: Path) -> None:
    recording(tmp_path, "alice.wav")
    async with http(tmp_path, languages=("de", "en")) as server:
        models = (await server.get("/v1/audio/models"))[1]["models"]
        voices = (await server.get("/v1/audio/voices"))[1]["voices"]
        assert {"id": "tts-1", "name": "tts-1"} in models
        assert {voice["id"]: voice["name"] for voice in voices} == {
            name: name for name in ("default-de", "default-en", "alice-de", "alice-en")
        }
        assert [voice["language"] for voice in voices] == ["de", "en", "de", "en"]
        assert voices[2]["label"] == "alice"
        for voice in voices:
            await said(server, input="One.", voice=voice["id"])


async def test_a_format_that_this_machine_can_not_make_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(FORMATS, "aac", replace(FORMATS["aac"], codec="libnobody"))
    monkeypatch.setitem(FORMATS, "opus", replace(FORMATS["opus"], muxer="nobody"))
    async with http(tmp_path) as server:
        for form in ("aac", "opus"):
            status, error = await server.refusal(input=TEXT, response_format=form)
            assert (status, error["param"]) == (400, "response_format")
            assert f"{form} can't be made on this machine" in error["message"]
        assert await said(server, response_format="mp3")
