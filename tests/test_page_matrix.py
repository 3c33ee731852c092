"""Every part of the page in every state: no error, no foreign request, no finding of axe-core, no sideways scroll."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from tests import page_pictures
from tests.browser import missing, overflow, violations, watched
from tests.page_server import INGRESS, STATES, StandIn, stand_in, voice
from tests.page_showing import holds, says
from tests.ports import free_port

if TYPE_CHECKING:
    from playwright.async_api import Browser, Frame, Page

pytestmark = [
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
    pytest.mark.asyncio(loop_scope="session"),
]

PARTS = {"speak": "#replies", "voices": "#cards", "memory": "#fits", "home": "#checks", "settings": "#options"}
"""An element that is filled when a part is there."""
WIDTHS = (360, 768, 1440)
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LANGUAGES = ("en", "de", "fr", "es")
CSS_ERRORS = """() => [...document.styleSheets].map((sheet) => sheet.cssRules.length).filter((rules) => rules === 0)"""


async def show(page: Page, frame: Page | Frame, server: StandIn, state: str, part: str) -> None:
    """Let the page show a part in a state."""
    if server.info["status"]["state"] != state:
        server.enter(state)
        server.tell()
    await holds(frame, f"import('./server.js').then(({{ state }}) => state.kind === '{state}')")
    await frame.evaluate(f"location.hash = '{part}'")
    await frame.locator(f"[data-view={part}]:not([hidden]) {PARTS[part]}:not(:empty)").wait_for(state="attached")


async def sound(frame: Page | Frame, where: str) -> list[str]:
    """Faults of what is shown."""
    wide = await overflow(frame)
    return [f"{where}: {wrong}" for wrong in [*await violations(frame), *([f"{wide} px too wide"] if wide > 0 else [])]]


async def check(browser: Browser, cases: Iterable[tuple[str, str, int, str]], prefix: str = "") -> None:
    """Check (state, part, width, theme) one after the other, in one page."""
    wrong: list[str] = []
    async with stand_in(free_port(), multilingual=True) as server:
        url = f"{server.url}frame" if prefix else server.url
        async with watched(browser, url, server.url) as at:
            page = at.page
            frame: Any = page
            if prefix:
                await page.locator("iframe").wait_for()
                frame = next(frame for frame in page.frames if frame.url.endswith(f"{prefix}/"))
            for state, part, width, theme in cases:
                await page.set_viewport_size({"width": width, "height": 900})
                await page.emulate_media(color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce")
                await show(page, frame, server, state, part)
                wrong += await sound(frame, f"{state} {part} {width} {theme}")
            assert not wrong, "\n".join(wrong)
            assert at.complaints == []
            assert server.foreign == []


@pytest.mark.slow(8)
async def test_every_part_and_every_state(chromium: Browser) -> None:
    sizes = itertools.cycle(itertools.product(WIDTHS, THEMES))
    parts = [("ready", part, *size) for part, size in zip(PARTS, sizes, strict=False)]
    states = [(state, "speak", *size) for state, size in zip(STATES, sizes, strict=False) if state != "ready"]
    await check(chromium, [*parts, *states])


@pytest.mark.slow(4)
async def test_parts_behind_ingress(chromium: Browser) -> None:
    cases = (("failed", "speak"), ("ready", "voices"))
    await check(chromium, [(state, part, 360, "dark") for state, part in cases], INGRESS)


@pytest.mark.full
@pytest.mark.timeout(600)
@pytest.mark.parametrize("prefix", ["", INGRESS], ids=["root", "ingress"])
@pytest.mark.parametrize("theme", THEMES)
async def test_the_whole_matrix(chromium: Browser, theme: str, prefix: str) -> None:
    await check(chromium, [(*case, theme) for case in itertools.product(STATES, PARTS, WIDTHS)], prefix)


@pytest.mark.slow(6)
async def test_what_is_opened_holds_too(chromium: Browser) -> None:
    """Dialogs, details, a page that is locked, a server that is gone, a narrow window in the wordiest languages."""
    wrong: list[str] = []
    async with (
        stand_in(free_port()) as server,
        watched(chromium, server.url, viewport={"width": 360, "height": 740}) as at,
    ):
        page = at.page
        for language, part in zip(("de", "fr", "es", "de", "fr"), PARTS, strict=True):
            await page.select_option("#lang", language)
            await show(page, page, server, "ready", part)
            wrong += [f"{language} {part}: {wide} px too wide" for wide in [await overflow(page)] if wide > 0]
        await page.select_option("#lang", "en")
        await show(page, page, server, "ready", "speak")
        for summary in ("How it is spoken", "What is said"):
            await page.click(f"summary:has-text('{summary}')")
        await page.click("#go")
        await says(page, "#takes", "first sound after")
        wrong += await sound(page, "spoken")
        await show(page, page, server, "ready", "voices")
        await page.locator("#cards summary:has-text('Settings')").first.click()
        wrong += await sound(page, "settings of a voice")
        await page.click("#record")
        await page.locator("#editor[open], #toast:not([hidden])").first.wait_for()
        wrong += await sound(page, "editor")
        await page.keyboard.press("Escape")
        await show(page, page, server, "ready", "memory")
        await page.locator("#fits button").first.click()
        wrong += await sound(page, "a setting to copy")
        at.forget()
        await server.stop()
        await page.locator("#now.bad").wait_for()
        wrong += await sound(page, "gone")
        server.token = "secret"
        await server.start()
        await page.locator("#gate:not([hidden])").wait_for()
        wrong += await sound(page, "locked")
    assert not wrong, "\n".join(wrong)


@pytest.mark.slow(4)
async def test_long_names_make_nothing_too_wide(chromium: Browser) -> None:
    wrong: list[str] = []
    name = "Donaudampfschifffahrtsgesellschaftskapitaenswitwenrente_2025_final_final_v2_to_the_end_of_the_line"
    async with (
        stand_in(free_port(), multilingual=True) as server,
        watched(chromium, server.url, viewport={"width": 360, "height": 740}) as at,
    ):
        page = at.page
        server.voices[0] = voice(name, server.languages)
        server.broken.append({"file": f"{name}.m4a", "reason": f"{name}.m4a is empty"})

        async def look(where: str) -> None:
            wrong.extend(f"{where}: {wide} px too wide" for wide in [await overflow(page)] if wide > 0)

        await page.reload()
        await page.fill("#text", "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz" * 2)
        await page.click("#form > summary")
        await page.click("#go")
        await says(page, "#takes", name)
        await look("spoken")
        await show(page, page, server, "ready", "voices")
        card = page.locator("#cards > li").filter(has=page.locator("h3", has_text=name))
        await card.last.locator("summary:has-text('Settings')").click()
        await card.last.locator("summary:has-text('Make it the default')").click()
        await look("settings of a voice")
        await card.last.locator("button:has-text('Delete')").click()
        await says(page, "#toastText", f"{name} is deleted.")
        await look("a message")
        await page.locator("#file").set_input_files({"name": f"{name}.m4a", "mimeType": "a/b", "buffer": b"no sound"})
        await says(page, "#unheard", name)
        await look("editor")
    assert not wrong, "\n".join(wrong)


async def test_forced_colours_show_what_is_chosen(chromium: Browser) -> None:
    async with stand_in(free_port()) as server, watched(chromium, server.url, forced_colors="active") as at:
        await says(at.page, "#headline", "You hear Chatterbox")
        style = "getComputedStyle(document.querySelector('#tabs [aria-current]')).outlineStyle"
        assert await at.page.evaluate(style) == "solid"
        assert await overflow(at.page) == 0


async def test_everything_can_be_reached_with_the_keyboard(chromium: Browser) -> None:
    async with stand_in(free_port()) as server, watched(chromium, server.url) as at:
        await says(at.page, "#replies", "alice")
        seen = []
        for _ in range(40):
            await at.page.keyboard.press("Tab")
            seen.append(await at.page.evaluate("document.activeElement.id || document.activeElement.hash || ''"))
        order = [
            "#main",
            "pill",
            "lang",
            "theme",
            "#speak",
            "#voices",
            "#memory",
            "#home",
            "#settings",
            "text",
            "voice",
            "go",
        ]
        places = [seen.index(name) for name in order if name != "#speak"]
        assert places == sorted(places)


async def test_the_first_load_fetches_little_and_takes_little_script(chromium: Browser) -> None:
    from tests.test_page_files import first_load

    async with stand_in(free_port()) as server, watched(chromium, "about:blank", server.url) as at:
        session = await at.page.context.new_cdp_session(at.page)
        # Time of the page's own thread: other tests run beside this one.
        await session.send("Performance.enable", {"timeDomain": "threadTicks"})
        fetched: list[str] = []
        at.page.on("request", lambda request: fetched.append(request.url.removeprefix(server.url)))
        await at.page.goto(server.url)
        await says(at.page, "#replies", "alice")
        metrics = {one["name"]: one["value"] for one in (await session.send("Performance.getMetrics"))["metrics"]}
        asked = {"info", "memory", "events", "v1/voices"}
        assert {name or "index.html" for name in fetched} - asked == {file.name for file in first_load()}
        assert metrics["ScriptDuration"] < 0.1, metrics
        assert metrics["TaskDuration"] < 0.5, metrics


@pytest.mark.full
async def test_the_pictures_of_the_docs_can_be_made_again(tmp_path: Path) -> None:
    await page_pictures.write(tmp_path)
    for picture in tmp_path.iterdir():
        assert picture.stat().st_size < 150_000
        assert (page_pictures.DOCS / picture.name).is_file()
