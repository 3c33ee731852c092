"""The page in front of the real server: what a person does with a voice, from the recording to its last word."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.browser import missing, watched
from tests.http_serving import Http, http
from tests.page_showing import says
from tests.sounds import FORMATS, speech, write

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

pytestmark = [
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
    pytest.mark.asyncio(loop_scope="session"),
]

PARTS = ("speak", "voices", "memory", "home", "settings")


async def opened(page: Page, part: str) -> None:
    """Go to a part of the page, and wait until it is shown."""
    await page.click(f'#tabs a[href="#{part}"]')
    await page.locator(f'[data-view="{part}"]').wait_for()


async def add_voice(page: Page, file: Path, name: str) -> None:
    await opened(page, "voices")
    await page.locator("#cards li").first.wait_for()
    async with page.expect_file_chooser() as chooser:
        await page.click("#choose")
    await (await chooser.value).set_files(file)
    await page.fill("#name", name)
    await page.check("#consent")
    await page.click("#keep")
    await says(page, "#toastText", f"{name} is a voice now")


def names(server: Http) -> list[str]:
    return [voice.name for voice in server.running.service.voices.catalogue.voices]


async def test_every_part_of_the_page_is_there(tmp_path: Path, chromium: Browser) -> None:
    async with (
        http(tmp_path) as server,
        watched(chromium, f"{server.server.url}/", server.server.url) as at,
    ):
        await says(at.page, "#headline", "You hear Chatterbox")
        for part in PARTS:
            await opened(at.page, part)
        assert at.complaints == []
        await says(at.page, "#options", "--max-chunk-length")
        await opened(at.page, "memory")
        await says(at.page, "#fits", "multilingual")


async def test_a_recording_becomes_a_voice_that_speaks_and_comes_back_when_deleted(
    tmp_path: Path, chromium: Browser
) -> None:
    memo = write(tmp_path / "memo.m4a", speech(9), FORMATS["rec.m4a"])
    async with (
        http(tmp_path) as server,
        watched(chromium, f"{server.server.url}/", server.server.url) as at,
    ):
        await says(at.page, "#headline", "You hear Chatterbox")
        await add_voice(at.page, memo, "Grandma")
        assert names(server) == ["default", "Grandma"]
        await opened(at.page, "speak")
        await at.page.select_option("#voice", "Grandma")
        await at.page.fill("#text", "One two three.")
        await at.page.click("#go")
        await says(at.page, "#takes", "One two three.")
        assert server.running.chatterbox.said[-1].voice.name == "Grandma"
        await opened(at.page, "voices")
        await at.page.get_by_role("button", name="Delete: Grandma").click()
        await says(at.page, "#toastText", "Grandma is deleted")
        assert names(server) == ["default"]
        await at.page.get_by_role("heading", name="Grandma").wait_for(state="detached")
        await at.page.click("#undo")
        await at.page.get_by_role("heading", name="Grandma").wait_for()
        assert names(server) == ["default", "Grandma"]
        assert at.complaints == []


async def test_a_voice_is_tuned_and_the_server_says_what_it_refuses(tmp_path: Path, chromium: Browser) -> None:
    (tmp_path / "voices").mkdir()
    for name in ("alice", "bob"):
        write(tmp_path / "voices" / f"{name}.wav", speech(9), FORMATS["s16.wav"])
    async with (
        http(tmp_path) as server,
        watched(chromium, f"{server.server.url}/#voices", server.server.url) as at,
    ):
        card = at.page.locator("#cards > li").filter(has=at.page.get_by_role("heading", name="alice"))
        await card.locator("canvas").wait_for()
        await card.locator("summary:has-text('Settings')").click()
        await card.locator("summary:has-text('More')").click()
        await card.locator("textarea").fill("mum\nbob")
        await card.locator("input[type=checkbox]").check()
        await card.locator("input[data-do=sentence_pause]").fill("0.5")
        await card.locator("button:has-text('Save')").click()
        await card.locator("p.bad:has-text('“bob” can')").wait_for()
        await card.locator("textarea").fill("mum")
        await card.locator("button:has-text('Save')").click()
        await says(at.page, "#toastText", "Saved.")
        profile = tmp_path / "voices" / "alice.yaml"
        assert profile.read_text() == "aliases:\n- mum\nloudness: 0.0\nsentence_pause: 0.5\n"
        await at.page.click("#undo")
        await says(at.page, "#toastText", "Undone.")
        assert not profile.exists()


async def test_what_the_server_refuses_is_told_in_the_pages_language(tmp_path: Path, chromium: Browser) -> None:
    (tmp_path / "voices").mkdir()
    write(tmp_path / "voices" / "alice.wav", speech(9), FORMATS["s16.wav"])
    write(tmp_path / "voices" / "silent.wav", 0 * speech(9), FORMATS["s16.wav"])
    short = tmp_path / "short.mka"
    short.write_bytes(b"no sound at all")
    async with (
        http(tmp_path) as server,
        watched(chromium, f"{server.server.url}/#voices", server.server.url) as at,
    ):
        page = at.page
        await page.select_option("#lang", "de")
        await says(page, "#cards li.wrong", "Die Aufnahme ist still: Niemand ist darin zu hören.")
        await page.locator("#file").set_input_files(short)
        await says(page, "#unheard", "kann short.mka nicht abspielen")
        await page.check("#consent")
        for name, refusal in (
            ("Alice", "Es gibt schon eine Stimme „alice“."),
            ("a/b", "Ein Name kann diese Zeichen nicht haben: /"),
            ("new", "Die Aufnahme ist keine Tondatei oder nur ein Teil davon."),
        ):
            await page.fill("#name", name)
            await page.click("#keep")
            await says(page, "#refusal", refusal)
            assert await page.evaluate("document.activeElement.id") == ("keep" if name == "new" else "name")
