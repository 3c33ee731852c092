"""Dates and the time of day of one language in words."""

from .measures import Measures
from .numbers import Number
from .tables import Table


class Times(Measures):
    """Dates and the time of day of one language in words."""

    def __init__(self, code: str, table: Table) -> None:
        super().__init__(code, table)
        self._dates = table.section("dates")
        self._clock = table.section("clock")

    def month(self, month: int, *, alone: bool = True) -> str:
        """1 is January; not `alone`: as it is said after a day."""
        return self._table.texts("months_alone" if alone else "months")[month - 1]

    def weekday(self, weekday: int) -> str:
        """1 is Monday, 7 is Sunday."""
        return self._table.texts("weekdays")[weekday % 7]

    def day(self, day: int, *, after: str = "") -> str:
        """Return the day of a month, as it is said in a date; `after` as for `date`."""
        dates = self._dates
        form = dates.section("after").text(after.lower())
        first = dates.text("first") if day == 1 and not form else ""
        return first or self._numeral(form or dates.text("day", "ordinal"), day)

    def date(
        self,
        year: int | None = None,
        month: int | None = None,
        day: int | None = None,
        weekday: int | None = None,
        *,
        after: str = "",
    ) -> str:
        """Day and month with or without a year, month and year, or a year, whatever is known; with a weekday before.

        `after` is the word that stands before the date, of which the form may depend: "der" or "am" in German.
        """
        dates = self._dates
        parts = {}
        if year is not None:
            parts["year"] = self._numeral(dates.text("year", "year"), year)
        if month is not None:
            parts["month"] = self.month(month, alone=day is None)
        if day is not None:
            parts["day"] = self.day(day, after=after)
        if day is None and month is None:
            said = dates.text("year_alone", "{0}").replace("{0}", self.year(year)) if year is not None else ""
        else:
            said = dates.text("_".join(name for name in ("day", "month", "year") if name in parts))
            for name, text in parts.items():
                said = said.replace(f"{{{name}}}", text)
        return said if weekday is None else self.with_weekday(weekday, said)

    def weekday_range(self, first: int, last: int, *, to: str = "", after: str = "") -> str:
        """Return two days of the week as a span, with `to` between them; `after` is the word before, not said twice."""
        pattern = self._dates.text("weekday_range") or f"{{0}} {to or self.word('to')} {{1}}"
        for place, names, day in (("{0}", "weekdays_from", first), ("{1}", "weekdays_until", last)):
            pattern = pattern.replace(place, (self._table.texts(names) or self._table.texts("weekdays"))[day % 7])
        return pattern.removeprefix(f"{after} ") if after else pattern

    def with_weekday(self, weekday: int, date: str, *, name: str = "") -> str:
        """Put a day of the week, as it stands alone or in the form `name`, before a date in words; it may be empty."""
        name = name or self.weekday(weekday)
        return self._dates.text("weekday", "{0} {1}").replace("{0}", name).replace("{1}", date) if date else name

    def clock(self, hour: int, minute: int = 0, second: int | None = None, half: str = "", *, after: str = "") -> str:
        """Return the time of day: the hour 0 to 24, or 1 to 12 where `half` says "am" or "pm".

        `after` is the word that stands before, of which the form may depend: "o" in Polish.
        """
        clock = self._clock
        if half:
            hour = hour % 12 + (12 if half == "pm" else 0)
        exact = clock.section("exact")
        if not half and second is None and f"{hour}:{minute:02}" in exact:
            return exact.text(f"{hour}:{minute:02}")
        parts = clock.lists("parts")
        part = next((name for start, name in reversed(parts) if hour % 24 >= int(start)), "")
        twelve = bool(half and parts) or clock.number("cycle") == 12
        if not twelve or (not half and 0 < hour < 13 and not clock.text("always")):
            part = ""
        shown = (hour + 11 + clock.number("shift")) % 12 + 1 if twelve else hour
        said = self._time(shown, minute, second, "_half" if part else "", after.lower())
        if after and said.lower().startswith(f"{after.lower()} "):
            said = said[len(after) + 1 :]
        return clock.text("half", "{0} {1}").replace("{0}", said).replace("{1}", part) if part else said

    def clock_range(self, first: tuple[int, int], last: tuple[int, int], *, after: str = "") -> str:
        """Return a span between two times of day; "" if the language has no words of its own for that.

        `after` is the word before, which is not said twice.
        """
        if not self._clock.texts("range"):
            return ""
        since, until = self._clock.texts("range")
        said = f"{self.clock(*first, after=since)} {until} {self.clock(*last, after=until)}"
        return said if after == since else f"{since} {said}"

    def _time(self, hour: int, minute: int, second: int | None, half: str, after: str) -> str:
        clock = self._clock
        name = "second" if second is not None else "minute" if minute else "hour"
        late = hour == 0 or hour > 12
        kind = clock.section("after").text(after)
        case = f"{name}_{kind.partition(':')[2]}"
        case = case if case in clock else f"{name}_after"
        pattern = (
            (kind and case in clock and self._form(clock.forms(case), Number(str(hour))))
            or (hour == 1 and clock.text(f"{name}_one"))
            or (half and clock.text(f"{name}{half}"))
            or (late and clock.text(f"{name}_late"))
            or clock.text(name)
        )
        hours = kind or (late and clock.text("hours_late"))
        minutes = (kind and clock.text("minutes_after")) or clock.text("minutes", "cardinal")
        zero = (
            clock.text("zero_after" if kind else f"zero{half}", clock.text("zero"))
            if 0 < minute < 10 or (second is not None and not minute)
            else ""
        )
        said = {
            "{h}": self._numeral(hours or clock.text("hours", "cardinal"), hour),
            "{m}": self._joined(zero, self._numeral(minutes, minute)),
            "{s}": self._numeral(clock.text("seconds", "cardinal"), second or 0),
        }
        for place, number, unit in (("{hours}", hour, "h"), ("{minutes}", minute, "min"), ("{seconds}", second, "s")):
            if place in pattern:
                said[place] = self.measure(Number(str(number)), unit)
        for place, text in said.items():
            pattern = pattern.replace(place, text)
        return pattern
