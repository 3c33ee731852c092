"""A process that is told to end does so within its grace time, whatever hangs in it."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from wyoming.client import AsyncClient
from wyoming.tts import SynthesizeChunk, SynthesizeStart, SynthesizeVoice

from tests.client import CYCLE, PATIENCE, describe, listen, plain
from tests.ports import free_port
from tests.process import ServerProcess, server_process
from tests.serving import until
from wyoming_chatterbox import health_check
from wyoming_chatterbox.health_check import UnhealthyError
from wyoming_chatterbox.signals import GRACE_SECONDS

pytestmark = pytest.mark.slow(3)

KILLED_AFTER = 10.0
"""Seconds until Docker or Home Assistant kill what they told to end."""


@asynccontextmanager
async def hanging_server(directory: Path, *flags: str) -> AsyncIterator[ServerProcess]:
    """A server in which something hangs when a file says so."""
    async with server_process(directory, *flags, module="tests.hanging_server") as server:
        try:
            await server.answering()
            yield server
        finally:
            if server.process.returncode is None:
                server.process.kill()


async def hangs(directory: Path, what: str) -> None:
    """Wait until it does."""
    await until((directory / f"hangs-{what}").exists)


async def ended(server: ServerProcess) -> int:
    """The exit code of a server that was told to end."""
    async with asyncio.timeout(PATIENCE):
        return await server.process.wait()


def last_line(server: ServerProcess) -> str:
    return server.said().splitlines()[-1]


@pytest.mark.usefixtures("unhurried")
async def test_where_nothing_hangs_nothing_is_said_of_it(tmp_path: Path) -> None:
    async with hanging_server(tmp_path) as server:
        await server.reaches("ready")
        assert (await plain(server.uri, "One two.")).types == CYCLE
        server.process.send_signal(signal.SIGTERM)
        assert await ended(server) == 0
        assert last_line(server).endswith("Shutting down")


async def test_an_engine_that_hangs_keeps_no_process_alive(tmp_path: Path) -> None:
    assert GRACE_SECONDS < KILLED_AFTER
    async with hanging_server(tmp_path) as server:
        await server.reaches("ready")
        (tmp_path / "hang-speaking").touch()
        listening = asyncio.create_task(plain(server.uri, "One two."))
        await hangs(tmp_path, "speaking")
        server.process.send_signal(signal.SIGTERM)
        assert await ended(server) == 0
        heard = await listening
        assert heard.types == ["error"]
        assert heard.error is not None
        assert heard.error.code == "shutting-down"
        assert "still running: speech: speaking (at tests/hanging_server.py:" in last_line(server)


async def test_nor_does_one_that_prepares_a_voice(tmp_path: Path) -> None:
    (tmp_path / "voices").mkdir()
    noise = 0.1 * np.random.default_rng(0).standard_normal(6 * 24000)
    soundfile.write(tmp_path / "voices" / "alice.wav", noise, 24000)
    async with hanging_server(tmp_path, "--model", "nano") as server:
        await server.reaches("ready")
        (tmp_path / "hang-preparing").touch()
        listening = asyncio.create_task(plain(server.uri, "One two.", SynthesizeVoice(name="alice")))
        await hangs(tmp_path, "preparing")
        server.process.send_signal(signal.SIGTERM)
        assert await ended(server) == 0
        assert (await listening).types == ["error"]
        assert "still running: speech: speaking" in last_line(server)


@pytest.fixture(name="unhurried")
def unhurried_fixture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave a process as long to end as it may take on a busy machine."""
    monkeypatch.setenv("HANGING_GRACE", str(PATIENCE))


@pytest.fixture(name="hurried")
def hurried_fixture(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave a process a second to end, as nobody is to be told."""
    monkeypatch.setenv("HANGING_GRACE", "1")


@pytest.mark.usefixtures("hurried")
async def test_nor_a_load(tmp_path: Path) -> None:
    (tmp_path / "hang-loading").touch()
    async with hanging_server(tmp_path, "--no-standby") as server:
        await hangs(tmp_path, "loading")
        server.process.send_signal(signal.SIGTERM)
        assert await ended(server) == 0
        assert "loading" in last_line(server)


@pytest.mark.usefixtures("hurried")
async def test_nor_a_folder_on_a_network_drive(tmp_path: Path) -> None:
    async with hanging_server(tmp_path, "--no-standby") as server:
        await server.reaches("ready")
        (tmp_path / "hang-folder").touch()
        asking = [asyncio.create_task(describe(server.uri)) for _ in range(3)]
        await hangs(tmp_path, "folder")
        server.process.send_signal(signal.SIGTERM)
        assert await ended(server) == 0
        assert "hanging_server.py" in last_line(server)
        await asyncio.gather(*asking, return_exceptions=True)


@pytest.mark.usefixtures("unhurried")
async def test_told_twice_it_ends_at_once(tmp_path: Path) -> None:
    async with hanging_server(tmp_path, "--no-standby") as server:
        await server.reaches("ready")
        (tmp_path / "hang-closing").touch()
        server.process.send_signal(signal.SIGTERM)
        await hangs(tmp_path, "closing")
        server.process.send_signal(signal.SIGINT)
        assert await ended(server) == 0
        assert "told to twice" in last_line(server)


@pytest.mark.usefixtures("hurried")
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="there is no /proc")
async def test_nor_a_log_that_nobody_reads(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    with pytest.raises(BlockingIOError):
        while True:
            os.write(writing, b"x" * 4096)
    os.set_blocking(writing, True)
    flags = ("--uri", f"tcp://127.0.0.1:{free_port()}", "--data-dir", str(tmp_path), "--no-http")
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", "tests.hanging_server", *flags, stderr=writing)
    try:
        await until(lambda: catches(process.pid, signal.SIGTERM))
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
        os.close(reading)
        os.close(writing)


def catches(pid: int, number: signal.Signals) -> bool:
    """Whether a process has a handler for a signal."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    mask = next(line.split()[1] for line in lines if line.startswith("SigCgt"))
    return bool(int(mask, 16) & 1 << (number - 1))


async def test_one_that_stays_hung_ends_the_process_so_that_another_can_begin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HANGING_BASE", "1")
    monkeypatch.setenv("HANGING_GIVE_UP", "1")
    async with hanging_server(tmp_path) as server:
        await server.reaches("ready")
        (tmp_path / "hang-speaking").touch()
        async with asyncio.timeout(PATIENCE), AsyncClient.from_uri(server.uri) as client:
            await client.write_event(SynthesizeStart().event())
            await client.write_event(SynthesizeChunk("One two. Three").event())
            heard = await listen(client, "audio-chunk")
            assert heard.types == ["audio-start", "audio-chunk"], "the standby voice says it"
            with pytest.raises(UnhealthyError, match="Chatterbox hangs"):
                await health_check.check(server.uri, PATIENCE)
        # Nobody listens any more.
        assert await ended(server) == 3
        assert "with exit code 3 because Chatterbox hangs" in last_line(server)
        assert "still running: speech: speaking" in last_line(server)


async def test_sighup_looks_at_the_voices_again_and_kills_nobody(tmp_path: Path) -> None:
    async with hanging_server(tmp_path, "--model", "nano", "--no-standby") as server:
        await server.reaches("ready")
        noise = 0.1 * np.random.default_rng(0).standard_normal(6 * 24000)
        soundfile.write(tmp_path / "voices" / "alice.wav", noise, 24000)
        for _ in range(2):
            await look_again(server)
        # Listening to a recording may take longer than a look.
        while "SIGHUP: the voices were looked at again; there are 2" not in server.said():
            await look_again(server)
        assert {voice.name for voice in (await describe(server.uri)).tts[0].voices} == {"default", "alice"}


async def look_again(server: ServerProcess) -> None:
    """Send SIGHUP, and wait until the log tells of it."""
    before = server.said().count("SIGHUP")
    server.process.send_signal(signal.SIGHUP)
    await until(lambda: server.said().count("SIGHUP") > before)


async def test_sigusr1_shows_where_every_thread_is(tmp_path: Path) -> None:
    async with hanging_server(tmp_path, "--no-standby") as server:
        await server.reaches("ready")
        server.process.send_signal(signal.SIGUSR1)
        await until(lambda: "most recent call first" in server.said())
        assert (await plain(server.uri, "One.")).types == CYCLE
