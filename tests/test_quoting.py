"""Words of clients in log lines and answers."""

from __future__ import annotations

import ast
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyoming_chatterbox.quoting import MAX_CHARACTERS, quoted, shortened


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("alice", "'alice'"),
        ("größer 猫", "'größer 猫'"),
        ("a\n2026-11-25 ERROR forged", r"'a\n2026-11-25 ERROR forged'"),
        ("\x1b[31m", r"'\x1b[31m'"),
        ("\u202eevil", r"'\u202eevil'"),
        ("it's \\", r"'it\'s \\'"),
    ],
)
def test_what_is_invisible_is_escaped(text: str, shown: str) -> None:
    assert quoted(text) == shown


def test_a_long_text_is_cut_and_counted() -> None:
    assert quoted("x" * 4_000_000) == "'" + "x" * MAX_CHARACTERS + "...' (4000000 characters)"


@given(st.text(max_size=MAX_CHARACTERS))
def test_a_short_text_can_be_read_back(text: str) -> None:
    shown = quoted(text)
    assert ast.literal_eval(shown) == text
    assert all(character == " " or unicodedata.category(character)[0] not in "CZ" for character in shown)


@given(st.text())
def test_it_is_one_short_line(text: str) -> None:
    shown = quoted(text)
    assert len(shown.splitlines()) == 1
    assert len(shown) < 11 * MAX_CHARACTERS


def test_without_quotation_marks_a_long_text_is_cut_too() -> None:
    assert shortened("x" * 4_000_000) == "x" * MAX_CHARACTERS + "…"
    assert shortened("a\n\u202eb", 3) == r"a\n\u202e…"
