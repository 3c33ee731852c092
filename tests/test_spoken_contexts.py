"""The words beside numbers, by hand for each language: a mistyped name would be silent."""

import re
import tomllib
from pathlib import Path

import pytest

from wyoming_chatterbox.families import MULTILINGUAL_LANGUAGES
from wyoming_chatterbox.text.spoken.forms.writing import Writing
from wyoming_chatterbox.text.spoken.language import Language

PATH = Path(__file__).parent.parent / "wyoming_chatterbox/text/spoken/data/contexts.toml"
TEXT = PATH.read_text(encoding="utf-8")
CONTEXTS = tomllib.loads(TEXT)
EXPLAINED = set(re.findall(r"[a-z_]{2,}", TEXT[: TEXT.index("\n\n")]))
"""Names that the head of the file explains, among its other words."""


def test_every_section_is_a_language_of_the_models() -> None:
    assert {name for name, section in CONTEXTS.items() if isinstance(section, dict)} <= set(MULTILINGUAL_LANGUAGES)


def test_every_name_is_explained_and_read() -> None:
    read = (PATH.parent.parent / "forms/writing.py").read_text(encoding="utf-8")
    names = {name for section in CONTEXTS.values() if isinstance(section, dict) for name in section}
    assert names <= EXPLAINED
    assert {name for name in names if f'"{name}"' not in read} == set()


@pytest.mark.parametrize("code", MULTILINGUAL_LANGUAGES)
def test_words_are_in_lower_case_and_units_are_known(code: str) -> None:
    language = Language.get(code)
    assert language
    writing = Writing.of(language)
    for name in ("year", "year_after", "clock", "clock_after", "phone", "code", "version", "place", "parts", "goes_on"):
        words = getattr(writing, name)
        assert words == {word.lower() for word in words}, name
    own = CONTEXTS.get(code, {}).get("units", {})
    assert {unit for unit in own.values() if unit and not language.measures(unit)} == set()
