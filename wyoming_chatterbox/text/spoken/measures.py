"""Numbers of something: units, money and durations of one language in words."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace

from .numbers import Number, Numbers
from .tables import Table

Amount = Number | tuple[Number, Number]
"""One number, or the lowest and the highest of a range."""


class Measures(Numbers):
    """Units, money and durations of one language in words."""

    def __init__(self, code: str, table: Table) -> None:
        super().__init__(code, table)
        self._units = table.section("units")
        self._per = table.section("per")
        self._currencies = table.section("currencies")
        self._subunits = table.section("subunits")
        self._money = table.section("money")
        self._words_elided = [(re.compile(pattern), new) for pattern, new in self._numbers.lists("elided")]

    def measures(self, unit: str) -> bool:
        """Whether the language has words for the unit: a key of its data, or two of them with a slash ("mg/m³")."""
        counted, _, per = unit.partition("/")
        return unit in self._units or (counted in self._units and per in self._units and bool(per))

    def measure(self, amount: Amount, unit: str, *, numeral: str = "") -> str:
        """ "21.5", "celsius" -> "twenty one point five degrees Celsius"; KeyError for a unit without words.

        `numeral` is a kind of numeral that goes before that of the unit's gender.
        """
        if unit in self._units:
            return self._counted(amount, self._units.forms(unit), numeral)
        counted, slash, per = unit.partition("/")
        if not slash:
            raise KeyError(unit)
        return self.per(self.measure(amount, counted, numeral=numeral), per)

    def per(self, said: str, unit: str) -> str:
        """ "ten euros", "kWh" -> "ten euros per kilowatt hour"."""
        if unit and unit in self._per:
            return self._per.text(unit).replace("{0}", said)
        if unit not in self._units:
            if "/" not in unit:
                raise KeyError(unit)
            name = self.unit(unit, Number("1"))
        else:
            forms = self._units.forms(unit)
            name = (forms.get("one") or forms["other"]).replace("{0}", "").strip()
        return self._per.text("").replace("{0}", said).replace("{1}", name)

    def unit(self, unit: str, number: Number | None = None) -> str:
        """Return the unit's name alone, as after the number; without one, as after many."""
        counted, slash, per = unit.partition("/")
        if slash and unit not in self._units:
            return self.per(self.unit(counted, number), per)
        forms = self._units.forms(unit)
        return self._name(self._form(forms, number) if number else forms["other"])

    def fraction_of(self, unit: str, numerator: int, denominator: int, whole: int = 0) -> str:
        """Return a fraction of a unit: "one half liter", "two and a half liters"."""
        forms = self._units.forms(unit)
        category = "other" if whole else self.word("after_fraction") or "one"
        said = self.fraction(numerator, denominator, whole, gender="" if whole else forms.get("gender", ""))
        of = "" if whole or (numerator, denominator) == (1, 2) else self.word("of")
        return self._elided(self._joined(said, of, self._name(forms.get(category) or forms["other"])))

    def _name(self, form: str) -> str:
        return " ".join(form.replace("{0}", "").split())

    def money(self, amount: Amount, currency: str, *, numeral: str = "") -> str:
        """ "12.50", "EUR" -> "twelve euros and fifty cents"; the currency is an ISO 4217 code, `numeral` as above."""
        forms = self._currencies.forms(currency)
        if not forms:
            raise KeyError(currency)
        if "{0}" not in forms["other"]:
            pattern = self._money.text("pattern", "{0} {1}")
            forms = {name: form if name == "gender" else pattern.replace("{1}", form) for name, form in forms.items()}
        cents = self._subunits.forms(currency)
        if isinstance(amount, Number) and not cents:
            amount = replace(amount, fraction=amount.fraction.rstrip("0"))
        if not isinstance(amount, Number) or amount.scale or len(amount.fraction) not in (1, 2) or not cents:
            return self._counted(amount, forms, numeral)
        fraction = Number(str(int(amount.fraction.ljust(2, "0"))))
        whole = Number(amount.whole, negative=amount.negative, plus=amount.plus)
        if fraction.whole == "0":
            return self._counted(whole, forms, numeral)
        small = self._counted(fraction, cents)
        if not int(whole.whole):
            return self._joined(self.word("minus"), small) if whole.negative else small
        return self._money.text("both", "{0} {1}").replace("{0}", self._counted(whole, forms)).replace("{1}", small)

    def duration(self, parts: Sequence[tuple[Number, str]]) -> str:
        """[("2", "d"), ("3", "h")] -> "two days and three hours"; the units are those of `measure`."""
        said = [self.measure(number, unit) for number, unit in parts]
        if len(said) < 2:
            return "".join(said)
        pattern = self.word("last") or "{0} {1}"
        return pattern.replace("{0}", self._space.join(said[:-1])).replace("{1}", said[-1])

    def _counted(self, amount: Amount, forms: Mapping[str, str], numeral: str = "") -> str:
        """Return the form with its number in it. One form may be without: Arabic has a dual."""
        gender = numeral or forms.get("gender") or self._numbers.text("counting")
        if not isinstance(amount, Number):
            low, high = (self._written_out(number) for number in amount)
            form = self._form(forms, high)
            if self.word("range_high") == "genitive" and not high.fraction:
                form = forms.get("many", form)
            return (form if "{0}" in form else forms["other"]).replace("{0}", self.range(low, high, gender=gender))
        amount = self._written_out(amount)
        form = self._form(forms, amount)
        if "{0}" not in form:
            sign = self.word("minus") if amount.negative else self.word("plus") if amount.plus else ""
            return self._joined(sign, form)
        said = self.number(amount, gender=gender)
        if of := self.word("of"):
            # "Un million de", "cinco millones de".
            said = f"{said} {of}" if amount.scale or self._category(amount) == "many" else said
        elif self.word("one_after") and gender != "plain" and amount == Number("1") and form.startswith("{0} "):
            form = form.removeprefix("{0} ") + " {0}"
        return self._elided(form.replace("{0}", said))

    def _elided(self, said: str) -> str:
        """ "De euros" is "d'euros"."""
        for pattern, new in self._words_elided:
            said = pattern.sub(new, said)
        return said
