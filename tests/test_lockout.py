"""Nobody keeps others from being served: neither by connections that say nothing, nor by a great many of them."""

from __future__ import annotations

import asyncio
import errno
import json
import socket
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.client import CYCLE, PATIENCE, describe, plain
from tests.http_serving import SPEECH, http
from tests.process import server_process
from tests.serving import Running, serving, until
from wyoming_chatterbox.errors import ChatterboxError, ForbiddenError
from wyoming_chatterbox.network.binding import listen
from wyoming_chatterbox.network.connections import Connection, Connections
from wyoming_chatterbox.network.listener import Listener
from wyoming_chatterbox.web.app import HttpServer

OTHER = "127.0.0.2"
REQUEST = b"GET /health HTTP/1.1\r\nHost: localhost\r\n"

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@asynccontextmanager
async def connected(port: int, number: int, address: str = "127.0.0.1") -> AsyncIterator[list[Streams]]:
    """So many connections of `address` that say nothing."""
    made: list[Streams] = []
    try:
        for _ in range(number):
            streams = await asyncio.open_connection("127.0.0.1", port, local_addr=(address, 0))
            made.append(streams)
        yield made
    finally:
        for _, writer in made:
            writer.transport.abort()


async def to_the_end(reader: asyncio.StreamReader) -> bytes:
    """All that comes until the connection is closed."""
    said = b""
    async with asyncio.timeout(PATIENCE):
        try:
            while data := await reader.read(65536):
                said += data
        except ConnectionError:
            pass
    return said


def port_of(running: Running) -> int:
    return running.server.port or 0


def counted(running: Running, port: str = "wyoming") -> dict[str, int]:
    return running.service.connections[port].snapshot()


@pytest.mark.parametrize("address", ["127.0.0.1", OTHER], ids=["of the same address", "of another"])
async def test_silent_connections_keep_nobody_out(tmp_path: Path, address: str) -> None:
    async with (
        serving(tmp_path, "--max-connections", "16") as running,
        connected(port_of(running), 20, address) as silent,
    ):
        assert (await describe(running.uri)).tts
        assert (await plain(running.uri, "One.")).types == CYCLE
        said = await to_the_end(silent[0][0])
        assert (b"overloaded" in said, b"--max-connections" in said) == (True, True)
        assert counted(running)["open"] <= 16
        assert counted(running)["dismissed"] >= 4


async def test_a_ping_doesnt_keep_a_place(tmp_path: Path) -> None:
    async with (
        serving(tmp_path, "--max-connections", "2") as running,
        connected(port_of(running), 2) as (first, second),
    ):
        for reader, writer in (first, second):
            writer.write(b'{"type":"describe"}\n')
            await reader.readline()
        for _ in range(3):
            await ping(first)
        assert (await describe(running.uri)).tts
        assert b"overloaded" in await to_the_end(first[0]), "the pings were the latest, but asked for nothing"
        await ping(second)


async def ping(streams: Streams) -> None:
    """Ping, and read to the answer."""
    reader, writer = streams
    writer.write(b'{"type":"ping"}\n')
    async with asyncio.timeout(PATIENCE):
        assert await reader.readuntil(b'"pong"')


async def test_who_is_spoken_to_stays_and_a_newcomer_of_another_address_comes_in(tmp_path: Path) -> None:
    async with serving(tmp_path, "--max-connections", "8", "--max-replies", "8") as running:
        running.chatterbox.go_on.clear()
        async with connected(port_of(running), 7, OTHER) as busy:
            for number, (_, writer) in enumerate(busy, 1):
                writer.write(b'{"type":"synthesize","data":{"text":"One."}}\n')
                await until(lambda number=number: running.service.replies.active == number)  # type: ignore[misc]
            async with connected(port_of(running), 1, OTHER) as ((reader, _),):
                assert b"overloaded" in await to_the_end(reader)
            assert (await describe(running.uri)).tts
            assert counted(running)["dismissed"] == 0
            running.chatterbox.go_on.set()
            for reader, _ in busy:
                assert await reader.readuntil(b"audio-stop")
        assert counted(running)["refused"] == 1


async def test_who_reads_nothing_is_dismissed_all_the_same(tmp_path: Path) -> None:
    async with serving(tmp_path, "--max-connections", "1") as running:
        with socket.socket() as deaf:
            deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            deaf.connect(("127.0.0.1", port_of(running)))
            deaf.setblocking(False)
            loop = asyncio.get_running_loop()
            try:
                async with asyncio.timeout(0.5):
                    while True:
                        await loop.sock_sendall(deaf, b'{"type":"ping","data":{"text":"%s"}}\n' % (b"x" * 10000))
            except TimeoutError:
                pass
            for _ in range(2):
                assert (await describe(running.uri)).tts
        await until(lambda: counted(running)["open"] == 0)


async def test_a_refused_reply_is_counted(tmp_path: Path) -> None:
    async with http(tmp_path, "--max-replies", "1") as server:
        running = server.running
        running.chatterbox.go_on.clear()
        first = asyncio.create_task(plain(running.uri, "First."))
        await until(lambda: running.service.replies.active == 1)
        assert (await plain(running.uri, "Second.")).error is not None
        async with server.client.post(SPEECH, json={"input": "Third."}) as response:
            assert response.status == 429
            await response.read()
        statistics = (await server.get("/info"))[1]["statistics"]
        assert (statistics["refused_requests"], statistics["error_requests"]) == (2, 0)
        assert statistics["connections"]["http"]["open"] == 1
        running.chatterbox.go_on.set()
        assert (await first).types == CYCLE


async def test_silent_http_connections_keep_nobody_out(tmp_path: Path) -> None:
    async with (
        http(tmp_path, "--max-connections", "2") as server,
        connected(server.server.port, 12) as silent,
        connected(server.server.port, 12, OTHER),
    ):
        assert (await describe(server.running.uri)).tts, "HTTP's places are apart from Wyoming's"
        async with server.session("127.0.0.3") as third:
            for client in (server.client, third):
                async with client.get("/info") as response:
                    told = (await response.json())["statistics"]["connections"]
        assert await to_the_end(silent[0][0]) == b"", "an unasked answer could be taken for the next one's"
        assert told["http"]["open"] <= 8
        assert told["http"]["dismissed"] >= 17
        assert told["wyoming"]["dismissed"] == 0


async def test_when_all_http_connections_are_in_use_another_is_told_to_try_again(tmp_path: Path) -> None:
    async with http(tmp_path, "--max-connections", "1") as server:
        server.running.chatterbox.go_on.clear()
        request = {"input": "One.", "response_format": "pcm"}
        speaking = [asyncio.create_task(server.client.post(SPEECH, json=request)) for _ in range(4)]
        await until(lambda: server.running.service.replies.active == 4)
        async with server.session(OTHER) as other, other.get("/health") as response:
            assert (response.status, response.headers["X-Content-Type-Options"]) == (429, "nosniff")
            assert int(response.headers["Retry-After"]) > 0
            error = (await response.json())["error"]
        assert (error["code"], error["type"]) == ("overloaded", "rate_limit_error")
        assert "--max-connections" in error["message"]
        assert counted(server.running, "http")["refused"] == 1
        server.running.chatterbox.go_on.set()
        for task in speaking:
            async with await task as answer:
                assert len(await answer.read()) == 4800
        assert (await server.get("/health"))[0] == 200


@pytest.mark.slow(2)
async def test_many_requests_at_once_are_all_answered(tmp_path: Path) -> None:
    async with http(tmp_path, "--max-replies", "4", "--max-connections", "16") as server:

        async def ask() -> int:
            async with server.client.post(SPEECH, json={"input": "One.", "response_format": "pcm"}) as response:
                await response.read()
                return response.status

        server.running.chatterbox.go_on.clear()
        asking = [asyncio.create_task(ask()) for _ in range(50)]
        await until(lambda: sum(one.done() for one in asking) == 46)
        server.running.chatterbox.go_on.set()
        statuses = await asyncio.gather(*asking)
    assert Counter(statuses) == {200: 4, 429: 46}


@pytest.mark.parametrize(
    ("sent", "seconds"),
    [(b"", 0.2), (REQUEST + b"X-Long: ", 0.2), (REQUEST + b"\r\n", 2.0)],
    ids=["silent", "in the middle of a header", "kept alive"],
)
async def test_an_http_connection_without_a_request_is_closed_in_time(
    tmp_path: Path, sent: bytes, seconds: float
) -> None:
    async with serving(tmp_path, "--http-port", "0") as running:
        server = HttpServer(running.service, idle_timeout=seconds)
        await server.start()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(sent)
            dripping = asyncio.create_task(drip(writer)) if sent.endswith(b": ") else None
            said = await to_the_end(reader)
            assert said.count(b"HTTP/1.1 200") == sent.endswith(b"\r\n\r\n")
            if dripping is not None:
                dripping.cancel()
            writer.transport.abort()
            await until(lambda: counted(running, "http")["open"] == 0)
        finally:
            await server.close()


async def drip(writer: asyncio.StreamWriter) -> None:
    """A byte now and then."""
    while not writer.is_closing():
        writer.write(b"x")
        await asyncio.sleep(0.05)


@pytest.mark.slow(2)
async def test_a_long_answer_is_no_idleness(tmp_path: Path) -> None:
    async with serving(tmp_path, "--http-port", "0") as running:
        running.chatterbox.go_on.clear()
        server = HttpServer(running.service, idle_timeout=1.0)
        await server.start()
        try:
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            body = json.dumps({"input": "One.", "response_format": "pcm"}).encode()
            writer.write(
                b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                b"Content-Length: %d\r\n\r\n" % len(body) + body
            )
            await until(lambda: running.chatterbox.texts == ["One."])
            await asyncio.sleep(1.5)
            running.chatterbox.go_on.set()
            assert b"\r\n\r\n" in await to_the_end(reader)
            assert running.service.replies.counters.completed == 1
            writer.close()
        finally:
            await server.close()


@pytest.mark.slow(1)
async def test_few_descriptors_are_enough_whatever_comes(tmp_path: Path) -> None:
    """The last descriptor is never taken: Wyoming answers, and the log stays short."""
    limited = ["bash", "-c", 'ulimit -n 256; exec "$@"', "-"]
    async with server_process(tmp_path, "--model", "nano", prefix=limited) as server:
        await server.answering()
        before = len(server.said())
        http_port, port = (int(url.rsplit(":", 1)[1]) for url in (server.http, server.uri))
        async with connected(http_port, 300):
            async with asyncio.timeout(PATIENCE):
                assert (await describe(server.uri)).tts
            for _ in range(10):
                async with connected(port, 40, OTHER):
                    async with asyncio.timeout(PATIENCE):
                        assert (await describe(server.uri)).tts
            told: Any = (await server.get("info"))["statistics"]
        said = server.said()[before:]
        assert told["connections"]["wyoming"]["limit"] < 64
        assert told["connections"]["http"]["dismissed"] > 100
        assert "Traceback" not in said
        assert said.count("wyoming_chatterbox.network.listener") <= 8, "some lines a minute, however many come"
        assert "--max-connections is lowered from 64" in server.said()


async def test_the_soft_limit_of_descriptors_is_raised(tmp_path: Path) -> None:
    limited = ["bash", "-c", 'ulimit -Sn 64; exec "$@"', "-"]
    async with server_process(tmp_path, "--model", "nano", prefix=limited) as server:
        await server.answering()
        limits = Path(f"/proc/{server.process.pid}/limits").read_text()
        (line,) = (line for line in limits.splitlines() if line.startswith("Max open files"))
        assert int(line.split()[3]) > 1000
        assert "lowered" not in server.said()


class NobodyMayCome(Connections):
    """Forbids every client, as one outside of all networks is forbidden."""

    def admit(self, peer: Any) -> Connection:
        raise ForbiddenError(f"{peer[0]} is in none of the networks of --allow")


async def test_who_is_turned_away_is_told_why(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def never(_client: socket.socket, _connection: Connection) -> None:
        raise AssertionError("nobody is served")

    def refusal(err: ChatterboxError) -> bytes:
        return f"{err.code}: {err}\n".encode()

    listener = Listener("Test", await listen("127.0.0.1", 0), NobodyMayCome(1), never, refusal)
    async with connected(listener.port, 1) as ((reader, writer),):
        writer.write(b'{"type":"describe"}\n')
        assert await to_the_end(reader) == b"forbidden: 127.0.0.1 is in none of the networks of --allow\n"
    await listener.close()
    said = [record.getMessage() for record in caplog.records]
    assert said == ["Test: a client is turned away: 127.0.0.1 is in none of the networks of --allow"]


class Exhausted(socket.socket):
    """A listening socket of a process without descriptors."""

    left = 1

    def accept(self) -> tuple[socket.socket, Any]:
        if self.left:
            self.left -= 1
            raise OSError(errno.EMFILE, "Too many open files")
        return super().accept()


@pytest.mark.slow(2)
async def test_without_descriptors_it_waits_and_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async def serve(client: socket.socket, _connection: Connection) -> None:
        client.close()

    (bound,) = await listen("127.0.0.1", 0)
    listener = Listener("Test", [Exhausted(fileno=bound.detach())], Connections(4), serve, lambda _: b"")
    async with connected(listener.port, 1) as ((reader, _),):
        assert await to_the_end(reader) == b""
    await listener.close()
    assert [record.getMessage() for record in caplog.records] == [
        "Test: no new client can be accepted: Too many open files"
    ]


async def test_the_list_of_networks_holds_for_wyoming_and_lets_this_machine_in(tmp_path: Path) -> None:
    async with serving(tmp_path, "--allow", "192.168.7.0/24", "--allow", "10.0.0.1") as running:
        assert (await plain(running.uri, "One.")).types == CYCLE
        admit = running.service.connections["wyoming"].admit
        admit(("192.168.7.7", 1))
        with pytest.raises(ForbiddenError, match=r"192\.168\.8\.7 .*--allow"):
            admit(("192.168.8.7", 1))
