"""Names with digits and signs in them: entity ids, snake_case, e-mail addresses, formulas, models."""

from __future__ import annotations

import re

from .codes import is_release, said_version, version
from .written import Found, Written

_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_HOST = re.compile(
    r"(?P<host>localhost|(?:[a-z0-9-]+\.)+(?:com|org|net|io|local|lan|gov|edu|app|dev|uk|de|fr|eu|ch|nl|au|ca|tv|ai|info|home"
    r"|internal|cloud|co|xyz|news|blog|shop|site|online|pl|jp|cn))(?::(?P<port>\d{2,5}))?(?![\w-])(?P<path>(?:/[\w-]+)*)(?:/?[?#][\w=&%-]+(?:\.[\w=&%-]+)*|/(?!\w))?"
)
_FILE = re.compile(
    r"[\w-]*\w(?:\.[\w-]+)*\.(?:yaml|yml|json|txt|py|log|csv|pdf|jpe?g|png|gif|svg|webp|mp3|mp4|mkv|avi|mov|wav|flac|ogg|tar|gz|zip"
    r"|html?|css|js|ts|md|conf|cfg|ini|toml|xml|db|sh|exe|apk|iso|img|bin|docx?|xlsx?|pptx?|bak|env)(?!\w)"
)
_EPISODE = re.compile(r"[sS](?P<season>\d{1,2})\s?[eE](?P<episode>\d{1,3})(?!\w)")
_LAST_EPISODE = re.compile(
    r"(?:\s?[-–]\s?(?=[sSeE])|[-–])(?:[sS](?P<season>\d{1,2})\s?)?[eE]?(?P<episode>\d{1,3})(?!\w)"
)
_ENTITY = re.compile(r"(?P<domain>[a-z_]+)\.(?P<name>[a-z0-9][a-z0-9_]*)(?![\w])")
_SNAKE = re.compile(r"\w*_\w[\w.]*")
_WORDS = re.compile(r"[._]+")
_VERSION = re.compile(r"(?:v\.?\s?|V\.?\s?(?=\d+\.\d))(?=(?P<number>\d+(?:\.\d+)*)(?![\w]|[.,]\d)|\d+\.\d)")
_MIXED = re.compile(r"[^\W\d_]+(?:-?\d+(?:[.,]\d+)?|-?[^\W\d_]+)*")
_DECADE = re.compile(r"[^\W\d_]+-['’]?\d{1,3}(?:0s|st|nd|rd|th)\b")
_DIGIT = re.compile(r"\d")
_ZONE = re.compile(r"(?P<zone>UTC|GMT)\s?(?P<sign>[-+–])(?P<hours>\d{1,2})(?::(?P<minutes>\d\d))?")
_RUN = re.compile(r"(?P<letters>[^\W\d_]+)|(?P<digits>\d+)(?P<mark>[.,])?(?P<fraction>(?<=[.,])\d+)?|-")
_FORMULA = re.compile(r"(?:CO2|NO2|NOx|N2O|SO2|O2|O3|H2|N2|NH3|CH4|H2O2|H2O|H2S|SF6|HCHO)(?!\w)")
_DOMAINS = """
    alarm_control_panel automation binary_sensor button calendar camera climate conversation cover device_tracker event
    fan group humidifier image input_boolean input_button input_datetime input_number input_select input_text
    lawn_mower light lock media_player notify number person plant remote scene schedule script select sensor siren
    sun switch text timer todo tts update vacuum valve water_heater weather zone
"""
_DOMAIN_NAMES = frozenset(_DOMAINS.split())
_CODE = re.compile(r"\d{1,3}[A-Z]-\d{1,3}(?![\w°%]|[.,]\d)")
_BRACKETS = re.compile("[()]+")
_OF_MAKER = re.compile(r"(?:\d{1,4}(?:-\d{1,4}[A-Z]{0,3})+|\d{2,4}[a-zA-Z]{1,3}|\d{3})(?![\w-]|[.,]\d)")
_PARAGRAPH = re.compile(r"(?P<n>\d{1,4})(?P<parts>(?:\((?:[a-zA-Z]|[ivx]{1,4}|\d{1,2})\))+)(?=s(?!\w)|[^\w(]|\Z)")
_RAISED = re.compile("[²³]")
_TIMES = re.compile(r"x(?P<n>[12]?\d)(?=\s*(?:[,;.!?)]|\Z))")
_THING_BEFORE = re.compile(r"[^\W\d_]{4}\s\(?\Z")
_IN_TWO = 3
"""Digits of one that is said as a time is: "seven thirty seven", "four oh one"."""
_GREEK = re.compile("[Ͱ-Ͽἀ-῾]")
_ROUND = 4
"""Digits of a model's number that is said as a year is: "forty ninety"."""


def version_name(written: Written, at: int) -> Found | None:
    """ "v2.1"."""
    found = _VERSION.match(written.text, at)
    if not found or written.char_before(at) in ("-", "–"):
        return None
    number: Found | None = version(written, found.end())
    if found["number"]:
        number = found.end("number"), said_version(written, found["number"])
    return (number[0], f"{written.language.word('version')} {number[1]}") if number else None


def address(written: Written, at: int) -> Found | None:
    """Find an e-mail address, a host or a file: "john@example.com", "homeassistant.local:8123", "config.yaml"."""
    if found := _MAIL.match(written.text, at):
        return found.end(), _address(written, found[0])
    found = _HOST.match(written.text, at)
    if found and found[0].partition(".")[0] not in _DOMAIN_NAMES:
        said = _address(written, found["host"])
        if port := found["port"]:
            said = written.joined(written.language.word("colon"), [said, written.language.digits(port)])
        parts = [_runs(written, part) for part in found["path"].split("/")[1:]]
        return found.end(), written.joined(written.language.word("slash"), [said, *parts])
    if found := _FILE.match(written.text, at):
        parts = [" ".join(_runs(written, word) for word in re.split("[_-]+", part)) for part in found[0].split(".")]
        return found.end(), written.joined(written.language.word("dot"), parts)
    return None


def episode(written: Written, at: int) -> Found | None:
    """ "S02E05"."""
    found, language = _EPISODE.match(written.text, at), written.language
    names = language.word("season"), language.word("episode")
    if not found or not all(names):
        return None
    numbers = (language.cardinal(int(found[name])) for name in ("season", "episode"))
    said = " ".join(f"{name} {number}" for name, number in zip(names, numbers, strict=True))
    last = _LAST_EPISODE.match(written.text, found.end())
    if not last:
        return found.end(), said
    number = language.cardinal(int(last["episode"]))
    if last["season"] and last["season"] != found["season"]:
        number = f"{names[0]} {language.cardinal(int(last['season']))} {names[1]} {number}"
    return last.end(), f"{said} {language.word('to')} {number}"


def entity(written: Written, at: int) -> Found | None:
    """ "light.living_room" and "snake_case", without their dots and underscores."""
    found = _ENTITY.match(written.text, at)
    if found and (found["domain"] in _DOMAIN_NAMES or "_" in found[0]):
        return found.end(), _apart(written, found[0])
    found = _SNAKE.match(written.text, at)
    if not found or "_" not in found[0].strip("_"):
        return None
    name = found[0].rstrip(".")
    return at + len(name), _apart(written, name)


def formula(written: Written, at: int) -> Found | None:
    """ "CO2", letter by letter."""
    found = _FORMULA.match(written.text, at)
    return (found.end(), " ".join(_formula(written, char) for char in found[0])) if found else None


def greek(written: Written, at: int) -> Found | None:
    """Find a Greek letter alone or before another one of a formula: "2πr", "ΔT", "α"."""
    name = written.writing.greek.get(written.text[at])
    if not name or _GREEK.match(written.text, at + 1) or _GREEK.match(written.char_before(at)):
        return None
    return at + 1, name


def time_zone(written: Written, at: int) -> Found | None:
    """ "UTC+2", "GMT-05:30": the sign is no dash."""
    found = _ZONE.match(written.text, at)
    if not found:
        return None
    language = written.language
    sign = language.word("plus" if found["sign"] == "+" else "minus")
    parts = [language.cardinal(int(part)) for part in (found["hours"], found["minutes"] or "0") if int(part)]
    return found.end(), written.joined(sign, [found["zone"], written.space.join(parts) or language.cardinal(0)])


def prefix(written: Written, at: int) -> Found | None:
    """Find letters that belong to the number behind them, with a hyphen or without, as in Hebrew."""
    found = written.writing.prefix.match(written.text, at)
    return (found.end(), found["letters"]) if found and not written.char_before(at).isalpha() else None


def code(written: Written, at: int) -> Found | None:
    """Find a letter between two numbers ("5W-30"), a maker's model ("Boeing 737-800"), a paragraph of law: "401(k)"."""
    if found := _CODE.match(written.text, at):
        return found.end(), _runs(written, found[0])
    if written.word_before(at) in written.writing.makers and (found := _OF_MAKER.match(written.text, at)):
        return found.end(), _runs(written, found[0])
    found = _PARAGRAPH.match(written.text, at) if "(" in written.text else None
    if not found or not any(char.isalpha() for char in found["parts"]):
        return None
    parts = _BRACKETS.split(found["parts"])
    said = [written.language.cardinal(int(part)) if part.isdecimal() else part for part in parts if part]
    return found.end(), " ".join([said_digits(written, found["n"]), *said])


def pieces(written: Written, at: int) -> Found | None:
    """Find how many there are of a thing, behind it: "eggs x12"."""
    found = _TIMES.match(written.text, at)
    if not found or not _THING_BEFORE.search(written.left(at)):
        return None
    return found.end(), f"{written.language.word('times')} {written.language.cardinal(int(found['n']))}"


def model(written: Written, at: int) -> Found | None:
    """Any other letters with digits among them: "PM2.5", "COVID-19", "ESP32"."""
    found = _MIXED.match(written.text, at)
    if not found or not _DIGIT.search(found[0]) or _DECADE.match(written.text, at):
        return None
    if found[0].partition("-")[0].lower() in written.writing.range_end or _RAISED.search(found[0]):
        return None
    return found.end(), _runs(written, found[0])


def _formula(written: Written, char: str) -> str:
    return written.language.cardinal(int(char)) if char.isdecimal() else char


def _address(written: Written, address: str) -> str:
    language = written.language
    signs = {
        "@": language.word("at"),
        ".": language.word("dot"),
        "_": language.word("underscore"),
        "-": language.word("dash"),
        "+": language.word("plus"),
    }
    parts = re.split(r"([@._+-])", address)
    return " ".join(signs.get(part) or _runs(written, part) for part in parts if part)


def _apart(written: Written, name: str) -> str:
    return " ".join(_runs(written, part) for part in _WORDS.split(name) if part)


def _runs(written: Written, text: str) -> str:
    """Letters as they are, and the digits between them in words."""
    said = ""
    for run in _RUN.finditer(text):
        if run["digits"] and is_release(run[0]):
            said += f" {said_version(written, run[0])} "
        elif run["digits"]:
            comma = run["mark"] == "," and written.language.decimal_mark != ","
            fraction = run["fraction"] or ""
            digits = said_digits(written, run["digits"], "" if comma else fraction)
            said += f" {digits}, {said_digits(written, fraction)} " if comma and fraction else f" {digits} "
        elif run["letters"] == "s" and run.end() == len(text) and written.writing.month_first:
            said = plural(said.rstrip())
        elif run["letters"]:
            said += run["letters"]
        else:
            hyphenates = text[run.start() - 1 : run.start()].isalpha() and text[run.end() : run.end() + 1].isalpha()
            said += "-" if hyphenates else " "
    return " ".join(said.split())


def plural(number: str) -> str:
    """Return the plural of a number in words, in English: "fifty twos"."""
    if number.endswith("y"):
        return f"{number[:-1]}ies"
    return f"{number}es" if number.endswith("x") else f"{number}s"


def said_digits(written: Written, digits: str, fraction: str = "") -> str:
    """Return the digits of a name in words: "B12" has a number, "007" single digits, "CR2032" is said as a year is."""
    language = written.language
    if fraction:
        return language.decimal(digits, fraction)
    if (len(digits) > 1 and digits[0] == "0") or len(digits) > 6:
        return language.digits(digits)
    if len(digits) == _IN_TWO and language.word("oh") and digits[1:] != "00":
        tail = int(digits[1:])
        oh = f"{language.word('oh')} " if digits[1] == "0" else ""
        return f"{language.cardinal(int(digits[0]))} {oh}{language.cardinal(tail)}"
    if len(digits) == _ROUND and written.writing.models == "years" and digits[1:] != "000":
        return language.year(int(digits))
    return language.cardinal(int(digits))
