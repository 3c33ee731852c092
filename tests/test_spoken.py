"""Written forms become words, in every language and however the text arrives."""

import random
import re
import sys
from collections import Counter
from types import FrameType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.examples import examples
from tests.spoken_cases import cases, plainly
from wyoming_chatterbox.families import MULTILINGUAL_LANGUAGES
from wyoming_chatterbox.text.spoken import SpokenText, spell

CASES = list(cases())
LANGUAGES = st.sampled_from(sorted(MULTILINGUAL_LANGUAGES))
WRITTEN = st.lists(
    st.sampled_from([word for case in CASES for word in re.split("( )", case.written)]) | st.characters(codec="utf-8"),
    max_size=30,
).map("".join)
"""Texts of scraps of the tables and of any characters."""
ODD = "0123456789.,:;-–/°%€$½²³①Ⅳ𝐀#@&~±≥_'\"()+=*×→ \n\tabXVImhkKCFdµΩéßшд中日あ한٣"


@pytest.mark.parametrize("language", sorted(MULTILINGUAL_LANGUAGES))
def test_written_forms_are_said_as_a_person_would(language: str) -> None:
    said = {case: spell(case.written, language) for case in CASES if case.language == language}
    assert said
    assert [(case, words) for case, words in said.items() if plainly(words) not in case.spoken] == []


def test_the_tables_have_enough_of_each() -> None:
    count = Counter(case.language for case in CASES)
    assert count["en"] >= 250
    assert len(list(cases("replies"))) >= 40
    assert min(count[language] for language in ("de", "fr", "es", "it")) >= 40


@pytest.mark.parametrize("language", sorted(MULTILINGUAL_LANGUAGES))
def test_a_cut_anywhere_makes_no_difference(language: str) -> None:
    for text in (case.written for case in CASES if case.language == language):
        whole = spell(text, language)
        cuts = [[text[:at], text[at:]] for at in range(len(text) + 1)]
        assert [pieces for pieces in [*cuts, list(text)] if in_pieces(pieces, language) != whole] == []


@examples(4)
@given(text=WRITTEN | st.text(alphabet=ODD), language=LANGUAGES, data=st.data())
def test_cuts_of_any_text_make_no_difference(text: str, language: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert in_pieces(pieces, language) == spell(text, language)


def in_pieces(pieces: list[str], language: str) -> str:
    stream = SpokenText(language)
    said = "".join(stream.add(piece) for piece in pieces) + stream.finish()
    assert not stream.waiting
    return said


@examples(4)
@given(text=WRITTEN | st.text(alphabet=ODD), language=LANGUAGES)
@example(text="1.2.3.4.5", language="en")
@example(text="0x1F 1e-5 12:60 25:00 31.02.2026 99/99 5'", language="en")
@example(text="٢١٫٥ °C", language="ar")
def test_no_digit_is_left(text: str, language: str) -> None:
    assert not re.search(r"\d", spell(text, language))


def test_a_long_list_of_numbers_is_not_cut_between_a_number_and_its_unit() -> None:
    written = ", ".join(f"{number}.5 °C" for number in range(200))
    said = spell(written, "en")
    assert said.count("point five degrees Celsius") == 200
    assert in_pieces(list(written), "en") == said


def test_a_language_without_data_passes_text_through() -> None:
    stream = SpokenText("xx")
    assert stream.add("It is 21.5 ") == "It is 21.5 "
    assert not stream.waiting
    assert spell("21.5 °C", "xx") == "21.5 °C"


@pytest.mark.parametrize(("language", "spoken"), [("", "Five"), ("en-US", "Five"), ("de_AT", "Fünf"), ("DE", "Fünf")])
def test_a_language_may_have_a_region_and_is_english_by_default(language: str, spoken: str) -> None:
    assert spell("5", language) == spoken


def test_words_pass_as_soon_as_they_are_complete() -> None:
    stream = SpokenText("en")
    assert stream.add("The li") == "The "
    assert stream.add("ght is on at") == "light is on "
    assert stream.add(" 7") == "at "
    assert stream.add(":05 ") == ""
    assert stream.add("today") == ""
    assert stream.add(" ") == "seven oh five today "


def test_a_line_ends_what_is_held() -> None:
    stream = SpokenText("en")
    assert stream.add("It is 21.5 °C\n") == "It is twenty one point five degrees Celsius\n"
    assert not stream.waiting


@pytest.mark.parametrize(
    ("text", "given_out"),
    [
        ("The light is on.", "The light is on."),
        ("It costs $4.99!", "It costs four dollars and ninety nine cents!"),
        ("It ends at 3:05 PM.", "It ends at three oh five PM."),
        ("It ends at 3:05 p.m.", "It ends at three oh five PM."),
        ("It is 48%.", "It is forty eight percent."),
        ("It is 21 °C.", "It is twenty one degrees Celsius."),
        ("It is 21.", "It is "),
        ("It is 21", "It is "),
        ("It is 21.5 ", "It is "),
        ("Turn on the living", "Turn on the "),
        ("It is 3 p.", "It is "),
    ],
)
def test_a_stall_gives_out_what_looks_complete(text: str, given_out: str) -> None:
    stream = SpokenText("en")
    assert stream.add(text) + stream.settle() == given_out


def test_a_number_goes_on_after_a_stall() -> None:
    stream = SpokenText("en")
    said = ""
    for piece in ("The temperature is 21", ".", "5", " degrees."):
        said += stream.add(piece) + stream.settle()
    assert said == "The temperature is twenty one point five degrees."


def test_a_stream_takes_another_text_after_its_end() -> None:
    stream = SpokenText("en")
    assert stream.add("5") + stream.finish() == "Five"
    assert stream.add("6") + stream.finish() == "Six"


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("It is on. 3 lights are off.", "It is on. Three lights are off."),
        ("It is 21. The door is open.", "It is twenty one. The door is open."),
        ("He comes at 5 p.m. The door is open.", "He comes at five PM. The door is open."),
        ("At 9 a.m. sharp", "At nine AM sharp"),
        ("Walk 5 km. Then rest 10 min.", "Walk five kilometers. Then rest ten minutes."),
        ("1. Milk\n2. Eggs", "One, Milk\nTwo, Eggs"),
        ('He said "5" (or 6).', 'He said "five" (or six).'),
    ],
)
def test_ends_of_sentences_stay(written: str, spoken: str) -> None:
    assert spell(written, "en") == spoken


@pytest.mark.parametrize(
    "text",
    [
        "I think Malcolm X may march in May.",
        "He sat in the sun.",
        "an IV drip",
        "Wi-Fi, T-shirt, well-known",
        "Is it on? Yes!",
        'This is (really) "it", isn\'t it…',
        "e.g. this, i.e. that, etc.",
        "mix, civic, Dim and XL",
    ],
)
def test_what_is_no_written_form_stays(text: str) -> None:
    assert spell(text, "en") == text


@examples(2)
@given(st.lists(st.text(alphabet="bcdfgjpqvwz'", min_size=6) | st.sampled_from(".,;!?()"), max_size=20), LANGUAGES)
def test_words_without_forms_stay(words: list[str], language: str) -> None:
    text = " ".join(words)
    assert spell(text, language) == text


WORDS = st.text(alphabet="bcdfgjpqvwz", min_size=9, max_size=14)


@examples(2)
@given(words=st.lists(WORDS, max_size=12), data=st.data(), language=LANGUAGES)
def test_words_between_written_forms_survive_in_order(words: list[str], data: st.DataObject, language: str) -> None:
    odd = st.text(alphabet=ODD, max_size=8)
    text = "".join(f"{data.draw(odd)} {word} " for word in words)
    said = spell(text, language)
    at = 0
    for word in words:
        at = said.lower().find(word, at) + len(word)
        assert at >= len(word), (word, said)


def test_time_is_linear_in_the_length_of_the_text() -> None:
    """Counted in calls of functions, on texts that make rules look far."""
    for scrap in ("1.", "a_", "5 km ", "1-", "x1", "Nov 5 ", "½", "1 000 "):
        few, many = (calls(scrap * (length // len(scrap))) for length in (1_600, 3_200))
        assert many < 2.5 * few, scrap


def calls(text: str) -> int:
    count = 0

    def note(frame: FrameType, event: str, arg: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(note)
    try:
        spell(text, "en")
    finally:
        sys.setprofile(None)
    return count


def garbage(seed: int, length: int) -> str:
    """Characters of any kind, written forms among them."""
    chance = random.Random(seed)
    scraps = [case.written for case in CASES]
    parts: list[str] = []
    while length > 0:
        kind = chance.random()
        if kind < 0.4:
            part = chr(chance.choice((chance.randrange(0x20, 0x3000), chance.randrange(0xE000, 0x110000))))
        elif kind < 0.8:
            part = chance.choice(ODD)
        else:
            scrap = chance.choice(scraps)
            start = chance.randrange(len(scrap))
            part = scrap[start : start + chance.randrange(1, 12)]
        parts.append(part)
        length -= len(part)
    return "".join(parts)


def check_garbage(text: str, language: str) -> None:
    said = spell(text, language)
    assert not re.search(r"\d", said)
    assert in_pieces([text[at : at + 7] for at in range(0, len(text), 7)], language) == said


def test_garbage_does_no_harm() -> None:
    for seed, language in enumerate(sorted(MULTILINGUAL_LANGUAGES)):
        check_garbage(garbage(seed, 1_000), language)


@pytest.mark.full
@pytest.mark.slow(120)
def test_a_million_characters_of_garbage_do_no_harm() -> None:
    for seed, language in enumerate(sorted(MULTILINGUAL_LANGUAGES)):
        check_garbage(garbage(1000 + seed, 1_000_000 // len(MULTILINGUAL_LANGUAGES)), language)
