"""The words that a user wants to be said in another way, in place of what the text and its language make of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from .replacements import Replacements, is_in_word
from .spoken import spell

_FIRST_MARK = 0xF0000
"""The first character for private use of a plane that has 65,534; text from `markup` holds none of them."""


@dataclass(frozen=True)
class Entry:
    """A word or phrase, and how it is said."""

    written: str
    """Not empty, with single spaces."""
    spoken: str
    """May be empty: the word is left out."""
    language: str | None = None
    """The language that it is for, as ISO 639-1; None is for all of them."""


class Pronunciations:
    """A user's entries, of which those for a language win over those for all languages."""

    def __init__(self, entries: Iterable[Entry] = ()) -> None:
        """Take at most 65,534 entries; of two for the same word and language, the first one counts."""
        self.entries = tuple(entries)
        own = _tables(self.entries)
        before, after = (Replacements(table) for table in own.pop(None))
        self._for_all = before, after
        self._by_language = {
            language: (Replacements(own_before, before), Replacements(own_after, after))
            for language, (own_before, own_after) in own.items()
        }

    def words(self, text: str, language: str, *, spell: Callable[[str, str], str] = spell) -> str:
        """Return text in words: `spell` says its numbers and symbols, and a user's words are said as the user wants."""
        before, after = self._by_language.get(language, self._for_all)
        return after.replaced(spell(before.replaced(text), language))


def _tables(entries: Iterable[Entry]) -> dict[str | None, tuple[dict[str, str], dict[str, str]]]:
    """Return the forms of each language: those before numbers and symbols are spelled out, and those after.

    A form that has more than letters and spaces would not survive until after. A mark takes its place before, and
    becomes what is said after.
    """
    tables: dict[str | None, tuple[dict[str, str], dict[str, str]]] = {None: ({}, {})}
    for number, entry in enumerate(entries):
        before, after = tables.setdefault(entry.language, ({}, {}))
        if all(char.isspace() or _is_letter(char) for char in entry.written):
            after.setdefault(entry.written, entry.spoken)
        elif not entry.spoken:
            before.setdefault(entry.written, "")
        elif entry.written not in before:
            before[entry.written] = chr(_FIRST_MARK + number)
            after[chr(_FIRST_MARK + number)] = entry.spoken
    return tables


def _is_letter(char: str) -> bool:
    return is_in_word(char) and not (char.isnumeric() or char == "_")
