"""A sentence that failed is said on from where it broke off, in smaller pieces or by another; no word is said twice."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from wyoming_chatterbox.engine import SAMPLE_RATE, Utterance, Voice
from wyoming_chatterbox.speech.remainder import Remainder
from wyoming_chatterbox.text.cutting import halves

VOICE = Voice("alice", "en")
LONG = "The lights in the kitchen are off now, and the door to the garden is locked."

words = st.lists(st.text("abcdefg,;", min_size=1, max_size=12).filter(lambda word: word[0].isalpha()), min_size=1)


def remainder(text: str) -> Remainder:
    return Remainder(Utterance(text, VOICE, seed=7))


def said(left: Remainder) -> list[str]:
    texts = []
    while left:
        texts.append(left.first.text)
        assert left.first.seed == 7
        left.said()
    return texts


def test_a_long_sentence_is_cut_at_its_clause() -> None:
    left = remainder(LONG)
    assert left.try_again()
    assert said(left) == ["The lights in the kitchen are off now,", "and the door to the garden is locked."]


def test_pieces_are_cut_again_until_they_are_short_and_then_no_more() -> None:
    left = remainder(LONG * 4)
    tries = 0
    while left.try_again():
        tries += 1
    assert tries >= 2
    assert len(left.first.text) < 40


def test_a_short_sentence_is_tried_once_more_as_it_is() -> None:
    left = remainder("Good night.")
    assert left.try_again()
    assert left.first.text == "Good night."
    assert not left.try_again()


def test_what_was_heard_in_part_stays_whole_so_that_the_rest_can_follow() -> None:
    left = remainder(LONG)
    left.heard = 1000
    assert left.try_again()
    assert (left.first.text, left.heard) == (LONG, 1000)
    assert not left.try_again()


def test_another_engine_goes_on_after_what_was_heard() -> None:
    left = remainder(LONG)
    left.heard = 2 * SAMPLE_RATE
    left.pass_on()
    assert said(left) == ["and the door to the garden is locked."]


def test_another_engine_says_all_of_what_nobody_heard() -> None:
    left = remainder(LONG)
    left.pass_on()
    assert said(left) == [LONG]


def test_of_what_was_all_but_heard_nothing_is_left() -> None:
    left = remainder("Good night.")
    left.heard = SAMPLE_RATE
    left.pass_on()
    assert not left


def test_the_rest_can_change_its_voice() -> None:
    left = remainder(LONG)
    left.try_again()
    left.change_voice(Voice("bob", "en"))
    left.said()
    assert left.first.voice.name == "bob"


@given(words)
def test_halves_are_the_same_words(text: list[str]) -> None:
    sentence = " ".join(text)
    parts = halves(sentence)
    assert " ".join(parts).split() == text
    assert len(parts) <= 2
    assert all(part.strip() == part for part in parts)


@given(words, st.floats(0, 60))
def test_another_engine_says_whole_words_from_the_end(text: list[str], seconds: float) -> None:
    sentence = " ".join(text)
    left = remainder(sentence)
    left.heard = round(seconds * SAMPLE_RATE)
    left.pass_on()
    rest = " ".join(said(left)).split()
    assert rest == text[len(text) - len(rest) :]
