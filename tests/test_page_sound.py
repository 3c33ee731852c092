"""Trying a voice on the page: sound is heard while it is made, can be stopped, and heard again."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import missing
from tests.page_server import StandIn, speech
from tests.page_showing import Show, holds, says
from tests.serving import until

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = [
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
    pytest.mark.asyncio(loop_scope="session"),
]

POSITION = "Number(document.querySelector('#wave').getAttribute('aria-valuenow'))"
WITHOUT_WORKLET = "Object.defineProperty(BaseAudioContext.prototype, 'audioWorklet', { value: undefined })"
"""The surroundings of a page over http at another address than localhost."""


def asked(server: StandIn) -> list[dict[str, Any]]:
    """The requests for speech."""
    return [json.loads(request.body) for request in server.requests if request.path == "/v1/audio/speech"]


async def is_heard(page: Page) -> None:
    """Wait until a second of the sound was heard."""
    await holds(page, f"{POSITION} >= 1")


@pytest.mark.parametrize("worklet", [True, False], ids=["worklet", "schedule"])
async def test_sound_is_heard_before_the_reply_is_complete(show: Show, worklet: bool) -> None:
    def prepare(server: StandIn) -> None:
        server.seconds_spoken = 2.4
        server.goes_on.clear()

    page, server = await show(prepare)
    if not worklet:
        await page.evaluate(WITHOUT_WORKLET)
    await page.click("#go")
    # Half of it has come, and was heard to its end.
    await is_heard(page)
    await says(page, "#outcome", "Speaking, while the rest is still being made.")
    assert await page.locator("#go").inner_text() == "Stop"
    if worklet:
        await says(page, "#clock", "0:01 / 0:01 …")
    assert not await page.locator("#figures").is_visible()
    server.goes_on.set()
    await holds(page, f"{POSITION} >= 2")
    if worklet:
        await page.locator("#figures", has_text=re.compile(r"Gaps in the sound\d+ \(")).wait_for()
    await says(page, "#go", "Speak")
    assert await page.locator("#takes li").count() == 1


RING = """async () => {
  let Ring;
  const reports = [];
  window.sampleRate = 1000;
  window.AudioWorkletProcessor = class { port = { postMessage: (report) => reports.push(report) }; };
  window.registerProcessor = (_, made) => { Ring = made; };
  await import("./ring.worklet.js");
  const ring = new Ring();
  const heard = [];
  const hear = (samples) => {
    const out = new Float32Array(samples);
    ring.process([], [[out]]);
    heard.push(...out);
  };
  const numbers = (from, count) => Float32Array.from({ length: count }, (_, i) => from + i);
  // The ring holds 10,000 samples: the third piece goes over its end.
  for (let from = 1; from < 24000; from += 6000) {
    ring.port.onmessage({ data: { samples: numbers(from, 6000), isWhole: from > 18000 } });
    for (let i = 0; i < 6000; i += 100) hear(100);
  }
  hear(100);
  const played = heard.every((sample, i) => sample === (i < 24000 ? i + 1 : 0));
  const { waits: whole } = ring;
  ring.port.onmessage({ data: { clear: 2 } });
  hear(100);
  const { waits: before } = ring;
  ring.port.onmessage({ data: { samples: numbers(1, 150), isWhole: false } });
  for (let i = 0; i < 30; i += 1) hear(100);
  return { played, whole, before, waits: ring.waits, waited: ring.waited, last: reports.at(-1) };
}"""


async def test_a_ring_plays_each_sample_once_and_counts_when_it_is_dry(show: Show) -> None:
    page, _ = await show()
    found = await page.evaluate(RING)
    last = found.pop("last")
    assert found == {"played": True, "whole": 0, "before": 0, "waits": 1, "waited": 2850}
    assert (last["tag"], last["played"]) == (2, 150)


LATE_OUTPUT = """() => {
  const { addModule } = AudioWorklet.prototype;
  AudioWorklet.prototype.addModule = async function (...module) {
    await new Promise((go) => { window.goOn = go; });
    return addModule.apply(this, module);
  };
}"""
"""A browser whose output is ready when `goOn` is called."""


async def test_a_reply_that_comes_in_time_never_waits(show: Show) -> None:
    page, server = await show(lambda server: setattr(server, "seconds_spoken", 1.2))
    await page.evaluate(LATE_OUTPUT)
    await page.focus("#text")
    await page.keyboard.press("Control+Enter")
    await says(page, "#figures", "Length1.2 s")
    await page.evaluate("window.goOn()")
    await holds(page, f"{POSITION} >= 1")
    await says(page, "#go", "Speak")
    await says(page, "#figures", "Gaps in the soundnone")
    assert asked(server)[0] == {
        "input": "The front door is locked, and all the windows are closed. Good night!",
        "voice": "alice",
        "response_format": "pcm",
        "temperature": 0.7,
    }


async def test_one_button_speaks_and_stops_and_keeps_the_focus(show: Show) -> None:
    page, _ = await show(lambda server: server.goes_on.clear())
    await page.focus("#go")
    for _ in range(2):
        await page.keyboard.press("Enter")
        await says(page, "#go", "Stop")
        await says(page, "#outcome", "Speaking")
        await page.keyboard.press("Enter")
        await says(page, "#go", "Speak")
        await says(page, "#outcome", "Stopped.")
        assert await page.evaluate("document.activeElement.id") == "go"
    assert await page.locator("#takes li").count() == 2


async def test_a_take_is_heard_again_from_anywhere_and_saved(show: Show) -> None:
    length = 30.0
    page, _ = await show(lambda server: setattr(server, "seconds_spoken", length))
    await page.click("#go")
    await says(page, "#takes", "first sound after")
    await page.focus("#wave")
    await page.keyboard.press("End")
    await holds(page, f"{POSITION} >= {length}")
    await page.keyboard.press("Home")
    await holds(page, f"{POSITION} < {length - 1}")
    await page.click("#play")
    await page.locator("#play[aria-label=Play]").wait_for()
    for link in ("#save", "#takes a"):
        async with page.expect_download() as download:
            await page.click(link)
        file = await (await download.value).path()
        assert file.read_bytes()[:4] == b"RIFF"
        assert file.stat().st_size == 44 + 2 * len(speech(length))
        assert (await download.value).suggested_filename.startswith("alice-the-front-door")
    await page.click("#takes button")
    await page.locator("#play[aria-label=Pause]").wait_for()


async def test_a_request_says_what_was_chosen(show: Show) -> None:
    page, server = await show(multilingual=True)
    await page.select_option("#voice", "Oma Erna")
    await page.select_option("#language", "de")
    assert await page.input_value("#text") == "Die Haustür ist abgeschlossen, und alle Fenster sind zu. Gute Nacht!"
    assert await page.locator("#voice option").count() == 3, "23 languages are no 69 voices"
    await page.click("summary:has-text('How it is spoken')")
    await page.locator("#sliders label:has-text('Expressiveness') input").fill("1.5")
    await page.locator("#sliders label:has-text('Speed') input").fill("0.8")
    await page.fill("#seed", "7")
    await page.click("#chips button:has-text('21 °C')")
    await page.click("summary:has-text('What is said')")
    await says(page, "#said", "twenty-one degrees")
    assert json.loads(server.requests[-1].body)["voice"] == "Oma Erna-de"
    await page.click("#go")
    await until(lambda: bool(asked(server)))
    (request,) = asked(server)
    assert request["input"].startswith("Es ist 19:30 Uhr")
    assert request | {"input": ""} == {
        "input": "", "voice": "Oma Erna", "language": "de", "response_format": "pcm", "exaggeration": 1.5, "speed": 0.8,
        "seed": 7,
    }  # fmt: skip


async def test_a_tag_is_put_where_the_cursor_is(show: Show) -> None:
    page, _ = await show()
    await page.fill("#text", "Well, well.")
    await page.evaluate("document.querySelector('#text').setSelectionRange(6, 6)")
    await page.click("#chips button:has-text('[laugh]')")
    assert await page.input_value("#text") == "Well, [laugh] well."
    await page.click("summary:has-text('How it is spoken')")
    assert await page.locator("#sliders label").all_inner_texts() == ["Temperature\n0.7", "Speed\nas usual"]


async def test_a_persons_text_stays_even_if_it_is_empty(show: Show) -> None:
    page, server = await show(multilingual=True)
    await page.fill("#text", "")
    server.info["uptime_seconds"] += 7200
    server.tell()
    await says(page, "#facts", "28 h")
    await page.select_option("#language", "fr")
    assert await page.input_value("#text") == ""


async def test_it_is_told_when_the_standby_voice_spoke(show: Show) -> None:
    def prepare(server: StandIn) -> None:
        server.enter("loading")
        server.seconds_spoken = 0.5

    page, server = await show(prepare)
    await page.click("#go")
    await says(page, "#outcome", "The standby voice said this, not Chatterbox.")
    server.seconds_spoken = 0.1
    await page.locator("#go:has-text('Speak')").wait_for()
    await page.click("#go")
    await says(page, "#outcome", "There was nothing to hear: the standby voice speaks only English.")


async def test_who_spoke_is_not_confused_with_another_clients_reply(show: Show) -> None:
    page, server = await show(lambda server: setattr(server, "seconds_spoken", 0.6))
    for engine, told in (("turbo", ""), ("standby", "The standby voice said this, not Chatterbox.")):
        server.info["engine"]["name"] = engine
        server.goes_on.clear()
        takes = await page.locator("#takes li").count()
        await page.click("#go")
        await says(page, "#outcome", "Speaking")
        other = "standby" if engine == "turbo" else "turbo"
        server.info["recent"].insert(0, server.info["recent"][0] | {"id": 900, "engine": other})
        server.goes_on.set()
        await holds(page, f"document.querySelectorAll('#takes li').length > {takes}")
        assert await page.locator("#outcome").inner_text() == told
        await page.locator("#go:has-text('Speak')").wait_for()


async def test_it_is_told_when_the_standby_voice_went_on(show: Show) -> None:
    page, server = await show()
    server.goes_on.clear()
    await page.click("#go")
    await says(page, "#outcome", "Speaking")
    server.info["recent"][0]["engine"] = "standby"
    server.goes_on.set()
    await says(page, "#outcome", "Chatterbox broke off: the standby voice said the rest.")


async def test_a_preview_in_the_standby_voice_is_told(show: Show) -> None:
    page, server = await show(part="voices")
    await page.locator("#cards button[aria-label='Preview: alice']").click()
    await says(page, "#cards button[aria-label='Preview: alice']", "Stop")
    assert not await page.locator("#toast").is_visible()
    server.enter("loading")
    await page.locator("#cards button[aria-label='Preview: Oma Erna']").click()
    await says(page, "#toastText", "The standby voice said this, not Chatterbox.")


SLOW_OUTPUT = """
  const start = AudioBufferSourceNode.prototype.start;
  AudioBufferSourceNode.prototype.start = function (...when) {
    if (this.context instanceof AudioContext) window.played += 1;
    return start.apply(this, when);
  };
  const render = OfflineAudioContext.prototype.startRendering;
  OfflineAudioContext.prototype.startRendering = async function () {
    const buffer = await render.call(this);
    window.isDecoded = true;
    return buffer;
  };
  AudioWorklet.prototype.addModule = () => new Promise((_, fail) => { window.goOn = fail; });
  window.played = 0;
"""
"""A browser whose output is ready when `goOn` is called; it counts what it plays."""


async def test_a_preview_that_is_stopped_before_it_sounds_stays_silent(show: Show) -> None:
    page, _ = await show(part="voices")
    await page.evaluate(SLOW_OUTPUT)
    first = page.locator("#cards button[aria-label='Preview: alice']")
    await first.click()
    await holds(page, "window.isDecoded")
    await first.click()
    assert await first.inner_text() == "Preview"
    await page.evaluate("window.goOn()")
    await page.locator("#cards button[aria-label='Preview: Oma Erna']").click()
    await holds(page, "window.played > 0")
    assert await page.evaluate("window.played") == 1


async def test_what_is_wrong_with_a_request_is_told(show: Show) -> None:
    page, server = await show(lambda server: server.enter("loading"), complains=True)
    server.refuses_speech = ("The standby voice can't say '密'", "unspeakable-text")
    await page.click("#go")
    await says(page, "#outcome", "The standby voice can't say this: it speaks only English.")
    server.refuses_speech = ("As many replies as --max-replies allows are in progress", "overloaded")
    await page.click("#go")
    await says(page, "#outcome", "As many replies as --max-replies allows are in progress")
    assert not await page.locator("#figures").is_visible()


async def test_trouble_with_pronunciations_is_told(show: Show) -> None:
    page, server = await show()
    assert not await page.locator("#pronunciations").is_visible()
    server.info["pronunciations"] = {"trouble": "mine.yaml, line 2: it is no YAML"}
    server.tell()
    await says(page, "#pronunciations", "Mine.yaml, line 2: it is no YAML.")
