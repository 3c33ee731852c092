"""Speech for clients that know OpenAI's API."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
import soundfile

from tests.client import PATIENCE, describe
from tests.fakes import FakeEngine
from tests.http_serving import SPEECH, Http, decoded, http
from tests.serving import until
from wyoming_chatterbox.engine import SAMPLE_RATE, Block, Utterance
from wyoming_chatterbox.errors import EngineError, OutOfMemoryError

TEXT = "One two three. Four five!"
LONG = " ".join(["word"] * 40) + "."
TYPES = {
    "mp3": "audio/mpeg",
    "wav": "audio/wav",
    "pcm": "audio/pcm; rate=24000; channels=1",
    "flac": "audio/flac",
    "opus": "audio/ogg; codecs=opus",
}


class Breaking(FakeEngine):
    """Fails in the middle of an utterance."""

    def speak(self, utterance: Utterance, cancelled: Callable[[], bool]) -> Iterator[Block]:
        for number, block in enumerate(super().speak(utterance, cancelled)):
            if number == 30:
                raise EngineError("the vocoder stumbled")
            yield block


async def said(server: Http, **request: Any) -> bytes:
    async with server.client.post(SPEECH, json={"input": TEXT, "response_format": "pcm", **request}) as response:
        assert response.status == 200, await response.text()
        return await response.read()


async def test_speech_is_the_text_sentence_by_sentence(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        sound = await said(server)
        assert server.running.chatterbox.texts == ["One two three.", "Four five!"]
    assert len(sound) == 2 * 0.5 * SAMPLE_RATE
    spectrum = np.abs(np.fft.rfft(np.frombuffer(sound, "<i2")))
    assert np.argmax(spectrum) * SAMPLE_RATE / (len(sound) / 2) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("form", TYPES)
async def test_every_format_is_what_its_type_says(tmp_path: Path, form: str) -> None:
    async with http(tmp_path) as server:
        request = {"model": "tts-1", "input": TEXT, "voice": "default", "response_format": form, "speed": 1.0}
        async with server.client.post(SPEECH, json=request) as response:
            assert response.headers["Content-Type"] == TYPES[form]
            data = await response.read()
    sound = decoded(form, data)
    assert 0.5 * SAMPLE_RATE <= len(sound) <= 0.6 * SAMPLE_RATE
    assert np.abs(sound).max() == pytest.approx(0.5, abs=0.05)


async def test_mp3_is_what_comes_unless_another_format_is_asked_for(tmp_path: Path) -> None:
    async with http(tmp_path) as server, server.client.post(SPEECH, json={"input": TEXT}) as response:
        assert response.content_type == "audio/mpeg"
        with soundfile.SoundFile(io.BytesIO(await response.read())) as file:
            assert file.format == "MP3"


@pytest.mark.parametrize("form", TYPES)
async def test_sound_comes_while_the_rest_is_still_to_be_made(tmp_path: Path, form: str) -> None:
    async with http(tmp_path) as server:
        engine = server.running.chatterbox
        engine.pause_after = 20
        request = {"input": LONG, "response_format": form}
        async with server.client.post(SPEECH, json=request) as response:
            early = await asyncio.wait_for(response.content.readany(), PATIENCE)
            assert early
            assert engine.steps <= 20
            engine.pause_after = None
            assert len(await response.read()) > 0


async def test_voices_are_found_by_name(tmp_path: Path) -> None:
    (tmp_path / "voices").mkdir()
    recording = tmp_path / "voices" / "alice.wav"
    soundfile.write(recording, np.random.default_rng(0).normal(0, 0.1, 48000), 24000)
    async with http(tmp_path) as server:
        for voice in ({"voice": "alice"}, {"voice": "default"}, {}, {"voice": None}, {"voice": ""}):
            await said(server, input="Hello.", **voice)
        spoken = [utterance.voice.recording for utterance in server.running.chatterbox.said]
    assert spoken == [recording, None, None, None, None]


async def test_who_names_no_voice_gets_the_servers_choice(tmp_path: Path) -> None:
    async with http(tmp_path, "--voice", "default-de", languages=("de", "en")) as server:
        await said(server, input="Hallo.")
        await said(server, input="Hello.", voice="default-en")
        assert [utterance.voice.language for utterance in server.running.chatterbox.said] == ["de", "en"]


async def test_an_unknown_voice_is_told_which_there_are(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        status, error = await server.refusal(input=TEXT, voice="yangmi")
    assert (status, error["type"], error["code"], error["param"]) == (
        400,
        "invalid_request_error",
        "unknown-voice",
        "voice",
    )
    assert "'yangmi'" in error["message"] and "there are: default" in error["message"]


async def test_a_broken_recording_is_told_as_such(tmp_path: Path) -> None:
    (tmp_path / "voices").mkdir()
    (tmp_path / "voices" / "bob.wav").write_bytes(b"no sound")
    async with http(tmp_path) as server:
        status, error = await server.refusal(input=TEXT, voice="bob")
    assert (status, error["code"]) == (400, "broken-voice")
    assert "bob.wav" in error["message"]


@pytest.mark.parametrize(
    ("request_", "param", "words"),
    [
        ({}, "input", "input is missing"),
        ({"input": 7}, "input", "not a number"),
        ({"input": None}, "input", "not null"),
        ({"input": ["a"]}, "input", "not an array"),
        ({"input": ""}, "input", "nothing in the text"),
        ({"input": "a" * 10001}, "input", "10000 is the limit"),
        ({"input": TEXT, "model": 1}, "model", "model must be a string"),
        ({"input": TEXT, "voice": {"id": 1}}, "voice", "must have an id or a name"),
        ({"input": TEXT, "voice": {}}, "voice", "must have an id or a name"),
        ({"input": TEXT, "voice": 1}, "voice", "not a number"),
        ({"input": TEXT, "response_format": "ogg"}, "response_format", "there are: mp3, opus, aac, flac, wav, pcm"),
        ({"input": TEXT, "response_format": True}, "response_format", "not a boolean"),
        ({"input": TEXT, "speed": 4.5}, "speed", "speed can't be 4.5: it takes a number from 0.25 to 4"),
        ({"input": TEXT, "speed": True}, "speed", "can't be true"),
        ({"input": TEXT, "speed": "fast"}, "speed", "can't be 'fast'"),
        ({"input": TEXT, "speed": [1]}, "speed", "can't be an array"),
        ({"input": TEXT, "speed": float("nan")}, "speed", "can't be NaN"),
        ({"input": TEXT, "speed": 10**400}, "speed", "can't be 1000"),
        ({"input": TEXT, "stream_format": "websocket"}, "stream_format", "there are: audio, sse"),
        ({"input": TEXT, "instructions": 1}, "instructions", "must be a string"),
    ],
)
async def test_what_can_not_be_done_is_refused_with_the_reason(
    tmp_path: Path, request_: dict[str, Any], param: str, words: str
) -> None:
    async with http(tmp_path) as server:
        status, error = await server.refusal(**request_)
        assert (status, error["type"], error["param"]) == (400, "invalid_request_error", param)
        assert words in error["message"]
        assert server.running.chatterbox.said == []


async def test_what_openai_knows_and_chatterbox_does_not_need_is_passed_over(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        await said(server, model="gpt-4o-mini-tts", instructions="Whisper.", stream_format="audio", speed=1, user="x")


@pytest.mark.parametrize("body", [b"", b"{", b'{"input": "a"', b"[]", b'"a"', b"null", b"\xff\xfe\xff", b"[" * 100000])
async def test_a_body_that_is_no_json_object_is_refused(tmp_path: Path, body: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    async with http(tmp_path) as server, server.client.post(SPEECH, data=body, headers=headers) as response:
        assert (response.status, (await response.json())["error"]["code"]) == (400, "bad-json")


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "The body is empty: send a JSON object"),
        (b"{'input': 'Hi.'}", "Expecting property name enclosed in double quotes in line 1, column 2"),
        (b'{"input": "Hi.",}', "in line 1, column 1"),
        ('{"input": "Gr\xfc\xdfe"}'.encode("latin-1"), "it is not in UTF-8 (byte 14)"),
        (b"[" * 100_000, "it is nested too deep"),
        (b'{"seed": ' + b"9" * 10_000 + b"}", "a number in it is too long"),
    ],
    ids=["empty", "other quotes", "a comma too many", "Latin-1", "deep", "a long number"],
)
async def test_what_is_wrong_with_the_json_is_told(tmp_path: Path, body: bytes, words: str) -> None:
    headers = {"Content-Type": "application/json"}
    async with http(tmp_path) as server, server.client.post(SPEECH, data=body, headers=headers) as response:
        assert words in (await response.json())["error"]["message"]


async def test_a_body_without_a_type_is_told_so(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        sent = server.client.post(SPEECH, data=b'{"input": "Hello."}', skip_auto_headers=["Content-Type"])
        async with sent as response:
            assert response.status == 415
            assert "must be application/json: there is none" in (await response.json())["error"]["message"]


async def test_blanks_and_whole_numbers_are_no_fault(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        request = {"response_format": " WAV ", "stream_format": "audio ", "sample_rate": 16000.0}
        async with server.client.post(SPEECH, json={"input": TEXT, **request}) as response:
            assert response.status == 200, await response.text()
            assert (await response.read())[24:28] == (16000).to_bytes(4, "little")


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", "nonsense"])
async def test_only_json_is_read(tmp_path: Path, kind: str) -> None:
    async with http(tmp_path) as server:
        sent = server.client.post(SPEECH, data=b'{"input": "Hello."}', headers={"Content-Type": kind})
        async with sent as response:
            assert (response.status, (await response.json())["error"]["code"]) == (415, "bad-content-type")


async def test_a_text_in_escapes_is_not_taken_for_too_much(tmp_path: Path) -> None:
    async with http(tmp_path, "--max-total-length", "20000") as server:
        assert await said(server, input="😀" * 20000)


async def test_a_body_that_is_too_large_is_not_read(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        status, error = await server.refusal(input="a" * 200_000)
        assert (status, error["code"]) == (413, "too-large")


async def test_a_body_that_can_not_be_unpacked_is_refused(tmp_path: Path) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    async with http(tmp_path) as server, server.client.post(SPEECH, data=b"hello", headers=headers) as response:
        assert (response.status, (await response.json())["error"]["code"]) == (400, "bad-body")


async def test_a_bomb_in_a_compressed_body_is_not_unpacked(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        sent = server.client.post(SPEECH, json={"input": "a" * 5_000_000}, compress="deflate")
        async with sent as response:
            assert response.status == 413


@pytest.mark.parametrize(
    "error", [EngineError("it stumbled"), OutOfMemoryError("8 MB are too few"), ValueError("oops")]
)
async def test_a_failure_before_the_first_sound_is_an_error(tmp_path: Path, error: Exception) -> None:
    async with http(tmp_path, "--no-standby") as server:
        server.running.chatterbox.failures = [error] * 2
        status, answer = await server.refusal(input=TEXT)
        assert (status, answer["type"]) == (500, "server_error")
        assert str(error) in answer["message"]
        assert server.running.service.replies.counters.failed == 1


async def test_with_a_standby_voice_a_failure_is_no_error(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        server.running.chatterbox.failures.append(EngineError("it stumbled"))
        assert len(await said(server)) == 2 * 0.5 * SAMPLE_RATE
        assert server.running.standby.texts == ["One two three.", "Four five!"]


@pytest.mark.parametrize("stream_format", ["audio", "sse"])
async def test_the_answer_says_who_speaks_and_which_reply_it_is(tmp_path: Path, stream_format: str) -> None:
    async with http(tmp_path, load=lambda *_: Breaking()) as server:
        await until(lambda: server.running.service.lifecycle.chatterbox is not None)
        expected = {"One two three.": ("fake", "fake"), LONG: ("fake", "standby"), "🙂": (None, None)}
        for text, (began, ended) in expected.items():
            request = {"input": text, "stream_format": stream_format}
            async with server.client.post(SPEECH, json=request) as response:
                assert response.headers.get("Chatterbox-Engine") == began
                await response.read()
            async with server.client.get("/info") as info:
                by_id = {str(reply["id"]): reply["engine"] for reply in (await info.json())["recent"]}
            assert by_id[response.headers["Chatterbox-Reply"]] == ended
        assert len(by_id) == len(expected)


@pytest.mark.parametrize("form", TYPES)
async def test_a_failure_after_the_first_sound_breaks_the_connection(tmp_path: Path, form: str) -> None:
    async with http(tmp_path, "--no-standby", load=lambda *_: Breaking()) as server:
        await until(lambda: server.running.service.lifecycle.speaking is not None)
        async with server.client.post(SPEECH, json={"input": LONG, "response_format": form}) as response:
            assert response.status == 200
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()
        assert server.running.service.replies.records[-1].outcome == "synthesis-failed"


async def test_nobody_to_speak_is_unavailable_and_worth_another_try(tmp_path: Path) -> None:
    def failing(*_: object) -> FakeEngine:
        raise EngineError("not today")

    asking = {"input": TEXT}
    async with (
        http(tmp_path, "--no-standby", load=failing, first_retry=60) as server,
        server.client.post(SPEECH, json=asking) as response,
    ):
        assert (response.status, (await response.json())["error"]["code"]) == (503, "not-ready")
        assert int(response.headers["Retry-After"]) > 0


async def test_more_replies_than_the_limit_are_asked_to_come_again(tmp_path: Path) -> None:
    async with http(tmp_path, "--max-replies", "1") as server:
        server.running.chatterbox.go_on.clear()
        first = asyncio.create_task(said(server))
        await until(lambda: bool(server.running.chatterbox.said))
        async with server.client.post(SPEECH, json={"input": TEXT}) as response:
            assert (response.status, (await response.json())["error"]["type"]) == (429, "rate_limit_error")
            assert int(response.headers["Retry-After"]) > 0
        server.running.chatterbox.go_on.set()
        assert await first


async def test_a_client_that_leaves_frees_the_model(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        engine = server.running.chatterbox
        engine.pause_after = 20
        async with aiohttp.ClientSession(server.server.url) as leaving:
            response = await leaving.post(SPEECH, json={"input": LONG, "response_format": "pcm"})
            await response.content.readany()
            await until(lambda: engine.steps == 20)
        await until(lambda: engine.cancelled_after == 20)
        await until(lambda: server.running.service.replies.active == 0)
        assert server.running.service.replies.records[-1].outcome == "cancelled"
        engine.pause_after = None
        assert await said(server)


async def test_a_client_that_leaves_before_the_first_sound_frees_the_model(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        engine = server.running.chatterbox
        engine.go_on.clear()
        async with aiohttp.ClientSession(server.server.url) as leaving:
            asked = asyncio.create_task(leaving.post(SPEECH, json={"input": LONG}))
            await until(lambda: bool(engine.said))
            asked.cancel()
        await until(lambda: engine.cancelled_after == 0)
        await until(lambda: server.running.service.replies.active == 0)


async def test_shutting_down_breaks_what_is_being_said(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        server.running.chatterbox.pause_after = 20
        async with server.client.post(SPEECH, json={"input": LONG, "response_format": "pcm"}) as response:
            await response.content.readany()
            server.running.scheduler.stop()
            with pytest.raises(aiohttp.ClientError):
                await response.read()
        status, error = await server.refusal(input=TEXT)
        assert (status, error["code"]) == (503, "shutting-down")


@pytest.mark.slow(2)
async def test_a_server_closed_in_the_middle_of_a_reply_ends_it(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        server.running.chatterbox.pause_after = 20
        async with server.client.post(SPEECH, json={"input": LONG, "response_format": "pcm"}) as response:
            await response.content.readany()
            await server.server.close()
            with pytest.raises(aiohttp.ClientError):
                await response.read()
        await until(lambda: server.running.service.replies.active == 0)


async def test_questions_are_answered_while_a_reply_is_made(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        server.running.chatterbox.go_on.clear()
        reply = asyncio.create_task(said(server))
        await until(lambda: bool(server.running.chatterbox.said))
        assert (await server.get("/health"))[0] == 200
        assert (await server.get("/info"))[1]["statistics"]["active"] == 1
        assert (await server.get("/memory"))[0] == 200
        assert (await describe(server.running.uri)).tts
        server.running.chatterbox.go_on.set()
        assert await reply


async def test_replies_take_turns_and_do_not_mix(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        replies = await asyncio.gather(*(said(server, input=" ".join(["a"] * words)) for words in (1, 4, 7)))
    assert [len(reply) / 2 / SAMPLE_RATE for reply in replies] == pytest.approx([0.1, 0.4, 0.7])
