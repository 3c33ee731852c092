"""A voice's settings on the page: how it speaks, what it is called, what is refused, and the way back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.browser import missing, overflow, violations
from tests.page_server import StandIn, voice
from tests.page_showing import Show, hold, holds, says
from tests.serving import until
from wyoming_chatterbox.voices.voice import STYLE_OPTIONS

if TYPE_CHECKING:
    from playwright.async_api import Locator, Page

pytestmark = [
    pytest.mark.skipif(missing() is not None, reason=missing() or ""),
    pytest.mark.asyncio(loop_scope="session"),
]


def card_of(page: Page, name: str) -> Locator:
    return page.locator("#cards > li").filter(has=page.locator("h3", has_text=name))


async def unfold(page: Page, name: str, *, more: bool = False) -> Locator:
    """Open the settings of a voice, and perhaps those that few people need."""
    card = card_of(page, name)
    await card.locator("summary:has-text('Settings')").click()
    if more:
        await card.locator("summary:has-text('More')").click()
    return card


def changes(server: StandIn) -> list[dict[str, Any]]:
    """Return what was sent to change a voice."""
    return [json.loads(request.body) for request in server.requests if request.method == "PATCH"]


async def test_a_voice_is_tuned_and_takes_no_notice_of_news(show: Show) -> None:
    page, server = await show(part="voices")
    card = await unfold(page, "alice")
    slider = card.locator("label:has-text('Temperature') input")
    assert await slider.input_value() == "0.7"
    await slider.fill("1.2")
    server.voices.append(voice("jonas"))
    server.info["voices"].append({"name": "jonas", "language": "en"})
    server.tell()
    await says(page, "#cards", "jonas")
    assert await slider.input_value() == "1.2", "what a person is doing stays"
    await card.locator("label:has-text('Label') input").fill("Alice, calm")
    await page.keyboard.press("Enter")
    await says(page, "#cards", "Alice, calm")
    assert server.voices[0]["style"] == {"temperature": 1.2}
    assert changes(server) == [{"temperature": 1.2, "label": "Alice, calm"}]


async def test_news_of_the_voice_itself_leave_what_is_being_written(show: Show) -> None:
    page, server = await show(lambda server: server.voices[0].update(state="preparing"), "voices")
    card = await unfold(page, "alice", more=True)
    aliases = card.locator("textarea")
    await aliases.press_sequentially("mum")
    server.become(0, "ready")
    await holds(page, "!document.querySelector('#cards').innerText.includes('is being prepared')")
    await page.keyboard.type(" and dad")
    assert await aliases.input_value() == "mum and dad"


async def test_news_of_the_voice_itself_leave_the_focus(show: Show) -> None:
    page, server = await show(lambda server: server.voices[1].update(state="preparing"), "voices")
    card = await unfold(page, "Oma Erna")
    await card.locator("summary:has-text('Make it the default')").click()
    await card.locator("select").focus()
    server.become(1, "ready")
    await holds(page, "!document.querySelector('#cards').innerText.includes('is being prepared')")
    assert await page.evaluate("document.activeElement.localName") == "select"


@pytest.mark.parametrize("place", ["voices", "speak"])
async def test_news_leave_a_slider_that_is_dragged(show: Show, place: str) -> None:
    page, server = await show(part=place)
    await until(lambda: server.listeners == 1)
    if place == "voices":
        slider = (await unfold(page, "alice")).locator("label:has-text('Temperature') input")
    else:
        await page.click("#how summary")
        slider = page.locator("#sliders label:has-text('Temperature') input")
    await slider.scroll_into_view_if_needed()
    box = await slider.bounding_box()
    assert box is not None

    async def to(part: float) -> float:
        await page.mouse.move(box["x"] + part * box["width"], box["y"] + box["height"] / 2)
        return float(await slider.input_value())

    await to(0.5)
    await page.mouse.down()
    assert await to(0.6) == pytest.approx(1.2, abs=0.1)
    # Somebody else changes the same voice.
    server.voices[0]["style"]["speed"] = 1.3
    server.info["voices"].append({"name": "jonas", "language": "en"})
    server.tell()
    await holds(page, "import('./server.js').then(({ state }) => state.voices.voices[0].style.speed === 1.3)")
    assert await to(0.8) == pytest.approx(1.6, abs=0.1)
    await page.mouse.up()
    where = "#cards details[open]" if place == "voices" else "#sliders"
    await holds(page, f"document.querySelector('{where} [data-do=speed]').value === '1.3'")
    if place == "voices":
        assert float(await slider.input_value()) == pytest.approx(1.6, abs=0.1)


async def test_a_menu_on_a_slider_keeps_no_news_back(show: Show) -> None:
    page, server = await show(part="voices")
    card = await unfold(page, "alice")
    slider = card.locator("label:has-text('Temperature') input")
    await slider.hover()
    # Some systems don't tell a page that the button went up again.
    await page.mouse.down(button="right")
    server.voices[0]["style"]["speed"] = 1.3
    server.become(0, "waiting")
    await holds(page, "document.querySelector('#cards [data-do=speed]').value === '1.3'")


async def test_as_usual_takes_back_how_a_voice_speaks_and_leaves_what_it_is_called(show: Show) -> None:
    page, server = await show(part="voices")
    card = await unfold(page, "alice", more=True)
    label, slider = card.locator("label:has-text('Label') input"), card.locator("label:has-text('Temperature') input")
    await label.fill("Alice, calm")
    await card.locator("textarea").fill("mum")
    await slider.fill("1.2")
    await card.locator("button:has-text('As usual')").click()
    await says(page, "#toastText", "Saved.")
    assert changes(server) == [{"temperature": None}]
    assert [await label.input_value(), await slider.input_value()] == ["Alice, calm", "0.8"]
    await card.locator("button:has-text('Save')").click()
    await says(page, "#cards", "Alice, calm")
    assert changes(server)[1] == {"label": "Alice, calm", "aliases": ["mum"]}


async def test_as_usual_sends_nothing_where_nothing_was_set(show: Show) -> None:
    page, server = await show(part="voices")
    card = await unfold(page, "Oma Erna")
    label, slider = card.locator("label:has-text('Label') input"), card.locator("label:has-text('Temperature') input")
    await label.fill("Erna")
    await slider.fill("1.2")
    await card.locator("button:has-text('As usual')").click()
    await says(page, "#cards output:visible >> nth=0", "as usual")
    assert [await label.input_value(), await slider.input_value()] == ["Erna", "0.8"]
    assert await page.evaluate("document.activeElement.dataset.do") == "usual"
    assert not await page.locator("#toast").is_visible()
    assert changes(server) == []


async def test_a_second_press_changes_nothing_and_leaves_the_way_back(show: Show) -> None:
    page, server = await show(part="voices")
    card = await unfold(page, "alice")
    await card.locator("label:has-text('Label') input").fill("Alice, calm")
    change = await hold(page, "**/v1/voices/alice", "PATCH")
    # However long this machine takes, the way back is still there.
    await page.evaluate("() => { window.setTimeout = () => 0; }")
    await page.keyboard.press("Enter")
    await change.arrived.wait()
    await page.keyboard.press("Enter")
    change.goes_on.set()
    await says(page, "#toastText", "Saved.")
    await page.keyboard.press("Enter")
    await page.click("#undo")
    await says(page, "#toastText", "Undone.")
    assert changes(server) == [{"label": "Alice, calm"}, {"label": None}]
    await card.locator("button:has-text('Save')").click()
    await says(page, "#toastText", "Nothing has changed.")


async def test_a_change_counts_though_the_list_does_not_come(show: Show) -> None:
    page, server = await show(part="voices", complains=True)
    card = await unfold(page, "alice")
    await card.locator("label:has-text('Label') input").fill("Alice, calm")
    await page.route("**/v1/voices", lambda route: route.abort(), times=1)
    await page.keyboard.press("Enter")
    await says(page, "#toastText", "Saved.")
    assert server.voices[0]["label"] == "Alice, calm"


async def test_what_was_written_stays_in_another_language_and_when_others_change_the_voice(show: Show) -> None:
    page, server = await show(part="voices")
    card = page.locator("#cards > li").filter(has=page.locator("canvas")).first
    await card.locator("details > summary").first.click()
    await card.locator(".more > summary").click()
    await card.locator("[data-do=label]").fill("Alice, calm")
    await card.locator("[data-do=off]").check()
    await card.locator("textarea").fill("mum\n")
    await card.locator("[data-do=speed]").fill("1.5")
    await page.select_option("#lang", "de")
    await says(page, "#cards", "Weitere Namen")
    written = ["label", "aliases", "speed", "temperature", "seed"]

    async def values() -> list[str]:
        return [await card.locator(f"[data-do={name}]").input_value() for name in written]

    assert await values() == ["Alice, calm", "mum\n", "1.5", "0.7", ""]
    assert await card.locator("[data-do=off]").is_checked()
    server.voices[0]["style"] = {"temperature": 0.9, "seed": 3}
    server.become(0, "waiting")
    await holds(page, "document.querySelector('#cards [data-do=seed]').value === '3'")
    assert await values() == ["Alice, calm", "mum\n", "1.5", "0.9", "3"]
    assert await card.locator("textarea").is_visible()
    await card.locator("[data-do=save]").click()
    await until(lambda: bool(changes(server)))
    assert changes(server) == [{"label": "Alice, calm", "aliases": ["mum"], "speed": 1.5, "loudness": 0}]


async def test_a_voice_that_is_gone_takes_its_settings_along(show: Show) -> None:
    page, server = await show(part="voices")
    card = await unfold(page, "alice")
    await card.locator("label:has-text('Label') input").fill("Alice, calm")
    # Somebody renames the file.
    server.voices[0] |= {"name": "alicia", "label": "alicia"}
    server.become(0, "waiting")
    server.info["voices"][0]["name"] = "alicia"
    server.tell()
    await says(page, "#toastText", "alice is gone: what was not saved is lost.")
    server.voices[0] |= {"name": "alice", "label": "alice"}
    server.info["voices"][0]["name"] = "alice"
    server.tell()
    await card.wait_for()
    await card.locator("summary:has-text('Settings')").click()
    assert await card.locator("label:has-text('Label') input").input_value() == "alice"


async def test_what_few_people_need_is_under_more(show: Show) -> None:
    page, server = await show(part="voices")
    card = await unfold(page, "alice")
    assert not await card.locator("textarea").is_visible()
    await card.locator("summary:has-text('More')").click()
    await card.locator("textarea").fill("mum\n\n  the reader ")
    for label, value in (("Loudness", "-23.5"), ("Pause", "0.4"), ("Seed", "7")):
        await card.locator(f"label:has-text('{label}') input").fill(value)
    await card.locator("button:has-text('Save')").click()
    await says(page, "#toastText", "Saved.")
    sent = {"aliases": ["mum", "the reader"], "loudness": -23.5, "sentence_pause": 0.4, "seed": 7}
    assert changes(server) == [sent]
    assert await page.evaluate("document.activeElement.ariaLabel") == "Save: alice", "the focus stays"
    assert await card.locator("textarea").is_visible(), "what was unfolded stays so"
    await page.click("#undo")
    await says(page, "#toastText", "Undone.")
    assert changes(server)[1] == dict.fromkeys(sent)
    assert await card.locator("textarea").input_value() == ""


async def test_a_voice_can_stay_as_loud_as_the_model_makes_it(show: Show) -> None:
    page, server = await show(lambda server: server.voices[0].update(style={"loudness": -20.0, "seed": 3}), "voices")
    card = await unfold(page, "alice")
    loudness, off = card.locator("label:has-text('Loudness') input"), card.locator("input[type=checkbox]")
    assert await loudness.input_value() == "-20", "what is set is shown at once"
    await off.check()
    assert await loudness.is_disabled()
    await card.locator("button:has-text('Save')").click()
    await says(page, "#toastText", "Saved.")
    assert changes(server) == [{"loudness": 0}]
    assert await off.is_checked()
    await card.locator("button:has-text('As usual')").click()
    await until(lambda: len(changes(server)) == 2)
    assert changes(server)[1] == {"loudness": None, "seed": None}
    await holds(page, "!document.querySelector('#cards input[type=checkbox]').checked")


async def test_what_is_for_one_language_is_neither_changed_nor_taken_back(show: Show) -> None:
    profile = {"label": "Alice", "aliases": ["mum"], "style": {"temperature": 0.9, "seed": 3}}
    counts = {"label": "Alicia", "aliases": ["mutti", "mum"], "style": {"seed": 3}, "profile": profile}
    page, server = await show(lambda server: server.voices[0].update(counts), "voices")
    card = await unfold(page, "Alicia")
    assert await card.locator("label:has-text('Label') input").input_value() == "Alice"
    await card.locator("textarea").fill("mum\nma")
    await card.locator("label:has-text('Temperature') input").fill("1.2")
    await card.locator("button:has-text('Save')").click()
    await says(page, "#toastText", "Saved.")
    await page.click("#undo")
    await says(page, "#toastText", "Undone.")
    assert changes(server) == [
        {"temperature": 1.2, "aliases": ["mum", "ma"]},
        {"temperature": 0.9, "aliases": ["mum"]},
    ]


async def test_a_number_out_of_range_is_told_at_its_field(show: Show) -> None:
    page, server = await show(part="voices")
    card = await unfold(page, "alice", more=True)
    for label, wrong, message in (
        ("Loudness", "-41", "It takes a number from -40 to -10."),
        ("Pause", "11", "It takes a number from 0 to 10."),
        ("Seed", "1.5", "It takes a whole number from 0 to 4,294,967,295."),
    ):
        field = card.locator(f"label:has-text('{label}') input")
        await field.fill(wrong)
        await card.locator("button:has-text('Save')").click()
        assert await field.evaluate("field => document.activeElement === field")
        assert await field.get_attribute("aria-invalid") == "true"
        described = await field.get_attribute("aria-describedby")
        assert await page.locator(f"#{described}").inner_text() == message
        assert not await violations(page)
        await field.fill("")
        assert await field.get_attribute("aria-invalid") is None
    for label in ("Pause", "Seed"):
        await card.locator(f"label:has-text('{label}') input").fill("-1")
    await card.locator("summary:has-text('More')").click()
    await card.locator("button:has-text('Save')").click()
    assert await card.locator("[aria-invalid]:visible").count() == 2, "all that is wrong is told at once"
    assert await page.evaluate("document.activeElement.dataset.do") == "sentence_pause"
    assert changes(server) == []


async def test_what_the_server_refuses_is_told_at_the_field(show: Show) -> None:
    page, server = await show(part="voices", complains=True)
    card = await unfold(page, "alice", more=True)
    message = "The alias 'jonas' can't be used, as the voice 'jonas' has that name"
    server.refuses_changes = message, "aliases"
    await card.locator("textarea").fill("jonas")
    await card.locator("summary:has-text('More')").click()
    await card.locator("button:has-text('Save')").click()
    await holds(page, "document.activeElement.localName === 'textarea'")
    described = await card.locator("textarea").get_attribute("aria-describedby")
    assert await page.locator(f"#{described}").inner_text() == message
    server.refuses_changes = "The voices folder has no room left", None
    await card.locator("button:has-text('Save')").click()
    await says(page, "#cards [role=alert]:not(:empty)", "no room left")
    server.refuses_changes = None
    await card.locator("button:has-text('Save')").click()
    await says(page, "#toastText", "Saved.")
    assert server.voices[0]["aliases"] == ["jonas"]


async def test_numbers_have_the_range_of_their_option(show: Show) -> None:
    page, _ = await show(part="voices")
    card = await unfold(page, "alice", more=True)
    for setting in ("loudness", "sentence_pause", "seed"):
        numbers = STYLE_OPTIONS[setting].numbers
        assert numbers is not None
        field = card.locator(f"input[data-do={setting}]")
        bounds = [await field.get_attribute(name) for name in ("min", "max")]
        assert [float(bound or "nan") for bound in bounds] == [numbers.low, numbers.high]


async def test_settings_fit_a_narrow_window_in_every_language(show: Show) -> None:
    page, _ = await show(part="voices", multilingual=True, viewport={"width": 320, "height": 640})
    card = await unfold(page, "alice", more=True)
    for language in ("de", "fr", "es"):
        await page.select_option("#lang", language)
        await holds(page, f"document.documentElement.lang === '{language}'")
        assert await card.locator("textarea").is_visible(), "another language folds nothing up"
        assert await overflow(page) == 0
        inside = "(form) => [...form.querySelectorAll('*')].every((one) => one.getBoundingClientRect().right <= %s)"
        right = "form.getBoundingClientRect().right + 1"
        assert await card.locator("form").evaluate(inside % right), "a card shows its settings as a whole"
    sliders = await card.locator("input[type=range]").evaluate_all("(all) => all.map((one) => one.clientWidth)")
    assert min(sliders) > 150, "a finger can set them"
    assert not await violations(page)


async def test_the_default_is_set_by_an_option_to_copy(show: Show) -> None:
    page, _ = await show(part="voices")
    card = await unfold(page, "Oma Erna")
    await card.locator("summary:has-text('Make it the default')").click()
    await says(page, "#cards details details[open] code", '--voice "Oma Erna"')
