"""Texts in SSML, which a client may announce, and SSML's tags in texts that are none."""

from __future__ import annotations

from pathlib import Path

import pytest
from wyoming.client import AsyncClient
from wyoming.event import Event
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop, SynthesizeTextFormat

from tests.client import CYCLE, listen
from tests.reading import in_pieces, split
from tests.serving import serving

DOCUMENT = """\
<?xml version="1.0"?>
<!-- a comment -->
<speak version="1.0" xmlns="http://www.w3.org/2001/10/synthesis"
       xml:lang="en-US">
  <p>
    <s>It is <emphasis level="strong">very</emphasis> warm</s>
    <s>The light
       is on.</s>
  </p>
  <p>This is new.</p>
</speak>
"""
BOTH = [
    ("<speak>Hi all<break/>there you</speak>", ["Hi all", "(pause 0.5 s)", "there you."]),
    ('<speak><sub alias="World Wide Web">WWW</sub> is old</speak>', ["World Wide Web is old."]),
    ('<sub alias="a b">never <b>closed</sub>, so', ["a b, so"]),
    ('Say <say-as interpret-as="characters">ABC1</say-as>.', ["Say A B C 1."]),
    ('Say <say-as interpret-as="spell-out">a-b</say-as>, <b>now</b>.', ["Say a-b, now."]),
    ('Dial <say-as interpret-as="telephone">555-0134</say-as> now.', ["Dial 5 5 5, 0 1 3 4 now."]),
    ('Dial <say-as interpret-as="digits">42</say-as>0.', ["Dial 4 20."]),
    (
        'The <say-as interpret-as="ordinal">3</say-as> of <say-as interpret-as="ordinal">12</say-as>.',
        ["The 3rd of 12th."],
    ),
    ('On <say-as interpret-as="date" format="ymd">2026-11-26</say-as>.', ["On 2026-11-26."]),
    ('At <say-as interpret-as="time">7:05</say-as> <say-as interpret-as="cardinal">12</say-as>.', ["At 7:05 12."]),
    ('<prosody rate="slow" pitch="+2st">Slowly</prosody> I go.', ["Slowly I go."]),
    ('<voice name="Bob">I am <phoneme alphabet="ipa" ph="bɒb">Bob</phoneme>.</voice>', ["I am Bob."]),
    ('<mstts:express-as style="cheerful">Oh my!</mstts:express-as> <mark name="x"/>I see.', ["Oh my!", "I see."]),
    ('<audio src="x.mp3">ding dong</audio> <w role="x">it</w> is', ["ding dong it is"]),
]
ONLY_SSML = [
    (DOCUMENT, ["It is very warm.", "The light is on.", "This is new."]),
    ("<speak>5 *and* _so_ # on `x` [a](b) 1 &lt; 2 < 3\n- it\n\n1. is</speak>",
     ["5 *and* _so_ # on `x` [a](b) 1 < 2 < 3 - it 1. is."]),
    ("<speak><![CDATA[1 < 2 & so]]> on</speak>", ["1 < 2 & so on."]),
    ("<speak><foo>bar</foo> <Enter> it</speak>", ["bar it."]),
    ("No tags at all. It is on.", ["No tags at all.", "It is on."]),
    ("<speak>Hello [pause 1s] to [whispering] you</speak>", ["Hello", "(pause 1 s)", "to you."]),
    ("<speak></speak>", []),
]  # fmt: skip


@pytest.mark.parametrize("ssml", [False, True])
@pytest.mark.parametrize(("written", "said"), BOTH)
def test_tags_of_ssml_work_in_both_formats(written: str, said: list[str], ssml: bool) -> None:
    assert split(written, ssml=ssml) == said
    assert in_pieces(written, ssml=ssml) == said


@pytest.mark.parametrize(("written", "said"), ONLY_SSML)
def test_in_ssml_only_tags_are_markup_and_a_line_break_is_a_space(written: str, said: list[str]) -> None:
    assert split(written, ssml=True) == said
    assert in_pieces(written, ssml=True) == said


SPEAK = '<speak>It *is* on.<break time="1s"/>The end</speak>'


@pytest.mark.parametrize("text_format", [SynthesizeTextFormat.SSML, "ssml", "SSML"])
async def test_a_client_may_announce_ssml(tmp_path: Path, text_format: str) -> None:
    async with serving(tmp_path) as running, AsyncClient.from_uri(running.uri) as client:
        await client.write_event(Synthesize(SPEAK, text_format=text_format).event())
        heard = await listen(client, "audio-stop")
        assert heard.types == CYCLE
        assert heard.seconds == pytest.approx(1.5)
        await client.write_event(SynthesizeStart(text_format=text_format).event())
        for piece in (SPEAK[:20], SPEAK[20:]):
            await client.write_event(SynthesizeChunk(piece).event())
        await client.write_event(SynthesizeStop().event())
        heard = await listen(client, "synthesize-stopped")
        assert heard.types == [*CYCLE, "synthesize-stopped"]
        assert heard.seconds == pytest.approx(1.5)
        assert running.chatterbox.texts == ["It *is* on.", "The end."] * 2


@pytest.mark.parametrize("text_format", [None, "text", "markdown", ""])
async def test_any_other_format_is_text(tmp_path: Path, text_format: str | None) -> None:
    async with serving(tmp_path) as running, AsyncClient.from_uri(running.uri) as client:
        await client.write_event(Event("synthesize", {"text": SPEAK, "text_format": text_format}))
        assert (await listen(client, "audio-stop")).types == CYCLE
        assert running.chatterbox.texts == ["It is on.", "The end."]


async def test_a_format_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    async with serving(tmp_path) as running, AsyncClient.from_uri(running.uri) as client:
        await client.write_event(Event("synthesize", {"text": SPEAK, "text_format": 5}))
        heard = await listen(client, "audio-stop")
        assert heard.types == ["error"]
        assert heard.error is not None
        assert "text_format" in heard.error.text
