"""Writes the pictures of the page in docs: `python -m tests.page_pictures`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

from tests.browser import launched, watched
from tests.page_server import stand_in, voice
from tests.page_showing import says
from tests.ports import free_port

if TYPE_CHECKING:
    from playwright.async_api import Browser

DOCS = Path(__file__).parent.parent / "docs"


async def write(folder: Path = DOCS) -> None:
    """Write page.png, page-voices.png, page-memory.png and page-phone.png into a folder."""
    async with launched("--hide-scrollbars") as browser:
        await _desktop(browser, folder)
        await _phone(browser, folder)


async def _desktop(browser: Browser, folder: Path) -> None:
    async with (
        stand_in(free_port()) as server,
        watched(browser, server.url, viewport={"width": 1080, "height": 1010}, reduced_motion="reduce") as at,
    ):
        page = at.page
        server.voices.insert(2, voice("jonas", recorded_language="de"))
        await says(page, "#replies", "alice")
        await page.click("#go")
        await says(page, "#figures", "Gaps in the sound")
        await says(page, "#clock", "0:02")
        await page.evaluate("document.activeElement.blur(); scrollTo(0, 0)")
        await page.screenshot(path=folder / "page.png")
        await page.click("#tabs a[href='#voices']")
        await says(page, "#cards", "jonas")
        await page.locator("#cards summary").nth(2).click()
        await page.screenshot(path=folder / "page-voices.png", full_page=True)
        await page.emulate_media(color_scheme="dark", reduced_motion="reduce")
        await page.click("#tabs a[href='#memory']")
        await says(page, "#fits", "turbo")
        await page.screenshot(path=folder / "page-memory.png", full_page=True)


async def _phone(browser: Browser, folder: Path) -> None:
    async with (
        stand_in(free_port()) as server,
        watched(
            browser, "about:blank", server.url, viewport={"width": 390, "height": 780}, device_scale_factor=1.5
        ) as at,
    ):
        server.enter("downloading")
        await at.page.goto(server.url)
        await says(at.page, "#amount", "62 s left")
        await at.page.screenshot(path=folder / "page-phone.png")


if __name__ == "__main__":
    asyncio.run(write())
