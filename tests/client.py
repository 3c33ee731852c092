"""A Wyoming client as Home Assistant is one: a connection for each request, events in Home Assistant's order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from wyoming.audio import AudioChunk, AudioStart
from wyoming.client import AsyncClient
from wyoming.error import Error
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeVoice,
)

CYCLE = ["audio-start", "audio-chunk", "audio-stop"]
PATIENCE = 120.0
"""Seconds to wait for an event that comes at once on a quiet machine: a test fails only if it never comes."""


@dataclass
class Heard:
    """All that came back until the end."""

    events: list[Event] = field(default_factory=list)

    @property
    def types(self) -> list[str]:
        """Event types in order, runs of audio chunks as one."""
        result: list[str] = []
        for event in self.events:
            if not (event.type == "audio-chunk" and result[-1:] == ["audio-chunk"]):
                result.append(event.type)
        return result

    @property
    def audio(self) -> bytes:
        return b"".join(AudioChunk.from_event(event).audio for event in self.events if event.type == "audio-chunk")

    @property
    def seconds(self) -> float:
        start = AudioStart.from_event(next(event for event in self.events if event.type == "audio-start"))
        return len(self.audio) / (start.rate * start.width * start.channels)

    @property
    def error(self) -> Error | None:
        return next((Error.from_event(event) for event in self.events if event.type == "error"), None)


async def describe(uri: str) -> Info:
    """Ask once, on a connection of its own."""
    async with asyncio.timeout(PATIENCE), AsyncClient.from_uri(uri) as client:
        await client.write_event(Describe().event())
        event = await client.read_event()
        assert event is not None
        return Info.from_event(event)


async def plain(uri: str, text: str, voice: SynthesizeVoice | None = None, *, patience: float = PATIENCE) -> Heard:
    """`synthesize`, read to the first audio-stop, an error's close, or the end."""
    async with asyncio.timeout(patience), AsyncClient.from_uri(uri) as client:
        await client.write_event(Synthesize(text=text, voice=voice).event())
        return await listen(client, "audio-stop")


async def streamed(
    uri: str, pieces: Iterable[str], voice: SynthesizeVoice | None = None, *, pause: float = 0.0, stop: bool = True
) -> Heard:
    """start, chunks, the full text for old servers, stop: as Home Assistant streams; read to synthesize-stopped."""
    async with asyncio.timeout(PATIENCE), AsyncClient.from_uri(uri) as client:
        listening = asyncio.create_task(listen(client, "synthesize-stopped"))
        await client.write_event(SynthesizeStart(voice=voice).event())
        said = ""
        for piece in pieces:
            said += piece
            await client.write_event(SynthesizeChunk(text=piece).event())
            await asyncio.sleep(pause)
        if stop:
            await client.write_event(Synthesize(text=said, voice=voice).event())
            await client.write_event(SynthesizeStop().event())
        return await listening


async def listen(client: AsyncClient, last: str) -> Heard:
    """Read to the event of type `last`, or to the end of the connection."""
    heard = Heard()
    while (event := await client.read_event()) is not None:
        heard.events.append(event)
        if event.type == last:
            break
    return heard


async def raw(uri: str, data: bytes, *, end: bool = False) -> Heard:
    """Send bytes as they are and read to the close; `end` closes our side after them."""
    parts = urlsplit(uri)
    async with asyncio.timeout(PATIENCE):
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        writer.write(data)
        if end:
            writer.write_eof()
        heard = Heard()
        try:
            while line := await reader.readline():
                header = json.loads(line)
                body = await reader.readexactly(header.get("data_length") or 0)
                payload = await reader.readexactly(header.get("payload_length") or 0)
                heard.events.append(Event(header["type"], json.loads(body) if body else {}, payload or None))
        except ConnectionError:
            pass
        writer.close()
        return heard
