"""A real browser without a window: Playwright with the system's Chromium."""

from __future__ import annotations

import importlib.util
import shutil
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.client import PATIENCE

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Frame, Page

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
_AXE = "axe_playwright_python"
"""A package that brings axe-core with it."""


def missing() -> str | None:
    """Say why no test can use a browser here; None if it can."""
    if importlib.util.find_spec("playwright") is None or importlib.util.find_spec(_AXE) is None:
        return "Playwright or axe-core is not installed"
    if CHROMIUM is None:
        return "no Chromium on this machine"
    return None


@asynccontextmanager
async def launched(*flags: str) -> AsyncIterator[Browser]:
    """A browser; `flags` are Chromium's."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-dev-shm-usage", *flags]
        )
        try:
            yield browser
        finally:
            await browser.close()


def microphone(recording: Path) -> tuple[str, ...]:
    """Flags that let Chromium take a WAV file for its microphone, and every page use it."""
    with wave.open(str(recording)):
        pass
    return (
        "--use-fake-device-for-media-stream",
        "--use-fake-ui-for-media-stream",
        f"--use-file-for-fake-audio-capture={recording}",
    )


class Watched:
    """A page that notes what it should never do."""

    def __init__(self, page: Page, home: str) -> None:
        self.page = page
        self.complaints: list[str] = []
        """Errors in the console, and requests to other servers."""
        self.fetched: dict[str, int] = {}
        """Path of each file that was fetched -> bytes."""
        self._home = home
        page.on("console", lambda message: self._note(message.type in ("error", "warning"), message.text))
        page.on("pageerror", lambda error: self._note(True, str(error)))
        page.on("request", lambda request: self._note(not request.url.startswith((home, "blob:")), request.url))

    def _note(self, wrong: bool, text: str) -> None:
        if wrong:
            self.complaints.append(text)

    def forget(self) -> None:
        """Forget what was noted: a server that goes away makes errors."""
        self.complaints.clear()


@asynccontextmanager
async def watched(browser: Browser, url: str, home: str | None = None, **options: Any) -> AsyncIterator[Watched]:
    """A page in a browser profile of its own, which shows `url`; it may fetch only what is below `home`."""
    context: BrowserContext = await browser.new_context(locale="en-GB", **options)
    context.set_default_timeout(1000 * PATIENCE)
    try:
        page = Watched(await context.new_page(), home or url)
        # Once a test asks for it, a busy browser needs a moment to intercept what is sent: from now on, it does.
        await page.page.route("**/nothing-is-called-so", lambda route: route.fallback())
        await page.page.goto(url)
        yield page
    finally:
        await context.close()


async def violations(frame: Page | Frame) -> list[str]:
    """Faults that axe-core finds: the rule, and where."""
    if not await frame.evaluate("typeof window.axe === 'object'"):
        package = importlib.util.find_spec(_AXE)
        assert package is not None
        assert package.origin is not None
        await frame.evaluate(Path(package.origin).with_name("axe.min.js").read_text())
    result = await frame.evaluate("axe.run({ resultTypes: ['violations'] })")
    return [
        f"{violation['id']}: {node['target']} {node.get('failureSummary', '')}"
        for violation in result["violations"]
        for node in violation["nodes"]
    ]


async def overflow(frame: Page | Frame) -> int:
    """Pixels by which the page is wider than its window."""
    wide: int = await frame.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return wide
