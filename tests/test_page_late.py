"""Answers that come late to the page: after a newer one, after a dialog was closed, or never."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.browser import missing, watched
from tests.page_server import StandIn, recording, speech, stand_in, voice, wav
from tests.page_showing import Show, hold, holds, says
from tests.ports import free_port
from tests.serving import until

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

pytestmark = [
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
    pytest.mark.asyncio(loop_scope="session"),
]

A_ROUND = "fetch('icon.svg').then((response) => response.text())"
"""Another question and its answer: what came before them was heard."""


async def fill_in(page: Page, name: str) -> None:
    """Give the voice in the editor a name, and agree."""
    await says(page, "#verdicts", "that is enough")
    await page.fill("#name", name)
    await page.check("#consent")


def uploads(server: StandIn) -> list[str]:
    """Return the names of the voices whose recordings were sent."""
    return [str(one.fields["name"]) for one in server.requests if one.path == "/v1/voices"]


async def test_an_older_list_of_voices_takes_no_newer_ones_place(show: Show) -> None:
    page, server = await show(part="voices")
    older = await hold(page, "**/v1/voices", answered=True)
    server.info["voices"].append({"name": "jonas", "language": "en"})
    server.tell()
    await older.arrived.wait()
    server.voices.append(voice("jonas"))
    server.info["voices"].append({"name": "mia", "language": "en"})
    server.tell()
    await says(page, "#cards", "jonas")
    async with page.expect_response("**/v1/voices"):
        older.goes_on.set()
    await page.evaluate(A_ROUND)
    await says(page, "#cards", "jonas")


async def test_the_language_that_was_chosen_last_is_shown(show: Show) -> None:
    page, _ = await show()
    german = await hold(page, "**/words/de.json")
    await page.select_option("#lang", "de")
    await german.arrived.wait()
    await page.select_option("#lang", "fr")
    await says(page, "#tabs", "Voix")
    async with page.expect_response("**/words/de.json"):
        german.goes_on.set()
    await page.evaluate(A_ROUND)
    await says(page, "#tabs", "Voix")
    assert await page.input_value("#lang") == "fr"


async def test_a_language_that_does_not_come_changes_nothing(show: Show) -> None:
    page, _ = await show(complains=True)
    await page.route("**/words/de.json", lambda route: route.abort())
    await page.select_option("#lang", "de")
    await says(page, "#toastText", "The server can't be reached.")
    assert await page.input_value("#lang") == "en"
    assert await page.evaluate("document.documentElement.lang") == "en"


async def test_what_is_said_is_told_of_the_text_that_stands_there(show: Show) -> None:
    page, _ = await show()
    await page.fill("#text", "The first.")
    first = await hold(page, "**/said", "POST", answered=True)
    await page.click("summary:has-text('What is said')")
    await first.arrived.wait()
    await page.fill("#text", "The second.")
    await says(page, "#said", "The second.")
    first.goes_on.set()
    await page.evaluate(A_ROUND)
    await says(page, "#said", "The second.")
    await page.fill("#text", "")
    await holds(page, "document.querySelector('#said').children.length === 0")


async def test_a_part_whose_server_is_away_offers_another_try(show: Show) -> None:
    page, server = await show(complains=True)
    await server.stop()
    await page.click("#tabs a[href='#memory']")
    await says(page, "[data-view=memory]", "The server can't be reached.")
    await server.start()
    await page.click("[data-view=memory] button")
    await says(page, "#fits", "turbo")


async def test_voices_that_did_not_come_at_first_come_later(show: Show) -> None:
    page, server = await show(complains=True)
    await page.route("**/v1/voices", lambda route: route.abort(), times=1)
    await page.click("#tabs a[href='#voices']")
    await says(page, "#folderTrouble", "The server can't be reached.")
    server.voices.append(voice("jonas"))
    server.tell()
    await says(page, "#cards", "jonas")


async def test_an_answer_to_another_token_locks_nothing(show: Show) -> None:
    page, server = await show(lambda server: setattr(server, "token", "right"), complains=True)
    wrong = await hold(page, "**/info", answered=True)
    await page.fill("#token", "wrong")
    await page.keyboard.press("Enter")
    await wrong.arrived.wait()
    await page.fill("#token", "right")
    await page.keyboard.press("Enter")
    await says(page, "#headline", "You hear Chatterbox")
    await until(lambda: server.listeners == 1)
    async with page.expect_response("**/info"):
        wrong.goes_on.set()
    await page.evaluate(A_ROUND)
    assert not await page.locator("#gate").is_visible()


async def test_an_upload_ends_with_its_dialog(show: Show) -> None:
    page, server = await show(part="voices", complains=True)
    await page.locator("#file").set_input_files(recording())
    await fill_in(page, "first")
    upload = await hold(page, "**/v1/voices", "POST")
    await page.click("#keep")
    await upload.arrived.wait()
    async with page.expect_event("requestfailed", lambda request: request.method == "POST"):
        await page.click("#cancel")
    await page.locator("#file").set_input_files(recording())
    await fill_in(page, "second")
    upload.goes_on.set()
    await page.evaluate(A_ROUND)
    assert await page.locator("#editor").is_visible(), "the first leaves the second alone"
    await page.click("#keep")
    await says(page, "#toastText", "second is a voice now.")
    assert uploads(server) == ["second"]


async def test_a_voice_is_sent_once_whatever_is_written_meanwhile(show: Show) -> None:
    page, server = await show(part="voices")
    await page.locator("#file").set_input_files(recording())
    await fill_in(page, "Oma")
    upload = await hold(page, "**/v1/voices", "POST")
    await page.click("#keep")
    await upload.arrived.wait()
    await page.fill("#name", "Opa")
    await page.keyboard.press("Enter")
    assert await page.locator("#keep").is_disabled()
    upload.goes_on.set()
    await says(page, "#toastText", "Oma is a voice now.")
    assert uploads(server) == ["Oma"]


async def test_an_upload_that_breaks_off_can_be_tried_again(show: Show) -> None:
    page, server = await show(part="voices", complains=True)
    await page.route(
        "**/v1/voices", lambda route: route.abort() if route.request.method == "POST" else route.fallback(), times=1
    )
    await page.locator("#file").set_input_files(recording())
    await fill_in(page, "Oma")
    await page.click("#keep")
    await says(page, "#refusal", "The server can't be reached.")
    assert await page.evaluate("document.activeElement.id") == "keep"
    await page.keyboard.press("Enter")
    await says(page, "#toastText", "Oma is a voice now.")
    assert uploads(server) == ["Oma"]


LATE_DECODING = """() => {
  const decode = OfflineAudioContext.prototype.decodeAudioData;
  OfflineAudioContext.prototype.decodeAudioData = async function (data) {
    OfflineAudioContext.prototype.decodeAudioData = decode;
    const buffer = await decode.call(this, data);
    await new Promise((go) => { window.goOn = go; });
    return buffer;
  };
}"""
"""A browser that has decoded its first sound when `goOn` is called."""


async def test_a_recording_that_is_decoded_late_takes_no_others_place(show: Show) -> None:
    page, _ = await show(part="voices")
    await page.evaluate(LATE_DECODING)
    await page.locator("#file").set_input_files(recording(20.0))
    await holds(page, "Boolean(window.goOn)")
    await page.keyboard.press("Escape")
    await page.locator("#file").set_input_files(recording(9.0))
    await says(page, "#verdicts", "that is enough")
    await page.evaluate("window.goOn()")
    await page.evaluate(A_ROUND)
    assert float(await page.locator("#to").get_attribute("max") or 0) == pytest.approx(9)


async def test_a_microphone_that_is_allowed_too_late_is_let_go(show: Show) -> None:
    page, _ = await show(part="voices")
    await page.evaluate("""() => {
      navigator.mediaDevices.getUserMedia = () => new Promise((allow) => { window.allow = allow; });
    }""")
    await page.click("#record")
    await holds(page, "Boolean(window.allow)")
    await page.click("#cancel")
    await page.evaluate("""() => {
      window.stream = new AudioContext().createMediaStreamDestination().stream;
      window.allow(window.stream);
    }""")
    await holds(page, "window.stream.getTracks()[0].readyState === 'ended'")


async def test_speech_that_breaks_off_says_so_and_stays(show: Show) -> None:
    page, server = await show(complains=True)
    server.goes_on.clear()
    await page.click("#go")
    await says(page, "#outcome", "Speaking")
    server.breaks_off = True
    server.goes_on.set()
    await says(page, "#outcome", "The server broke off: the rest is missing.")
    assert await page.locator("#takes li").count() == 1


async def test_speech_that_has_come_is_no_failure_though_the_server_went(show: Show) -> None:
    page, _ = await show(lambda server: setattr(server, "seconds_spoken", 0.5), complains=True)
    await page.route("**/info", lambda route: route.abort())
    await page.click("#go")
    await says(page, "#figures", "Length500 ms")
    assert await page.locator("#outcome").inner_text() == ""


async def test_the_log_has_what_was_written_while_the_server_was_away(show: Show) -> None:
    page, server = await show(part="settings", complains=True)
    await says(page, "#log", "Chatterbox is ready after 9.3 s")
    await server.stop()
    line = {"time": 1_764_000_200, "level": "INFO", "text": "Nobody saw this"}
    server.log.append(line)
    await server.start()
    await says(page, "#log", "Nobody saw this")
    await until(lambda: server.listeners == 1)
    server.tell("log", line)
    server.tell("log", line | {"time": 1_764_000_300, "text": "Everybody sees this"})
    await says(page, "#log", "Everybody sees this")
    assert (await page.locator("#log").inner_text()).count("Nobody saw this") == 1


async def test_a_sound_ends_when_another_begins(show: Show) -> None:
    page, server = await show(part="voices")
    server.goes_on.clear()
    await page.route("**/preview*", lambda route: route.fulfill(body=wav(speech(60.0)), content_type="audio/wav"))
    await page.locator("#cards button[aria-label='Preview: alice']").click()
    await says(page, "#cards button[aria-label='Preview: alice']", "Stop")
    await page.locator("#cards button[aria-label='Try: Oma Erna']").click()
    await says(page, "#outcome", "Speaking")
    await holds(page, "document.querySelector(\"#cards [aria-label='Preview: alice']\").textContent === 'Preview'")


async def test_a_sound_that_ends_leaves_the_next_alone(show: Show) -> None:
    page, _ = await show(part="voices")
    await page.route("**/preview*", lambda route: route.fulfill(body=wav(speech(60.0)), content_type="audio/wav"))
    await page.locator("#cards button[aria-label='Preview: alice']").click()
    await says(page, "#cards button[aria-label='Preview: alice']", "Stop")
    await page.locator("#file").set_input_files(recording(60.0))
    await page.locator("#to").fill("60")
    await page.click("#hear")
    await says(page, "#hear", "Stop")
    await holds(page, "document.querySelector(\"#cards [aria-label='Preview: alice']\").textContent === 'Preview'")
    assert await page.locator("#hear").inner_text() == "Stop"
    await page.click("#hear")
    await says(page, "#hear", "Play the selection")


async def test_a_preview_that_comes_after_a_press_on_speak_stays_silent(show: Show) -> None:
    page, server = await show(part="voices")
    server.goes_on.clear()
    preview = await hold(page, "**/preview*", answered=True)
    await page.locator("#cards button[aria-label='Preview: alice']").click()
    await preview.arrived.wait()
    await page.locator("#cards button[aria-label='Try: Oma Erna']").click()
    await says(page, "#outcome", "Speaking")
    preview.goes_on.set()
    await holds(page, "document.querySelector(\"#cards [aria-label='Preview: alice']\").textContent === 'Preview'")
    await page.locator("#play[aria-label=Pause]").wait_for()
    server.goes_on.set()
    await says(page, "#figures", "Length")
    assert [json.loads(one.body)["voice"] for one in server.requests if one.path == "/v1/audio/speech"] == ["Oma Erna"]


@pytest.mark.parametrize(("part", "shown"), [("voices", "#cards"), ("memory", "#fits")])
async def test_a_part_does_not_need_what_comes_later(chromium: Browser, part: str, shown: str) -> None:
    """The answers to a page's first questions come in any order."""
    async with stand_in(free_port()) as server, watched(chromium, "about:blank", server.url) as at:
        memory = {key: value for key, value in server.memory.items() if key != "history"}
        info = await hold(at.page, "**/info")
        await at.page.goto(f"{server.url}#{part}")
        await info.arrived.wait()
        await at.page.locator(f"{shown}").wait_for(state="attached")
        await at.page.evaluate(
            f"import('./server.js').then(({{ state }}) => {{ state.memory ??= {json.dumps(memory)}; }})"
        )
        await at.page.evaluate(f"import('./{part}.js').then(({{ show }}) => show())")
        await says(at.page, shown, "alice" if part == "voices" else "turbo")
        info.goes_on.set()
        await says(at.page, "#foot", "wyoming-chatterbox")
        assert at.complaints == []


async def test_a_text_can_be_spoken_before_the_voices_have_come(show: Show) -> None:
    page, server = await show()
    await page.fill("#text", "My own words.")
    voices = await hold(page, "**/v1/voices")
    await page.reload()
    await voices.arrived.wait()
    await page.click("#go")
    await says(page, "#takes", "My own words.")
    (request,) = [json.loads(one.body) for one in server.requests if one.path == "/v1/audio/speech"]
    assert request == {"input": "My own words.", "response_format": "pcm"}
    voices.goes_on.set()
    await says(page, "#voice", "alice")
