"""Faults of our own that nobody foresaw: a client gets an error like any other, and the log has the traceback, once."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest
from wyoming.client import AsyncClient
from wyoming.info import Describe
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart

from tests.client import PATIENCE, Heard, describe, listen, plain, streamed
from tests.fakes import FakeEngine
from tests.http_serving import SPEECH, http
from tests.ports import free_port
from tests.serving import Running, serving, until
from tests.voices_http import VOICES, form, hum, send
from wyoming_chatterbox.engine import Description
from wyoming_chatterbox.network.reach import Reach
from wyoming_chatterbox.server.wyoming_server import WyomingServer
from wyoming_chatterbox.text.pronunciations import Pronunciations
from wyoming_chatterbox.voices.library import Library

T = TypeVar("T")

INTERNALS = "the internals"
WORDS = "Something unexpected happened: see the server's log"
GOOD, ODD = "One two three. " * 300, "Four strange five. "
"""The first is read before the second is looked at."""


class OddWords(Pronunciations):
    """Stumbles over a word."""

    def words(self, text: str, language: str, **further: Any) -> str:
        if "strange" in text:
            raise RuntimeError(INTERNALS)
        return super().words(text, language, **further)


class OddLibrary(Library):
    """Stumbles over the second piece of a file."""

    pieces = 0

    async def read(self, function: Callable[[], T]) -> T:
        self.pieces += 1
        if self.pieces > 1:
            raise RuntimeError(INTERNALS)
        return await super().read(function)


class OddEngine(FakeEngine):
    """Stumbles when it is asked about itself."""

    broken = False

    def describe(self) -> Description:
        if self.broken:
            raise RuntimeError(INTERNALS)
        return super().describe()


class OddReach(Reach):
    """Stumbles over every visit."""

    def visited(self, peer: str | None) -> None:
        raise RuntimeError(INTERNALS)


@asynccontextmanager
async def odd_reader(running: Running) -> AsyncIterator[str]:
    """Another server of the same service, which fails whenever a client asks who it is."""
    uri = f"tcp://127.0.0.1:{free_port()}"
    server = WyomingServer(uri, replace(running.service, reach=OddReach()))
    await server.start()
    try:
        yield uri
    finally:
        await server.close()


def told_once(caplog: pytest.LogCaptureFixture) -> bool:
    """Whether the log has one traceback, and says of nobody that it left."""
    explained = [record for record in caplog.records if record.exc_info]
    return len(explained) == 1 and INTERNALS in caplog.text and "left before the end" not in caplog.text


def check(heard: Heard) -> None:
    assert heard.error is not None
    assert (heard.error.text, heard.error.code) == (WORDS, "unexpected")


# Wyoming


@pytest.mark.parametrize("text", [ODD, GOOD + ODD])
async def test_a_fault_while_speaking_is_an_error_event(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, text: str
) -> None:
    async with serving(tmp_path) as running:
        running.service.pronunciations.latest = OddWords()
        heard = await plain(running.uri, text)
        check(heard)
        assert heard.types == [*(["audio-start", "audio-chunk"] if text != ODD else []), "error"]
        heard = await streamed(running.uri, [text, ODD])
        check(heard)
        assert heard.types[-3:] == ["error", "audio-stop", "synthesize-stopped"]
        caplog.clear()
        check(await plain(running.uri, text))
        await until(lambda: running.service.replies.active == 0)
        assert told_once(caplog)
        assert (await plain(running.uri, "One two.")).error is None


async def test_a_fault_while_reading_is_an_error_event(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with serving(tmp_path) as running, odd_reader(running) as uri, asyncio.timeout(PATIENCE):
        async with AsyncClient.from_uri(uri) as client:
            await client.write_event(Describe().event())
            check(await listen(client, "info"))
        assert told_once(caplog)
        await describe(running.uri)


@pytest.mark.parametrize("is_stream", [False, True])
async def test_a_fault_while_reading_ends_what_is_being_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, is_stream: bool
) -> None:
    async with serving(tmp_path) as running, odd_reader(running) as uri, asyncio.timeout(PATIENCE):
        running.chatterbox.pause_after = 1
        async with AsyncClient.from_uri(uri) as client:
            if is_stream:
                await client.write_event(SynthesizeStart().event())
                await client.write_event(SynthesizeChunk(text=GOOD).event())
            else:
                await client.write_event(Synthesize(text=GOOD).event())
            await listen(client, "audio-chunk")
            await client.write_event(Describe().event())
            heard = await listen(client, "audio-start")
        check(heard)
        ends = [kind for kind in heard.types if kind != "audio-chunk"]
        assert ends == ["error", *(["audio-stop", "synthesize-stopped"] if is_stream else [])]
        await until(lambda: running.service.replies.active == 0)
        assert told_once(caplog)


async def test_of_a_client_that_leaves_the_log_says_so(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with serving(tmp_path) as running, asyncio.timeout(PATIENCE):
        running.chatterbox.pause_after = 1
        async with AsyncClient.from_uri(running.uri) as client:
            await client.write_event(SynthesizeStart().event())
            await client.write_event(SynthesizeChunk(text=GOOD).event())
            await listen(client, "audio-chunk")
        await until(lambda: "left before the end" in caplog.text)


# HTTP


async def test_a_fault_before_the_first_sound_is_an_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with http(tmp_path) as server:
        server.running.service.pronunciations.latest = OddWords()
        for path in (SPEECH, "/said"):
            caplog.clear()
            async with server.client.post(path, json={"input": ODD}) as response:
                error = (await response.json())["error"]
            assert (response.status, error["message"], error["code"]) == (500, WORDS, "unexpected")
            assert error["problem"] == {"code": "unexpected", "values": {}}
            assert told_once(caplog)


async def test_a_fault_after_the_first_sound_breaks_the_connection(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with http(tmp_path) as server:
        server.running.service.pronunciations.latest = OddWords()
        async with server.client.post(SPEECH, json={"input": GOOD + ODD, "response_format": "pcm"}) as response:
            assert response.status == 200
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()
        assert told_once(caplog)


async def test_a_fault_after_the_first_sound_is_an_event_in_a_stream_of_events(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = {"input": GOOD + ODD, "response_format": "pcm", "stream_format": "sse"}
    async with http(tmp_path) as server:
        server.running.service.pronunciations.latest = OddWords()
        async with server.client.post(SPEECH, json=wanted) as response:
            last = (await response.text()).strip().splitlines()[-1]
        assert '"type": "error"' in last
        assert WORDS in last
        assert INTERNALS not in last
        assert told_once(caplog)


async def test_a_fault_within_a_recording_breaks_the_connection(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with http(tmp_path, library=OddLibrary(tmp_path / "voices")) as server, asyncio.timeout(PATIENCE):
        status, _ = await send(server, form(hum(20.0), name="alice"))
        assert status == 201
        reader, writer = await asyncio.open_connection("127.0.0.1", server.server.port)
        writer.write(f"GET {VOICES}/alice/sample HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        answer = b""
        with suppress(ConnectionError):
            while data := await reader.read(65536):
                answer += data
        writer.close()
        # An answer in the middle of another would be taken for its sound.
        assert answer.count(b"HTTP/1.1 ") == 1
        assert told_once(caplog)


async def test_a_fault_before_the_first_event_is_an_answer(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    engine = OddEngine()
    async with http(tmp_path, load=lambda *_: engine) as server:
        await until(lambda: server.running.service.lifecycle.chatterbox is not None)
        engine.broken = True
        status, answer = await server.get("/events")
        assert (status, answer["error"]["code"]) == (500, "unexpected")
        assert told_once(caplog)
        assert server.server.listening == 0
        engine.broken = False


async def test_a_reply_that_the_shutdown_ends_is_no_client_that_left(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    async with http(tmp_path) as server:
        server.running.chatterbox.pause_after = 1
        async with server.client.post(SPEECH, json={"input": GOOD, "response_format": "pcm"}) as response:
            await response.content.read(1)
            await server.server.close()
            with pytest.raises(aiohttp.ClientPayloadError):
                await response.read()
    assert "left before the end" not in caplog.text
