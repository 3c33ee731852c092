"""The entries made by hand for each language: a mistyped name would be silent."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import TypeAlias

import pytest

from wyoming_chatterbox.families import MULTILINGUAL_LANGUAGES

DATA = Path(__file__).parent.parent / "wyoming_chatterbox/text/spoken/data"
CATEGORIES = {"zero", "one", "two", "few", "many", "other"}
KNOWN = {
    "": "months months_alone months_also weekdays_also weekdays_from weekdays_until numbers words parts fractions dates"
    " clock money units currencies subunits scales per signs short_scales",
    "numbers": "fraction decimal scale counting digits year years years_in_full cardinals ordinals replace elided"
    " contractions",
    "dates": "day year first day_month day_month_year month_year year_alone weekday weekday_range after",
    "clock": "hour minute second hour_half minute_half second_half hour_late minute_late hour_one minute_one second_one"
    " hour_after hour_dative minute_after minutes_after zero_after"
    " hours hours_late minutes seconds zero zero_half parts cycle shift half always exact after range am pm",
    "money": "pattern both",
}
Value: TypeAlias = "str | int | list[Value] | dict[str, Value]"


def by_hand(code: str) -> dict[str, Value]:
    found: dict[str, Value] = tomllib.loads((DATA / f"{code}.toml").read_text(encoding="utf-8"))
    return found


def section(entries: dict[str, Value], name: str) -> dict[str, Value]:
    found = entries.get(name, {})
    assert isinstance(found, dict)
    return found


def texts(value: Value) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | dict):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from texts(inner)


every_language = pytest.mark.parametrize("code", MULTILINGUAL_LANGUAGES)


def test_every_language_has_both_files_and_the_licence_is_there() -> None:
    assert {path.stem for path in (DATA / "cldr").glob("*.json")} == set(MULTILINGUAL_LANGUAGES)
    assert {path.stem for path in DATA.glob("??.toml")} == set(MULTILINGUAL_LANGUAGES)
    assert (DATA / "cldr" / "LICENSE").read_text(encoding="utf-8").startswith("UNICODE LICENSE V3")


@every_language
def test_every_name_of_an_entry_is_known(code: str) -> None:
    entries = by_hand(code)
    for name, known in KNOWN.items():
        found = section(entries, name) if name else entries
        assert set(found) <= set(known.split()), name
    english = section(by_hand("en"), "words")
    optional = {"add", "space", "groups", "of", "range", "range_high", "one_after", "after_fraction"}
    assert set(section(entries, "words")) <= set(english) | optional
    for part in ("units", "currencies", "subunits", "scales", "parts"):
        for name, forms in section(entries, part).items():
            # A gender alone goes with the forms of the table.
            assert isinstance(forms, str | dict)
            assert isinstance(forms, str) or set(forms) == {"gender"} or "other" in forms, (part, name)
            assert isinstance(forms, str) or set(forms) <= CATEGORIES | {"gender"}, (part, name)


@every_language
def test_units_and_currencies_are_those_of_the_table_or_of_english(code: str) -> None:
    entries, english = by_hand(code), by_hand("en")
    table: dict[str, dict[str, Value]] = json.loads((DATA / "cldr" / f"{code}.json").read_text(encoding="utf-8"))
    for part in ("units", "currencies"):
        assert set(section(entries, part)) <= set(table[part]) | set(section(english, part))
    assert set(section(entries, "subunits")) <= set(table["currencies"])
    assert {name for name in section(entries, "per") if name} <= set(table["units"])


@every_language
def test_patterns_have_known_places_only(code: str) -> None:
    entries = by_hand(code)
    for part in ("units", "currencies", "subunits", "scales", "parts", "fractions", "money", "per"):
        for text in texts(section(entries, part)):
            assert set(re.findall(r"\{.*?\}", text)) <= {"{0}", "{1}"}, text
    for text in texts(section(entries, "dates")):
        assert set(re.findall(r"\{(.*?)\}", text)) <= {"day", "month", "year", "0", "1"}, text
    for text in texts(section(entries, "clock")):
        assert set(re.findall(r"\{(.*?)\}", text)) <= {"h", "m", "s", "hours", "minutes", "seconds", "0", "1"}, text
