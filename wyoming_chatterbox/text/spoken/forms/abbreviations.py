"""Abbreviations that stand for words: before a number ("No. 5"), beside a name ("St. James St."), or anywhere."""

from __future__ import annotations

import re

from .written import Found, Written

_BEFORE_NUMBER = re.compile(
    r"(?P<name>[^\W\d_º]+)(?P<sign>\.?[°º]|\.)?(?:\s?(?=\(?\d)|\s(?=\(?[-–−~≈]\d)|\s(?=(?:[B-HJ-Z]|[IVXLC]{2,})(?!\w)))"
)
"""Before a number, a Roman one too, or a single letter in place of one: "Apt. B"."""
_BEFORE_NAME = re.compile(r"(?P<name>[^\W\d_]+\.)(?=\s[^\W\d_a-zß-ÿ](?:[^\W\d_A-ZÀ-Þ]|(?<![NESW])\.\s?[^\W\d_a-zß-ÿ]))")
"""Before a name, or initials that are no points of the compass: "Dr. A. Smith", but "Main St. E. Elm"."""
_AFTER_NAME = re.compile(
    r"(?P<name>[^\W\d_]+)(?:\.(?![^\W_])(?!\s[^\W\d_a-zß-ÿ][^\W\d_A-ZÀ-Þ])|(?=\s?(?:[,;:!?)]|\Z)|\s[NSEW]{1,2}\b))"
)
_NAME_OR_ORDINAL = re.compile(r"(?:[^\W\d_a-zß-ÿ][^\W\d_]{2,}|\d(?:st|nd|rd|th))\s\Z")
_ORDINAL = re.compile(r"\d(?:st|nd|rd|th)\s\Z")
_HOUSE_BEFORE = re.compile(r"(?<![\w.,])\d{2,5}\s(?:[NSEW]{1,2}\.?\s)?(?:[^\W\d_a-z][\w'’-]+\s){1,2}\Z")
"""The number and the name of a street: "1600 Main St. Springfield"."""
_NEAR_CHARACTERS = 48
_CLAUSE = re.compile("[.;!?] ")
_WORD = re.compile(r"(?P<name>[^\W\d_]+)")
_ARTICLE = re.compile(r"\bThe\s\Z")


def before_number(written: Written, at: int) -> Found | None:
    """ "No. 5", "Nr. 5", "n° 5": the word for number; "kl. 7": that for the time; "p. 5"."""
    found = _BEFORE_NUMBER.match(written.text, at)
    if not found:
        return None
    name, sign = found["name"].lower(), found["sign"] or ""
    said = written.writing.abbreviations.get(name + sign) or written.writing.abbreviations.get(name)
    is_word_too = name in ("n", "no") or (len(name) == 2 and found["name"].isupper())  # "PG 13", "RM 50"
    is_sure = sign or not (is_word_too or written.text[found.end()].isalpha())
    is_raised = sign.endswith(("°", "º"))
    if other := written.writing.abbreviations_near.get(name + sign):
        around = _CLAUSE.split(written.left(at))[-1] + written.text[at : at + _NEAR_CHARACTERS]
        said = other[0] if other[1].search(around) else said
    is_initial = len(name) == 1 and found["name"].isupper() and not (is_raised or written.writing.capital_nouns)
    return (found.end(), said + " ") if said and is_sure and not is_initial else None


def beside_name(written: Written, at: int) -> Found | None:
    """ "Dr. Smith" is a doctor, "Evergreen Dr." a drive; "St. James St." has a saint and a street."""
    if found := _BEFORE_NAME.match(written.text, at):
        street = written.writing.after_names.get(found["name"].rstrip("."))
        if street and _HOUSE_BEFORE.search(written.left(at)):
            return found.end(), f"{street},"
        if street and written.name_before(at) in written.writing.streets:
            return found.end(), street
        said = written.writing.titles.get(found["name"])
        return (found.end(), said) if said else None
    left = written.left(at)
    found = _AFTER_NAME.match(written.text, at)
    if (not found or found["name"] in written.writing.after_ordinals) and _ORDINAL.search(left):
        found = _WORD.match(written.text, at)
        if found and (said := written.writing.after_ordinals.get(found["name"])):
            return written.after_dot(found.end()), said
    said = written.writing.after_names.get(found["name"]) if found else None
    if not (found and said and _NAME_OR_ORDINAL.search(left)) or _ARTICLE.search(left):
        return None
    return _without_stop(written, found.end()), said


def anywhere(written: Written, at: int) -> Found | None:
    """ "e.g.", "vs.", "w/o", "z. B."; with a capital at the start of a sentence too."""
    if written.writing.word_endings and (long := written.writing.long_pattern.match(written.text, at)):
        begin = written.text[at : long.start("ending")]
        return _without_stop(written, long.end()), begin + written.writing.word_endings[long["ending"]]
    found = written.writing.short_pattern.match(written.text, at)
    if not found or written.char_before(at) in ("/", "\\", "."):
        return None
    name = "".join(found[0].split())
    if written.char_before(at) == "-" and name[1:] == ".":  # an initial: "J.-M. Dupont"
        return None
    if name[0].isupper() and written.starts_sentence(at) and name not in written.writing.short:
        name = name[0].lower() + name[1:]
    said = written.writing.short.get(name)
    return (_without_stop(written, found.end()), said) if said else None


def _without_stop(written: Written, end: int) -> int:
    """Return where an abbreviation ends: its full stop stays where it ends the sentence too."""
    return written.after_dot(end - 1) if written.text[end - 1] == "." else end
