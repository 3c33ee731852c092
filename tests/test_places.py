"""Memory, places and time go to those who have something to say and listen, whatever the others send."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from pathlib import Path

import pytest
from wyoming.client import AsyncClient
from wyoming.ping import Ping
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop

from tests.client import CYCLE, PATIENCE, listen, plain, raw, streamed
from tests.http_serving import SPEECH, http
from tests.serving import Running, serving, until


def with_data(event_type: str, data: object) -> bytes:
    body = json.dumps(data).encode()
    return json.dumps({"type": event_type, "data_length": len(body)}).encode() + b"\n" + body


async def noticed(client: AsyncClient) -> None:
    """Wait until the server has taken everything sent before."""
    await client.write_event(Ping().event())
    async with asyncio.timeout(PATIENCE):
        event = await client.read_event()
        assert event is not None
        assert event.type == "pong"


# Places


async def test_streams_without_text_keep_nobody_from_speaking(tmp_path: Path) -> None:
    async with serving(tmp_path, "--max-replies", "1") as running:
        async with AsyncClient.from_uri(running.uri) as silent, AsyncClient.from_uri(running.uri) as blank:
            for client, piece in ((silent, ""), (blank, "  \n ")):
                await client.write_event(SynthesizeStart().event())
                await client.write_event(SynthesizeChunk(text=piece).event())
                await noticed(client)
            assert running.service.replies.active == 0
            assert (await plain(running.uri, "One.")).types == CYCLE
            assert (await streamed(running.uri, ["Two. "])).types == [*CYCLE, "synthesize-stopped"]
            for client in (silent, blank):
                await client.write_event(SynthesizeChunk(text="Now there is some.").event())
                await client.write_event(SynthesizeStop().event())
                heard = await asyncio.wait_for(listen(client, "synthesize-stopped"), PATIENCE)
                assert heard.types[0] == "audio-start"
        assert running.chatterbox.texts == ["One.", "Two.", *["Now there is some."] * 2]


@pytest.mark.parametrize("piece", ["", " ", "\n"])
async def test_pieces_without_text_do_not_keep_a_stream_open(tmp_path: Path, piece: str) -> None:
    async with serving(tmp_path, "--stream-timeout", "0.1") as running, AsyncClient.from_uri(running.uri) as client:
        await client.write_event(SynthesizeStart().event())
        listening = asyncio.create_task(listen(client, "synthesize-stopped"))
        async with asyncio.timeout(PATIENCE):
            while not listening.done():
                await client.write_event(SynthesizeChunk(text=piece).event())
                await asyncio.sleep(0.05)
        assert (await listening).types == ["error", "audio-stop", "synthesize-stopped"]


async def test_chatterbox_comes_back_while_the_text_is_still_being_written(tmp_path: Path) -> None:
    async with serving(tmp_path, "--idle-unload", "0.1") as running:
        await until(lambda: running.service.lifecycle.idle)
        async with AsyncClient.from_uri(running.uri) as client:
            await client.write_event(SynthesizeStart().event())
            await until(lambda: running.service.lifecycle.chatterbox is not None)
            assert running.service.replies.active == 0


# Clients that hold a reply up


def never_reading(port: int | None, sent: bytes) -> socket.socket:
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.connect(("127.0.0.1", port or 0))
    client.sendall(sent)
    return client


LONG = {"text": "word " * 1900}


async def spoken_to_in_the_end(running: Running) -> None:
    async with asyncio.timeout(PATIENCE):
        while (heard := await plain(running.uri, "One.")).types != CYCLE:
            assert heard.error is not None
            assert heard.error.code == "overloaded"
            await asyncio.sleep(0.05)


@pytest.mark.slow(2)
async def test_one_that_never_reads_makes_room_for_another(tmp_path: Path) -> None:
    async with serving(tmp_path, "--max-replies", "2") as running:
        replies = running.service.replies
        replies.longest_wait = 0.3
        deaf = [never_reading(running.server.port, with_data("synthesize", LONG)) for _ in range(2)]
        await until(lambda: replies.active == 2)
        await spoken_to_in_the_end(running)
        assert sorted(record.outcome for record in replies.records) == ["done", "overloaded", "speaking"]
        for client in deaf:
            client.close()
        await until(lambda: replies.active == 0)


async def test_one_whose_text_stalls_makes_room_for_another_and_is_told(tmp_path: Path) -> None:
    async with serving(tmp_path, "--max-replies", "1") as running:
        running.service.replies.longest_wait = 0.3
        stalled = asyncio.create_task(streamed(running.uri, ["One two. ", "Thr"], stop=False))
        await until(lambda: running.service.replies.active == 1)
        await spoken_to_in_the_end(running)
        heard = await stalled
        assert heard.types[-3:] == ["error", "audio-stop", "synthesize-stopped"]
        assert heard.error is not None
        assert heard.error.code == "overloaded"
        assert heard.seconds == pytest.approx(0.2)


async def test_one_that_waits_for_the_engine_keeps_its_place(tmp_path: Path) -> None:
    async with serving(tmp_path, "--max-replies", "1") as running:
        running.service.replies.longest_wait = 0.05
        running.chatterbox.pause_after = 1
        first = asyncio.create_task(plain(running.uri, "One two."))
        await until(lambda: running.chatterbox.steps == 1)
        await asyncio.sleep(0.2)
        heard = await plain(running.uri, "Another.")
        assert heard.error is not None
        assert heard.error.code == "overloaded"
        running.chatterbox.pause_after = None
        assert (await first).types == CYCLE


@pytest.mark.slow(2)
async def test_one_over_http_makes_room_too(tmp_path: Path) -> None:
    async with http(tmp_path, "--max-replies", "1") as web:
        replies = web.running.service.replies
        replies.longest_wait = 0.3
        body = json.dumps({"input": LONG["text"], "response_format": "pcm"}).encode()
        head = f"POST {SPEECH} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        deaf = never_reading(web.server.port, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        await until(lambda: replies.active == 1)
        await spoken_to_in_the_end(web.running)
        deaf.close()


# Memory, and the log's


@pytest.mark.parametrize(
    "event",
    [
        with_data("synthesize", {"text": "x", "voice": {"name": "n" * 500}}),
        with_data("synthesize", {"text": "x", "voice": {"name": "n" * 100_000}}),
        with_data("synthesize", {"text": "x", "voice": {"language": "\x1b[31m\u202e\n" * 20_000}}),
        with_data("synthesize", {"text": ["x" * 100_000]}),
        with_data("synthesize", {"text": "x", "voice": ["x" * 100_000]}),
        with_data("x" * 60_000, ["x" * 100_000]),
        b'{"type": ["' + b"x" * 60_000 + b'"]}\n',
        b'{"type": "ping", "data_length": ' + b"9" * 4000 + b"}\n",
        with_data("ping", {"text": "x" * 180_000, "more": "x" * 10_000}),
        with_data("ping", {"x": [{"a": 1}] * 10_000}),
        with_data("synthesize", {"text": "x" * 10_001}),
    ],
    ids=lambda event: event[:40].decode(),
)
async def test_whatever_a_client_sends_is_told_in_a_few_words(
    tmp_path: Path, event: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "wyoming_chatterbox")
    async with serving(tmp_path) as running:
        heard = await raw(running.uri, event)
        assert heard.types == ["error"]
        assert heard.error is not None
        told = [heard.error.text, *(record.getMessage() for record in caplog.records)]
        assert max(len(text) for text in told) < 400
        assert "".join(told).isprintable()


async def test_an_event_may_be_as_long_as_the_longest_text(tmp_path: Path) -> None:
    async with serving(tmp_path, "--max-total-length", "20000") as running:
        event = with_data("synthesize", {"text": "\U0001f600" * 19_990 + " One."})
        assert len(event) > 12 * 19_990
        assert (await raw(running.uri, event, end=True)).types == CYCLE
        assert running.chatterbox.texts == ["One."]


async def test_too_long_a_text_is_refused_before_its_turn(tmp_path: Path) -> None:
    async with serving(tmp_path, "--max-total-length", "100") as running, AsyncClient.from_uri(running.uri) as client:
        running.chatterbox.go_on.clear()
        await client.write_event(Synthesize(text="One.").event())
        await client.write_event(Synthesize(text="x" * 101).event())
        heard = await asyncio.wait_for(listen(client, "error"), PATIENCE)
        assert heard.types == ["error"]
        error = (await raw(running.uri, with_data("synthesize", {"text": "x" * 101}))).error
        assert error is not None
        assert "--max-total-length" in error.text
