"""Showing the page to a test: a browser for all of them, and a page with a server of its own for each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import pytest
import pytest_asyncio

from tests.browser import Watched, launched, microphone, watched
from tests.client import PATIENCE
from tests.ports import free_port

if TYPE_CHECKING:
    from playwright.async_api import Browser, Frame, Page, Route

    from tests.page_server import StandIn

Opened = tuple["Page", "StandIn"]
Show = Callable[..., Awaitable[Opened]]


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def chromium(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Browser]:
    """A browser; somebody speaks into its microphone."""
    # Every run of the tests imports this module.
    from tests.page_server import speech, wav

    said = tmp_path_factory.mktemp("microphone") / "said.wav"
    said.write_bytes(wav(speech(10.0, 48000), 48000))
    async with launched(*microphone(said)) as one:
        yield one


@pytest_asyncio.fixture(loop_scope="session")
async def show(chromium: Browser) -> AsyncIterator[Show]:
    """Open the page of a server that `prepare` changes first; it may complain of nothing, at the end."""
    from tests.page_server import stand_in

    async with AsyncExitStack() as stack:
        pages: list[Watched] = []

        async def opened(
            prepare: Callable[[StandIn], None] = lambda _: None,
            part: str = "speak",
            *,
            complains: bool = False,
            multilingual: bool = False,
            **options: Any,
        ) -> Opened:
            server = await stack.enter_async_context(stand_in(free_port(), multilingual=multilingual))
            prepare(server)
            at = await stack.enter_async_context(watched(chromium, f"{server.url}#{part}", server.url, **options))
            if not complains:
                pages.append(at)
            await at.page.locator("#foot:not(:empty), #gate:not([hidden])").first.wait_for()
            if part == "speak":
                # The text to try comes with the voices.
                await at.page.locator("#voice option, #gate:not([hidden])").first.wait_for(state="attached")
            if part == "voices":
                # The part's script has come: what is pressed from now on is heard.
                await at.page.locator("#cards li, #gate:not([hidden])").first.wait_for()
            if server.has_events and server.token is None:
                # From now on, nothing comes but what the test lets the server tell.
                await holds(at.page, "import('./server.js').then(({ state }) => Boolean(state.info?.is_event))")
            return at.page, server

        yield opened
        assert [complaint for at in pages for complaint in at.complaints] == []


async def says(page: Page, query: str, text: str) -> None:
    """Wait until an element says so."""
    from playwright.async_api import expect

    await expect(page.locator(query)).to_contain_text(text, timeout=1000 * PATIENCE)


async def holds(page: Page | Frame, condition: str) -> None:
    """Wait until an expression of JavaScript is true; Playwright's own way needs eval, which the page forbids."""
    async with asyncio.timeout(PATIENCE):
        while not await page.evaluate(condition):
            await asyncio.sleep(0.02)


class Arrival(asyncio.Event):
    """Something that comes within `PATIENCE`, or the wait for it is a fault."""

    async def wait(self) -> Literal[True]:
        async with asyncio.timeout(PATIENCE):
            return await super().wait()


@dataclass
class Held:
    """A request that is under way, or will be."""

    arrived: Arrival = field(default_factory=Arrival)
    goes_on: asyncio.Event = field(default_factory=asyncio.Event)


async def hold(page: Page, pattern: str, method: str = "GET", *, answered: bool = False) -> Held:
    """Let the next such request wait until `goes_on` is set; or, if it is `answered`, the server's answer to it."""
    from playwright.async_api import Error

    held = Held()

    async def late(route: Route) -> None:
        if held.arrived.is_set() or route.request.method != method:
            await route.fallback()
            return
        response = await route.fetch() if answered else None
        held.arrived.set()
        await held.goes_on.wait()
        # The page may have given it up.
        with suppress(Error):
            await (route.continue_() if response is None else route.fulfill(response=response))

    await page.route(pattern, late)
    return held
