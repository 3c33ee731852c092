"""Text made fit for the standby voice: nothing that its reader fails at, and whatever can be said is."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyoming_chatterbox.engine.standby_text import MAX_PHONEMES, fit, phonemes

LETTERS = frozenset("éöžď")


@pytest.mark.parametrize(
    ("text", "fitted"),
    [
        ("It's 12:30, and 25 °C — isn't it?", "It's 12:30, and 25 °C — isn't it?"),
        ("One.\nTwo.", "One.\nTwo."),
        # Digits that aren't letters, and letters that aren't digits.
        ("Nr.¹ď", "Nr. 1 ď"),
        ("①ž ⑩", "1 ž 10"),
        ("Henry Ⅷ, 2⅓ km²", "Henry VIII , 2 1/3 km²"),
        ("１２ ٣٤ ＡＢ", "12 34 AB"),
        # Accents that the reader doesn't know, written in one character or two.
        ("Žofie, e\u0301te\u0301, ḱaḱ", "Zofie, été, kak"),
        ("Z̴̡a̶l̷g̸o", "Zalgo"),
        # Symbols and what surrounds them.
        ("5Ω and π", "5 omega and pi"),
        ("a\u200bb\u202ec\x00d", "abc d"),
        ("1️⃣ ❤️ 👍🏽 so", "1 so"),
        ("[a](/b/)", "[a] (/b/)"),
        # Other scripts.
        ("Привет, Tom", ", Tom"),
        ("Η πόρτα", ""),
        ("ab你cd", "ab cd"),
        # Numbers that nobody can take in.
        ("123456789012345", "123456789012345"),
        ("1234567890123456", "1 2 3, 4 5 6, 7 8 9, 0 1 2, 3 4 5, 6"),
        ("1,234,567,890,123,456.5", "1 2 3, 4 5 6, 7 8 9, 0 1 2, 3 4 5, 6 .5"),
        # Words without an end.
        ("x" * 45, "x" * 45),
        ("x" * 60, f"{'x' * 24} {'x' * 24} {'x' * 12}"),
        ("A.M." * 12, " ".join(["A.", "M."] * 12)),
    ],
)
def test_what_the_reader_does_not_know_becomes_what_it_stands_for(text: str, fitted: str) -> None:
    assert re.sub(" +", " ", fit(text, LETTERS)).strip(" ") == fitted


@given(st.text())
def test_only_known_characters_short_words_and_short_numbers_are_left(text: str) -> None:
    fitted = fit(text, LETTERS)
    assert re.fullmatch(r"[\n -~°¢§¶±×÷™®©•→←½¼¾²³µ£€¥₹₩–—…“”‘’«»¿¡éöžď]*", fitted)
    assert not re.search(r"[^\W_]{46}|[0-9]{16}", fitted)


@given(st.text(alphabet="abc ,ž7", max_size=60), st.sets(st.sampled_from("abcž7,")))
def test_what_can_be_read_is_whatever_else_can_t(text: str, unreadable: set[str]) -> None:
    def read(text: str) -> list[str]:
        if unreadable & set(text):
            raise IndexError(text)
        return [text]

    read_aloud = "".join(phonemes(text, read))
    expected = [char for char in text if char.isalpha() and char not in unreadable]
    assert [char for char in read_aloud if char.isalpha()] == expected


@given(st.text(alphabet="ab ,", max_size=3000))
def test_no_part_is_longer_than_a_breath(text: str) -> None:
    parts = list(phonemes(text, lambda text: [text]))
    assert all(len(part) <= MAX_PHONEMES for part in parts)
    assert "".join(parts).replace(" ", "") == (text.replace(" ", "") if parts else "")


def test_what_reads_as_nothing_is_read_by_letters() -> None:
    assert list(phonemes(":.4", lambda text: ["four"] if text == "4" else [])) == ["four"]
    assert list(phonemes("...", lambda text: [text])) == []
