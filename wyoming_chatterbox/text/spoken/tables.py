"""The tables of a language: CLDR's, and over it the entries made by hand."""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import TypeAlias

Value: TypeAlias = "str | int | Sequence[Value] | Mapping[str, Value]"

_CATEGORIES = ("zero", "one", "two", "few", "many", "other")
_SEPARATE = ("units", "currencies", "subunits", "scales")
"""The sections whose entries have forms."""


class Table:
    """A section: its entries by name, each read as what it must be."""

    def __init__(self, entries: Mapping[str, Value]) -> None:
        self._entries = entries

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def section(self, name: str) -> "Table":
        value = self._entries.get(name, {})
        if not isinstance(value, Mapping):
            raise TypeError(f"{name} is no section")
        return Table(value)

    def text(self, name: str, default: str = "") -> str:
        value = self._entries.get(name, default)
        if not isinstance(value, str):
            raise TypeError(f"{name} is no text")
        return value

    def number(self, name: str, default: int = 0) -> int:
        value = self._entries.get(name, default)
        if not isinstance(value, int):
            raise TypeError(f"{name} is no number")
        return value

    def forms(self, name: str) -> Mapping[str, str]:
        """Plural category -> form, and `gender`; a single form stands for all categories."""
        value = self._entries.get(name, {})
        if isinstance(value, str):
            return {"other": value}
        return {key: form for key, form in self.section(name)._entries.items() if isinstance(form, str)}

    def texts(self, name: str) -> list[str]:
        value = self._entries.get(name, ())
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise TypeError(f"{name} is no list")
        return [text for text in value if isinstance(text, str)]

    def lists(self, name: str) -> list[list[str]]:
        """Return a list of lists of texts."""
        value = self._entries.get(name, ())
        if isinstance(value, str) or not isinstance(value, Sequence):
            raise TypeError(f"{name} is no list")
        return [[str(text) for text in inner] for inner in value if isinstance(inner, Sequence)]


def _merged(below: Mapping[str, Value], above: Mapping[str, Value], separate: bool = False) -> dict[str, Value]:
    """Return the entries of both; `separate`: an entry with forms keeps none of those below, only the gender."""
    together = dict(below)
    for name, value in above.items():
        old = together.get(name)
        if separate and old is not None:
            new, was = ({"other": form} if isinstance(form, str) else form for form in (value, old))
            if isinstance(new, Mapping) and isinstance(was, Mapping):
                kept = {key: form for key, form in was.items() if key not in _CATEGORIES or "other" not in new}
                together[name] = {**kept, **new}
        elif isinstance(value, Mapping) and isinstance(old, Mapping):
            together[name] = _merged(old, value, name in _SEPARATE)
        else:
            together[name] = value
    return together


def read(code: str) -> Table | None:
    """Return the tables of a language, by its ISO 639-1 code; None where there are none."""
    data = files("wyoming_chatterbox.text.spoken") / "data"
    by_hand = data / f"{code}.toml"
    if not code.isalpha() or not by_hand.is_file():
        return None
    cldr = json.loads((data / "cldr" / f"{code}.json").read_text(encoding="utf-8"))
    return Table(_merged(cldr, tomllib.loads(by_hand.read_text(encoding="utf-8"))))
