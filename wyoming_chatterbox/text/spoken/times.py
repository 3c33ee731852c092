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

    def day(self, day: int) -> str:
        """The day of a month, as it is said in a date."""
        first = self._dates.text("first") if day == 1 else ""
        return first or self._numeral(self._dates.text("day", "ordinal"), day)

    def date(
        self, year: int | None = None, month: int | None = None, day: int | None = None, weekday: int | None = None
    ) -> str:
        """Of what is known: day and month with or without a year, month and year, or a year; with a weekday before."""
        parts = {}
        if year is not None:
            parts["year"] = self._numeral(self._dates.text("year", "year"), year)
        if month is not None:
            parts["month"] = self.month(month, alone=day is None)
        if day is not None:
            parts["day"] = self.day(day)
        if day is None and month is None:
            said = self.year(year) if year is not None else ""
        else:
            said = self._dates.text("_".join(name for name in ("day", "month", "year") if name in parts))
            for name, text in parts.items():
                said = said.replace(f"{{{name}}}", text)
        return said if weekday is None else self.with_weekday(weekday, said)

    def with_weekday(self, weekday: int, date: str) -> str:
        """A day of the week before a date in words, which may be empty."""
        name = self.weekday(weekday)
        return self._dates.text("weekday", "{0} {1}").replace("{0}", name).replace("{1}", date) if date else name

    def clock(self, hour: int, minute: int = 0, second: int | None = None, half: str = "") -> str:
        """The time of day: the hour 0 to 24, or 1 to 12 where `half` says "am" or "pm"."""
        if half:
            hour = hour % 12 + (12 if half == "pm" else 0)
        written = f"{hour}:{minute:02}" if second is None else ""
        exact = self._clock.section("exact")
        if not half and written in exact:
            return exact.text(written)
        parts = self._clock.lists("parts")
        part = next((name for start, name in reversed(parts) if hour % 24 >= int(start)), "")
        twelve = bool(half and parts) or self._clock.number("cycle") == 12
        if twelve and not half and 0 < hour < 13:
            part = ""
        shown = (hour + 11 + self._clock.number("shift")) % 12 + 1 if twelve else hour
        said = self._time(shown, minute, second, twelve and bool(part))
        if not twelve or not part:
            return said
        return self._clock.text("half", "{0} {1}").replace("{0}", said).replace("{1}", part)

    def _time(self, hour: int, minute: int, second: int | None, half: bool) -> str:
        clock = self._clock
        name = "second" if second is not None else "minute" if minute else "hour"
        pattern = clock.text(name)
        if name == "hour":
            if half:
                pattern = clock.text("hour_half") or pattern
            elif hour > 12 or hour == 0:
                pattern = clock.text("hour_late") or pattern
            if hour == 1:
                pattern = clock.text("hour_one") or pattern
        elif hour == 1:
            pattern = clock.text(f"{name}_one") or pattern
        minutes = self._numeral(clock.text("minutes", "cardinal"), minute)
        if 0 < minute < 10 and clock.text("zero"):
            minutes = self._joined(clock.text("zero"), minutes)
        said = {
            "{h}": self._numeral(clock.text("hours", "cardinal"), hour),
            "{m}": minutes,
            "{s}": self._numeral(clock.text("seconds", "cardinal"), second or 0),
            "{hours}": self.measure(Number(str(hour)), "h") if "{hours}" in pattern else "",
            "{minutes}": self.measure(Number(str(minute)), "min") if "{minutes}" in pattern else "",
            "{seconds}": self.measure(Number(str(second or 0)), "s") if "{seconds}" in pattern else "",
        }
        for place, text in said.items():
            pattern = pattern.replace(place, text)
        return pattern
