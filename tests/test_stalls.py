"""Text that stalls while it is written: what is there is spoken in time, and what comes later is not lost."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import pytest
from wyoming.client import AsyncClient
from wyoming.tts import SynthesizeChunk, SynthesizeStart, SynthesizeStop

from tests.client import CYCLE, PATIENCE, listen, plain, streamed
from tests.reading import UNSPOKEN, Texts
from tests.serving import serving, until

STOPPED = [*CYCLE, "synthesize-stopped"]


async def test_a_number_cut_in_two_by_a_stall_is_one(tmp_path: Path) -> None:
    async with serving(tmp_path, "--flush-after", "0.05", languages=(UNSPOKEN,)) as running:
        await streamed(running.uri, ["The temperature is 21", ".", "5 degrees. It costs $4", ".", "99."], pause=0.1)
        assert running.chatterbox.texts == ["The temperature is 21.5 degrees.", "It costs $4.99."]


@pytest.mark.parametrize(
    ("written", "said"),
    [
        ("The temperature is 21|.|5 degrees.", ["The temperature is 21.5 degrees."]),
        ("It costs $4|.|99.", ["It costs $4.99."]),
        ("The light is on.|Anything else?", ["The light is on.", "Anything else?"]),
        ("The washing machine\n|is| done", ["The washing machine is done"]),
        ("1|.| Milk\n|2|.| Eggs", ["1. Milk.", "2. Eggs"]),
        ("The U|.|S|.| Army is here.", ["The U.S. Army is here."]),
        ("``|`|yaml\na: 1|\n`|``|\nIt| is on.", ["It is on."]),
        ("A thing |is [|1|].| It is <|b>on</|b>|.", ["A thing is.", "It is on."]),
        ("Wait [pau|se 1|s] here", ["Wait", "(pause 1 s)", "here"]),
        ("Name | Value\n|-|-- | --|-\nA | 1".replace(" | ", " ¦ "), ["Name, Value.", "A, 1"]),
    ],
)
def test_a_short_stall_changes_nothing(written: str, said: list[str]) -> None:
    texts = Texts()
    items = [item for piece in written.split("|") for item in texts.add(piece.replace("¦", "|")) + texts.settle()]
    assert items + texts.finish() == said


def test_what_may_go_on_is_spoken_after_a_longer_stall() -> None:
    for text, said in [
        ("It costs 3.", "It costs 3."),
        ("It is option B.", "It is option B."),
        ("It is at 5 p.m.", "It is at 5 p.m."),
        ("The light is on\n", "The light is on."),
    ]:
        texts = Texts()
        assert texts.add(text) + texts.settle() == []
        assert texts.settle(patient=True) == [said]


def test_a_short_sentence_waits_for_no_stall() -> None:
    texts = Texts()
    assert texts.add("OK. ") == []
    assert texts.settle() == ["OK."]
    assert texts.add("Done. The light ") + texts.settle() == ["Done."]
    assert texts.finish() == ["The light"]


@pytest.mark.slow(3)
async def test_after_the_timeout_the_unfinished_is_spoken_and_the_rest_when_it_comes(tmp_path: Path) -> None:
    flags = ("--flush-after", "0.02", "--stream-timeout", "0.4")

    def is_last(said: str) -> bool:
        return running.chatterbox.texts[-1:] == [said]

    async with serving(tmp_path, *flags) as running, AsyncClient.from_uri(running.uri) as client:
        listening = asyncio.create_task(listen(client, "synthesize-stopped"))
        await client.write_event(SynthesizeStart().event())
        for piece, said in (
            ("**One** and", "One and"),
            (" two. <think>A", "two."),
            (" thought that takes", None),
            (" long.</think> - **Three", "Three"),
            ("** is", "is"),
        ):
            await client.write_event(SynthesizeChunk(piece).event())
            if said is None:
                await asyncio.sleep(0.5)
            else:
                await until(partial(is_last, said))
        await client.write_event(SynthesizeChunk(" here. The end").event())
        await client.write_event(SynthesizeStop().event())
        heard = await asyncio.wait_for(listening, PATIENCE)
        assert heard.types == STOPPED
        assert running.chatterbox.texts[:4] == ["One and", "two.", "Three", "is"]
        # Short sentences are spoken as one unless the text stalls between them.
        assert " ".join(running.chatterbox.texts[4:]) == "here. The end"


@pytest.mark.slow(3)
async def test_a_stream_that_is_silent_for_ten_times_as_long_ends(tmp_path: Path) -> None:
    async with serving(tmp_path, "--stream-timeout", "0.1") as running:
        heard = await streamed(running.uri, ["One two. Three"], stop=False)
        assert heard.types == ["audio-start", "audio-chunk", "error", "audio-stop", "synthesize-stopped"]
        assert heard.error is not None
        assert "for 1 s, ten times --stream-timeout" in heard.error.text
        assert running.chatterbox.texts == ["One two.", "Three"]


async def test_a_stream_that_begins_late_is_spoken(tmp_path: Path) -> None:
    async with serving(tmp_path, "--stream-timeout", "0.3") as running, AsyncClient.from_uri(running.uri) as client:
        await client.write_event(SynthesizeStart().event())
        await asyncio.sleep(0.4)
        await client.write_event(SynthesizeChunk("Here I am.").event())
        await client.write_event(SynthesizeStop().event())
        assert (await asyncio.wait_for(listen(client, "synthesize-stopped"), PATIENCE)).types == STOPPED
        assert running.chatterbox.texts == ["Here I am."]


async def test_a_silent_stream_makes_room_for_another_client(tmp_path: Path) -> None:
    flags = ("--max-connections", "1", "--stream-timeout", "0.5")
    async with serving(tmp_path, *flags) as running, AsyncClient.from_uri(running.uri) as silent:
        await silent.write_event(SynthesizeStart().event())
        await silent.write_event(SynthesizeChunk("One two. Three").event())
        await until(lambda: running.chatterbox.texts == ["One two.", "Three"])
        async with asyncio.timeout(PATIENCE):
            while (await plain(running.uri, "Four five.")).types != CYCLE:
                await asyncio.sleep(0.05)
        assert running.service.connections["wyoming"].counters.dismissed == 1
