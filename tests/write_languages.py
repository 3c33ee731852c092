"""Writes the package's table of each language from the JSON packages of Unicode's CLDR: see script/languages."""

import argparse
import json
import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

from wyoming_chatterbox.families import MULTILINGUAL_LANGUAGES

DIRECTORY = Path(__file__).parent.parent / "wyoming_chatterbox/text/spoken/data/cldr"

Json: TypeAlias = "str | dict[str, Json]"
Forms: TypeAlias = dict[str, str]

# Spoken forms' name of a unit, and CLDR's.
UNITS = {
    "celsius": "temperature-celsius", "fahrenheit": "temperature-fahrenheit", "kelvin": "temperature-kelvin",
    "degree": "angle-degree", "revolution": "angle-revolution",
    "km/h": "speed-kilometer-per-hour", "m/s": "speed-meter-per-second", "mph": "speed-mile-per-hour",
    "knots": "speed-knot",
    "kWh": "energy-kilowatt-hour", "J": "energy-joule", "kJ": "energy-kilojoule", "cal": "energy-calorie",
    "kcal": "energy-kilocalorie", "N": "force-newton",
    "mW": "power-milliwatt", "W": "power-watt", "kW": "power-kilowatt", "MW": "power-megawatt", "GW": "power-gigawatt",
    "hp": "power-horsepower",
    "V": "electric-volt", "A": "electric-ampere", "mA": "electric-milliampere", "ohm": "electric-ohm",
    "Hz": "frequency-hertz", "kHz": "frequency-kilohertz", "MHz": "frequency-megahertz", "GHz": "frequency-gigahertz",
    "Pa": "pressure-pascal", "hPa": "pressure-hectopascal", "kPa": "pressure-kilopascal", "bar": "pressure-bar",
    "mbar": "pressure-millibar", "psi": "pressure-pound-force-per-square-inch", "inHg": "pressure-inch-ofhg",
    "mmHg": "pressure-millimeter-ofhg",
    "t": "mass-tonne", "kg": "mass-kilogram", "g": "mass-gram", "mg": "mass-milligram", "µg": "mass-microgram",
    "lb": "mass-pound", "oz": "mass-ounce",
    "ppm": "concentr-part-per-1e6", "ppb": "concentr-part-per-1e9", "percent": "concentr-percent",
    "permille": "concentr-permille",
    "lx": "light-lux", "lm": "light-lumen",
    "l": "volume-liter", "dl": "volume-deciliter", "cl": "volume-centiliter", "ml": "volume-milliliter",
    "m³": "volume-cubic-meter", "cm³": "volume-cubic-centimeter", "ft³": "volume-cubic-foot", "gal": "volume-gallon",
    "km²": "area-square-kilometer", "m²": "area-square-meter", "cm²": "area-square-centimeter",
    "ft²": "area-square-foot", "ha": "area-hectare",
    "km": "length-kilometer", "m": "length-meter", "cm": "length-centimeter", "mm": "length-millimeter",
    "µm": "length-micrometer", "in": "length-inch", "ft": "length-foot", "yd": "length-yard", "mi": "length-mile",
    "ms": "duration-millisecond", "s": "duration-second", "min": "duration-minute", "h": "duration-hour",
    "d": "duration-day", "week": "duration-week", "month": "duration-month", "year": "duration-year",
    "bit": "digital-bit", "kbit": "digital-kilobit", "Mbit": "digital-megabit", "Gbit": "digital-gigabit",
    "B": "digital-byte", "kB": "digital-kilobyte", "MB": "digital-megabyte", "GB": "digital-gigabyte",
    "TB": "digital-terabyte",
}  # fmt: skip
# A unit made from another one: the other, and CLDR's names of the prefix it has and of the one it gets ("" for none).
PREFIXED = {
    "Wh": ("kWh", "10p3", ""), "MWh": ("kWh", "10p3", "10p6"), "GWh": ("kWh", "10p3", "10p9"),
    "mV": ("V", "", "10p-3"), "kV": ("V", "", "10p3"), "MJ": ("J", "", "10p6"),
}  # fmt: skip
CURRENCIES = (
    "AED", "ARS", "AUD", "BRL", "CAD", "CHF", "CLP", "CNY", "COP", "CZK", "DKK", "EGP", "EUR",
    "GBP", "HKD", "HUF", "IDR", "ILS", "INR", "ISK", "JPY", "KES", "KRW", "MXN", "MYR", "NGN",
    "NOK", "NZD", "PHP", "PKR", "PLN", "RON", "RUB", "SAR", "SEK", "SGD", "THB", "TRY", "TWD",
    "TZS", "UAH", "USD", "VND", "ZAR",
)  # fmt: skip
SIGNS = {"$": "USD", "£": "GBP", "¥": "JPY", "kr": "SEK", "Rs": "INR"}
"""Whose a sign is, of the several currencies that CLDR gives it; a language's own entries may say otherwise."""
SPACELESS = ("ja", "zh")
"""Languages that CLDR writes with spaces around numbers, and that are spoken without."""
FILES = ("ca-gregorian.json", "currencies.json", "numbers.json", "plurals.json", "units.json")
SCALES = {"6": "1000000", "9": "1000000000", "12": "1000000000000"}
CATEGORIES = ("zero", "one", "two", "few", "many", "other")


class Packages:
    """CLDR's packages, as npm packs them into a directory."""

    def __init__(self, directory: Path, version: str) -> None:
        self._directory = directory
        self._version = version
        self._files: dict[str, dict[str, bytes]] = {}

    def text(self, package: str, path: str) -> str:
        if package not in self._files:
            self._files[package] = dict(self._members(package))
        return self._files[package][path].decode()

    def _members(self, package: str) -> Iterator[tuple[str, bytes]]:
        with tarfile.open(self._directory / f"cldr-{package}-{self._version}.tgz") as archive:
            for member in archive:
                path = member.name.removeprefix("package/")
                if path == "LICENSE" or path.split("/")[-1] in FILES:
                    content = archive.extractfile(member)
                    assert content
                    yield path, content.read()

    def read(self, package: str, path: str, *keys: str) -> Mapping[str, Json]:
        found: Json = json.loads(self.text(package, path))
        for key in keys:
            found = mapping(found)[key]
        return mapping(found)


def mapping(value: Json) -> dict[str, Json]:
    assert isinstance(value, dict)
    return value


def string(value: Json) -> str:
    """A text without marks of direction, and with plain spaces."""
    assert isinstance(value, str)
    return re.sub(r"\s+", " ", re.sub("[\u200e\u200f\u00ad]", "", value)).strip()


def plain(value: Json) -> Json:
    """A single form stands for itself."""
    if isinstance(value, dict) and list(value) == ["other"]:
        return value["other"]
    return value


def forms(entry: Mapping[str, Json], prefix: str) -> Forms:
    """The forms of the plural categories; one that is like the last, "other", is left out."""
    found = {name: string(entry[prefix + name]) for name in CATEGORIES if prefix + name in entry}
    return {name: form for name, form in found.items() if name == "other" or form != found.get("other")}


def closed(entries: dict[str, Json]) -> dict[str, Json]:
    """The forms without their spaces."""
    return {name: form.replace(" ", "") if isinstance(form, str) else closed(form) for name, form in entries.items()}


def with_prefix(forms: Forms, had: str, gets: str) -> Forms:
    """Exchanges the prefix of a unit's name, "Kilo{0}" for "Mega{0}"."""
    had, gets = had.replace("{0}", ""), gets.replace("{0}", "")

    def exchange(form: str) -> str:
        found = re.search(re.escape(had), form, re.IGNORECASE) if had else re.search(r"(?<!\{)\b(?=[^\W\d_])", form)
        if not found:
            return form
        name = form[found.end() :]
        if not gets:
            name = name[:1].upper() + name[1:] if found[0][:1].isupper() else name
        elif gets[-1:].isalpha() and not had:
            name = name[:1].lower() + name[1:]
        return form[: found.start()] + (gets if not found[0] or found[0][:1].isupper() else gets.lower()) + name

    return {name: " ".join(exchange(form).split()) for name, form in forms.items()}


def units(packages: Packages, language: str) -> tuple[dict[str, Json], dict[str, Json]]:
    """The units, and what follows something counted per unit."""
    table = packages.read("units-full", f"main/{language}/units.json", "main", language, "units", "long")
    found: dict[str, Forms] = {}
    genders: Forms = {}
    per: dict[str, Json] = {"": string(mapping(table["per"])["compoundUnitPattern"])}
    for unit, name in UNITS.items():
        entry = mapping(table.get(name, {}))
        if patterns := forms(entry, "unitPattern-count-"):
            found[unit] = patterns
        if "gender" in entry:
            genders[unit] = string(entry["gender"])
        # One with a symbol or an abbreviation is left to the general pattern.
        if "perUnitPattern" in entry and re.fullmatch(r"[^/.²³]*", pattern := string(entry["perUnitPattern"])):
            per[unit] = pattern
    for unit, (base, had, gets) in PREFIXED.items():
        prefixes = [string(mapping(table[name])["unitPrefixPattern"]) if name else "" for name in (had, gets)]
        found[unit] = with_prefix(found[base], *prefixes)
        if base in genders:
            genders[unit] = genders[base]
    together: dict[str, Json] = {}
    for unit, patterns in found.items():
        entry = {"gender": genders[unit], **patterns} if unit in genders else dict(patterns)
        together[unit] = plain(entry)
    return together, per


def names(entries: Mapping[str, Json]) -> list[str]:
    return [string(name) for key, name in entries.items() if not key.endswith("-variant")]


def unique(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(texts))


def dates(packages: Packages, language: str) -> dict[str, object]:
    path = f"main/{language}/ca-gregorian.json"
    calendar = packages.read("dates-full", path, "main", language, "dates", "calendars", "gregorian")

    def read(kind: str, usage: str, width: str) -> list[str]:
        return names(mapping(mapping(mapping(calendar[kind])[usage])[width]))

    periods = mapping(mapping(mapping(calendar["dayPeriods"])["format"])["wide"])
    return {
        "months": read("months", "format", "wide"),
        "months_alone": read("months", "stand-alone", "wide"),
        "months_short": [
            unique(pair)
            for pair in zip(
                read("months", "format", "abbreviated"), read("months", "stand-alone", "abbreviated"), strict=True
            )
        ],
        "weekdays": read("days", "stand-alone", "wide"),
        "weekdays_format": read("days", "format", "wide"),
        "weekdays_short": [
            unique(several)
            for several in zip(
                read("days", "format", "abbreviated"),
                read("days", "stand-alone", "abbreviated"),
                read("days", "format", "short"),
                strict=True,
            )
        ],
        "am": string(periods["am"]),
        "pm": string(periods["pm"]),
    }


def currencies(packages: Packages, language: str) -> tuple[dict[str, Json], dict[str, str]]:
    path = f"main/{language}/currencies.json"
    table = packages.read("numbers-full", path, "main", language, "numbers", "currencies")
    found: dict[str, Json] = {}
    signs = dict(SIGNS)
    for code in CURRENCIES:
        entry = mapping(table[code])
        found[code] = plain(dict(forms(entry, "displayName-count-") or {"other": string(entry["displayName"])}))
        for key in ("symbol-alt-narrow", "symbol"):
            if key in entry and (sign := string(entry[key])) != code and not (len(sign) == 1 and sign.isalpha()):
                signs.setdefault(sign, code)
    return found, signs


def scales(numbers: Mapping[str, Json]) -> dict[str, Json]:
    """The words of millions, billions and so on: exponent of ten -> plural category -> pattern."""
    table = mapping(mapping(mapping(numbers["decimalFormats-numberSystem-latn"])["long"])["decimalFormat"])
    found: dict[str, Json] = {}
    for exponent, value in SCALES.items():
        patterns = {
            name: form.split(";")[0].replace("'", "").replace("0", "{0}", 1)
            for name, form in forms(table, f"{value}-count-").items()
        }
        if all(pattern.count("0") == 1 for pattern in patterns.values()):
            found[exponent] = plain(dict(patterns))
    return found


def table(packages: Packages, language: str) -> dict[str, object]:
    numbers = packages.read("numbers-full", f"main/{language}/numbers.json", "main", language, "numbers")
    symbols = mapping(numbers["symbols-numberSystem-latn"])
    plurals = packages.read("core", "supplemental/plurals.json", "supplemental", "plurals-type-cardinal", language)
    rules = {
        name.removeprefix("pluralRule-count-"): string(rule).split("@")[0].strip() for name, rule in plurals.items()
    }
    measured, per = units(packages, language)
    named, signs = currencies(packages, language)
    if language in SPACELESS:
        measured, named = closed(measured), closed(named)
    return {
        "decimal": string(symbols["decimal"]),
        "group": string(symbols["group"]) or " ",
        "plurals": {name: rule for name, rule in rules.items() if rule},
        "scales": scales(numbers),
        **dates(packages, language),
        "units": measured,
        "per": per,
        "currencies": named,
        "signs": signs,
    }


def written(content: Mapping[str, object]) -> str:
    """JSON with a line an entry, so that a change shows."""

    def line(value: object) -> str:
        return json.dumps(value, ensure_ascii=False)

    lines = []
    for key, value in content.items():
        if isinstance(value, dict):
            inner = ",\n".join(f"  {line(name)}: {line(entry)}" for name, entry in value.items())
            lines.append(f" {line(key)}: {{\n{inner}\n }}")
        else:
            lines.append(f" {line(key)}: {line(value)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("packages", type=Path, help="the directory of CLDR's packages, as npm packs them")
    parser.add_argument("version", help="theirs")
    parser.add_argument("--into", type=Path, default=DIRECTORY, help="where the tables go [the package's data]")
    told = parser.parse_args(arguments)
    packages = Packages(told.packages, told.version)
    told.into.mkdir(parents=True, exist_ok=True)
    (told.into / "LICENSE").write_text(packages.text("core", "LICENSE"), encoding="utf-8")
    for language in MULTILINGUAL_LANGUAGES:
        (told.into / f"{language}.json").write_text(written(table(packages, language)), encoding="utf-8")


if __name__ == "__main__":
    main()
