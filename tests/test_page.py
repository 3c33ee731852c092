"""The page in a real browser: it writes what changed, and leaves the rest to the person who reads it."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from aiohttp import web

from tests.browser import CHROMIUM, Page, browser
from tests.client import plain
from tests.http_serving import http
from tests.ports import free_port
from wyoming_chatterbox.web import app as status_app

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")

WATCH = """
window.changes = [];
window.observer = new MutationObserver((records) => {
  for (const { target } of records) {
    const at = target.nodeType === Node.ELEMENT_NODE ? target : target.parentElement;
    if (at?.closest("#version")) continue;
    const aloud = Boolean(at?.closest("[aria-live], [role=status]"));
    changes.push({ at: at?.id || at?.className || at?.tagName, aloud });
  }
});
observer.observe(document.body,
  { subtree: true, childList: true, characterData: true, attributes: true });
"""
POLL = "poll().then(() => { const seen = changes; changes = []; return seen; })"
SELECT = """
const range = document.createRange();
range.selectNodeContents(document.querySelector("#replies tbody tr:last-child td:last-child"));
getSelection().removeAllRanges();
getSelection().addRange(range);
"""


@dataclass
class Shown:
    """The page, and what its server says."""

    page: Page
    info: dict[str, Any]
    memory: dict[str, Any]

    async def poll(self) -> list[dict[str, Any]]:
        """Let the page ask once more; what it changed, but for the clock."""
        self.info["uptime_seconds"] += 60
        changes: list[dict[str, Any]] = await self.page.run(POLL)
        return changes

    async def words(self, query: str) -> str:
        """The text of an element."""
        said: str = await self.page.run(f"document.querySelector({query!r}).innerText")
        return said


@asynccontextmanager
async def shown(directory: Path) -> AsyncIterator[Shown]:
    """A page whose answers a real server gave once, and which change only as the test changes them."""
    voices = directory / "voices"
    voices.mkdir()
    noise = np.random.default_rng(0).normal(0, 0.1, 48000)
    soundfile.write(voices / "alice.wav", noise, 24000)
    soundfile.write(voices / "short.wav", noise[:2400], 24000)
    async with http(directory) as server:
        for text in ("One two.", "Three."):
            await plain(server.running.uri, text)
        answers = {path: (await server.get(path))[1] for path in ("/info", "/memory")}
    static = Path(status_app.__file__).parent / "static"
    application = web.Application()

    async def answer(request: web.Request) -> web.Response:
        return web.json_response(answers[request.path])

    async def index(_: web.Request) -> web.FileResponse:
        return web.FileResponse(static / "index.html")

    application.router.add_get("/info", answer)
    application.router.add_get("/memory", answer)
    application.router.add_get("/", index)
    application.router.add_static("/", static)
    runner = web.AppRunner(application)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port := free_port()).start()
    try:
        async with browser(directory, f"http://127.0.0.1:{port}/") as page:
            await page.until("document.querySelector('#lamp.good') !== null")
            await page.run(WATCH)
            yield Shown(page, answers["/info"], answers["/memory"])
    finally:
        await runner.cleanup()


async def test_the_page_writes_only_what_changed(tmp_path: Path) -> None:
    async with shown(tmp_path) as at:
        rows = "[...document.querySelectorAll('#replies tbody tr, #voices li, #memory dd')].map((row) => row.innerText)"
        before = await at.page.run(rows)
        assert len(before) > 6
        await at.page.run(SELECT)
        selected = await at.page.run("getSelection().toString()")
        assert selected.startswith("127.0.0.1:")

        for _ in range(5):
            assert await at.poll() == [], "nothing changed but the clock"
        assert "up 5 min" in await at.words("#version")

        newest = copy.deepcopy(at.info["recent"][0])
        newest |= {"started": newest["started"] + 5, "client": "192.168.1.9:1", "outcome": "speaking"}
        at.info["recent"].insert(0, newest)
        # The page shows the process's own memory where the system tells it.
        at.memory["process"] |= {"rss_bytes": 9 * 10**9, "anonymous_bytes": 8 * 10**9}
        changed = {change["at"] for change in await at.poll()}
        assert len(changed) == 2, "a row, and what the process takes"
        newest |= {"outcome": "out-of-memory", "audio_seconds": 7.5}
        assert len(await at.poll()) == 3, "two words and a colour"
        assert "192.168.1.9:1" in await at.words("#replies tbody tr:first-child")
        assert "7.5 s" in await at.words("#replies tbody tr:first-child")
        assert await at.page.run("document.querySelectorAll('#replies td.wrong').length") == 1
        del at.info["recent"][1]
        del at.info["voices"][1]
        await at.poll()
        assert await at.page.run("document.querySelectorAll('#replies tbody tr, #voices li').length") == 3

        assert await at.page.run("getSelection().toString()") == selected, "the selection stays"
        assert at.info["recent"][-1]["client"] == selected


async def test_what_is_read_aloud_is_news(tmp_path: Path) -> None:
    async with shown(tmp_path) as at:
        status = at.info["status"]
        status |= {"state": "failed", "error": "the hub can't be reached", "hint": "Look after the network."}
        at.info["engine"] = None
        for seconds in range(30, 20, -1):
            status["retry_in_seconds"] = seconds
            aloud = [change["at"] for change in await at.poll() if change["aloud"]]
            assert len(aloud) == len(set(aloud))
            assert bool(aloud) == (seconds == 30), "the countdown isn't read aloud, and the rest only once"
        assert "the hub can't be reached" in await at.words("[aria-live]")
        assert "21 s" in await at.words("#reason")

        status |= {"state": "downloading", "error": None, "hint": None, "detail": "nano"}
        for done in range(0, 100, 10):
            status["progress"] = {"bytes_done": done * 10**6, "bytes_total": 10**8, "file": "t3.safetensors"}
            aloud = [change["at"] for change in await at.poll() if change["aloud"]]
            assert bool(aloud) == (done == 0)
        assert "90 %" in await at.words("#amount")
