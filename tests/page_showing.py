"""Showing the page to a test: a browser for all of them, and a page with a server of its own for each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

import pytest_asyncio

from tests.browser import Watched, launched, watched
from tests.ports import free_port

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

    from tests.page_server import StandIn

Opened = tuple["Page", "StandIn"]
Show = Callable[..., Awaitable[Opened]]


@pytest_asyncio.fixture(loop_scope="session", scope="session")
async def chromium() -> AsyncIterator[Browser]:
    async with launched() as one:
        yield one


@pytest_asyncio.fixture(loop_scope="session")
async def show(chromium: Browser) -> AsyncIterator[Show]:
    """Open the page of a server that `prepare` changes first; it may complain of nothing, at the end."""
    # Every run of the tests imports this module.
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
            if part == "voices":
                # The part's script has come: what is pressed from now on is heard.
                await at.page.locator("#cards li, #gate:not([hidden])").first.wait_for()
            return at.page, server

        yield opened
        assert [complaint for at in pages for complaint in at.complaints] == []


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition that the server fulfils."""
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def says(page: Page, query: str, text: str) -> None:
    """Wait until an element says so."""
    from playwright.async_api import expect

    await expect(page.locator(query)).to_contain_text(text, timeout=10_000)


async def holds(page: Page, condition: str) -> None:
    """Wait until an expression of JavaScript is true; Playwright's own way needs eval, which the page forbids."""
    async with asyncio.timeout(20):
        while not await page.evaluate(condition):
            await asyncio.sleep(0.02)
