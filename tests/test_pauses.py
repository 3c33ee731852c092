"""Silence that a text or an option asks for, in samples, and languages that change inside a text."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from wyoming.event import Event, async_write_event

from tests.client import CYCLE, plain, streamed
from tests.http_serving import http
from tests.reading import UNSPOKEN, Texts, split
from tests.serving import serving, until
from wyoming_chatterbox.engine import SAMPLE_RATE
from wyoming_chatterbox.errors import EngineError
from wyoming_chatterbox.text.items import Item, Pause, Say
from wyoming_chatterbox.text.pipeline import Reading, TextPipeline, each


def runs(pcm: bytes) -> list[float]:
    """Seconds of sound (above 0) and of silence (below 0) in turn; the fake's tone crosses 0 only in single samples."""
    quiet = np.frombuffer(pcm, "<i2") == 0
    quiet[1:-1] &= quiet[:-2] | quiet[2:]
    edges = np.flatnonzero(np.diff(quiet.astype(np.int8))) + 1
    parts = np.split(quiet, edges)
    return [round((-1 if part[0] else 1) * len(part) / SAMPLE_RATE, 2) for part in parts if len(part) > 10]


WRITTEN = [
    ('<break time="1s"/>', 1.0),
    ("<break time='500ms'/>", 0.5),
    ("<break time=2s/>", 2.0),
    ("<break/>", 0.5),
    ('<break strength="weak"/>', 0.25),
    ('<break strength="x-strong"/>', 1.0),
    ('<break time="1min"/>', 0.5),
    ("[pause 0.5s]", 0.5),
    ("[pause:500ms]", 0.5),
    ("[pause:0.3s]", 0.3),
    ("[pause 500ms]", 0.5),
    ("[pause=2]", 2.0),
    ("[Pause: 1,5 s]", 1.5),
    ("[pause]", 0.5),
    ("[long pause]", 1.0),
    ("[2s pause]", 2.0),
    ("[pause for 2 seconds]", 2.0),
    ("[break 1s]", 1.0),
    ("[silence 1s]", 1.0),
    ("<pause 0.5>", 0.5),
    ("<pause time='1s'/>", 1.0),
    ("<#0.5#>", 0.5),
    ("[[slnc 500]]", 0.5),
    ("[pause 1000s]", 10.0),
    ("[pause 8s] [pause 8s] <break/>", 10.0),
]


@pytest.mark.parametrize(("written", "seconds"), WRITTEN)
def test_a_pause_in_the_text(written: str, seconds: float) -> None:
    pipeline = TextPipeline(UNSPOKEN)
    items = pipeline.add(f"It is on. {written} Now it is off{written}") + pipeline.finish()
    pauses = [item.seconds for item in items if isinstance(item, Pause)]
    assert [item.text for item in items if isinstance(item, Say)] == ["It is on.", "Now it is off"]
    assert sum(pauses) == 2 * seconds
    assert isinstance(items[-1], Pause)


@pytest.mark.parametrize("written", ['<break strength="none"/>', '<break time="0s"/>', "[pause 0]"])
def test_a_pause_of_nothing_is_none(written: str) -> None:
    assert " ".join(split(f"It is {written} on")) == "It is on"


def test_pauses_between_sentences_and_paragraphs_are_options() -> None:
    reading = Reading(sentence_pause=0.3, paragraph_pause=0.8, lead_in=0.2)
    text = (
        "# The title\nOne is here. OK. Two is. [pause 1s] Three is.\n\n\n- Four is\n- Five is\n\n[pause 2s]\n\nSix is."
    )
    assert split(text, reading=reading) == [
        "(pause 0.2 s)", "The title.", "(pause 0.3 s)", "One is here.", "(pause 0.3 s)", "OK. Two is.", "(pause 1 s)",
        "Three is.", "(pause 0.8 s)", "Four is.", "(pause 0.3 s)", "Five is.", "(pause 2 s)", "Six is.",
    ]  # fmt: skip


def test_parts_of_a_long_sentence_have_no_pause_between_them() -> None:
    reading = Reading(20, sentence_pause=0.3)
    assert split("one two three four five six seven. Eight is here.", reading=reading) == [
        "one two three four", "five six seven.", "(pause 0.3 s)", "Eight is here.",
    ]  # fmt: skip
    words = split("word " * 40 + ". Eight is here.", reading=reading)
    assert words.count("(pause 0.3 s)") == 1


@given(st.lists(st.sampled_from(["[pause 9s] ", "<break/>", "word ", "It is. ", "\n\n", "... "]), max_size=30))
def test_silence_is_bounded(pieces: list[str]) -> None:
    texts = Texts(reading=Reading(sentence_pause=0.5, paragraph_pause=1.0, lead_in=1.0))
    silent = 0.0
    for item in [item for piece in pieces for item in texts.add(piece)] + texts.finish():
        silent = silent + float(item[7:-3]) if item.startswith("(pause ") else 0.0
        assert silent <= 11.0


async def test_a_pause_is_silence_of_that_length(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        heard = await plain(running.uri, 'One two. <break time="1s"/> Three, four [pause 250ms]')
        assert heard.types == CYCLE
        assert runs(heard.audio) == [0.2, -1.0, 0.2, -0.25]
        assert running.chatterbox.texts == ["One two.", "Three, four"]
        heard = await streamed(running.uri, ["One tw", "o. [pau", "se 1", "s] Three, ", "four"])
        assert heard.types == [*CYCLE, "synthesize-stopped"]
        assert runs(heard.audio) == [0.2, -1.0, 0.2]


async def test_the_options_pause_before_and_between(tmp_path: Path) -> None:
    flags = ("--lead-in", "0.4", "--sentence-pause", "0.2", "--paragraph-pause", "0.6")
    async with serving(tmp_path, *flags) as running:
        heard = await plain(running.uri, "One two. Three four.\n\nFive six.")
        assert runs(heard.audio) == [-0.4, 0.2, -0.2, 0.2, -0.6, 0.2]
        assert not any((await plain(running.uri, "😀")).audio), "without a word there is no lead-in to it"


async def test_a_reply_of_pauses_alone_is_silence(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        heard = await plain(server.running.uri, "[pause 1s] <break/>")
        assert heard.types == CYCLE
        assert heard.seconds == 1.5
        assert not any(heard.audio)
        body = {"input": "One. [pause 2s]", "response_format": "pcm"}
        async with server.client.post("/v1/audio/speech", json=body) as response:
            assert runs(await response.read()) == [0.1, -2.0]
        assert server.running.chatterbox.texts == ["One."]


async def test_an_error_comes_before_the_lead_in(tmp_path: Path) -> None:
    async with http(tmp_path, "--no-standby", "--lead-in", "0.5") as server:
        server.running.chatterbox.failures = [EngineError("no more")] * 2
        assert (await plain(server.running.uri, "One two.")).types == ["error"]
        assert (await server.refusal(input="One two."))[0] == 500
        assert runs((await plain(server.running.uri, "[pause 1s] One two.")).audio) == [-1.5, 0.2]


async def test_a_long_pause_comes_in_pieces(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        voice = await running.service.voices.find()
        items: list[Item] = [Say("One two."), Pause(5.2), Say("Three.")]
        async with running.service.replies.open(voice, "test") as reply:
            lengths = [len(block) async for block in reply.speak(each(iter(items)))]
        assert sum(lengths) == round(5.5 * SAMPLE_RATE)
        assert max(lengths) <= SAMPLE_RATE


async def test_a_client_that_leaves_in_a_pause_is_not_spoken_to(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port, limit=4096)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        await async_write_event(Event("synthesize", {"text": "Word here. [pause 10s] " * 200}), writer)
        await until(lambda: running.service.replies.active == 1 and len(running.chatterbox.texts) > 0)
        writer.transport.abort()
        await until(lambda: running.service.replies.active == 0)
        assert len(running.chatterbox.texts) < 200
        assert running.service.replies.counters.cancelled == 1
        del reader


async def test_a_text_can_change_its_language_where_the_model_has_it(tmp_path: Path) -> None:
    text = 'Hello to you. <lang xml:lang="de-DE">Guten Tag.</lang> Bye <lang xml:lang="xx">for</lang> now.'
    for languages, spoken in ((("en", "de"), ["en", "de", "en", "en", "en"]), (("en",), ["en"] * 5)):
        async with serving(tmp_path, languages=languages) as running:
            assert (await plain(running.uri, text)).types == CYCLE
            assert running.chatterbox.texts == ["Hello to you.", "Guten Tag.", "Bye", "for", "now."]
            assert [said.voice.language for said in running.chatterbox.said] == spoken
