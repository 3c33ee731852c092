"""The standby voice says whatever can be said in English of any text, and raises nothing but a TextError."""

from __future__ import annotations

import numpy as np
import pytest
from hibari import Hibari
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from wyoming_chatterbox.engine import SAMPLE_RATE, Utterance, Voice
from wyoming_chatterbox.engine.standby import Standby
from wyoming_chatterbox.errors import TextError

VOICE = Voice("default", "en")
SENTENCE = "The lights are on: it's 12:30, 25 °C, and the “café” cost $9.99 — for 1,234 people!"


def one_of(pieces: str) -> st.SearchStrategy[str]:
    return st.sampled_from(pieces.split())


PIECES = st.one_of(
    one_of("the door is open Nr. Dr. St. e.g. I can't rock'n'roll U.S.A. p.m. 3rd Žižek Nguyễn"),
    one_of(
        "0 7 1,000 3.14 1.2.3 -5 +7 1e9 25:99 13/45 2026-11-26 $5.999 €1,5 £.50 5% 10km 2ND '90s 4x4 5. 1. 555-1234"
    ),
    one_of("! ? . , ; : - _ / \\ | * # @ & % $ + = < > ~ ^ ( ) [ ] { } \" ' ` … — « ¿ ° § ½ ² ¹ ₂"),
    one_of("① ⑩ Ⅳ ㊿ ❶ ⓪ 🄁 ٣ १ ５ ⁴ ⅓ ℃ № µ π Ω"),
    one_of("你 好 日 か ナ 한 م ش ש П р γ ά न े ส ี"),
    one_of("😀 👍🏽 👩‍👩‍👧 🇩🇪 ❤️ 1️⃣ Z̴̡a̶l̷g̸o"),
    st.sampled_from([" ", ". ", "\n"]),
    st.characters(min_codepoint=0xC0, max_codepoint=0x24F),
    st.characters(),
)
RUNS = st.builds(str.__mul__, PIECES, st.integers(2, 60))
UTTERANCES = st.lists(PIECES | RUNS, max_size=30).map(lambda pieces: "".join(pieces)[:280])


@pytest.fixture(name="standby", scope="module")
def standby_fixture() -> Standby:
    return Standby()


def say(standby: Standby, text: str) -> float:
    """Seconds of sound."""
    blocks = list(standby.speak(Utterance(text, VOICE, seed=1), lambda: False))
    assert all(np.isfinite(block).all() and np.abs(block).max() <= 1 for block in blocks)
    return sum(len(block) for block in blocks) / SAMPLE_RATE


@pytest.mark.slow(1)
def test_plain_english_is_hibari_s_own_speech(standby: Standby) -> None:
    blocks = list(standby.speak(Utterance(SENTENCE, VOICE, seed=1), lambda: False))
    assert np.array_equal(np.concatenate(blocks), Hibari(threads=1)(SENTENCE, seed=1))


@pytest.mark.parametrize(
    "text", ["7" * 37, "7" * 80, "1,000" * 20, "¹ž", "①ž", "Nr.¹ď", "⁴", "❶Ⅳ", "㊿" * 30, ":.4", "[a](//)"]
)
def test_what_its_reader_fails_at_is_said_all_the_same(standby: Standby, text: str) -> None:
    assert say(standby, text) > 0.2


@pytest.mark.slow(6)
@examples(10)
@given(text=UTTERANCES)
def test_no_text_raises(standby: Standby, text: str) -> None:
    try:
        # The text is read whole before the first block, which is not made: that takes the time.
        assert list(standby.speak(Utterance(text, VOICE, seed=1), lambda: True)) == []
    except TextError:
        assert not any(char.isascii() and char.isalnum() for char in text)


@pytest.mark.slow(1)
@examples(0.5)
@given(text=st.text(alphabet=st.characters(max_codepoint=0xFF), max_size=60))
def test_whatever_has_a_letter_or_a_digit_is_heard(standby: Standby, text: str) -> None:
    if any(char.isalnum() for char in text):
        assert say(standby, text) > 0


@pytest.mark.parametrize(
    "text", ["你好，世界。", "Привет, мир!", "مرحبا", "Η πόρτα είναι ανοιχτή.", "नमस्ते", "こんにちは", "안녕"]
)
def test_another_script_is_an_error_and_no_silence(standby: Standby, text: str) -> None:
    with pytest.raises(TextError, match=f"^The standby voice speaks English only, and can't say '{text}'$"):
        say(standby, text)


def test_of_a_mixed_text_it_says_what_it_can(standby: Standby) -> None:
    assert say(standby, "Tom сказал: yes") == say(standby, "Tom : yes")


@pytest.mark.parametrize("text", ["", "...", "🙂 ?!", "— 👍🏽"])
def test_where_there_is_nothing_to_say_it_is_silent(standby: Standby, text: str) -> None:
    assert say(standby, text) == 0


def test_however_long_a_word_is_it_asks_whether_to_go_on(standby: Standby) -> None:
    asked = 0

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return asked == 3

    blocks = list(standby.speak(Utterance("7" * 1000, VOICE, seed=1), cancelled))
    assert len(blocks) == 2
    assert max(map(len, blocks)) < 45 * SAMPLE_RATE
