"""Whether a full stop ends a sentence, from the word before it and the text after it."""

from __future__ import annotations

import re
from functools import cache

from .abbreviations import Abbreviations, words
from .language_code import bare_code

NO_END = -1
OPENERS = "([{\"'„“«»‚‘‹›¿¡「『（【《"
LOOK_BACK_CHARACTERS = 40

# Single letters of abbreviations written with spaces: "z. B.", "d. h.", "p. ej."; capitals are initials anyway.
_LOWER_INITIALS = frozenset("acdehinopsuvzκ")
_SPACED = ("p. ex", "p. ej", "p. es", "per es", "ad es", "т. е", "т. к", "т. ч")
_HALF_DAYS = frozenset({"a.m", "p.m"})
_AFTER_HALF_DAY = words("""
    Monday Tuesday Wednesday Thursday Friday Saturday Sunday Mon Tue Tues Wed Thu Thurs Fri Sat
    ET EST EDT CT CST CDT MT MST MDT PT PST PDT GMT UTC BST CET CEST IST AEST AEDT
""")
_VERBS = words("""
    is isn't was wasn't will won't has had looks seems starts begins works brings means should can may might
""")
"""Words after a day of the week that begins a sentence: "We close at 5 p.m. Monday is a holiday."."""
_INSIDE = "&=+*/|%→"
"""No sentence begins with one of these."""
_LETTER_GROUPS = re.compile(r"(?:\w\.-?)+\w")
_SHORT_GROUPS = re.compile(r"(?:[^\W\d_]{1,2}\.)+[^\W\d_]{1,2}")
"""Abbreviations that no list has: "bl.a."."""
_DAYS = re.compile(r"(?:\d{1,2}\.?[-–])?\d{1,2}")
_ORDINALS = re.compile(r"\d{1,3}\.[-–/]\d{1,3}")
"""As in "1.–3. Platz"."""
_TIME = re.compile(r"\d{1,2}(?:(?::\d\d)?\s?[ap]\.?m\b|[:–-]\d)", re.IGNORECASE)
_TIME_BEGUN = re.compile(r"\d{1,2}(?::\d{0,2}|[–-])?\s?(?:[ap]\.?m?)?\Z", re.IGNORECASE)
_APOSTROPHE = re.compile("['’]")
_LONGEST_ENDING = 2
"""Letters behind an apostrophe that are no word: "they've", but "l'avv."."""
_JOINED = re.compile("[-–/]")
_SIGNS = "-–−+~≈<>±"
_NUMBER = re.compile(r"\d{1,3}")
_ORDINAL_BEFORE = re.compile(r"\d(?:st|nd|rd|th) \w+\Z")
_MEASURE = re.compile(r"\d\s?[ACFKV]\Z")
"""An amount with a unit of one letter, which is no initial."""
_SHORT_TIME = re.compile(r"\d\s?[hs]\Z")
"""An amount of hours or seconds, whose letter is no initial either."""
_AMOUNT = r"\d+(?:[.,/]\d+)?\s?"
_AMOUNT_BEGUN = re.compile(rf"{_AMOUNT}[^\W\d_]*\Z")
_DEGREES = re.compile(rf"{_AMOUNT}[°%]")
"""After an hour of a forecast: "8 a.m. 54°F, 9 a.m. 57°F"."""
_UNITS = words("hr hrs min mins sec secs lb lbs ft yr yrs gal qt")
_NEXT_PART = re.compile(
    rf"{_AMOUNT}(?:(?:mins?|minutes?|secs?|seconds?|sek|s|oz|ounces?|in|inch(?:es)?|mos?|months?|qts?|pts?)\b|[\"″])"
)
"""After a unit: "1 hr. 20 min.", "5 lb. 3 oz."."""
_LETTER = re.compile(r"[B-HJ-Z](?!\w)")
"""In place of a number: "Apt. B"."""
_ROMAN = re.compile(r"[IVXL]{2,}(?!\w)")
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)?")
_SECOND_WORD = re.compile(rf"{_WORD.pattern}(?: ({_WORD.pattern})?)?")


class FullStops:
    """Decides about full stops in texts of one language."""

    def __init__(self, language: str) -> None:
        self._words = Abbreviations.of(bare_code(language))

    @classmethod
    @cache
    def of(cls, language: str) -> FullStops:
        """Return those of a language, an ISO 639-1 code, made once."""
        return cls(language)

    def end(self, text: str, start: int, at: int, end: int, follows: str, *, more: bool) -> int | None:
        """Return `end` if the full stop at `at` ends the sentence that begins at `start`; else `NO_END`.

        `follows` is the text after it without what opens. The result is None if it takes more text to tell.
        """
        if follows[:1] in _INSIDE and follows:
            return NO_END
        known = self._words
        word = word_before(text, start, at)
        name = _APOSTROPHE.split(word)[-1]
        word = name if len(name) > _LONGEST_ENDING else word
        lower, is_lower = word.lower(), follows[:1].islower()
        if _NUMBER.fullmatch(text[start:at].strip()):  # a list's number is no sentence of its own
            return NO_END
        if _is_number(word):
            if is_lower or self._is_ordinal_place(text, start, at, word):
                return NO_END
            if known.months and _ORDINALS.fullmatch(word):
                return NO_END
            # German has an ordinal before a month: "am 3. Mai".
            return _unless(_is_one_of(known.months, follows, more), end) if _DAYS.fullmatch(word) else end
        if _MEASURE.search(text, max(start, at - LOOK_BACK_CHARACTERS), at):
            return NO_END if is_lower else end
        if _SHORT_TIME.search(text, max(start, at - LOOK_BACK_CHARACTERS), at):
            return end if follows[:1].isupper() else NO_END
        if _is_spaced(text, start, at):
            return NO_END
        if word in known.scales or self._never_ends(word):
            return self._if_begun(text, start, at, word, follows, end, more)
        if word in known.counted and follows[:1].isalpha() and self._follows_number(text, start, at, word):
            return _if(_is_one_of(known.beginners, follows, more), end)
        if word in known.unless_followed and follows[:1].isupper():
            return _unless(_is_one_of(known.unless_followed[word], follows, more), end)
        if word in known.behind_number and not self._follows_number(text, start, at, word):
            return NO_END
        if lower in known.sometimes_ends:
            if lower in _HALF_DAYS and follows[:1].isdigit():
                return _unless(_goes_on(_DEGREES, follows, more), end)
            if lower in _HALF_DAYS and follows[:1].isalpha() and not is_lower:
                return _unless(_belongs_to_time(follows, more), end)
            return end if follows[:1].isupper() else NO_END
        if word in known.before_times and follows[:1].isdigit():
            return _unless(_is_time(follows, more), end)
        if follows[:1].isdigit() and _SHORT_GROUPS.fullmatch(word) and not self._follows_number(text, start, at, word):
            return NO_END
        if text.startswith("(", end + 1) and follows[:1].isdigit() and self._follows_number(text, start, at, word):
            return NO_END
        if self._wants_number(word):
            if more and (len(follows) == 1 or not follows.strip(_SIGNS) or _ROMAN.fullmatch(follows)):
                return None
            if lower in _UNITS and follows[:1].isdigit() and self._follows_number(text, start, at, word):
                return _unless(_goes_on(_NEXT_PART, follows, more), end)
            number_follows = follows.lstrip(_SIGNS)[:1].isdigit() or _ROMAN.match(follows) is not None
            number_follows |= lower in known.lettered and _LETTER.match(follows) is not None
            return NO_END if is_lower or number_follows or follows.startswith((":", ",", ";")) else end
        return NO_END if is_lower else end

    def looks_final(self, text: str, start: int, at: int, *, patient: bool) -> bool:
        """Whether the full stop at `at`, which ends the text for now, looks like the end of its sentence.

        It may be a decimal point after a digit, and belong to an abbreviation after a letter: such text looks whole
        only to the `patient`, who have waited longer.
        """
        word = word_before(text, start, at)
        if _NUMBER.fullmatch(text[start:at].strip()):
            return False
        if _is_number(word):
            return patient and not self._is_ordinal_place(text, start, at, word)
        if len(word) == 1 or word.lower() in self._words.sometimes_ends:
            return patient and not _is_spaced(text, start, at)
        return not (word in self._words.scales or self._never_ends(word) or _is_spaced(text, start, at))

    def _if_begun(self, text: str, start: int, at: int, word: str, follows: str, end: int, more: bool) -> int | None:
        """Return `end` where a sentence begins after a title, or after a street behind an ordinal; else `NO_END`."""
        if word not in self._words.scales and not word.replace(".", "").isupper():
            if len(word) == 1 or not word[0].isupper() or "." in word:
                return NO_END
            if _ORDINAL_BEFORE.search(text, max(start, at - LOOK_BACK_CHARACTERS), at) and follows[:1].isupper():
                return end
        return _if(_is_one_of(self._words.beginners, follows, more), end)

    def _follows_number(self, text: str, start: int, at: int, word: str) -> bool:
        return _is_number(word_before(text, start, max(start, at - len(word) - 1)))

    def _wants_number(self, word: str) -> bool:
        wanting, lower = self._words.unless_number_follows, word.lower()
        is_street = self._words.streets and lower.endswith(("str", "nr"))
        first, *others = _JOINED.split(lower)
        is_span = bool(others) and first.endswith(".") and first[:-1] in wanting  # "Mon.–Sat. 10–6"
        return is_street or is_span or word in wanting or (others or [first])[-1] in wanting

    def _never_ends(self, word: str) -> bool:
        if len(word) == 1:
            return word.isupper() or word in _LOWER_INITIALS
        never, lower = self._words.never_ends, word.lower()
        # Of words in capitals only titles: "DR. SMITH", but neither "CAD" nor "mAh".
        if word in never or (lower in never and (word[1:].islower() or word.capitalize() in never)):
            return True
        return lower not in self._words.sometimes_ends and bool(_LETTER_GROUPS.fullmatch(word))

    def _is_ordinal_place(self, text: str, start: int, at: int, word: str) -> bool:
        """Whether a number stands where German has an ordinal: `der 1. Platz`, `im 19. Jahrhundert`."""
        if len(word) > 3 or not word.isdigit():
            return False
        return word_before(text, start, max(start, at - len(word) - 1)).lower() in self._words.before_ordinal


def word_before(text: str, start: int, at: int) -> str:
    """Return the word that ends at `at`, without what opens before it."""
    begin = max(start, at - LOOK_BACK_CHARACTERS)
    space = text.rfind(" ", begin, at)
    return text[max(begin, space + 1) : at].lstrip(OPENERS + "-–—/")


def _unless(belongs: bool | None, end: int) -> int | None:
    """Return `end` unless what follows belongs to the sentence, or may do so (None)."""
    return None if belongs is None else NO_END if belongs else end


def _if(begins: bool | None, end: int) -> int | None:
    """Return `end` if a sentence begins with what follows, or None if it may do so."""
    return None if begins is None else end if begins else NO_END


def _belongs_to_time(follows: str, more: bool) -> bool | None:
    """Whether a day of the week or a time zone follows a time of day, and no sentence that begins with one."""
    is_named = _is_one_of(_AFTER_HALF_DAY, follows, more)
    if not is_named:
        return is_named
    found = _SECOND_WORD.match(follows)
    if found and more and found.end() == len(follows):
        return None
    return not (found and found[1] in _VERBS)


def _is_one_of(names: frozenset[str], follows: str, more: bool) -> bool | None:
    """Whether one of the names follows; None if it takes more text to tell."""
    name = _WORD.match(follows)
    if not name:
        return False
    if more and name.end() == len(follows) and any(known.startswith(name[0]) for known in names):
        return None
    return name[0] in names


def _goes_on(pattern: re.Pattern[str], follows: str, more: bool) -> bool | None:
    """Whether a number follows with what the pattern has behind it; None if it takes more text to tell."""
    if more and _AMOUNT_BEGUN.match(follows):
        return None
    return bool(pattern.match(follows))


def _is_time(follows: str, more: bool) -> bool | None:
    """Whether a time of day or a verse follows; None if it takes more text to tell."""
    return None if more and _TIME_BEGUN.match(follows) else bool(_TIME.match(follows))


def _is_number(word: str) -> bool:
    return word[-1:].isdigit()


def _is_spaced(text: str, start: int, at: int) -> bool:
    return text[max(start, at - LOOK_BACK_CHARACTERS) : at].lower().endswith(_SPACED)
