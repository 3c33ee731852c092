"""Options, families and precisions are told once, in the code's tables; docs, manifest and examples follow."""

from __future__ import annotations

import dataclasses
import re

import pytest

from tests import write_docs
from wyoming_chatterbox.config import Config
from wyoming_chatterbox.option import Option
from wyoming_chatterbox.options import OPTIONS


def test_writing_the_docs_changes_nothing() -> None:
    changed = [str(path.relative_to(write_docs.ROOT)) for path in write_docs.changes()]
    assert changed == [], "run script/docs"


def test_every_part_is_written_somewhere() -> None:
    marks = [
        name
        for file in write_docs.FILES
        for name in re.findall(r"script/docs: (\w+)", (write_docs.ROOT / file).read_text())
    ]
    assert set(marks) == {*write_docs.PARTS, "end"}
    assert marks[1::2] == ["end"] * (len(marks) // 2), "each part has its end"


def test_what_stands_between_two_marks_is_replaced() -> None:
    text = "before\n<!-- script/docs: weights -->\nold\n<!-- script/docs: end -->\nafter\n"
    new = write_docs.filled(text)
    assert "old" not in new
    assert "| nano | 958 |" in new
    assert new.startswith("before\n<!-- script/docs: weights -->\n|")
    assert new.endswith("|\n<!-- script/docs: end -->\nafter\n")
    assert write_docs.filled(new) == new


def test_config_has_the_table_s_fields() -> None:
    assert [field.name for field in dataclasses.fields(Config)] == [
        *(option.name for option in OPTIONS),
        "sources",
    ]


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_a_default_passes_its_own_check(option: Option) -> None:
    assert option.check(option.default) == option.default
