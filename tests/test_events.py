"""News as they come: computed once for all who listen, never waited for, and ended cleanly."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.client import PATIENCE, describe, plain
from tests.fakes import FakeEngine
from tests.http_serving import Http, http
from tests.serving import until
from wyoming_chatterbox.engine import Description
from wyoming_chatterbox.log import QueuedHandler
from wyoming_chatterbox.web.events import Pace

News = tuple[str, dict[str, Any]]


QUICK = Pace(look=0.01, memory=0.0, comment=0.0)
"""Looks often; memory and a comment come with every look."""


class Watched(FakeEngine):
    """Counts how often it is looked at, and says what the test wants of its memory."""

    def __init__(self) -> None:
        super().__init__("chatterbox")
        self.looks = 0
        self.held: Callable[[], dict[str, int]] = dict

    def describe(self) -> Description:
        self.looks += 1
        return super().describe()

    def memory(self) -> dict[str, int]:
        return self.held()


class Listener:
    """Reads events."""

    def __init__(self, response: aiohttp.ClientResponse) -> None:
        self.response = response
        self.comments = 0

    async def next(self, *names: str) -> News:
        """The next event of one of these names."""
        async with asyncio.timeout(PATIENCE):
            while True:
                lines = []
                while (line := await self.response.content.readline()).strip():
                    lines.append(line.decode().rstrip("\n"))
                if not line:
                    raise EOFError
                if lines == [":"]:
                    self.comments += 1
                    continue
                name = lines[0].removeprefix("event: ")
                if not names or name in names:
                    return name, json.loads(lines[1].removeprefix("data: "))


@asynccontextmanager
async def listening(server: Http, client: aiohttp.ClientSession | None = None) -> AsyncIterator[Listener]:
    timeout = aiohttp.ClientTimeout(total=None)
    async with (client or server.client).get("/events", timeout=timeout, read_bufsize=1 << 20) as response:
        assert response.status == 200
        yield Listener(response)


async def test_a_listener_hears_what_is_and_then_what_changes(tmp_path: Path) -> None:
    async with http(tmp_path, pace=QUICK) as server, listening(server) as listener:
        assert listener.response.content_type == "text/event-stream"
        assert listener.response.headers["X-Accel-Buffering"] == "no"
        assert listener.response.headers["Cache-Control"] == "no-store"
        name, info = await listener.next()
        assert (name, info["status"]["state"], info["recent"]) == ("info", "ready", [])
        await plain(server.running.uri, "One two.")
        while not info["recent"] or info["recent"][0]["outcome"] != "done":
            _, info = await listener.next("info")
        server.running.service.reach.announce("kitchen")
        while info["announced"] != "kitchen":
            _, info = await listener.next("info")


async def test_clocks_are_no_news_and_a_visit_is(tmp_path: Path) -> None:
    async with http(tmp_path, pace=QUICK) as server:
        await describe(server.running.uri)
        await until(lambda: len(server.running.service.connections["wyoming"]) == 0)
        async with listening(server) as listener:
            _, first = await listener.next("info")
            for _ in range(5):
                # Everything but `info` goes on.
                assert (await listener.next())[0] == "memory"
            await describe(server.running.uri)
            _, second = await listener.next("info")
    assert second["uptime_seconds"] >= first["uptime_seconds"]
    assert second["home_assistant"]["peer"] == "127.0.0.1"


async def test_memory_comes_without_the_history_but_with_its_newest_point(tmp_path: Path) -> None:
    async with http(tmp_path, pace=QUICK) as server, listening(server) as listener:
        _, memory = await listener.next("memory")
        _, whole = await server.get("/memory")
        # There may be a newer point meanwhile.
        while not memory["point"] or memory["point"][1:] != whole["history"]["points"][-1][1:]:
            _, memory = await listener.next("memory")
            _, whole = await server.get("/memory")
        await listener.next("memory")
    assert memory.keys() == (whole.keys() - {"history"}) | {"point"}
    assert listener.comments


async def test_each_line_of_the_log_comes_once(tmp_path: Path) -> None:
    logger = logging.getLogger("wyoming_chatterbox.test")
    async with http(tmp_path, pace=QUICK) as server:
        handler = QueuedHandler(None, tail=server.running.service.log)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        try:
            async with listening(server) as listener:
                await listener.next("info")
                said: list[dict[str, Any]] = []
                for text in ("first", "second\nline", "third"):
                    logger.warning("%s", text)
                for number in range(90):
                    logger.info("line %d", number)
                while len(said) < 93:
                    said.append((await listener.next("log"))[1])
        finally:
            logger.setLevel(logging.NOTSET)
            logger.removeHandler(handler)
            handler.close()
    assert [line["text"] for line in said[:3]] == ["first", "second\n    line", "third"]
    assert [line["text"] for line in said[3:]] == [f"line {number}" for number in range(90)]
    assert [line["level"] for line in said[2:4]] == ["warning", "info"]
    assert said[0].keys() == {"time", "level", "text"}


async def test_all_listeners_share_one_look_and_without_any_there_is_none(tmp_path: Path) -> None:
    engine = Watched()
    async with http(tmp_path, load=lambda *_: engine, pace=QUICK) as server:
        await until(lambda: server.running.service.lifecycle.chatterbox is not None)
        # The history looks too, three times a minute.
        while not (await server.get("/memory"))[1]["history"]["points"]:
            pass
        async with AsyncExitStack() as stack:
            listeners = [await stack.enter_async_context(listening(server)) for _ in range(8)]
            for listener in listeners:
                await listener.next("memory")
            assert server.server.listening == 8
            before = engine.looks
            for _ in range(20):
                for listener in listeners:
                    await listener.next("memory")
            # A look describes the engine a few times, for `info` and for `memory`; listeners lag a few looks.
            assert engine.looks - before < 8 * 20
        await until(lambda: server.server.listening == 0)
        await server.get("/health")
        looks = engine.looks
        for _ in range(20):
            await server.get("/log")
        assert engine.looks == looks


async def test_a_client_that_leaves_frees_its_place(tmp_path: Path) -> None:
    async with http(tmp_path, pace=QUICK) as server:
        connections = server.running.service.connections["http"]
        async with server.session("127.0.0.1") as other, listening(server, other) as listener:
            await listener.next("info")
            assert len(connections) == 1
        await until(lambda: len(connections) == 0 and server.server.listening == 0)


async def test_a_client_that_does_not_read_is_dropped_and_others_go_on(tmp_path: Path) -> None:
    engine = Watched()
    async with http(tmp_path, load=lambda *_: engine, pace=QUICK) as server, listening(server) as good:
        await good.next("info")
        with socket.socket() as lazy:
            lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            lazy.setblocking(False)
            loop = asyncio.get_running_loop()
            await loop.sock_connect(lazy, ("127.0.0.1", server.server.port))
            await loop.sock_sendall(lazy, b"GET /events HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
            await until(lambda: server.server.listening == 2)
            engine.held = lambda: {f"a large amount of memory, {number}": number for number in range(20_000)}
            async with asyncio.timeout(PATIENCE):
                while server.server.listening == 2:
                    await good.next("memory")
        await good.next("memory")


async def test_a_listener_makes_room_for_who_asks_for_something(tmp_path: Path) -> None:
    async with http(tmp_path, "--max-connections", "1", pace=QUICK) as server:
        connections = server.running.service.connections["http"]
        async with server.session("127.0.0.1") as first, server.session("127.0.0.2") as second:
            held = [await first.get("/events") for _ in range(connections.limit)]
            assert len(connections) == connections.limit
            async with second.get("/health") as answer:
                assert answer.status == 200
            assert connections.counters.dismissed == 1
            for response in held:
                response.close()


async def test_the_end_of_the_server_ends_the_events(tmp_path: Path) -> None:
    async with http(tmp_path, pace=QUICK) as server, listening(server) as listener:
        await listener.next("info")
        closing = asyncio.create_task(server.server.close())
        with pytest.raises(EOFError):
            while True:
                await listener.next()
        await closing


async def test_the_token_is_needed(tmp_path: Path) -> None:
    async with http(tmp_path, "--http-token", "secret", pace=QUICK) as server:
        async with server.client.get("/events") as response:
            assert response.status == 401
        async with server.client.get("/events", headers={"Authorization": "Bearer secret"}) as response:
            assert response.status == 200


async def test_a_look_that_fails_is_no_end(tmp_path: Path) -> None:
    engine, failed = Watched(), threading.Event()

    def failing() -> dict[str, int]:
        failed.set()
        raise RuntimeError("closed meanwhile")

    async with http(tmp_path, load=lambda *_: engine, pace=QUICK) as server, listening(server) as listener:
        await until(lambda: server.running.service.lifecycle.chatterbox is not None)
        await listener.next("memory")
        engine.held = failing
        await until(failed.is_set)
        engine.held = lambda: {"allocated": 12345}
        held: list[dict[str, int]] = []
        while {"allocated": 12345} not in held:
            # The first that are read may be from before there was an engine.
            held = [engine["device_bytes"] for engine in (await listener.next("memory"))[1]["engines"]]
