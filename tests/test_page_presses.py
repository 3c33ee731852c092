"""Presses on the page: twice, too early, in the wrong place, on the way back, and what they leave behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.browser import missing, overflow, watched
from tests.page_server import StandIn, recording, stand_in, voice
from tests.page_showing import Show, hold, holds, says
from tests.ports import free_port
from tests.serving import until

if TYPE_CHECKING:
    from playwright.async_api import Browser

pytestmark = [
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
    pytest.mark.asyncio(loop_scope="session"),
]

DROPPED = """([place, isFile]) => {
  const dataTransfer = new DataTransfer();
  if (isFile) dataTransfer.items.add(new File(["x"], "x.wav"));
  else dataTransfer.setData("text/plain", "x");
  const event = new DragEvent("drop", { dataTransfer, bubbles: true, cancelable: true });
  document.querySelector(place).dispatchEvent(event);
  return event.defaultPrevented;
}"""
"""Whether the page takes a drop for itself: else a browser opens the file in its place."""


def sent(server: StandIn, method: str) -> int:
    return sum(request.method == method for request in server.requests)


async def test_a_voice_is_deleted_once_and_the_way_back_stays(show: Show) -> None:
    page, server = await show(part="voices")
    deletion = await hold(page, "**/v1/voices/*", "DELETE")
    button = page.locator("#cards button[aria-label='Delete: Oma Erna']")
    await button.click()
    await deletion.arrived.wait()
    await button.click()
    deletion.goes_on.set()
    await says(page, "#toastText", "Oma Erna is deleted.")
    await page.click("#undo")
    await says(page, "#toastText", "Oma Erna is back.")
    assert sent(server, "DELETE") == 1


async def test_a_deleted_voice_can_be_brought_back_though_the_list_does_not_come(show: Show) -> None:
    page, server = await show(part="voices", complains=True)
    await page.route("**/v1/voices", lambda route: route.abort(), times=1)
    await page.locator("#cards button[aria-label='Delete: Oma Erna']").click()
    await says(page, "#toastText", "Oma Erna is deleted.")
    await page.click("#undo")
    await says(page, "#toastText", "Oma Erna is back.")
    assert len(server.voices) == 3


async def test_memory_is_freed_once_and_the_focus_stays(show: Show) -> None:
    page, server = await show(part="memory")
    cleanup = await hold(page, "**/memory/cleanup", "POST")
    await page.locator("#free").focus()
    await page.keyboard.press("Enter")
    await cleanup.arrived.wait()
    await page.keyboard.press("Enter")
    cleanup.goes_on.set()
    await says(page, "#freed", "180 MB were freed.")
    assert await page.evaluate("document.activeElement.id") == "free"
    assert sent(server, "POST") == 1


async def test_a_second_try_that_is_refused_says_why(show: Show) -> None:
    page, server = await show(lambda server: server.enter("failed"), complains=True)
    await says(page, "#advice", "copy the model's files")
    server.info["status"]["state"] = "loading"
    await page.click("#retry")
    await says(page, "#toastText", "There is nothing to try again")


async def test_a_double_click_speaks(show: Show) -> None:
    page, server = await show(lambda server: setattr(server, "seconds_spoken", 0.5))
    await page.dblclick("#go")
    await says(page, "#figures", "Length500 ms")
    assert await page.locator("#outcome").inner_text() == ""
    assert sent(server, "POST") == 1


async def test_a_double_click_begins_or_ends_one_recording(show: Show) -> None:
    page, _ = await show(part="voices")
    await page.evaluate("""() => {
      window.begun = 0;
      const { start } = MediaRecorder.prototype;
      MediaRecorder.prototype.start = function () { window.begun += 1; start.call(this); };
    }""")
    await page.click("#record")
    await page.dblclick("#rec")
    await holds(page, "parseFloat(document.querySelector('#recTime').textContent) > 2")
    await page.dblclick("#rec")
    await says(page, "#rec", "Record again")
    await says(page, "#span", "s")
    assert await page.evaluate("window.begun") == 1


async def test_a_recording_that_comes_after_the_next_has_begun_is_left_out(show: Show) -> None:
    page, _ = await show(part="voices")
    await page.click("#record")
    await page.click("#rec")
    await holds(page, "parseFloat(document.querySelector('#recTime').textContent) > 1")
    await page.evaluate("""() => {
      const { arrayBuffer } = Blob.prototype;
      Blob.prototype.arrayBuffer = async function () {
        await new Promise((goOn) => { window.goOn = goOn; });
        return arrayBuffer.call(this);
      };
    }""")
    await page.keyboard.press("Enter")
    await holds(page, "Boolean(window.goOn)")
    await page.keyboard.press("Enter")
    await page.evaluate("window.goOn()")
    await page.evaluate("new Promise((done) => setTimeout(done))")
    assert await page.locator("#rec").inner_text() == "Stop"
    assert not await page.locator("#trim").is_visible()


async def test_a_file_that_misses_its_place_opens_nothing(show: Show) -> None:
    page, _ = await show(part="voices")
    assert await page.evaluate(DROPPED, ["h1", True])
    assert not await page.evaluate(DROPPED, ["h1", False]), "words can be dragged into fields"
    assert not await page.locator("#editor").is_visible()
    assert await page.evaluate(DROPPED, ["#drop p", True])
    await page.locator("#editor[open]").wait_for()


async def test_the_way_back_closes_a_dialog_and_the_page_goes_on(show: Show) -> None:
    page, _ = await show()
    await page.click("#tabs a[href='#voices']")
    await says(page, "#cards", "alice")
    await page.locator("#file").set_input_files(recording())
    await says(page, "#verdicts", "that is enough")
    await page.go_back()
    await page.locator("[data-view=speak]:not([hidden])").wait_for()
    await page.click("#tabs a[href='#memory']")
    await says(page, "#fits", "turbo")
    await page.go_back()
    await page.locator("[data-view=speak]:not([hidden])").wait_for()
    await page.go_forward()
    await page.locator("#fits").wait_for()
    await page.click("#tabs a[href='#voices']")
    await page.locator("#cards").wait_for()
    assert not await page.locator("#editor").is_visible()


async def test_a_token_that_counts_no_longer_is_asked_for_even_over_a_dialog(show: Show) -> None:
    page, server = await show(part="voices", complains=True)
    await page.locator("#file").set_input_files(recording())
    await says(page, "#verdicts", "that is enough")
    await page.fill("#name", "Oma")
    await page.check("#consent")
    server.token = "new"
    await page.click("#keep")
    await page.fill("#token", "new")
    await page.click("#gate button")
    await says(page, "#cards", "alice")
    await page.click("#tabs a[href='#speak']")
    await says(page, "#headline", "You hear Chatterbox")


async def test_a_text_is_there_again_when_the_page_is_loaded_anew(show: Show) -> None:
    page, _ = await show()
    await page.fill("#text", "My own words.")
    await page.reload()
    await says(page, "#replies", "alice")
    assert await page.input_value("#text") == "My own words."
    await page.fill("#text", "")
    await page.reload()
    await says(page, "#replies", "alice")
    await holds(page, "document.querySelector('#text').value.startsWith('The front door')")


async def test_another_language_leaves_the_sliders_alone(show: Show) -> None:
    page, server = await show(multilingual=True)
    await page.click("summary:has-text('How it is spoken')")
    await page.locator("#sliders input").nth(0).fill("1.5")
    await page.select_option("#lang", "de")
    await says(page, "#sliders", "Ausdruck")
    assert await page.locator("#sliders input").nth(0).input_value() == "1.5"
    server.info["heeds"] = ["exaggeration", "temperature"]
    server.tell()
    await holds(page, "document.querySelectorAll('#sliders input').length === 3")
    assert await page.locator("#sliders input").nth(0).input_value() == "1.5"
    await page.select_option("#voice", "Oma Erna")
    assert await page.locator("#sliders input").nth(0).input_value() == "0.5", "another voice has its own"


async def test_a_voice_that_cant_be_used_is_not_offered_to_try(show: Show) -> None:
    page, _ = await show(lambda server: server.voices[1].update(state="broken", reason="it is damaged"), "voices")
    card = page.locator("#cards > li.wrong:has-text('Oma Erna')")
    await says(page, "#cards", "It is damaged.")
    assert await card.locator("button").all_inner_texts() == ["Recording", "Delete"]


async def test_nothing_is_chosen_before_the_code_is_there(chromium: Browser) -> None:
    async with stand_in(free_port()) as server, watched(chromium, "about:blank", server.url) as at:
        code = await hold(at.page, "**/page.js")
        await at.page.goto(server.url, wait_until="commit")
        await at.page.locator("#lang").wait_for()
        assert await at.page.evaluate("document.querySelector('#lang').closest('[inert]') !== null")
        code.goes_on.set()
        await at.page.select_option("#lang", "de")
        await says(at.page, "#tabs", "Stimmen")


async def test_all_replies_are_shown_and_the_focus_goes_to_them(show: Show) -> None:
    page, _ = await show()
    await page.locator("#more").focus()
    await page.keyboard.press("Enter")
    await holds(page, "document.querySelectorAll('#replies li').length === 6")
    assert await page.evaluate("document.activeElement.id") == "replies"


async def test_a_message_that_goes_leaves_the_focus_on_the_page(show: Show) -> None:
    page, _ = await show(part="voices")
    await page.locator("#cards button[aria-label='Delete: Oma Erna']").click()
    await says(page, "#toastText", "Oma Erna is deleted.")
    await page.keyboard.press("Escape")
    assert not await page.locator("#toast").is_visible()
    assert await page.evaluate("document.activeElement.id") == "main"


async def test_names_from_right_to_left_leave_the_words_around_them_in_order(show: Show) -> None:
    hebrew = "שרה 2"
    page, server = await show(lambda server: server.voices.append(voice(hebrew)), "voices")
    await page.locator(f"#cards button[aria-label='Delete: {hebrew}']").click()
    await says(page, "#toastText", "is deleted.")
    assert await page.locator("#toastText").inner_text() == f"\u2068{hebrew}\u2069 is deleted."
    await page.click("#tabs a[href='#speak']")
    server.info["recent"][0]["voice"] = hebrew
    server.tell()
    await says(page, "#replies li:first-child .line", f"· \u2068{hebrew}\u2069 ·")


async def test_the_page_can_be_used_at_four_times_its_size(show: Show) -> None:
    page, _ = await show(viewport={"width": 320, "height": 256})
    for part in ("voices", "memory", "home", "settings", "speak"):
        await page.evaluate(f"location.hash = '{part}'")
        await page.locator(f"[data-view={part}]:not([hidden]) .card").first.wait_for()
        assert await overflow(page) == 0, part


async def test_a_field_in_a_fold_that_is_wrong_is_shown(show: Show) -> None:
    page, server = await show()
    await page.click("#how summary")
    await page.fill("#seed", "-1")
    await page.click("#how summary")
    await page.click("#go")
    await holds(page, "document.querySelector('#how').open && document.activeElement.id === 'seed'")
    await page.fill("#seed", "1")
    await page.keyboard.press("Enter")
    await until(lambda: any(request.path == "/v1/audio/speech" for request in server.requests))
