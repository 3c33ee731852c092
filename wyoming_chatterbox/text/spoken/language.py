"""A language: how it writes and says numbers, units, money, dates and times."""

import re
from collections.abc import Iterable, Mapping
from functools import cache, cached_property

from .tables import Table, read
from .times import Times

__all__ = ["Language"]


def _spellings(names: Iterable[str]) -> list[str]:
    """In lower case, and without the dot of an abbreviation."""
    return [name.lower().rstrip(".॰׳") for name in names]


class Language(Times):
    """A language: how it writes and says numbers, units, money, dates and times.

    What it has words for and how it reads them is data: `data/<code>.toml`, made by hand, over `data/cldr/<code>.json`.
    """

    def __init__(self, code: str, table: Table) -> None:
        super().__init__(code, table)
        self.decimal_mark = table.text("decimal")
        """Between whole part and fraction, "." or ","."""
        self.group_marks = frozenset(table.text("group")) | frozenset(self._words.text("groups"))
        """Between thousands; of all spaces the plain one stands for all."""

    @classmethod
    @cache
    def get(cls, code: str) -> "Language | None":
        """Return the language of an ISO 639-1 code; None where there is no data. Reads its tables once."""
        table = read(code)
        return cls(code, table) if table else None

    @cached_property
    def months(self) -> Mapping[str, int]:
        """Every spelling of a month, in lower case and without a final dot -> 1 to 12."""
        return self._numbered("month")

    @cached_property
    def weekdays(self) -> Mapping[str, int]:
        """Every spelling of a day of the week, in lower case and without a final dot -> 1 (Monday) to 7."""
        return {name: number - 1 or 7 for name, number in self._numbered("weekday").items()}

    @cached_property
    def half_days(self) -> Mapping[str, str]:
        """Every spelling of the halves of a day, in lower case -> "am" or "pm"."""
        found = {}
        for half in ("am", "pm"):
            written = self._table.text(half).lower()
            for name in (half, f"{half[0]}.m.", f"{half[0]}. m.", written, *self._clock.texts(half)):
                found[name] = half
        return found

    @cached_property
    def currencies(self) -> Mapping[str, str]:
        """Signs, in their own case, and codes of currencies -> ISO 4217 code."""
        signs = {sign: self._table.section("signs").text(sign) for sign in self._table.section("signs")}
        return {**signs, **{code: code for code in self._currencies}}

    @cached_property
    def scales(self) -> Mapping[str, int]:
        """Every spelling of a large number ("million", "Mio", "bn"), in lower case without a dot -> power of ten."""
        found = {}
        for exponent in self._scales:
            for name, form in self._scales.forms(exponent).items():
                word = form.replace("{0}", "").strip().lower()
                if word and name != "gender":
                    found[word] = int(exponent)
        short = self._table.section("short_scales")
        found.update({name.lower(): short.number(name) for name in short})
        return found

    @cached_property
    def nouns(self) -> Mapping[str, str]:
        """Names of units and currencies, as after a number, in lower case -> the gender that the numeral takes."""
        found: dict[str, str] = {}
        for section in (self._units, self._currencies, self._subunits):
            for entry in section:
                forms = section.forms(entry)
                for name, form in forms.items():
                    word = re.sub(r"\{0\}\s*", "", form).lower()
                    if name != "gender" and word.isalpha():
                        found.setdefault(word, forms.get("gender", ""))
        return found

    def _numbered(self, kind: str) -> dict[str, int]:
        found: dict[str, int] = {}
        for names in (f"{kind}s", f"{kind}s_alone", f"{kind}s_format"):
            for number, name in enumerate(_spellings(self._table.texts(names)), 1):
                found.setdefault(name, number)
        for names in (f"{kind}s_short", f"{kind}s_also"):
            for number, several in enumerate(self._table.lists(names), 1):
                for name in _spellings(several):
                    found.setdefault(name, number)
        return found
