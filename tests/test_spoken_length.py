"""The tokens that a text may take suffice for the slowest speaker in every script, and end a babbling model soon."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyoming_chatterbox.engine.t3.spoken_length import LONGEST, fewest_tokens, most_tokens

TOKENS_PER_SECOND = 25
SLOWEST, FASTEST = 3.0, 9.0
"""Syllables a second, pauses included; 4 to 8 are usual (Pellegrino, Coupé and Marsico 2011)."""

SYLLABLES = {
    "All human beings are born free and equal in dignity and rights.": 17,
    "Alle Menschen sind frei und gleich an Würde und Rechten geboren.": 17,
    "Все люди рождаются свободными и равными в своём достоинстве и правах.": 24,
    "Kaikki ihmiset syntyvät vapaina ja tasavertaisina arvoltaan ja oikeuksiltaan.": 27,
    "يولد جميع الناس أحرارا متساوين في الكرامة والحقوق.": 24,
    "सभी मनुष्यों को गौरव और अधिकारों के मामले में जन्मजात स्वतन्त्रता प्राप्त है।": 28,
    "人人生而自由,在尊严和权利上一律平等。": 17,
    "모든 인간은 태어날 때부터 자유로우며 존엄과 권리에 있어 동등하다.": 28,
    "すべての人間は、生まれながらにして自由であり、": 24 * 3 / 4,  # Morae, of which even the slowest say four a second.
}


@pytest.mark.parametrize("text", SYLLABLES)
def test_nobody_is_so_slow_that_a_sentence_is_cut_or_so_fast_that_it_is_over(text: str) -> None:
    seconds = SYLLABLES[text] / SLOWEST
    assert seconds + 1 <= most_tokens(text) / TOKENS_PER_SECOND <= 2 * seconds + 2
    assert fewest_tokens(text) / TOKENS_PER_SECOND < SYLLABLES[text] / FASTEST


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Hi.", 3.0),
        ("OK.", 3.5),
        ("7.", 3.5),
        ("Hello world.", 4.5),
        ("The light is on.", 5.0),
        ("Milk, eggs, bread.", 5.5),
    ],
)
def test_a_short_text_has_little_room_for_a_tail(text: str, seconds: float) -> None:
    assert most_tokens(text) / TOKENS_PER_SECOND <= seconds


def test_a_long_sentence_can_be_read_at_100_words_a_minute() -> None:
    text = "this is a long but otherwise quite ordinary kind of sentence that nobody would ever want to hear " * 2
    assert most_tokens(text) / TOKENS_PER_SECOND > len(text.split()) / 100 * 60


def test_digits_that_are_left_count_as_words() -> None:
    # "One billion, two hundred thirty-four million, five hundred sixty-seven thousand, eight hundred ninety."
    assert most_tokens("1,234,567,890.") / TOKENS_PER_SECOND > 8
    assert most_tokens("100 %") > most_tokens("x x")


def test_letters_that_are_said_by_name_have_time() -> None:
    assert most_tokens("WWW BBC USB.") / TOKENS_PER_SECOND > 11 / SLOWEST + 1


def test_a_sound_takes_two_seconds() -> None:
    assert most_tokens("[laugh]") == most_tokens("") + 50
    assert most_tokens("[clear throat] Well.") == most_tokens(" Well.") + 50


@given(st.text())
def test_any_text_has_a_length(text: str) -> None:
    assert fewest_tokens(text) >= 0
    assert 50 <= most_tokens(text) <= LONGEST
    assert min(fewest_tokens(text), LONGEST) <= most_tokens(text)
