"""The tables that script/languages writes from CLDR's packages, here from packages of a few entries."""

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests import write_languages
from wyoming_chatterbox.families import MULTILINGUAL_LANGUAGES

UNITS = {
    "per": {"compoundUnitPattern": "{0} pro {1}"},
    "10p3": {"unitPrefixPattern": "Kilo{0}"},
    "10p6": {"unitPrefixPattern": "Mega{0}"},
    "10p9": {"unitPrefixPattern": "Giga{0}"},
    "10p-3": {"unitPrefixPattern": "Milli{0}"},
    "energy-kilowatt-hour": {
        "gender": "feminine",
        "unitPattern-count-one": "{0} Kilowattstunde",
        "unitPattern-count-other": "{0} Kilowattstunden",
        "dative-count-other": "{0} Kilowattstunden",
    },
    "electric-volt": {"unitPattern-count-one": "{0} Volt", "unitPattern-count-other": "{0}\u00a0Volt"},
    "energy-joule": {"unitPattern-count-other": "{0} Joule"},
    "duration-hour": {"unitPattern-count-other": "{0} Stunden", "perUnitPattern": "{0} pro Stunde"},
    "volume-cubic-meter": {"unitPattern-count-other": "{0} Kubikmeter", "perUnitPattern": "{0}/m³"},
}
NAMES = {"abbreviated": {"1": "Jan."}, "short": {"1": "J"}, "wide": {"1": "Januar"}}
CALENDAR = {
    "months": {"format": NAMES, "stand-alone": {**NAMES, "abbreviated": {"1": "Jan"}}},
    "days": {"format": NAMES, "stand-alone": NAMES},
    "dayPeriods": {"format": {"wide": {"am": "AM", "am-alt-variant": "am", "pm": "PM"}}},
}
NUMBERS = {
    "symbols-numberSystem-latn": {"decimal": ",", "group": "\u202f"},
    "decimalFormats-numberSystem-latn": {
        "long": {
            "decimalFormat": {
                "1000000-count-one": "0 Million",
                "1000000-count-other": "0 Millionen",
                "1000000000-count-other": "00 Zehner",
                "1000000000000-count-other": "0 Billionen",
            }
        }
    },
}
EURO = {"displayName": "Euro", "displayName-count-other": "Euro", "symbol": "€", "symbol-alt-narrow": "€"}
DOLLAR = {"displayName": "Dollar", "symbol": "$", "symbol-alt-narrow": "$"}
CURRENCIES = {
    code: DOLLAR if code in ("ARS", "USD") else EURO if code == "EUR" else {"displayName": code}
    for code in write_languages.CURRENCIES
}
PLURALS = {"pluralRule-count-one": "i = 1 and v = 0 @integer 1", "pluralRule-count-other": " @integer 0, 2~16"}


def pack(directory: Path, package: str, content: Mapping[str, object]) -> None:
    """A package as npm packs it."""
    with tarfile.open(directory / f"cldr-{package}-1.0.0.tgz", "w:gz") as archive:
        for path, value in content.items():
            text = (value if isinstance(value, str) else json.dumps(value)).encode()
            member = tarfile.TarInfo(f"package/{path}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))


@pytest.fixture
def tables(tmp_path: Path) -> Path:
    languages = MULTILINGUAL_LANGUAGES
    pack(
        tmp_path,
        "core",
        {
            "LICENSE": "UNICODE LICENSE V3",
            "supplemental/plurals.json": {
                "supplemental": {"plurals-type-cardinal": dict.fromkeys(languages, PLURALS)},
            },
        },
    )
    for package, file, entries in (
        ("units-full", "units", {"units": {"long": UNITS}}),
        ("dates-full", "ca-gregorian", {"dates": {"calendars": {"gregorian": CALENDAR}}}),
    ):
        pack(tmp_path, package, {f"main/{code}/{file}.json": {"main": {code: entries}} for code in languages})
    both = {"numbers": {"numbers": NUMBERS}, "currencies": {"numbers": {"currencies": CURRENCIES}}}
    numbers = {f"main/{code}/{file}.json": {"main": {code: both[file]}} for code in languages for file in both}
    pack(tmp_path, "numbers-full", numbers)
    write_languages.main([str(tmp_path), "1.0.0", "--into", str(tmp_path / "tables")])
    return tmp_path / "tables"


def test_every_language_has_a_table_and_the_licence_is_beside_them(tables: Path) -> None:
    assert {path.stem for path in tables.glob("*.json")} == set(MULTILINGUAL_LANGUAGES)
    assert (tables / "LICENSE").read_text() == "UNICODE LICENSE V3"


def test_a_table_has_what_is_said_and_nothing_else(tables: Path) -> None:
    table = json.loads((tables / "de.json").read_text(encoding="utf-8"))
    assert table["units"]["kWh"] == {"gender": "feminine", "one": "{0} Kilowattstunde", "other": "{0} Kilowattstunden"}
    assert table["units"]["V"] == "{0} Volt"
    assert table["per"] == {"": "{0} pro {1}", "h": "{0} pro Stunde"}
    assert (table["decimal"], table["group"]) == (",", " ")
    assert table["plurals"] == {"one": "i = 1 and v = 0"}
    assert table["scales"] == {"6": {"one": "{0} Million", "other": "{0} Millionen"}, "12": "{0} Billionen"}
    assert (table["months"], table["months_short"]) == (["Januar"], [["Jan.", "Jan"]])
    assert (table["am"], table["pm"]) == ("AM", "PM")
    assert table["currencies"]["EUR"] == "Euro"
    assert (table["signs"]["$"], table["signs"]["€"]) == ("USD", "EUR")


def test_a_unit_with_another_prefix_is_made_from_the_one_that_is_there(tables: Path) -> None:
    units = json.loads((tables / "de.json").read_text(encoding="utf-8"))["units"]
    assert units["Wh"] == {"gender": "feminine", "one": "{0} Wattstunde", "other": "{0} Wattstunden"}
    assert units["MWh"]["other"] == "{0} Megawattstunden"
    assert units["kV"] == "{0} Kilovolt"
    assert units["mV"] == "{0} Millivolt"


def test_chinese_has_no_spaces_around_numbers(tables: Path) -> None:
    units = json.loads((tables / "zh.json").read_text(encoding="utf-8"))["units"]
    assert units["V"] == "{0}Volt"
