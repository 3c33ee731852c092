"""Voices on the page: recordings become voices, which are heard, tuned, deleted and brought back."""

from __future__ import annotations

import asyncio
import base64
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING

import av
import numpy as np
import pytest
import soundfile

from tests.browser import missing
from tests.page_server import INGRESS, RATE, Request, Samples, StandIn, speech, voice, wav
from tests.page_showing import Show, holds, says

if TYPE_CHECKING:
    from playwright.async_api import Page, Route

pytestmark = [
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
    pytest.mark.asyncio(loop_scope="session"),
]

DROP = """([name, bytes]) => {
  const transfer = new DataTransfer();
  transfer.items.add(new File([Uint8Array.from(atob(bytes), (letter) => letter.charCodeAt(0))], name));
  document.querySelector("#drop").dispatchEvent(new DragEvent("drop", { dataTransfer: transfer, bubbles: true }));
}"""


def upload(server: StandIn) -> Request:
    """The recording that was sent."""
    (sent,) = [request for request in server.requests if request.path == "/v1/voices"]
    return sent


def m4a(file: Path, samples: Samples) -> bytes:
    """A recording as phones make it, at 44.1 kHz."""
    with av.open(file, "w", format="ipod") as container:
        stream = container.add_stream("aac", rate=44100, layout="mono")
        frame = av.AudioFrame.from_ndarray(samples[np.newaxis], format="fltp", layout="mono")
        frame.sample_rate = 44100
        container.mux([*stream.encode(frame), *stream.encode(None)])
    return file.read_bytes()


async def keep(page: Page, name: str) -> None:
    """Give the voice in the editor a name, and save it."""
    assert await page.locator("#keep").is_disabled()
    await page.fill("#name", name)
    await page.check("#consent")
    await page.click("#keep")


async def test_a_chosen_recording_is_cut_and_sent_as_wav(show: Show) -> None:
    page, server = await show(part="voices")
    samples = np.concatenate([np.zeros(2 * 48000, np.float32), speech(9.0, 48000), np.zeros(48000, np.float32)])
    stereo = np.stack([samples, samples], axis=1)
    async with page.expect_file_chooser() as chooser:
        await page.click("#choose")
    await (await chooser.value).set_files(
        {"name": "grandpa.wav", "mimeType": "audio/wav", "buffer": wav(stereo, 48000)}
    )
    await says(page, "#verdicts", "s long: that is enough")
    assert await page.locator("#verdicts li.yes").count() == 4
    assert await page.input_value("#name") == "grandpa"
    assert 1.8 < float(await page.input_value("#from")) < 2.2
    await page.locator("#to").fill("9.5")
    await page.select_option("#tongue", "en")
    await page.click("#hear")
    await says(page, "#hear", "Stop")
    await keep(page, "Grandpa Joe")
    await says(page, "#toastText", "Grandpa Joe is a voice now. Home Assistant shows it within half a minute.")
    sent = upload(server)
    assert sent.fields == {"name": "Grandpa Joe", "language": "en", "consent": "true", "file": "Grandpa Joe.wav"}
    cut, rate = soundfile.read(io.BytesIO(sent.body), dtype="float32")
    assert (rate, cut.ndim) == (RATE, 1)
    assert 7.2 < len(cut) / rate < 7.8
    assert np.abs(cut).max() > 0.1
    await says(page, "#cards li:has-text('Grandpa Joe')", "is being prepared")
    server.voices[-1]["state"] = "ready"
    await holds(page, "!document.querySelector('#cards').innerText.includes('is being prepared')")


async def test_a_recording_that_is_too_short_or_quiet_is_told(show: Show) -> None:
    page, _ = await show(part="voices")
    for samples, verdict in ((speech(2.0), "it must be longer than 5 s"), (0.004 * speech(9.0), "Too quiet")):
        await page.locator("#file").set_input_files({"name": "a.wav", "mimeType": "audio/wav", "buffer": wav(samples)})
        await says(page, "#verdicts li.no", verdict)
        await page.fill("#name", "a")
        await page.check("#consent")
        assert await page.locator("#keep").is_disabled()
        await page.keyboard.press("Escape")
    assert not await page.locator("#editor").is_visible()


async def test_what_the_browser_cant_play_is_sent_as_it_is(show: Show) -> None:
    page, server = await show(part="voices", complains=True)
    await page.locator("#cards").wait_for()
    memo = b"\0\0\0\x18ftypM4A \0\0\0\0M4A mp42" + bytes(range(256)) * 8
    await page.evaluate(DROP, ["memo 7.m4a", base64.b64encode(memo).decode()])
    await says(page, "#unheard", "This browser can't play memo 7.m4a.")
    server.refuses_uploads = "it holds no sound"
    await keep(page, "memo 7")
    await says(page, "#refusal", "it holds no sound")
    server.requests.clear()
    server.refuses_uploads = None
    await page.click("#keep")
    await says(page, "#cards", "memo 7")
    sent = upload(server)
    assert (sent.fields["file"], sent.body) == ("memo 7.m4a", memo)


async def test_a_memo_of_a_phone_is_dropped_and_becomes_a_voice(show: Show, tmp_path: Path) -> None:
    page, server = await show(part="voices", complains=True)
    await says(page, "#cards", "alice")
    memo = m4a(tmp_path / "memo.m4a", speech(9.0, 44100))
    await page.evaluate(DROP, ["memo.m4a", base64.b64encode(memo).decode()])
    await page.locator("#trim:not([hidden]), #unheard:not([hidden])").wait_for()
    # Some builds of Chromium read AAC: they send what was cut out of it.
    is_cut = await page.locator("#trim").is_visible()
    await keep(page, "Oma")
    await says(page, "#toastText", "Oma is a voice now.")
    sent = upload(server)
    if is_cut:
        cut, rate = soundfile.read(io.BytesIO(sent.body))
        assert (rate, sent.fields["file"]) == (RATE, "Oma.wav")
        assert len(cut) / rate == pytest.approx(9, abs=1)
    else:
        assert (sent.body, sent.fields["file"]) == (memo, "memo.m4a")


async def test_a_long_recording_is_left_to_the_server(show: Show, tmp_path: Path) -> None:
    page, server = await show(part="voices")
    file = tmp_path / "long.wav"
    file.write_bytes(wav(np.zeros(11_000_000, np.float32)))
    await page.locator("#file").set_input_files(file)
    await says(page, "#unheard", "long.wav is long: the server takes its best part.")
    await keep(page, "long")
    await says(page, "#toastText", "long is a voice now.")
    assert len(upload(server).body) == file.stat().st_size


async def test_a_recording_from_the_microphone_becomes_a_voice(show: Show) -> None:
    page, server = await show(lambda server: server.info["limits"].update(shortest_recording=1.0), "voices")
    await page.click("#record")
    await page.click("#rec")
    await says(page, "#rec", "Stop")
    await holds(page, "parseFloat(document.querySelector('#recTime').innerText) > 2.5")
    await holds(page, "parseFloat(document.querySelector('#level').style.transform.slice(7)) > 0.1")
    await page.click("#rec")
    await says(page, "#verdicts", "s long: ")
    await keep(page, "me")
    await says(page, "#toastText", "me is a voice now.")
    cut, rate = soundfile.read(io.BytesIO(upload(server).body), dtype="float32")
    assert rate == RATE
    assert len(cut) / rate > 1
    assert np.sqrt(np.mean(cut**2)) > 0.01, "somebody speaks in it"


async def test_a_button_is_pressed_no_sooner_than_its_code_is_there(show: Show) -> None:
    page, _ = await show()
    comes = asyncio.Event()

    async def late(route: Route) -> None:
        await comes.wait()
        await route.continue_()

    await page.route("**/voices.js", late)
    await page.click("#tabs a[href='#voices']")
    async with page.expect_file_chooser(), asyncio.TaskGroup() as tasks:
        pressed = tasks.create_task(page.click("#choose"))
        await page.locator("#choose").wait_for()
        assert not pressed.done()
        assert await page.evaluate("document.querySelector('#choose').closest('[inert]') !== null")
        comes.set()


async def test_a_part_that_did_not_come_comes_when_it_is_asked_for_again(show: Show) -> None:
    page, _ = await show(complains=True)
    await page.route("**/voices.js", lambda route: route.abort(), times=1)
    await page.click("#tabs a[href='#voices']")
    await says(page, "[data-view=voices]", "The server can't be reached.")
    assert not await page.locator("#record").count()
    await page.click("[data-view=voices] button")
    await says(page, "#cards", "alice")


async def test_a_deleted_voice_is_brought_back(show: Show) -> None:
    page, server = await show(part="voices")
    card = page.locator("#cards li:has-text('Oma Erna')")
    await card.locator("button:has-text('Delete')").click()
    await says(page, "#toastText", "Oma Erna is deleted.")
    await card.wait_for(state="detached")
    assert await page.evaluate("document.activeElement.id") == "undo"
    await page.keyboard.press("Enter")
    await card.wait_for()
    await says(page, "#toastText", "Oma Erna is back.")
    assert [one["name"] for one in server.voices] == ["alice", "Oma Erna", "default"]


async def test_a_broken_recording_is_a_card_with_the_reason(show: Show) -> None:
    page, server = await show(part="voices")
    await says(page, "#cards li.wrong", "It is 2.1 s long, and must be longer than 5 s.")
    async with page.expect_file_chooser() as chooser:
        await page.click("#cards li.wrong button:has-text('Replace')")
    await (await chooser.value).set_files({"name": "phone.wav", "mimeType": "audio/wav", "buffer": wav(speech(9.0))})
    await says(page, "#verdicts", "that is enough")
    assert await page.input_value("#name") == "memo 3", "the voice keeps its name"
    await page.check("#consent")
    await page.click("#keep")
    await page.locator("#cards li.wrong").wait_for(state="detached")
    assert server.broken == []
    assert server.voices[-1]["name"] == "memo 3"
    # In one request: whatever becomes of it, the old recording is there until the new one is.
    assert [request.method for request in server.requests] == ["POST"]


async def test_reasons_are_in_the_language_of_the_page(show: Show) -> None:
    def prepare(server: StandIn) -> None:
        limits = {"key": "speed", "value": "9", "low": 0.25, "high": 4}
        wrong = {"code": "value-number", "values": limits}
        server.broken = [{"file": "bob.yaml", "reason": "speed can't be '9': it takes 0.25 to 4", "problem": wrong}]
        values = {"file": "/words.yaml", "line": 3, "word": "a", "before": 1}
        problem = {"code": "words-twice", "values": values}
        server.info["pronunciations"] = {"trouble": "'a' stands in line 1", "problem": problem}

    page, server = await show(prepare, part="voices")
    await says(page, "#cards li.wrong", "speed can't be “9”: it takes a number from 0.25 to 4.")
    # A recording in place of a profile would be of no use.
    assert not await page.locator("#cards li.wrong button:has-text('Replace')").count()
    await page.select_option("#lang", "de")
    await says(page, "#cards li.wrong", "speed kann nicht „9“ sein: Möglich ist eine Zahl von 0,25 bis 4.")
    await page.click("#tabs a[href='#speak']")
    await says(page, "#pronunciations", "/words.yaml, Zeile 3: „a“ steht schon in Zeile 1.")
    del server.info["pronunciations"]
    server.tell()
    await holds(page, "document.querySelector('#pronunciations').textContent === ''")


async def test_a_recording_that_cant_be_used_appears_by_itself(show: Show) -> None:
    page, server = await show(part="voices")
    server.broken.append({"file": "memo 9.wav", "reason": "it is silent"})
    server.info["broken_recordings"] = {"memo 9.wav": "it is silent"}
    server.tell()
    await says(page, "#cards", "memo 9.wav")


async def test_a_voice_is_heard_tried_and_found(show: Show) -> None:
    page, server = await show(part="voices", multilingual=True)
    await says(page, "#cards", "The model's own voice")
    assert await page.locator("#cards > li").count() == 4, "a voice is one card, however many languages it speaks"
    await says(page, "#cards", "23 languages")
    recording = page.locator("#cards button:has-text('Recording')").first
    preview = page.locator("#cards button:has-text('Preview')").first
    for button, before in ((recording, "Recording"), (preview, "Preview")):
        assert await button.inner_text() == before
    await page.locator("#cards button[aria-label='Recording: alice']").click()
    await says(page, "#cards button[aria-label='Recording: alice']", "Stop")
    await page.locator("#cards button[aria-label='Preview: alice']").click()
    await says(page, "#cards button[aria-label='Recording: alice']", "Recording")
    await says(page, "#cards button[aria-label='Preview: alice']", "Stop")
    await page.locator("#cards button[aria-label='Preview: alice']").click()
    await says(page, "#cards button[aria-label='Preview: alice']", "Preview")
    await page.fill("#find", "erna")
    assert await page.locator("#cards > li").count() == 1
    await page.click("#cards button:has-text('Try')")
    await says(page, "#figures", "Length")
    assert json.loads(server.requests[-1].body)["voice"] == "Oma Erna"


PICTURES = "[...document.querySelectorAll('#cards canvas')]"
COLOURS = """canvas => {
  const pen = new OffscreenCanvas(canvas.width, canvas.height).getContext("2d", { willReadFrequently: true });
  pen.drawImage(canvas, 0, 0);
  const pixels = pen.getImageData(0, 0, canvas.width, canvas.height).data;
  const found = new Set();
  for (let i = 0; i < pixels.length; i += 4) if (pixels[i + 3] === 255) found.add(pixels.slice(i, i + 3).join());
  return [...found];
}"""


async def test_of_many_recordings_only_those_in_view_are_drawn(show: Show) -> None:
    page, _ = await show(lambda server: server.voices.extend(voice(f"voice {i:03}") for i in range(200)), "voices")
    drawn = f"{PICTURES}.map((canvas) => canvas.width > 0 && canvas.height !== 150)"
    await holds(page, f"{drawn}[0]")
    assert await page.evaluate(f"{PICTURES}.length") == 202
    assert await page.evaluate(f"{drawn}.filter(Boolean).length") < 40
    await page.locator("#cards canvas").last.scroll_into_view_if_needed()
    await holds(page, f"{drawn}.at(-1)")
    await holds(page, f"!{drawn}[0]")
    await page.emulate_media(color_scheme="light")
    await holds(page, f"({COLOURS})({PICTURES}.at(-1)).join() === '125,139,146'")
    await page.emulate_media(color_scheme="dark")
    await holds(page, f"({COLOURS})({PICTURES}.at(-1)).join() !== '125,139,146'")


async def test_the_picture_of_a_recording_shows_what_was_played(show: Show) -> None:
    page, server = await show(part="voices")
    recording = page.locator("#cards button[aria-label='Recording: alice']")
    await recording.click()
    await holds(page, f"({COLOURS})({PICTURES}[0]).length === 2")
    server.voices[0]["label"] = "Alice"
    server.info["voices"].append({"name": "jonas", "language": "en"})
    server.tell()
    await says(page, "#cards button[aria-label='Recording: Alice']", "Stop")
    await holds(page, f"({COLOURS})({PICTURES}[0]).length === 2")
    await page.click("#cards button[aria-label='Recording: Alice']")
    await says(page, "#cards button[aria-label='Recording: Alice']", "Recording")
    assert await page.evaluate(f"({COLOURS})({PICTURES}[0]).length") == 1


async def test_a_frame_without_a_microphone_says_what_to_do(show: Show) -> None:
    page, server = await show()
    await page.goto(f"{server.url}frame")
    frame = next(frame for frame in page.frames if frame.url.endswith(f"{INGRESS}/"))
    await frame.click("#tabs a[href='#voices']")
    await frame.locator("#noMicrophone:has-text('Inside Home Assistant')").wait_for()
    assert not await frame.locator("#record").is_visible()
    assert await frame.locator("#choose").is_visible()


async def test_over_http_the_page_says_that_it_cant_record(show: Show) -> None:
    page, _ = await show()
    await page.evaluate("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")
    await page.click("#tabs a[href='#voices']")
    await says(page, "#noMicrophone", "Over http, browsers don't let a page record.")
