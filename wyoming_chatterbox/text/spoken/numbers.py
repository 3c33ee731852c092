"""Numbers in words: cardinals, ordinals, years and decimals of one language."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache

from .plurals import Plurals
from .rules import Rules
from .tables import Table

_MOST_DIGITS = 15
"""Longer numbers are said digit by digit; rule-based formatting is exact up to here."""
_LARGEST = 10**_MOST_DIGITS


@dataclass(frozen=True)
class Number:
    """A number as it was written, without marks of groups.

    `scale` is the exponent of ten of a word that follows it: 9 in "5.3 billion". `plus` asks for the sign to be said.
    """

    whole: str
    fraction: str = ""
    negative: bool = False
    scale: int = 0
    plus: bool = False

    @classmethod
    def read(cls, text: str, *, scale: int = 0) -> "Number":
        """From digits with a point and a sign: "-21.5"."""
        sign, digits = (text[0], text[1:]) if text[:1] in ("+", "-", "−") else ("", text)
        whole, _, fraction = digits.partition(".")
        return cls(whole or "0", fraction, sign in ("-", "−"), scale, sign == "+")


class Numbers:
    """Numbers of one language in words.

    The gender of a numeral is CLDR's name of it ("feminine", "neuter", "common" ...), or a kind of numeral that the
    language's data names ("native" in Korean); one that the language has no form for is the plain numeral.
    """

    def __init__(self, code: str, table: Table) -> None:
        self.code = code
        self._table = table
        self._words = table.section("words")
        self._numbers = table.section("numbers")
        self._cardinals = self._numbers.section("cardinals")
        self._ordinals = self._numbers.section("ordinals")
        self._scales = table.section("scales")
        self._space = self._words.text("space", " ")
        self._digits = self._numbers.texts("digits")
        sets = (self._cardinals, self._ordinals)
        self._rules = Rules(code, {table.text(name) for table in sets for name in table})
        self._replacements = [(kind, re.compile(pattern), new) for kind, pattern, new in self._numbers.lists("replace")]
        self._contractions = [(re.compile(pattern), new) for pattern, new in self._numbers.lists("contractions")]
        self._plurals = Plurals(table.forms("plurals"))
        self._said = lru_cache(maxsize=2048)(self._say)

    def word(self, name: str) -> str:
        """Return a word by its name: "minus", "to", "version" ...; empty where the language has none."""
        return self._words.text(name)

    def cardinal(self, n: int, *, gender: str = "") -> str:
        """ "twenty one"; `gender` is that of the thing counted, in "eine" or "две"."""
        if n < 0:
            return self._joined(self.word("minus"), self.cardinal(-n, gender=gender))
        if n >= _LARGEST:
            return self.digits(str(n))
        return self._said(n, "cardinal", gender)

    def ordinal(self, n: int, *, form: str = "") -> str:
        """ "twenty first"; `form` is a gender, or an ending that the language's data names ("en" in German)."""
        if n < 0 or n >= _LARGEST:
            return self.cardinal(n)
        return self._said(n, "ordinal", form)

    def year(self, n: int, *, after: str = "", before: str = "") -> str:
        """ "nineteen ninety nine"; its form may depend on the words beside it: "w ... roku" in Polish.

        `after` is the word that the year stands after, `before` the one that it stands before.
        """
        beside = self._numbers.section("years")
        kind = beside.text(f"{after.lower()} {before.lower()}") or beside.text(before.lower())
        if kind:
            return self._numeral(kind, n)
        in_full = self._numbers.texts("years_in_full")
        if in_full and int(in_full[0]) <= n <= int(in_full[1]):
            return self.cardinal(n)
        return self._numeral(self._numbers.text("year", "cardinal:year"), n)

    def digits(self, digits: str) -> str:
        """One by one; anything else in the text is left out."""
        names = self._digits
        return self._space.join(
            names[int(digit)] if names else self.cardinal(int(digit)) for digit in digits if digit.isdecimal()
        )

    def decimal(self, whole: str, fraction: str) -> str:
        """ "21", "5" -> "twenty one point five"; the fraction digit by digit, or as the language reads it."""
        fraction = "".join(str(int(digit)) for digit in fraction)
        if "parts" in self._table and len(fraction) <= 3:
            return self._in_parts(whole, fraction)
        return self._joined(
            self._whole(whole, self._numbers.text("decimal")), self.word("decimal"), self._fraction(fraction)
        )

    def number(self, number: Number, *, gender: str = "") -> str:
        """With its sign, fraction and scale: "minus five point three billion"."""
        number = self._written_out(number)
        if number.scale:
            gender = self._numbers.text("scale")
        said = self.decimal(number.whole, number.fraction) if number.fraction else self._whole(number.whole, gender)
        if number.scale:
            forms = self._scales.forms(str(number.scale))
            said = self._form(forms, Number(number.whole, number.fraction)).replace("{0}", said)
        if number.negative or number.plus:
            said = self._joined(self.word("minus" if number.negative else "plus"), said)
        return said

    def range(self, low: Number, high: Number, *, gender: str = "") -> str:
        """ "ten to fifteen"."""
        pattern = self.word("range") or f"{{0}} {self.word('to')} {{1}}"
        upper = self.number(high, gender=self.word("range_high") or gender)
        return pattern.replace("{0}", self.number(low, gender=gender)).replace("{1}", upper)

    def fraction(self, numerator: int, denominator: int, whole: int = 0, *, gender: str = "") -> str:
        """ "three quarters", "two and a half"; `gender` is that of the thing it is a part of, in "eine halbe"."""
        table = self._table.section("fractions")
        name = f"{numerator}/{denominator}"
        if name in table:
            said = table.text(f"{name} {gender}") or table.text(name)
        elif str(denominator) in table:
            forms = table.forms(str(denominator))
            said = self._form(forms, Number(str(numerator))).replace(
                "{0}", self.cardinal(numerator, gender=forms.get("gender", ""))
            )
        else:
            over = table.text("over")
            said = over.replace("{0}", self.cardinal(numerator)).replace("{1}", self.cardinal(denominator))
        if not whole:
            return said
        mixed = table.text(f"mixed {name} {gender}") or table.text(f"mixed {name}") or table.text("mixed")
        return mixed.replace("{0}", self.cardinal(whole, gender=table.text("whole") or gender)).replace("{1}", said)

    def contracted(self, text: str) -> str:
        """Return a line with what its words become beside a numeral: "d'une heure", "siete u ocho"."""
        for pattern, new in self._contractions:
            text = pattern.sub(new, text)
        return text

    def _whole(self, digits: str, gender: str = "") -> str:
        if len(digits) > _MOST_DIGITS:
            return self.digits(digits)
        return self.cardinal(int(digits), gender=gender)

    def _fraction(self, digits: str) -> str:
        if self._numbers.text("fraction") != "number" or len(digits) > 2:
            return self.digits(digits)
        bare = digits.lstrip("0")
        zeros = self.digits(digits[: len(digits) - len(bare)])
        return self._joined(zeros, self.cardinal(int(bare))) if bare else self.digits(digits)

    def _in_parts(self, whole: str, fraction: str) -> str:
        """As Russian does: "двадцать одна целая пять десятых"."""
        parts = self._table.section("parts")
        said = []
        for digits, forms in ((whole, parts.forms("whole")), (fraction, parts.forms(str(len(fraction))))):
            numeral = self._whole(digits, forms.get("gender", ""))
            said.append(self._form(forms, Number(digits.lstrip("0") or "0")).replace("{0}", numeral))
        return self._space.join(said)

    def _written_out(self, number: Number) -> Number:
        """Without a scale that the language has no word for."""
        if not number.scale or str(number.scale) in self._scales:
            return number
        fraction = number.fraction.rstrip("0")
        places = max(number.scale, len(fraction))
        digits = number.whole + fraction.ljust(places, "0")
        cut = len(digits) - (places - number.scale)
        return Number(digits[:cut], digits[cut:], number.negative, plus=number.plus)

    def _form(self, forms: Mapping[str, str], number: Number) -> str:
        """Return the form that agrees with the number, all of it: "five million" is a 5000000."""
        return forms.get(self._category(number)) or forms["other"]

    def _category(self, number: Number) -> str:
        digits = number.whole + number.fraction[: number.scale].ljust(number.scale, "0")
        return self._plurals.category(digits, number.fraction[number.scale :])

    def _joined(self, *parts: str) -> str:
        return self._space.join(part for part in parts if part)

    def _numeral(self, kind: str, n: int) -> str:
        """By a kind: "digits", "year", "cardinal" or "ordinal", and of these a form, "cardinal:native"."""
        kind, _, form = kind.partition(":")
        if kind == "digits":
            return self.digits(str(n))
        if kind == "year":
            return self.year(n)
        return self.ordinal(n, form=form) if kind == "ordinal" else self.cardinal(n, gender=form)

    def _say(self, n: int, kind: str, form: str) -> str:
        sets = self._cardinals if kind == "cardinal" else self._ordinals
        form = form if form in sets else "plain"
        said = self._rules.spell(n, sets.text(form))
        if said is None:
            return self.cardinal(n)
        for applies, pattern, new in self._replacements:
            if applies in ("", kind, f"{kind}:{form}"):
                said = pattern.sub(new, said)
        return " ".join(said.split())
