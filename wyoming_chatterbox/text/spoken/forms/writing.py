"""How a language writes: the patterns of its numbers, and the words and signs that rules look for."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files

from ..language import Language
from ..letters import WIDE, WORD
from ..numbers import Number
from ..tables import Table
from .units import PER_UNITS, SPELLINGS, TIME

_PERIODS = ("s", "min", "h", "d", "week", "month", "year")
_SIGNS = {
    "US$": "USD", "A$": "AUD", "AU$": "AUD", "C$": "CAD", "$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY",
    "￥": "JPY", "₹": "INR",
}  # fmt: skip
_LATIN_HALF = re.compile(r"[ap]\.?\s?m\.?")
_BEFORE_NAME = r"(?=\s(?:\d|[^\W\d_a-zß-öø-ÿα-ωа-я]|(?:et|le|la)\b))"
"""Makes a single letter with a full stop sure: a number, a capital, or an article: "M. le Maire"."""


EDGES = "\"'“”„‚‘’«»‹›()[]{}.,;:!?…¿¡"
"""Punctuation around a word."""


@cache
def _contexts() -> Table:
    path = files("wyoming_chatterbox.text.spoken") / "data" / "contexts.toml"
    return Table(tomllib.loads(path.read_text(encoding="utf-8")))


def _everywhere(name: str) -> frozenset[str]:
    return frozenset(_contexts().text(name).split())


def _named(text: str) -> dict[str, str]:
    """Signs and their names, of a text such as "N north, NE north east"."""
    return dict(entry.split(" ", 1) for entry in text.split(", ") if entry)


def _short_pattern(word: str) -> str:
    """Return a pattern for a word that is written short: it may have a capital, and no spaces inside."""
    first = "".join(dict.fromkeys((word[0], word[0].upper())))
    rest = re.escape(word[1:]).replace(r"\ ", r"\s?")
    ending = _BEFORE_NAME if len(word) == 2 and word[1] == "." else r"(?![^\W_]|[/\\])"
    return f"[{first}]{rest}{ending}"


def _as_pattern(currency: str) -> str:
    """Return a pattern for a currency; a name of letters must not be part of a longer one."""
    last = unicodedata.category(currency[-1])
    return re.escape(currency) + (rf"(?!{WORD})" if last[0] in "LM" else "")


def _last_digit(pattern: str) -> str:
    """Return the last digit of the numbers that a pattern of nouns is for; "" if it is for all."""
    return pattern[0] if pattern[1:2] == ":" else ""


def _spaced(units: Iterable[str]) -> str:
    """Return a pattern for the names that have a space, each word with a full stop or without."""
    names = sorted((name for name in units if " " in name and name[0].isalpha()), key=len, reverse=True)
    return "|".join(r"(?:\.\s?|[\s-])".join(map(re.escape, name.split())) for name in names) or "(?!)"


class _Case:
    """A grammatical case: the words that ask for it, and how an amount in words becomes one of that case."""

    def __init__(self, table: Table, cases: Table) -> None:
        self.before = frozenset(table.text("before").split())
        self.follows = frozenset(table.text("follows").split())
        """Has to follow the amount, if it is anything."""
        self.inside = frozenset(table.text("inside").split())
        """Words inside of patterns, such as that of `out_of`, after which an amount stands in this case."""
        self.whole_only = table.text("whole_only") == "yes"
        self.of = re.compile(table.text("of"))
        """Has to be among the words of the amount."""
        words = [*cases.section(table.text("like")).lists("words"), *table.lists("words")]
        self._words = [(re.compile(rf"\b(?:{pattern})\b"), new) for pattern, new in words]

    def applied(self, said: str) -> str:
        for pattern, new in self._words:
            said = pattern.sub(new, said)
        return said


class _Endings:
    """The case endings that a mark joins to a number or a unit, and how they become one word with it."""

    def __init__(self, table: Table) -> None:
        self.pattern = re.compile(rf"(?:{table.text('pattern')})(?!\w)" if table.text("pattern") else "(?!)")
        self._numerals = [(re.compile(pattern), kind) for pattern, kind in table.forms("numerals").items()]
        self._words = [(re.compile(pattern), new) for pattern, new in table.lists("words")]

    def numeral(self, ending: str) -> str:
        """Return the kind of numeral that goes with an ending; empty if it is the plain one."""
        return next((kind for pattern, kind in self._numerals if pattern.fullmatch(ending)), "")

    def joined(self, said: str, ending: str) -> str:
        said += ending
        for pattern, new in self._words:
            said = pattern.sub(new, said)
        return said


class Writing:
    """How a language writes numbers and what is beside them."""

    def __init__(self, language: Language) -> None:
        near = _contexts().section(language.code)
        self._near = near
        decimal = language.decimal_mark
        marks = (language.group_marks | set("'’\u00a0\u2007\u2009\u202f")) - {decimal}
        group = "".join(re.escape(mark) for mark in sorted(marks))
        point = re.escape(decimal)
        self.grouped = re.compile(
            rf"(?!0)\d{{1,3}}(?P<mark>[{group}])\d{{3}}(?:(?P=mark)\d{{3}})*+(?:{point}(?P<fraction>\d++))?+"
            rf"(?!\d|[.,'’]\d)"
        )
        self.foreign = re.compile(
            r"\d{1,3}(?P<mark>[., \u00a0\u202f])\d{3}(?:(?:(?P=mark)\d{3})*(?!(?P=mark))[.,](?P<fraction>\d{1,2})"
            r"|(?:(?P=mark)\d{3})+)(?!\d|[.,]\d)|\d{1,3} 0\d\d(?!\d|[.,-]\d|\s\d)"
        )
        """With the marks of another language, where they tell."""
        self.lakhs = re.compile(rf"\d{{1,2}}(?:,\d\d)+,\d{{3}}(?:{point}(?P<fraction>\d++))?+(?!,?\d)")
        self.plain = re.compile(rf"\d++(?:[.{point}](?P<fraction>\d++)(?![.,]\d))?+")
        self.year = self._set("year")
        self.year_after = self._set("year_after")
        self.year_short = near.forms("year_short")
        self.word_for_year = self._set("word_for_year")
        self.decade = self._set("decade")
        near_decade = "|".join(sorted(self._set("decade_near"))) or "(?!)"
        self.decade_before = re.compile(rf"\b(?:{near_decade})\b", re.IGNORECASE)
        """A word before decades of degrees, somewhere in the sentence."""
        self.decade_after = self._set("decade_after")
        self.seconds_before = self._set("seconds_before")
        self.age = self._set("age")
        self.weekday_after = self._set("weekday_after")
        self.weekday_before = self._set("weekday_before")
        self.decades = near.forms("decades")
        self.century_ending = self._set("century_ending")
        self.per = self._set("per") or frozenset((language.word("per").rstrip("."),))
        self.many = near.forms("many")
        self.decade_ending = near.text("decade_ending")
        self.year_first = near.text("dates") == "ymd"
        self.month_first = near.text("dates", "dmy") == "mdy"
        self.dotted_dates = near.text("dotted_dates") == "yes"
        self.month_before = self._set("month_before")
        self.no_days = self._set("no_days")
        self.day_of = near.forms("day_of")
        self.day_to = self._set("day_to")
        self.day_before = self._set("day_before")
        self.clock = self._set("clock")
        self.clock_after = self._set("clock_after")
        self.lasting = self._set("lasting")
        self.bare_am = near.text("bare_am") == "yes"
        self.hour_before = self._set("hour_before")
        self.hour_with_unit = self._set("hour_with_unit")
        self.hour_maybe = self._set("hour_maybe")
        self.hour_parts = self._set("hour_parts")
        self.hour_after = self._set("hour_after")
        self.minutes_before = self._set("minutes_before")
        self.short_times = near.forms("short_times")
        self.minutes_behind = self._set("minutes_behind")
        self.clock_dotted = self._set("clock_dotted")
        self.clock_is = self._set("clock_is")
        self.phone = self._set("phone")
        phones = near.text("phones") or "(?!)"
        self.phones = re.compile(rf"(?:{phones})(?!\w|[.,]\d|\s?[%°€¥元])")
        self.postcode = re.compile(near.text("postcode") or "(?!)")
        self.phone_pairs = near.text("phone_pairs") == "yes"
        self.emergency = self._set("emergency")
        self.short_numbers = near.text("short_numbers") == "yes"
        self.code = self._set("code")
        ends_in = near.text("ends_in") or "(?!)"
        self.ends_in = re.compile(rf"\b(?:{ends_in})\s\Z", re.IGNORECASE)
        self.version = self._set("version") | {"version"}
        self.has_prefixes = "prefix" in near
        prefix = near.text("prefix") or "(?!)"
        self.prefix = re.compile(rf"(?P<letters>{prefix})-?(?=[\d₪$€])")
        self.prefix_before = re.compile(rf"(?<!\w)(?:{prefix})-?\Z")
        self.models = near.text("models")
        self.years_before_names = near.text("years_before_names") == "yes"
        self.range_end = self._set("range_end")
        self.articles = self._set("articles")
        self.place = self._set("place")
        self.abbreviations: Mapping[str, str] = {
            **dict.fromkeys(self._set("number"), language.word("number")), **near.forms("abbreviations")
        }  # fmt: skip
        """Abbreviations before a number -> the words that they stand for."""
        self.abbreviations_near = {
            short: (said, re.compile(rf"\b(?:{words})\b", re.IGNORECASE))
            for short, said, words in near.lists("abbreviations_near")
        }
        """Those that stand for something else near certain words."""
        self.titles = dict(near.forms("titles"))
        self.after_names = dict(near.forms("after_names"))
        self.after_ordinals = dict(near.forms("after_ordinals"))
        self.streets = self._set("streets")
        self.compass = _named(near.text("compass"))
        points = "|".join(sorted(self.compass, key=len, reverse=True))
        self.point = re.compile(rf"(?:{points or '(?!)'})(?!\w)")
        self.road_before = self._set("road_before")
        self.wind = self._set("wind")
        """Words beside a point of the compass."""
        self.wind_before = re.compile(rf"\b(?:{'|'.join(sorted(self.wind)) or '(?!)'})\b", re.IGNORECASE)
        self.wind_from = re.compile(
            rf"\b(?:{'|'.join(sorted(self.wind)) or '(?!)'})\s[^\W\d_]{{2,4}}\s\Z", re.IGNORECASE
        )
        """A word beside a point of the compass, and a preposition: "wind from N"."""
        streets = "|".join(map(re.escape, (*self.after_names, *self.after_names.values()))) or "(?!)"
        self.street_before = re.compile(rf"\b(?:{streets})\.?\s\Z")
        self.street_after = re.compile(
            rf"\.?\s(?:(?:\d{{1,3}}(?:st|nd|rd|th)|[^\W\d_a-z][\w'’-]+)\s){{1,3}}(?:{streets})(?!\w)"
        )
        self.numbered = self._set("numbered")
        short = near.forms("short")
        self.short: Mapping[str, str] = {word.replace(" ", ""): said for word, said in short.items()}
        """Abbreviations, without spaces -> the words that they stand for."""
        self.short_pattern = re.compile("|".join(map(_short_pattern, sorted(short, key=len, reverse=True))) or "(?!)")
        endings = near.forms("word_endings")
        self.word_endings = dict(endings)
        self.long_pattern = re.compile(
            rf"[^\W\d_]{{2,}}?(?P<ending>{'|'.join(map(re.escape, endings)) or '(?!)'})(?=[\s:,;)]|\Z)"
        )
        """Words of which the end is written short: "Hauptstr."."""
        self.short_parts = frozenset(part for word in short for part in (*word.split(), word.replace(" ", "")))
        self.ratio = near.text("ratio")
        self.ratio_before = self._set("ratio_before")
        self.verse = self._set("verse")
        self.spaced_colon = near.text("spaced_colon") == "yes"
        self.by = near.text("by")
        self.between = self._set("between")
        self.out_of = near.text("out_of")
        self.out_of_after = self._set("out_of_after")
        self.fraction_after = self._set("fraction_after")
        self.counted = self._set("counted")
        self.counted_of = near.text("counted_of")
        self.pressure = self._set("pressure")
        self.over = near.text("over")
        self.ordinal_before = near.forms("ordinal_before")
        self.ordinal_after = [(re.compile(pattern), form) for pattern, form in near.forms("ordinal_after").items()]
        self.ordinal_nouns = [(re.compile(pattern), form) for pattern, form in near.forms("ordinal_nouns").items()]
        self.ordinals = [
            (re.compile(rf"(?:{ending})(?![^\W_])"), form) for ending, form in near.forms("ordinal").items()
        ]
        self.capital_nouns = near.text("nouns") == "capital"
        self.one_before = [
            (_last_digit(pattern), re.compile(pattern[len(_last_digit(pattern)) :].lstrip(":")), gender)
            for pattern, gender in near.forms("one_before").items()
        ]
        self.feminine_before = self._set("feminine_before")
        self.attached = re.compile(near.text("attached") or "(?!)")
        cases = near.section("cases")
        self.cases = [_Case(cases.section(name), cases) for name in cases]
        self.endings = _Endings(near.section("endings"))
        compound = cases.section("compound")
        self.compound = _Case(compound, cases) if list(compound) else None
        """The case of a number before a hyphen and an adjective: "5-летний"."""
        self.parts = self._set("parts")
        self.century_after = self._set("century_after")
        self.plain_ranges = near.text("plain_ranges") == "yes"
        self.century_short = near.forms("century_short")
        self.rulers = _everywhere("rulers")
        self.queens = _everywhere("queens")
        self.greek = _named((near if "greek" in near else _contexts()).text("greek"))
        """Greek letters -> their names, for formulas."""
        self.makers = _everywhere("makers")
        self.regnal = dict(near.forms("regnal"))
        self.units: Mapping[str, str] = {**SPELLINGS, **near.forms("units")}
        self.spaced_unit = re.compile(rf"[\s-]?(?P<name>{_spaced(self.units)})(?!{WORD})")
        """Units of several words: "sq ft", "deg F"."""
        self.unit_words = {name: re.compile(pattern) for name, pattern in near.forms("unit_words").items()}
        wide = [unit for unit in near.forms("units") if re.match(f"[{WIDE}]", unit)]
        self.wide_unit = re.compile("|".join(map(re.escape, wide)) or "(?!)")
        """Units of a script without spaces, which other words follow at once."""
        self.per_units = {
            language.unit(unit, Number("1")).lower(): unit for unit in _PERIODS if language.measures(unit)
        }
        """Names of times after a slash: "/month"."""
        self.time_units: Mapping[str, str] = {
            **TIME, **{name: unit for name, unit in near.forms("units").items() if unit in ("d", "h", "min", "s")}
        }  # fmt: skip
        halves = [re.escape(name) for name in language.half_days if not _LATIN_HALF.fullmatch(name)]
        self.half_day = re.compile(rf"\s?(?P<half>{'|'.join(halves) or '(?!)'})(?![\w/²³])", re.IGNORECASE)
        self.dotted_ordinals = near.text("ordinal_dot") == "lower"
        """Whether "3." before a small letter is an ordinal."""
        self.currencies: Mapping[str, str] = {**_SIGNS, **language.currencies}
        self.currency = re.compile("|".join(map(_as_pattern, sorted(self.currencies, key=len, reverse=True))))
        self.cents = {"¢": "USD", "ct": "EUR", "Ct": "EUR", "cts": "EUR", **near.forms("cents")}
        self.cent = re.compile("|".join(map(_as_pattern, sorted(self.cents, key=len, reverse=True))))
        self.named_days = frozenset(language.months) | frozenset(language.weekdays)
        names = (*self.abbreviations, *self.titles, *self.after_names, *self.short_parts, *self.after_ordinals)
        self.starts = self.named_days | frozenset(name.strip(EDGES).lower() for name in names)
        """Words in small letters that open a region."""
        self.rewritten = self.starts | frozenset(self.currencies) | frozenset(PER_UNITS)
        """Words in small letters that a rule may rewrite."""
        self.goes_on = (
            self._set("goes_on")
            | frozenset("".join(wide))
            | self.wind
            | self.day_to
            | self.clock_after
            | self.hour_after
            | frozenset(language.scales)
            | frozenset(word.lower() for name in self.units if " " in name for word in name.split())
            | frozenset(name.replace(" ", ".").lower() for name in self.units if " " in name)
            | frozenset(part.strip(".") for name in language.half_days for part in name.split())
        )

    @classmethod
    @cache
    def of(cls, language: Language) -> Writing:
        """Return the writing of a language, made once."""
        return cls(language)

    def _set(self, name: str) -> frozenset[str]:
        return frozenset(self._near.text(name).split())
