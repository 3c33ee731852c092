"""The HTTP side over real sockets, in front of the service that the Wyoming tests use."""

from __future__ import annotations

import io
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import soundfile

from tests.serving import Running, serving
from wyoming_chatterbox.engine import SAMPLE_RATE, Block
from wyoming_chatterbox.voices.library import Library
from wyoming_chatterbox.web.app import HttpServer
from wyoming_chatterbox.web.events import USUAL_PACE, Pace

SPEECH = "/v1/audio/speech"


@dataclass
class Http:
    """A server, what is behind it, and a client of it."""

    running: Running
    server: HttpServer
    client: aiohttp.ClientSession

    async def get(self, path: str, **options: Any) -> tuple[int, dict[str, Any]]:
        """Status and JSON of a GET."""
        async with self.client.get(path, **options) as response:
            answer: dict[str, Any] = await response.json()
            return response.status, answer

    async def refusal(self, **request: Any) -> tuple[int, dict[str, Any]]:
        """Status and error of a request for speech."""
        async with self.client.post(SPEECH, json=request) as response:
            answer: dict[str, Any] = await response.json()
            return response.status, answer["error"]

    def session(self, address: str) -> aiohttp.ClientSession:
        """Another client, whose own address is this one of the loopback's."""
        return aiohttp.ClientSession(
            f"http://127.0.0.1:{self.server.port}", connector=aiohttp.TCPConnector(local_addr=(address, 0))
        )


@asynccontextmanager
async def http(
    directory: Path, *flags: str, pace: Pace = USUAL_PACE, library: Library | None = None, **options: Any
) -> AsyncIterator[Http]:
    """Serve HTTP with `flags`, at a free port, events at a `pace`, and a `library`; all else is as in `serving`."""
    async with serving(directory, "--http-port", "0", *flags, **options) as running:
        server = HttpServer(running.service, pace=pace, library=library)
        await server.start()
        try:
            async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as client:
                yield Http(running, server, client)
        finally:
            await server.close()


def decoded(name: str, data: bytes) -> Block:
    """Decode as a player does: read on until there is no more, as the length isn't told."""
    if name == "pcm":
        return (np.frombuffer(data, "<i2") / 32768).astype(np.float32)
    with soundfile.SoundFile(io.BytesIO(data)) as file:
        assert (file.samplerate, file.channels) == (SAMPLE_RATE, 1)
        file.seekable = lambda: False
        parts: list[Block] = []
        while len(part := file.read(4800, dtype="float32")):
            parts.append(part)
    return np.concatenate([np.zeros(0, np.float32), *parts])
