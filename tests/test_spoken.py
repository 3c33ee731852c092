"""Written forms become words, in every language."""

import random
import re
import sys
from collections import Counter
from types import FrameType

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.examples import examples
from tests.reading import shown
from tests.spoken_cases import cases, plainly
from wyoming_chatterbox.families import MULTILINGUAL_LANGUAGES
from wyoming_chatterbox.text.pipeline import TextPipeline
from wyoming_chatterbox.text.spoken import spell

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
        whole = in_pieces([text], language)
        assert [pieces for pieces in (list(text), [text[:2], text[2:]]) if in_pieces(pieces, language) != whole] == []


@examples(2)
@given(text=WRITTEN | st.text(alphabet=ODD), language=LANGUAGES, data=st.data())
def test_cuts_of_any_text_make_no_difference(text: str, language: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    assert in_pieces(pieces, language) == in_pieces([text], language)


def in_pieces(pieces: list[str], language: str) -> list[str]:
    """Return what is said of a text that arrives in pieces, through the whole pipeline."""
    pipeline = TextPipeline(language)
    return shown([item for piece in pieces for item in pipeline.add(piece)] + pipeline.finish())


@examples(4)
@given(text=WRITTEN | st.text(alphabet=ODD), language=LANGUAGES)
@example(text="1.2.3.4.5", language="en")
@example(text="0x1F 1e-5 12:60 25:00 31.02.2026 99/99 5'", language="en")
@example(text="٢١٫٥ °C", language="ar")
def test_no_digit_is_left(text: str, language: str) -> None:
    assert not re.search(r"\d", spell(text, language))


def test_a_long_list_of_numbers_is_not_cut_between_a_number_and_its_unit() -> None:
    written = ", ".join(f"{number}.5 °C" for number in range(200))
    assert spell(written, "en").count("point five degrees Celsius") == 200


def test_a_language_without_data_passes_text_through() -> None:
    assert spell("21.5 °C", "xx") == "21.5 °C"


@pytest.mark.parametrize(("language", "spoken"), [("", "Five"), ("en-US", "Five"), ("de_AT", "Fünf"), ("DE", "Fünf")])
def test_a_language_may_have_a_region_and_is_english_by_default(language: str, spoken: str) -> None:
    assert spell("5", language) == spoken


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("It is on. 3 lights are off.", "It is on. Three lights are off."),
        ("It is 21. The door is open.", "It is twenty one. The door is open."),
        ("He comes at 5 p.m. The door is open.", "He comes at five PM. The door is open."),
        ("At 9 a.m. sharp", "At nine AM sharp"),
        ("At 5 p.m. ET, 3 p.m. Monday", "At five PM ET, three PM Monday"),
        ("Walk 5 km. Then rest 10 min.", "Walk five kilometers. Then rest ten minutes."),
        ("1. Milk\n2. Eggs", "One, Milk. Two, Eggs"),
        ('He said "5" (or 6).', "He said five (or six)."),
    ],
)
def test_ends_of_sentences_stay(written: str, spoken: str) -> None:
    assert " ".join(in_pieces([written], "en")) == spoken


@pytest.mark.parametrize(
    "text",
    [
        "I think Malcolm X may march in May.",
        "He sat in the sun.",
        "an IV drip",
        "Wi-Fi, T-shirt, well-known",
        "Is it on? Yes!",
        'This is (really) "it", isn\'t it…',
        "He is a prof. and the dr. is in.",
        "a few min. more, the max and the temp",
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
    assert not re.search(r"\d", spell(text, language))
    assert in_pieces([text[at : at + 7] for at in range(0, len(text), 7)], language) == in_pieces([text], language)


def test_garbage_does_no_harm() -> None:
    for seed, language in enumerate(sorted(MULTILINGUAL_LANGUAGES)):
        check_garbage(garbage(seed, 1_000), language)


@pytest.mark.full
@pytest.mark.slow(120)
def test_a_million_characters_of_garbage_do_no_harm() -> None:
    for seed, language in enumerate(sorted(MULTILINGUAL_LANGUAGES)):
        check_garbage(garbage(1000 + seed, 1_000_000 // len(MULTILINGUAL_LANGUAGES)), language)
