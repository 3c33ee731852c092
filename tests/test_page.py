"""The page in a real browser: it says how things are, writes what changed, and leaves the rest to who reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import missing
from tests.page_server import StandIn
from tests.page_showing import Show, says
from tests.serving import until

if TYPE_CHECKING:
    from playwright.async_api import Page

pytestmark = [
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
    pytest.mark.asyncio(loop_scope="session"),
]

WATCH = """() => {
  window.changes = [];
  new MutationObserver((records) => {
    for (const { target } of records) {
      const at = target.nodeType === Node.ELEMENT_NODE ? target : target.parentElement;
      if (!at || at.closest("head")) continue;
      const aloud = Boolean(at.closest("[aria-live], [role=status]"));
      changes.push({ at: at.id || at.className || at.tagName, aloud });
    }
  }).observe(document.documentElement, { subtree: true, childList: true, characterData: true, attributes: true });
}"""
SHOWN = "document.dispatchEvent(new Event('visibilitychange'))"
"""A page that comes into view asks at once, and not when its next turn is."""
CHANGES = "() => { const seen = changes; changes = []; return seen; }"


async def heard(page: Page, server: StandIn) -> list[dict[str, Any]]:
    """Changes that an event made on the page."""
    server.info["uptime_seconds"] += 7200
    server.tell()
    hours = round(server.info["uptime_seconds"] / 3600)
    await says(page, "#facts", f"{hours} h")
    changes: list[dict[str, Any]] = await page.evaluate(CHANGES)
    return [change for change in changes if change["at"] not in ("DD", "clock")]


@pytest.mark.parametrize(
    ("state", "pill", "sentence"),
    [
        ("ready", "Ready", "You hear Chatterbox"),
        ("idle", "Idle", "Idle: the next text wakes Chatterbox"),
        ("starting", "Starting", "You hear the standby voice: the server is starting"),
        ("downloading", "50 %", "You hear the standby voice while Chatterbox is downloaded"),
        ("loading", "Loading", "You hear the standby voice while Chatterbox is loaded"),
        ("failed", "Standby voice", "You hear the standby voice: Chatterbox can't speak"),
    ],
)
async def test_every_part_says_the_state(show: Show, state: str, pill: str, sentence: str) -> None:
    page, _ = await show(lambda server: server.enter(state), part="settings")
    await says(page, "#pillText", pill)
    assert await page.title() == f"{pill} · Chatterbox"
    await page.click("#tabs a[href='#speak']")
    await says(page, "#headline", sentence)


async def test_a_state_without_any_voice_is_told(show: Show) -> None:
    def prepare(server: StandIn) -> None:
        server.enter("failed")
        server.info["status"]["speaking"] = "nobody"
        server.info["engine"] = None

    page, server = await show(prepare)
    await says(page, "#headline", "No voice available")
    server.enter("downloading")
    server.info["status"]["speaking"] = "nobody"
    server.tell()
    await says(page, "#headline", "No voice available yet")


async def test_a_failure_is_a_cause_with_checks_and_a_way_on(show: Show) -> None:
    page, server = await show(lambda server: server.enter("failed"))
    await says(page, "#detail", "This machine can't find huggingface.co")
    await says(page, "#advice", "copy the model's files into /data/models/chatterbox-turbo")
    await says(page, "#retryIn", "Next attempt in")
    await page.click("summary:has-text('Technical details')")
    await says(page, "#technical", "dns")
    await page.click("#retry")
    await says(page, "#headline", "while Chatterbox is loaded")
    assert server.requests[-1].path == "/retry"


async def test_an_unknown_failure_is_told_in_the_servers_words(show: Show) -> None:
    def prepare(server: StandIn) -> None:
        server.enter("failed")
        server.info["status"]["problem"] |= {"code": "unknown", "values": {}}

    page, _ = await show(prepare)
    await says(page, "#detail", "its name can't be resolved.")
    await says(page, "#advice", "Check the network and its DNS.")


async def test_a_download_tells_how_far_and_how_long(show: Show) -> None:
    page, server = await show(lambda server: server.enter("downloading"))
    await says(page, "#amount", "50 % · 710 MB of 1.4 GB · 11 MB/s · 62 s left · t3_turbo_v1.safetensors")
    server.info["status"]["progress"] |= {"rate": None, "seconds_left": None, "resumes_in_seconds": 8.0}
    server.tell()
    await says(page, "#amount", "the connection broke; it goes on in")
    assert await page.locator("#steps [aria-current=step]").inner_text() == "Download"


async def test_the_page_writes_only_what_changed(show: Show) -> None:
    page, server = await show()
    await says(page, "#replies", "Oma Erna")
    await page.evaluate("""() => {
      const range = document.createRange();
      range.selectNodeContents(document.querySelector("#replies li:nth-child(3) .line"));
      getSelection().removeAllRanges();
      getSelection().addRange(range);
    }""")
    selected = await page.evaluate("getSelection().toString()")
    assert "Oma Erna" in selected
    await page.focus("#voice")
    await page.evaluate(WATCH)

    for _ in range(10):
        assert await heard(page, server) == [], "nothing changed but the clock"
    newest = dict(server.info["recent"][0], started=server.info["recent"][0]["started"] + 5, outcome="speaking")
    server.info["recent"].insert(0, newest)
    assert {change["at"] for change in await heard(page, server)} == {"replies"}
    newest |= {"outcome": "out-of-memory", "audio_seconds": 7.5}
    changed = await heard(page, server)
    assert "list" not in {change["at"] for change in changed}
    assert len(changed) == 3, "two words and a colour"
    await says(page, "#replies li:first-child .bad", "out-of-memory")
    assert await page.evaluate("getSelection().toString()") == selected
    assert await page.evaluate("document.activeElement.id") == "voice"


async def test_a_page_without_events_asks_and_changes_no_more(show: Show) -> None:
    page, server = await show(lambda server: setattr(server, "has_events", False), complains=True)
    await says(page, "#facts", "26 h")
    await page.evaluate(WATCH)
    server.info["uptime_seconds"] = 3600 * 30
    await says(page, "#facts", "30 h")
    assert {change["at"] for change in await page.evaluate(CHANGES)} <= {"DD"}
    assert server.listeners == 0


async def test_what_is_read_aloud_changes_only_with_the_state(show: Show) -> None:
    page, server = await show()
    await page.evaluate(WATCH)
    server.enter("failed")
    for seconds in range(30, 20, -1):
        server.info["status"]["retry_in_seconds"] = seconds
        aloud = [change for change in await heard(page, server) if change["aloud"]]
        assert bool(aloud) == (seconds == 30)
    assert "Chatterbox can't speak" in await page.locator("#announce").inner_text()
    server.enter("downloading")
    for done in range(0, 100, 10):
        server.info["status"]["progress"]["bytes_done"] = 10**7 * done
        aloud = [change for change in await heard(page, server) if change["aloud"]]
        assert bool(aloud) == (done == 0)


async def test_a_server_that_goes_away_is_told_and_found_again(show: Show) -> None:
    page, server = await show(complains=True)
    await server.stop()
    await says(page, "#headline", "The server does not answer")
    assert await page.title() == "No answer · Chatterbox"
    await says(page, "#detail", "what is below may be out of date")
    await server.start()
    await says(page, "#headline", "You hear Chatterbox")
    await until(lambda: server.listeners == 1)
    server.enter("idle")
    server.tell()
    await says(page, "#pillText", "Idle")


async def test_a_locked_page_asks_for_the_token_whatever_its_characters(show: Show) -> None:
    token = "grün-密-🔑\"'%"
    page, server = await show(lambda server: setattr(server, "token", token), complains=True)
    await says(page, "#gate h2", "Sign in")
    assert not await page.locator("#now").is_visible()
    assert await page.evaluate("document.activeElement.id") == "token"
    await page.fill("#token", "wrong")
    await page.keyboard.press("Enter")
    await says(page, "#gateError", "That is not the token.")
    await page.fill("#token", token)
    await page.keyboard.press("Enter")
    await says(page, "#headline", "You hear Chatterbox")
    assert not await page.locator("#gate").is_visible()
    await page.reload()
    await says(page, "#headline", "You hear Chatterbox")
    await until(lambda: server.listeners == 1)


async def test_a_device_that_is_not_let_in_is_told_why(show: Show) -> None:
    page, server = await show(complains=True)
    server.is_closed = True
    await server.stop()
    await server.start()
    await page.evaluate(SHOWN)
    await says(page, "#headline", "This device may not use the server")
    await says(page, "#detail", "10.0.0.9 may not use this server")
    server.is_closed = False
    await page.evaluate(SHOWN)
    await says(page, "#headline", "You hear Chatterbox")


async def test_a_hidden_page_leaves_its_connection_to_others(show: Show) -> None:
    page, server = await show()
    await until(lambda: server.listeners == 1)
    hide = "Object.defineProperty(document, 'hidden', { value: %s, configurable: true })"
    await page.evaluate(f"{hide % 'true'}; document.dispatchEvent(new Event('visibilitychange'))")
    await until(lambda: server.listeners == 0)
    server.enter("idle")
    await page.evaluate(f"{hide % 'false'}; document.dispatchEvent(new Event('visibilitychange'))")
    await says(page, "#pillText", "Idle")
    await until(lambda: server.listeners == 1)


async def test_the_memory_of_the_last_hour_goes_on(show: Show) -> None:
    page, server = await show(part="memory")
    await says(page, "#legend", "The whole server: 1.4 GB")
    memory = {key: value for key, value in server.memory.items() if key != "history"}
    server.tell("memory", {**memory, "point": [0, 2_100_000_000, 1_200_000_000, 931_000_000, 90_000_000]})
    await says(page, "#legend", "The whole server: 2.1 GB")
    assert await page.locator("#plot polyline").count() == 4
    await page.click("#fits tr:has-text('multilingual') td:nth-child(4) button")
    await says(page, "#choice code", "--model multilingual --quantization int8")
    await page.select_option("#choice select", "env")
    await says(page, "#choice code", "CHATTERBOX_MODEL=multilingual\nCHATTERBOX_QUANTIZATION=int8")
    assert await page.locator("#fits button[aria-pressed=true]").count() == 1
    kinds = await page.locator("#fits tr:has-text('expressive') small").all_inner_texts()
    assert kinds == ["English, expressive", "tight", "fits", "fits", "fits"]
    await says(page, "#fits tr:has-text('turbo')", "in use")
    await page.click("#free")
    await says(page, "#freed", "180 MB were freed.")


async def test_the_way_into_home_assistant_is_told(show: Show) -> None:
    page, server = await show(part="home")
    await says(page, "#host", "192.168.1.20")
    await says(page, "#checks li.yes:nth-child(3)", "Home Assistant asked")
    await says(page, "#checks li.yes:nth-child(3)", "s ago, from 192.168.1.5.")
    await page.click("button:has-text('Copy host')")
    await says(page, "#toastText", "Copied")
    assert await page.locator("#qr path").get_attribute("d")
    server.info |= {"home_assistant": None, "announced": None}
    server.tell()
    await says(page, "#checks li.warn:nth-child(2)", "--zeroconf")
    await says(page, "#checks li.warn:nth-child(3)", "Home Assistant has not asked yet.")


async def test_settings_tell_where_they_come_from(show: Show) -> None:
    page, server = await show(part="settings")
    await says(page, "#options tr:has-text('--device')", "DEVICE in .env")
    await says(page, "#options tr:has-text('--device')", "became cuda:0")
    await says(page, "#options tr:has-text('--http-token')", "•••••")
    await page.check("#changed")
    assert await page.locator("#options tr").count() == 4
    await page.fill("#findSetting", "chunk")
    assert await page.locator("#options tr").count() == 1
    await says(page, "#log", "Chatterbox is ready after 9.3 s")
    await until(lambda: server.listeners == 1)
    server.tell("log", {"time": 1_764_000_100, "level": "WARNING", "text": "Something new"})
    await says(page, "#log", "WARNING Something new")


async def test_the_language_and_the_colours_are_chosen_and_kept(show: Show) -> None:
    page, _ = await show(color_scheme="light")
    await page.select_option("#lang", "de")
    await says(page, "#tabs", "Stimmen")
    assert await page.evaluate("document.documentElement.lang") == "de"
    await page.click("#theme")
    assert await page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    await page.reload()
    await says(page, "#tabs", "Stimmen")
    assert await page.evaluate("getComputedStyle(document.documentElement).colorScheme") == "dark"
    await page.click("#tabs a[href='#settings']")
    await says(page, "#changed + *, label:has(#changed)", "Nur")
