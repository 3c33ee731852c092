"""A voice and its language are chosen in Home Assistant by the voice's name."""

from __future__ import annotations

import pytest
from homeassistant.components import tts
from homeassistant.exceptions import HomeAssistantError
from wyoming.tts import SynthesizeVoice

from tests.client import plain
from tests.homeassistant.core import Speaker, pcm, words


async def test_each_language_has_its_voices(multilingual: Speaker) -> None:
    languages = multilingual.entity.supported_languages
    assert len(languages) == 23
    for language in languages:
        assert multilingual.entity.async_get_supported_voices(language) == [
            tts.Voice(f"default-{language}", f"Chatterbox ({language})"),
            tts.Voice(f"alice-{language}", f"alice ({language})"),
        ]


async def test_a_voice_is_chosen_by_name(multilingual: Speaker) -> None:
    uri = multilingual.uri
    alice = pcm(await multilingual.say("Yes.", "en", voice="alice-en"))
    assert (await multilingual.latest())["voice"] == "alice-en"
    assert alice == (await plain(uri, "Yes.", SynthesizeVoice("alice-en"))).audio
    assert alice != (await plain(uri, "Yes.", SynthesizeVoice("default-en"))).audio


async def test_a_language_is_spoken_that_is_asked_for(multilingual: Speaker) -> None:
    voice = multilingual.entity.async_get_supported_voices("de")[0].voice_id
    reply = multilingual.stream("de", voice=voice)
    reply.async_set_message_stream(words("Ja."))
    german = pcm(b"".join([chunk async for chunk in reply.async_stream_result()]))
    latest = await multilingual.latest()
    assert (latest["voice"], latest["engine"], latest["outcome"]) == ("default-de", "multilingual", "done")
    assert german == (await plain(multilingual.uri, "Ja.", SynthesizeVoice("default-de"))).audio
    assert german != (await plain(multilingual.uri, "Ja.", SynthesizeVoice("default-en"))).audio


async def test_a_language_without_a_voice_is_known_to_home_assistant_only(multilingual: Speaker) -> None:
    await multilingual.say("Oui.", "fr")
    assert (await multilingual.latest())["voice"] == "default-en"


async def test_a_language_that_there_is_not_never_reaches_the_server(multilingual: Speaker) -> None:
    asked = await multilingual.count("total_requests")
    with pytest.raises(HomeAssistantError, match="'tlh' not supported"):
        await multilingual.say("nuqneH", "tlh")
    assert await multilingual.count("total_requests") == asked
