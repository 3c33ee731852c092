"""Errors, listeners who leave, restarts and load: Home Assistant gets over all of them without a reload."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import aiohttp
import pytest
from homeassistant.components.wyoming.data import load_wyoming_info
from homeassistant.config_entries import ConfigEntryState
from homeassistant.core import HomeAssistant
from homeassistant.exceptions import HomeAssistantError

from tests.client import PATIENCE, plain
from tests.homeassistant.conftest import PYTHON, ROOT
from tests.homeassistant.core import Speaker, add, begun, hanging, pcm, seconds, words
from tests.ports import free_port
from tests.process import server_process

SENTENCE = "There is always another sentence to come. "


async def test_an_error_is_an_error_in_home_assistant(standby: Speaker, whole: Speaker) -> None:
    for speaker, message in ((whole, "No TTS from chatterbox"), (standby, "Unexpected error while running ffmpeg")):
        with pytest.raises(HomeAssistantError, match=message):
            await speaker.say("Hello.", voice="nobody", preferred_format="mp3")
        assert await speaker.say("Hello.", preferred_format="mp3")


async def test_a_player_hears_of_an_error_too(hass: HomeAssistant, standby: Speaker) -> None:
    assert hass.config.api is not None
    reply = standby.stream(voice="nobody")
    reply.async_set_message_stream(words("Hello."))
    url = f"http://127.0.0.1:{hass.config.api.port}{reply.url}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert (response.status, await response.read()) == (500, b"")


async def test_who_interrupts_is_answered_while_the_old_reply_is_still_open(standby: Speaker) -> None:
    old = standby.stream()
    old.async_set_message_stream(hanging(SENTENCE))
    await (await begun(old)).aclose()
    assert await standby.count("active") == 1, "Home Assistant listens on when nobody else does"
    assert pcm(await standby.say("At your service.")) == (await plain(standby.uri, "At your service.")).audio
    await standby.falls_silent()


async def test_a_reply_that_home_assistant_gives_up_is_cancelled(tmp_path: Path) -> None:
    (tmp_path / "config").mkdir()
    async with server_process(tmp_path, python=PYTHON) as server:
        await server.answering()
        core = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "tests.homeassistant.interrupted"),
            *(str(tmp_path / "config"), server.uri, server.http),
            cwd=ROOT,
        )
        assert await core.wait() == 0
        info = await server.get("info")
        async with asyncio.timeout(PATIENCE):
            while info["statistics"]["active"]:
                await asyncio.sleep(0.05)
                info = await server.get("info")
        assert info["statistics"]["cancelled_requests"] == 1
        assert info["recent"][0]["outcome"] == "cancelled"
        assert info["recent"][0]["sentences"] < 200


async def test_a_reply_whose_text_never_ends_is_ended_with_what_was_said(standby: Speaker) -> None:
    reply = standby.stream()
    reply.async_set_message_stream(hanging(SENTENCE))
    async with asyncio.timeout(PATIENCE):
        sound = b"".join([chunk async for chunk in reply.async_stream_result()])
    assert seconds(pcm(sound)) > 1
    assert await standby.count("active") == 0


async def test_after_a_restart_of_the_server_the_same_voice_speaks(hass: HomeAssistant, tmp_path: Path) -> None:
    uri = f"tcp://127.0.0.1:{free_port()}"
    async with server_process(tmp_path, "--seed", "7", python=PYTHON, uri=uri) as server:
        await server.answering()
        speaker = await add(hass, uri, server.http)
        before = pcm(await speaker.say("Before."))
        reply = speaker.stream()
        reply.async_set_message_stream(hanging(SENTENCE))
        listening = await begun(reply)
        assert await server.stop() == 0
        async with asyncio.timeout(PATIENCE):
            async for _ in listening:
                pass
        with pytest.raises((HomeAssistantError, OSError)):
            await speaker.say("In between.")
    async with server_process(tmp_path, "--seed", "7", python=PYTHON, uri=uri) as server:
        await server.answering()
        assert speaker.entry.state is ConfigEntryState.LOADED
        assert pcm(await speaker.say("Before.", preferred_format="wav")) == before
        assert pcm(await speaker.say("In between.")) == (await plain(uri, "In between.")).audio
    assert await hass.config_entries.async_remove(speaker.entry.entry_id)


async def test_describe_is_answered_while_it_speaks_and_always_the_same(multilingual: Speaker) -> None:
    host, port = multilingual.entry.data["host"], multilingual.entry.data["port"]
    said = await multilingual.count("completed_requests")
    speaking = asyncio.gather(
        *(multilingual.say("Yes.", language, voice=f"alice-{language}") for language in ("de", "es", "fr"))
    )
    answers = []
    while not speaking.done():
        # Home Assistant's own question, without its retries, and with the patience of a busy machine.
        answers.append(await load_wyoming_info(host, port, retries=0, retry_wait=0, timeout=PATIENCE))
        await asyncio.sleep(0.02)
    assert all(seconds(pcm(sound)) > 0.1 for sound in await speaking)
    assert await multilingual.count("completed_requests") == said + 3
    assert answers[0] is not None
    assert all(answer == answers[0] for answer in answers)
