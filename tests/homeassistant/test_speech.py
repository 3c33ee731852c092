"""Home Assistant passes on what the server says: all of it, in its format, from its first word on."""

from __future__ import annotations

import asyncio
import statistics
from collections.abc import AsyncGenerator

import aiohttp
import imageio_ffmpeg
import pytest
from homeassistant.components import tts
from homeassistant.core import HomeAssistant

from tests.client import plain
from tests.homeassistant.core import Speaker, pcm, seconds, words

TEXT = "The front door is locked, and all the windows are closed. It is nine o'clock."


async def test_the_form_makes_a_voice(standby: Speaker) -> None:
    assert standby.entry.title == "chatterbox"
    assert standby.entity_id.startswith("tts.chatterbox")
    assert standby.entity.supported_languages == ["en"]
    assert standby.entity.async_get_supported_voices("en") == [tts.Voice("default", "Chatterbox (en)")]


async def test_a_message_is_heard_whole(standby: Speaker, whole: Speaker) -> None:
    for speaker, streams in ((standby, True), (whole, False)):
        assert speaker.entity.async_supports_streaming_input() == streams
        heard = pcm(await speaker.say(TEXT))
        assert heard == (await plain(speaker.uri, TEXT)).audio
        assert len(TEXT.split()) / 4.5 < seconds(heard) < len(TEXT.split()) / 1.5


async def test_a_reply_word_by_word_sounds_like_the_whole(standby: Speaker) -> None:
    reply = standby.stream()
    assert reply.supports_streaming_input
    reply.async_set_message_stream(words(TEXT))
    sound = b"".join([chunk async for chunk in reply.async_stream_result()])
    assert pcm(sound) == (await plain(standby.uri, TEXT)).audio


async def test_the_first_sentence_is_heard_before_the_last_is_written(standby: Speaker) -> None:
    heard = asyncio.Event()

    async def text() -> AsyncGenerator[str]:
        yield "The first sentence is here. "
        await heard.wait()
        yield "This is the second."

    reply = standby.stream()
    reply.async_set_message_stream(text())
    samples = b""
    async for chunk in reply.async_stream_result():
        samples += chunk
        if len(samples) > 24000:
            heard.set()
    first, second = [
        (await plain(standby.uri, sentence)).audio
        for sentence in ("The first sentence is here.", "This is the second.")
    ]
    assert seconds(pcm(samples)) == pytest.approx(seconds(first) + seconds(second), rel=0.2)


async def test_a_player_fetches_it_over_http(hass: HomeAssistant, standby: Speaker) -> None:
    reply = standby.stream()
    reply.async_set_message("The kettle boils.")
    assert hass.config.api is not None
    url = f"http://127.0.0.1:{hass.config.api.port}{reply.url}"
    async with aiohttp.ClientSession() as session, session.get(url) as response:
        assert (response.status, response.content_type) == (200, "audio/x-wav")
        assert pcm(await response.read()) == (await plain(standby.uri, "The kettle boils.")).audio


@pytest.mark.parametrize(
    "options",
    [
        {tts.ATTR_PREFERRED_FORMAT: "mp3"},
        {
            tts.ATTR_PREFERRED_FORMAT: "flac",
            tts.ATTR_PREFERRED_SAMPLE_RATE: 48000,
            tts.ATTR_PREFERRED_SAMPLE_CHANNELS: 1,
            tts.ATTR_PREFERRED_SAMPLE_BYTES: 2,
        },
    ],
    ids=["a media player", "a voice satellite"],
)
async def test_it_is_converted_for(standby: Speaker, options: dict[str, str | int]) -> None:
    reply = standby.stream(**options)
    reply.async_set_message_stream(words(TEXT))
    sound = b"".join([chunk async for chunk in reply.async_stream_result()])
    assert sound.startswith((b"fLaC", b"ID3"))
    heard = await decoded(sound)
    spoken = (await plain(standby.uri, TEXT)).audio
    assert seconds(heard) == pytest.approx(seconds(spoken), abs=0.1)
    # An encoder may shift it by a little.
    assert max(likeness(envelope(heard[48 * shift :]), envelope(spoken)) for shift in range(0, 80, 10)) > 0.98


async def decoded(sound: bytes) -> bytes:
    """Samples at 24 kHz, 16 bits, mono."""
    process = await asyncio.create_subprocess_exec(
        *(imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", "-i", "pipe:0"),
        *("-f", "s16le", "-ar", "24000", "-ac", "1", "pipe:1"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    samples, _ = await process.communicate(sound)
    assert process.returncode == 0
    return samples


def envelope(samples: bytes) -> list[float]:
    """Mean amplitude of each tenth of a second."""
    values = memoryview(samples[: len(samples) // 2 * 2]).cast("h")
    return [sum(map(abs, values[start : start + 2400])) / 2400 for start in range(0, len(values) - 2400, 2400)]


def likeness(one: list[float], other: list[float]) -> float:
    """Correlation of two envelopes: 1 for the same speech."""
    pairs = list(zip(one, other, strict=False))
    return statistics.correlation([a for a, _ in pairs], [b for _, b in pairs])
