"""Written text as the rules see it: a region, what is before it, and how the language writes."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeAlias

from ..language import Language
from ..letters import WORD
from ..measures import Amount
from ..numbers import Number
from .writing import Writing

Found: TypeAlias = tuple[int, str]
"""Where a form ends, and how it is said."""

Rule: TypeAlias = "Callable[[Written, int], Found | None]"
"""Looks for one kind of form at a position of a region."""

_WORD_BEFORE = re.compile(r"([^\W\d_](?:[^\W\d_'’.]|[\u0900-\u0903\u093a-\u094f])*)[.,:]{0,2}[\"'(\s-]*\Z")
_LONGEST_WORD = 24
"""Characters of the longest word that is looked for, and of what stands behind it."""
_CLOCK_BEFORE = re.compile(r"([^\W\d_]+)\.?\s(?:([^\W\d_]+)\s|\d{1,2}\.\d\d\s?[-–]\s?)\Z")
"""A word, and behind it another one or the first time of a range."""
_COUNTED = re.compile(r"\s?([^\W\d_][^\W\d_'’]*(?:-[^\W\d_]+)*)")
_NUMBERED = re.compile(r"(?:(?<!\w)n(?:[ro]|úm|um)?\.?[º°]?|[#№])\s?\Z", re.IGNORECASE)
_WORD_AFTER = re.compile(rf"\s({WORD})")
_ADJECTIVE_BEFORE = re.compile(r"\ban?\s[a-z]+\s\Z")
_NAME_BEFORE = re.compile(r"([^\W\d_][\w'’-]*)\.?\s\Z")
_NOUN_AFTER = re.compile(
    r"\s(?!(?:of|and|or|in|is|are|was|were|will|has|have|can|to|from|at|per|away|long|left|ahead|before|after|ago|apart|more"
    r"|on|for|with|by|than|as|if|but)\b)[^\W\d_]{2}"
)
_ENDS_SENTENCE = re.compile(r"[\"'”’»)\]\s]*\Z")
"""The rest of a sentence behind its full stop: only closing quotes and brackets."""
_OPENERS = " \t\u00a0\u202f\"'“„«([¿¡"
_MACHINE_MADE = re.compile(r"\d{1,2}\.\d(?:\d[1-9]|[1-9]\d)")
"""A point that may be one between thousands, but not before a unit of small amounts: "21.456 °C", "12.345 kWh"."""
_SMALL_AFTER = re.compile(
    r"\s?(?:[°%]|(?:kWh|MWh|kW|V|A|bar|m/s|km/h)(?!\w)|(?:€|\$|£|[^\W\d_]{1,3}\.?)\s?/\s?(?:kWh|l|L|Liter)(?!\w))"
)


class Written:
    """A region of text, its context, and its language."""

    __slots__ = ("_numbers", "_words", "after", "before", "is_dense", "language", "space", "text", "writing")

    def __init__(self, text: str, before: str, after: str, language: Language) -> None:
        self.text = text
        self.before = before
        self.after = after
        self.language = language
        self.writing = Writing.of(language)
        self.is_dense = language.code in ("ja", "zh")
        """Whether words stand without spaces."""
        self.space = "" if self.is_dense else " "
        self._words: dict[int, str] = {}
        self._numbers: dict[int, tuple[Number, int] | None] = {}

    def left(self, at: int, length: int = 48) -> str:
        """Return the text before a position, at most `length` characters."""
        if at >= length:
            return self.text[at - length : at]
        return (self.before + self.text[:at])[-length:]

    def right(self, at: int) -> str:
        """Return the text from a position on, with what stands behind the region."""
        return self.text[at:] + self.after

    def char_before(self, at: int) -> str:
        """Return the character before a position; empty at the start of the line."""
        return self.text[at - 1] if at else self.before[-1:]

    def word_before(self, at: int) -> str:
        """Return the word before a position, in lower case; empty if something else is there."""
        if at not in self._words:
            found = _WORD_BEFORE.search(self.left(at, _LONGEST_WORD))
            self._words[at] = found[1].lower() if found else ""
        return self._words[at]

    def is_clock(self, at: int) -> bool:
        """Whether the words before a position say that digits with a point are a time of day."""
        writing = self.writing
        if self.word_before(at) in writing.clock_dotted:
            return True
        found = _CLOCK_BEFORE.search(self.left(at)) if writing.clock_dotted else None
        between = found[2].lower() in writing.clock_is if found and found[2] else True
        return found is not None and between and found[1].lower() in writing.clock_dotted

    def follows_prefix(self, at: int) -> bool:
        """Whether letters before a position belong to what begins there."""
        return self.writing.has_prefixes and bool(self.writing.prefix_before.search(self.left(at, 6)))

    def name_before(self, at: int) -> str:
        """Return the word before a position as it is written, with one space between."""
        found = _NAME_BEFORE.search(self.left(at))
        return found[1] if found else ""

    def starts_sentence(self, at: int) -> bool:
        """Whether the sentence starts at a position: there is one on a line."""
        return not self.left(at).rstrip(_OPENERS)

    def capital(self, said: str) -> str:
        """With a capital letter."""
        first = "İ" if self.language.code == "tr" and said[0] == "i" else said[0].upper()
        return first + said[1:]

    def in_case(self, at: int, end: int, amount: Amount, said: str) -> str:
        """Put an amount into the case that the word before asks for: "in einer Stunde", "до двадцати градусов"."""
        before = self.word_before(at) if self.writing.cases else ""
        if self.left(at).rstrip().endswith((",", ";", ":")):
            return said
        for case in self.writing.cases:
            follows = not case.follows or self.word_after(end) in case.follows
            if before not in case.before or not follows or not case.of.search(said):
                continue
            numbers = (amount,) if isinstance(amount, Number) else amount
            return said if case.whole_only and any(number.fraction for number in numbers) else case.applied(said)
        return said

    def numeral_by_ending(self, end: int) -> tuple[str, int]:
        """Return the kind of numeral that a case ending asks for, and where it ends: "5:ssa"; "" if there is none."""
        endings = self.writing.endings
        found = endings.pattern.match(self.text, end)
        return (endings.numeral(found[0]), found.end()) if found else ("", end)

    def with_ending(self, end: int, said: str) -> Found:
        """Take in the case ending that a mark joins at a position: "5 %:ssa", "5 km'den"."""
        found = self.writing.endings.pattern.match(self.text, end)
        return (found.end(), self.writing.endings.joined(said, found[0])) if found and said else (end, said)

    def out_of(self, pattern: str, part: str, whole: str) -> str:
        """Return a part and the whole by a pattern, the whole in the case that the word before it asks for."""
        of = pattern.partition("{1}")[0].split()[-1:]
        case = next((case for case in self.writing.cases if case.inside.intersection(of)), None)
        return pattern.format(part, case.applied(whole) if case else whole)

    def gender_of(self, number: int, at: int, end: int) -> str:
        """Return the gender of a numeral by the ending of the word behind it or by the article before; or ""."""
        writing = self.writing
        word = _COUNTED.match(self.text, end) if writing.one_before else None
        is_score = "-" in self.text[at:end] or self.char_before(at) in ("-", "–")
        if word and is_score and word[1][0].isupper() and not writing.capital_nouns:  # "3-1 Barcelona"
            word = None
        last = str(number % 10) if number % 100 not in (11, 12) else ""
        for only, pattern, gender in writing.one_before if word else ():
            if word and only in ("", last) and pattern.fullmatch(word[1]):
                return "" if _NUMBERED.search(self.left(at, 6)) else gender
        return "feminine" if writing.feminine_before and self.word_before(at) in writing.feminine_before else ""

    def word_after(self, end: int) -> str:
        """Return the word after a position, in lower case; empty if something else is there."""
        found = _WORD_AFTER.match(self.text, end)
        return found[1].lower() if found else ""

    def is_word(self, unit: str, end: int) -> bool:
        """Whether the spelling of a unit is another word here, by the one behind it: "Il sensore 3 ha rilevato"."""
        pattern = self.writing.unit_words.get(unit)
        word = _WORD_AFTER.match(self.text, end) if pattern else None
        return bool(pattern and word and pattern.fullmatch(word[1]))

    def describes(self, at: int, end: int) -> bool:
        """Whether an amount stands between an article and a noun, in English: "a 5 km run"."""
        articles = self.writing.articles
        is_described = self.word_before(at) in articles or (articles and _ADJECTIVE_BEFORE.search(self.left(at, 24)))
        return bool(is_described) and self.counts(end)

    def counts(self, end: int) -> bool:
        """Whether the number that ends at a position may count what follows, in English."""
        return bool(_NOUN_AFTER.match(self.text, end))

    def after_dot(self, end: int) -> int:
        """Return the position after the full stop of an abbreviation, unless it ends the sentence too."""
        if not self.text.startswith(".", end) or self.text.startswith("..", end):
            return end
        return end if _ENDS_SENTENCE.match(self.text, end + 1) else end + 1

    def joined(self, word: str, parts: Sequence[str]) -> str:
        """Parts with a word between them, and spaces where the language has them."""
        return f"{self.space}{word}{self.space}".join(parts)

    def number(self, at: int) -> tuple[Number, int] | None:
        """Return the number without a sign that begins at a position, and where it ends."""
        if at not in self._numbers:
            self._numbers[at] = self._number(at)
        return self._numbers[at]

    def _number(self, at: int) -> tuple[Number, int] | None:
        writing = self.writing
        for pattern in (writing.grouped, writing.foreign, writing.lakhs):
            found = pattern.match(self.text, at)
            if found and not (_MACHINE_MADE.fullmatch(found[0]) and _SMALL_AFTER.match(self.text, found.end())):
                whole = re.sub(r"\D", "", found[0][: found.start("fraction") - at] if found["fraction"] else found[0])
                return Number(whole, found["fraction"] or ""), found.end()
        if not (found := writing.plain.match(self.text, at)):
            return None
        fraction = found["fraction"] or ""
        whole = found[0][: len(found[0]) - len(fraction) - 1] if fraction else found[0]
        return Number(whole, fraction), found.end()
