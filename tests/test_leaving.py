"""However a client leaves: no traceback, no memory kept, the model free for the next, and every byte to who stays."""

from __future__ import annotations

import asyncio
import errno
import gc
import json
import logging
import random
import socket
import struct
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import pytest
from wyoming.error import Error
from wyoming.event import Event

from tests.client import CYCLE, PATIENCE, Heard, plain, raw
from tests.serving import Running, serving, until
from wyoming_chatterbox.errors import EngineError
from wyoming_chatterbox.network.connections import Connections
from wyoming_chatterbox.server import protocol
from wyoming_chatterbox.server.handler import Handler
from wyoming_chatterbox.server.peer import Peer


def event(event_type: str, **data: object) -> bytes:
    body = json.dumps(data).encode()
    return json.dumps({"type": event_type, "data_length": len(body)}).encode() + b"\n" + body


DESCRIBE = event("describe")
SYNTHESIZE = event("synthesize", text="One two three. Four.")
STREAM = event("synthesize-start") + event("synthesize-chunk", text="One two three. Four.")
STOP = event("synthesize-stop")


@asynccontextmanager
async def connected(running: Running) -> AsyncIterator[socket.socket]:
    with socket.create_connection(("127.0.0.1", running.server.port or 0)) as client:
        client.setblocking(False)
        yield client


def reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


async def everything(client: socket.socket) -> bytes:
    async with asyncio.timeout(PATIENCE):
        heard = b""
        while data := await asyncio.get_running_loop().sock_recv(client, 65536):
            heard += data
        return heard


def errors(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR or record.exc_info]


# No traceback


@pytest.mark.slow(2)
async def test_questions_after_a_fault_are_no_fault_of_the_server(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path) as running:
        sent = event("synthesize", text="x", voice={"name": "nobody"}) + DESCRIBE * 3
        # Each looks for the unknown voice in the folder, for which it waits half a second.
        for heard in await asyncio.gather(*(raw(running.uri, sent) for _ in range(20))):
            assert heard.error is not None
            assert heard.error.code == "unknown-voice"
    assert errors(caplog) == []


async def test_many_faults_on_one_connection_are_one_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    fault = event("synthesize", text="x", voice={"name": "nobody"})
    async with serving(tmp_path) as running:
        for sent in (fault * 50, fault + b"nonsense\n" * 50, b"nonsense\n" * 50 + fault, fault + STOP * 50):
            caplog.clear()
            heard = await raw(running.uri, sent)
            assert heard.types == ["error"]
            assert len([record for record in caplog.records if record.levelno >= logging.WARNING]) == 1


async def test_ending_a_connection_that_is_reset_already_is_no_fault() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for last_words in ([], [Error("Sorry.").event()]):
            client = socket.create_connection(listener.getsockname())
            accepted, _ = listener.accept()
            reset(client)
            peer = Peer(*await asyncio.open_connection(sock=accepted))
            peer.end(*last_words)
            await peer.discard_input()
            peer.close()


@pytest.mark.parametrize("number", [errno.ETIMEDOUT, errno.EHOSTUNREACH, errno.ENETUNREACH, errno.EPIPE])
async def test_a_connection_lost_in_whatever_way_is_lost(tmp_path: Path, number: int) -> None:
    """As keep-alive reports a machine that is gone: not by ConnectionError."""
    reader = asyncio.StreamReader()
    reader.set_exception(OSError(number, "gone"))
    with pytest.raises(ConnectionError, match="gone"):
        await protocol.read_event(reader, 1000)

    async with serving(tmp_path) as running:
        ours, theirs = socket.socketpair()
        reader, writer = await asyncio.open_connection(sock=ours)
        running.chatterbox.go_on.clear()
        serve = asyncio.create_task(Handler(running.service, reader, writer, Connections(1).admit(None)).run())
        theirs.sendall(SYNTHESIZE)
        await until(lambda: running.scheduler.waiting == 1)
        reader.set_exception(OSError(number, "gone"))
        await asyncio.wait_for(serve, PATIENCE)
        await until(lambda: running.service.replies.active == 0)
        theirs.close()


@pytest.mark.slow(2)
async def test_any_order_of_events_and_any_end_leaves_no_traceback(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    chance = random.Random(9)
    events = [
        *(DESCRIBE, SYNTHESIZE, STREAM, STOP, event("ping"), event("synthesize-chunk", text=""), b"nonsense\n"),
        *(event("synthesize", text="x", voice={"name": "nobody"}), event("synthesize"), SYNTHESIZE[:30]),
    ]

    async def one(running: Running) -> None:
        async with connected(running) as client:
            await asyncio.get_running_loop().sock_sendall(
                client, b"".join(chance.choices(events, k=chance.randint(1, 5)))
            )
            if chance.random() < 0.5:
                await asyncio.sleep(chance.random() / 50)
            how = chance.choice([reset, socket.socket.close, half_close])
            how(client)
            if how is half_close:
                with suppress(ConnectionError):
                    await everything(client)

    async with serving(tmp_path, "--stream-timeout", "0.5", "--max-connections", "100") as running:
        for _ in range(15):
            await asyncio.gather(*(one(running) for _ in range(20)))
        assert (await plain(running.uri, "Next.")).types == CYCLE
    assert errors(caplog) == []


# Every byte to a client that only sends no more, and the model free of one that is gone


def half_close(client: socket.socket) -> None:
    client.shutdown(socket.SHUT_WR)


@pytest.mark.parametrize("sent", [SYNTHESIZE, SYNTHESIZE * 2, STREAM + STOP], ids=["plain", "two", "stream"])
async def test_a_client_that_closes_its_writing_side_hears_everything(tmp_path: Path, sent: bytes) -> None:
    async with serving(tmp_path) as running:
        async with connected(running) as client:
            await asyncio.get_running_loop().sock_sendall(client, sent)
            last = b"synthesize-stopped" if sent.startswith(STREAM) else b"audio-stop"
            expected = b""
            while expected.count(last) < 1 + (sent == SYNTHESIZE * 2):
                expected += await asyncio.get_running_loop().sock_recv(client, 65536)
        running.chatterbox.pause_after = running.chatterbox.steps + 2
        listening = asyncio.create_task(raw(running.uri, sent, end=True))
        await until(lambda: running.chatterbox.steps == running.chatterbox.pause_after)
        await asyncio.sleep(0.2)
        running.chatterbox.pause_after = None
        heard = await listening
        assert heard.types.count("audio-stop") == expected.count(b'"audio-stop"')
        assert heard.types[-1] == last.decode()
        assert heard.error is None
        assert heard.seconds == pytest.approx(0.4 * heard.types.count("audio-stop"))
        await until(lambda: running.service.replies.active == 0)
        assert running.service.replies.counters.cancelled == 0


@pytest.mark.parametrize("uri", ["tcp", "unix"])
@pytest.mark.parametrize("steps", [0, 2], ids=["before the first sound", "in the middle"])
async def test_a_client_that_is_gone_frees_the_model_before_the_next_sound(
    tmp_path: Path, uri: str, steps: int
) -> None:
    async with serving(tmp_path, uri=f"unix://{tmp_path}/socket" if uri == "unix" else None) as running:
        engine = running.chatterbox
        engine.pause_after = steps
        if uri == "unix":
            _, writer = await asyncio.open_unix_connection(tmp_path / "socket")
        else:
            _, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
        writer.write(SYNTHESIZE)
        await until(lambda: engine.texts == ["One two three."] and engine.steps == steps)
        await asyncio.sleep(0.05)
        writer.close()
        await until(lambda: engine.cancelled_after is not None)
        assert engine.steps == steps
        await until(lambda: running.service.replies.active == 0)
        assert running.service.replies.counters.cancelled == 1


async def test_a_client_that_first_sends_no_more_and_then_goes_frees_the_model(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        running.chatterbox.go_on.clear()
        async with connected(running) as client:
            await asyncio.get_running_loop().sock_sendall(client, SYNTHESIZE)
            half_close(client)
            await until(lambda: running.scheduler.waiting == 1)
            await asyncio.sleep(0.2)
            assert running.service.replies.active == 1
        await until(lambda: running.service.replies.active == 0)


async def test_a_stream_without_an_end_is_dropped_when_the_client_sends_no_more(tmp_path: Path) -> None:
    """Home Assistant goes so when nobody wants the reply any more."""
    async with serving(tmp_path) as running:
        running.chatterbox.go_on.clear()
        async with connected(running) as client:
            await asyncio.get_running_loop().sock_sendall(client, STREAM)
            await until(lambda: running.chatterbox.texts == ["One two three."])
            half_close(client)
            assert await everything(client) == b""
        await until(lambda: running.chatterbox.cancelled_after == 0)


async def test_a_client_that_sends_no_more_hears_of_the_shutdown(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        running.chatterbox.go_on.clear()
        listening = asyncio.create_task(raw(running.uri, SYNTHESIZE, end=True))
        await until(lambda: running.scheduler.waiting == 1)
        await asyncio.sleep(0.1)
    heard = await listening
    assert heard.error is not None
    assert heard.error.code == "shutting-down"


# No memory kept


@contextmanager
def without_collector() -> Iterator[None]:
    # The log that pytest keeps holds errors, and so their frames.
    logging.disable(logging.CRITICAL)
    gc.collect()
    gc.disable()
    # What is there before isn't counted: torch alone has so many objects that counting would take longer than the test.
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()
        gc.enable()
        logging.disable(logging.NOTSET)


def alive(kind: type) -> int:
    # Not isinstance, which asks a weak proxy for the class of what is gone.
    return sum(issubclass(type(thing), kind) for thing in gc.get_objects())


ENDS = {
    "nothing sent": (b"", half_close),
    "closed": (DESCRIBE, socket.socket.close),
    "reset": (DESCRIBE, reset),
    "reset inside an event": (SYNTHESIZE[:60], reset),
    "reset while it is spoken to": (SYNTHESIZE, reset),
    "closed while it is spoken to": (SYNTHESIZE, socket.socket.close),
    "half-closed while it is spoken to": (SYNTHESIZE, half_close),
    "reset in a stream": (STREAM, reset),
    "half-closed in a stream": (STREAM, half_close),
    "fault": (b"nonsense\n", None),
    "fault, then reset": (b"nonsense\n", reset),
    "fault in the data": (event("ping", text=[]), None),
    "truncated": (SYNTHESIZE[:60], half_close),
    "unknown voice": (event("synthesize", text="x", voice={"name": "nobody"}), None),
    "too long a text": (event("synthesize", text="x" * 101), None),
    "too long a stream": (event("synthesize-start") + event("synthesize-chunk", text="x" * 101), None),
    "a stream that stalls": (STREAM, None),
    "too many requests": (SYNTHESIZE * 40, None),
    "an engine that fails": (event("synthesize", text="Fail."), None),
}


@pytest.mark.parametrize(("sent", "end"), ENDS.values(), ids=ENDS.keys())
async def test_an_ended_connection_is_freed_without_the_collector(tmp_path: Path, sent: bytes, end: object) -> None:
    flags = ("--max-total-length", "100", "--stream-timeout", "0.1", "--no-standby")
    async with serving(tmp_path, *flags) as running:
        if b"Fail." in sent:
            running.chatterbox.failures = [EngineError("no more")]
        await raw(running.uri, DESCRIBE, end=True)
        with without_collector():
            # The answer to Describe is kept, for as long as the voices stay the same.
            kept = alive(Event)
            async with connected(running) as client:
                await until(lambda: alive(Handler) == 1)
                await asyncio.get_running_loop().sock_sendall(client, sent)
                await asyncio.sleep(0.03)
                if callable(end):
                    end(client)
                if end in (None, half_close):
                    await everything(client)
            await until(lambda: alive(Handler) == 0)
            await until(lambda: alive(Event) == kept)
            await until(lambda: alive(Peer) == 0)
            await until(lambda: alive(asyncio.StreamReader) == 0)


async def test_the_latest_event_is_not_kept_while_the_connection_waits(tmp_path: Path) -> None:
    async with serving(tmp_path) as running, connected(running) as client:
        with without_collector():
            await asyncio.get_running_loop().sock_sendall(client, event("ping", text="x" * 100_000, more=["x"] * 900))
            heard = b""
            while len(heard) < 100_000:
                heard += await asyncio.get_running_loop().sock_recv(client, 65536)
            await until(lambda: alive(Event) == 0)


@pytest.mark.slow(1)
async def test_a_shutdown_frees_every_connection(tmp_path: Path) -> None:
    with without_collector():
        async with serving(tmp_path) as running:
            running.chatterbox.go_on.clear()
            listening = [asyncio.create_task(raw(running.uri, sent)) for sent in (SYNTHESIZE, STREAM, b"")]
            await until(lambda: running.scheduler.waiting == 2 and alive(Handler) == 3)
        heard: list[Heard] = [await task for task in listening]
        assert [one.types[:1] for one in heard] == [["error"], ["error"], []]
        await until(lambda: alive(Handler) == 0)
