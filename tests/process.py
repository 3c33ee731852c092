"""A server as a user has it: a process of its own, started from the command line."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from tests.client import PATIENCE, describe
from tests.ports import free_port


@dataclass
class ServerProcess:
    """A running server process."""

    uri: str
    http: str
    log: Path
    process: asyncio.subprocess.Process

    async def answering(self) -> None:
        """Wait for the first Describe that is answered."""
        async with asyncio.timeout(PATIENCE):
            while True:
                if self.process.returncode is not None:
                    raise AssertionError(f"The server ended: {self.said()}")
                try:
                    await describe(self.uri)
                except OSError:
                    await asyncio.sleep(0.01)
                else:
                    return

    async def get(self, path: str) -> dict[str, object]:
        """GET a JSON page."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.http}/{path}") as response:
            answer: dict[str, object] = await response.json()
            return answer

    async def reaches(self, state: str, timeout: float = PATIENCE) -> dict[str, object]:
        """Wait until `/info` tells this state of Chatterbox; the status then."""
        async with asyncio.timeout(timeout):
            while True:
                status = (await self.get("info"))["status"]
                assert isinstance(status, dict)
                if status["state"] == state:
                    return status
                await asyncio.sleep(0.05)

    async def try_again(self) -> None:
        """Have Chatterbox loaded now, rather than when it would be tried again by itself."""
        async with aiohttp.ClientSession() as session, session.post(f"{self.http}/retry") as response:
            # It may be tried again by itself at this moment.
            assert response.ok or response.status == 409, await response.text()

    def said(self) -> str:
        """The log so far."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    async def stop(self) -> int:
        """SIGTERM; the exit code."""
        if self.process.returncode is None:
            self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(PATIENCE):
            return await self.process.wait()


@asynccontextmanager
async def server_process(
    directory: Path,
    *flags: str,
    hub: str | None = None,
    prefix: Sequence[str] = (),
    python: str | Path = sys.executable,
    uri: str | None = None,
    stderr: int | None = None,
    module: str = "wyoming_chatterbox",
) -> AsyncIterator[ServerProcess]:
    """A server with its data in `directory`; without `hub`, the model hub is a port that nobody listens at.

    `prefix` is a command that runs the server's; `python` is one that finds the package; without `uri`, it listens at
    a free port; `stderr` is a descriptor that it logs to, instead of to a file;
    `module` is run in the package's place.
    """
    uri, port = uri or f"tcp://127.0.0.1:{free_port()}", free_port()
    command = [
        *prefix,
        *(str(python), "-m", module, "--uri", uri, "--data-dir", str(directory)),
        *("--http-port", str(port)),
    ]
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "CHATTERBOX_"))}
    environment["HF_ENDPOINT"] = hub or f"http://127.0.0.1:{free_port()}"
    log = directory / "server.log"
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(*command, *flags, env=environment, stderr=stderr or file)
    server = ServerProcess(uri, f"http://127.0.0.1:{port}", log, process)
    try:
        yield server
    finally:
        await server.stop()
