"""OpenAI's own Python client, in front of the real server."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import openai
import pytest
import soundfile
from openai import AsyncOpenAI, OpenAI

from tests.http_serving import Http, http
from tests.http_thread import http_in_thread
from tests.playing import played
from wyoming_chatterbox.audio.encoding import FORMATS

TEXT = "One two three. Four five!"
LONG = " ".join(["word"] * 40) + "."


@dataclass
class Asked:
    """A server, and OpenAI's client of it."""

    server: Http
    client: AsyncOpenAI


@asynccontextmanager
async def asked(directory: Path, *flags: str, key: str = "none", **options: Any) -> AsyncIterator[Asked]:
    async with (
        http(directory, *flags, **options) as server,
        AsyncOpenAI(base_url=f"{server.server.url}/v1", api_key=key, max_retries=0) as client,
    ):
        yield Asked(server, client)


@pytest.mark.parametrize("form", FORMATS)
async def test_speech_in_every_format(tmp_path: Path, form: Any) -> None:
    async with asked(tmp_path) as at:
        answer = await at.client.audio.speech.create(
            model="gpt-4o-mini-tts", voice="alloy", input=TEXT, response_format=form, instructions="Whisper.", speed=1.0
        )
        assert answer.response.headers["Content-Type"] == FORMATS[form].content_type(24000)
        sound, rate = played(form, answer.content)
    assert 0.5 <= len(sound) / rate < 0.6
    assert np.abs(sound).max() == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize("form", FORMATS)
async def test_a_stream_begins_before_the_sound_ends(tmp_path: Path, form: Any) -> None:
    async with asked(tmp_path) as at:
        engine = at.server.running.chatterbox
        engine.pause_after = 20
        asking = at.client.audio.speech.with_streaming_response.create(
            model="tts-1", voice="nova", input=LONG, response_format=form
        )
        async with asking as answer:
            data = b""
            async for piece in answer.iter_bytes():
                if not data:
                    assert engine.steps <= 20
                    engine.pause_after = None
                data += piece
        sound, rate = played(form, data)
    assert 4.0 <= len(sound) / rate < 4.2


async def test_events_are_read_as_they_come(tmp_path: Path) -> None:
    async with asked(tmp_path) as at:
        asking = at.client.audio.speech.with_streaming_response.create(
            model="gpt-4o-mini-tts", voice="coral", input=TEXT, response_format="pcm", stream_format="sse"
        )
        async with asking as answer:
            assert answer.headers["Content-Type"].startswith("text/event-stream")
            lines = [line async for line in answer.iter_lines() if line]
    kinds = [json.loads(line.removeprefix("data: "))["type"] for line in lines]
    assert (kinds[0], kinds[-1]) == ("speech.audio.delta", "speech.audio.done")


async def test_fields_of_our_own_go_in_the_extra_body(tmp_path: Path) -> None:
    async with asked(tmp_path, languages=("de", "en")) as at:
        further = {"language": "de", "seed": 7, "exaggeration": 0.3, "cfg_weight": 0.2, "temperature": 0.9}
        await at.client.audio.speech.create(model="tts-1", voice="alloy", input="Eins.", extra_body=further)
        (said,) = at.server.running.chatterbox.said
    sampling = said.sampling
    assert (said.seed, said.voice.language) == (7, "de")
    assert (sampling.exaggeration, sampling.cfg_weight, sampling.temperature) == (0.3, 0.2, 0.9)


async def test_errors_are_those_of_the_client(tmp_path: Path) -> None:
    async with asked(tmp_path) as at:
        speak = at.client.audio.speech.create
        for wrong, param, code in (
            ({"voice": "yangmi"}, "voice", "unknown-voice"),
            ({"speed": 9.0}, "speed", "bad-request"),
            ({"extra_body": {"temperature": 9}}, "temperature", "bad-request"),
            ({"input": ""}, "input", "bad-request"),
        ):
            request: dict[str, Any] = {"model": "tts-1", "voice": "alloy", "input": TEXT, **wrong}
            with pytest.raises(openai.BadRequestError) as caught:
                await speak(**request)
            assert (caught.value.param, caught.value.code) == (param, code)
            assert caught.value.type == "invalid_request_error"
    async with asked(tmp_path, "--http-token", "secret") as at:
        with pytest.raises(openai.AuthenticationError):
            await at.client.models.list()
    async with asked(tmp_path, "--http-token", "secret", key="secret") as at:
        assert await at.client.models.list()
        with pytest.raises(openai.NotFoundError, match="There is no model 'whisper-1'"):
            await at.client.models.retrieve("whisper-1")


async def test_models_are_listed(tmp_path: Path) -> None:
    async with asked(tmp_path) as at:
        names = [model.id async for model in at.client.models.list()]
        assert {"chatterbox", "tts-1", "tts-1-hd", "gpt-4o-mini-tts"} <= set(names)
        model = await at.client.models.retrieve("tts-1")
        assert (model.id, model.object, model.owned_by) == ("tts-1", "model", "wyoming-chatterbox")
        assert model.created > 1_700_000_000


def test_the_plain_client_writes_a_file(tmp_path: Path) -> None:
    file = tmp_path / "speech.wav"
    with (
        http_in_thread(tmp_path) as server,
        OpenAI(base_url=f"{server.server.url}/v1", api_key="none", max_retries=0) as client,
        client.audio.speech.with_streaming_response.create(
            model="tts-1", voice="shimmer", input=TEXT, response_format="wav"
        ) as answer,
    ):
        answer.stream_to_file(file)
    samples, rate = soundfile.read(file)
    assert (len(samples), rate) == (12000, 24000)
