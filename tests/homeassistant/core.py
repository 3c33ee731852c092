"""A real Home Assistant core in the test's event loop, and this server as one of its voices."""

from __future__ import annotations

import asyncio
import io
import wave
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import aiohttp
import imageio_ffmpeg
from homeassistant import bootstrap
from homeassistant.components import tts
from homeassistant.config_entries import ConfigEntry, ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry
from homeassistant.runner import RuntimeConfig

from tests.client import PATIENCE
from tests.ports import free_port

HEADER = 44
"""Bytes of a WAV's header as both Home Assistant and Python's wave write it."""
WAV = {tts.ATTR_PREFERRED_FORMAT: "wav"}


@asynccontextmanager
async def home_assistant(directory: Path) -> AsyncIterator[HomeAssistant]:
    """A started core with the default integrations and an empty configuration of its own in `directory`."""
    configuration = f"""
http:
  server_host: 127.0.0.1
  server_port: {free_port()}
ffmpeg:
  ffmpeg_bin: {imageio_ffmpeg.get_ffmpeg_exe()}
"""
    (directory / "configuration.yaml").write_text(configuration)
    hass = await bootstrap.async_setup_hass(RuntimeConfig(config_dir=str(directory), skip_pip=True))
    assert hass is not None
    try:
        await hass.async_start()
        assert not hass.config.recovery_mode
        yield hass
    finally:
        await hass.async_stop()


@dataclass
class Speaker:
    """A voice of Home Assistant's that a server of ours is behind."""

    hass: HomeAssistant
    uri: str
    http: str
    entry: ConfigEntry
    entity_id: str

    @property
    def entity(self) -> tts.TextToSpeechEntity:
        entity = self.hass.data[tts.DATA_COMPONENT].get_entity(self.entity_id)
        assert entity is not None
        return entity

    async def say(self, text: str, language: str | None = None, **options: Any) -> bytes:
        """Return the sound file that Home Assistant makes of a message, as a media player would ask for it."""
        identifier = tts.generate_media_source_id(self.hass, text, self.entity_id, language, WAV | options)
        _, sound = await tts.async_get_media_source_audio(self.hass, identifier)
        return sound

    def stream(self, language: str | None = None, **options: Any) -> tts.ResultStream:
        """A reply whose text comes bit by bit, as Assist opens one."""
        return tts.async_create_stream(self.hass, self.entity_id, language, WAV | options)

    async def latest(self) -> dict[str, Any]:
        """Return what the server knows of its latest reply."""
        return (await self._info())["recent"][0]

    async def count(self, name: str) -> int:
        """One of the server's counters."""
        return (await self._info())["statistics"][name]

    async def falls_silent(self) -> None:
        """Wait until the server has no reply in the making."""
        async with asyncio.timeout(PATIENCE):
            while await self.count("active"):
                await asyncio.sleep(0.05)

    async def _info(self) -> dict[str, Any]:
        async with aiohttp.ClientSession() as session, session.get(f"{self.http}/info") as response:
            return await response.json()


async def add(hass: HomeAssistant, uri: str, http: str) -> Speaker:
    """Add a server, and its page, as a person does: Wyoming's form, filled in."""
    address = urlsplit(uri)
    form = await hass.config_entries.flow.async_init("wyoming", context={"source": "user"})
    assert (form["type"], form["step_id"]) == ("form", "user")
    done = await hass.config_entries.flow.async_configure(
        form["flow_id"], {"host": address.hostname, "port": address.port}
    )
    assert done["type"] == "create_entry", done
    await hass.async_block_till_done()
    entry = done["result"]
    assert entry.state is ConfigEntryState.LOADED
    entities = entity_registry.async_entries_for_config_entry(entity_registry.async_get(hass), entry.entry_id)
    (entity_id,) = [entity.entity_id for entity in entities]
    return Speaker(hass, uri, http, entry, entity_id)


async def begun(reply: tts.ResultStream) -> AsyncGenerator[bytes]:
    """Listen to a reply until there is sound; the rest of it."""
    stream = reply.async_stream_result()
    heard = b""
    while len(heard) <= HEADER:
        heard += await anext(stream)
    return stream


async def hanging(written: str) -> AsyncGenerator[str]:
    """A text as a language model writes it that hangs midway."""
    yield written
    await asyncio.Event().wait()


def pcm(sound: bytes) -> bytes:
    """The samples of a WAV, whose header must say what Chatterbox speaks: 24 kHz, 16 bits, mono."""
    with wave.open(io.BytesIO(sound)) as file:
        assert (file.getframerate(), file.getsampwidth(), file.getnchannels()) == (24000, 2, 1)
    return sound[HEADER:]


def seconds(samples: bytes) -> float:
    return len(samples) / 48000


async def words(text: str) -> AsyncGenerator[str]:
    """A text as a language model writes it."""
    for word in text.split(" "):
        yield word + " "
        await asyncio.sleep(0.01)
