"""Points of the compass: "wind NNW 15 mph", "10 km NE of", "45° N", "125 E. Main St."."""

from __future__ import annotations

import re

from .written import Found, Written

_JOINED = re.compile(r"-([^\W\d_]+)")
_SPEED_AFTER = re.compile(r"\.?\s[\d.,–-]+(?:\sto\s\d+)?\s?(?:mph|km/[hu]|kph|kn|knots|kts?|m/s|км/ч|м/с)(?!\w)")
_AMOUNT_BEFORE = re.compile(r"\d\s?(?:mph|km/h|kph|knots|kts?|m/s|km|mi|miles|kilometers|m|ft|feet)\s\Z")
_DEGREES_AFTER = re.compile(r"\s\d{1,3}°(?!\s?[CF])")
_POINT_BEFORE = re.compile(r"(?<!\w)[NS][NSEW]{1,2}\s?[→–-]\s?\Z")
_POINT_AFTER = re.compile(r"\s?[→–-]\s?[NS][NSEW]{1,2}(?!\w)")
_HOUSE_BEFORE = re.compile(r"(?<![^\W_])\d{1,5}[A-Z]?\s\Z")
_DEGREES_BEFORE = re.compile(r"\d°\s?(?:[\d.]+['′]\s?(?:[\d.]+[\"″]\s?)?)?\Z")
_SENTENCE_AFTER = re.compile(r"\.\s[^\W\d_a-zà-ÿа-яё]")
_NAME_AFTER = re.compile(r"\.\s[^\W\d_a-z][^\W\d_A-Z]")
_HIGHWAY_BEFORE = re.compile(r"\b(?:I|[A-Z]{2}|Hwy|Highway|Route|Rte?|Interstate)\.?[- ]\d{1,4}\s\Z")


def direction(written: Written, at: int) -> Found | None:
    """Find a point of the compass where what is beside it tells that it is one."""
    writing = written.writing
    found = writing.point.match(written.text, at) if writing.compass else None
    if not found:
        return None
    left, end = written.left(at), found.end()
    is_short = len(found[0]) == 1
    is_word_too = is_short and not writing.road_before  # "Corro 5 km. E poi?"
    is_of_street = bool(
        writing.street_before.search(left)
        or (_HOUSE_BEFORE.search(left) and is_before_street(written, end))
        or (written.word_before(at) in writing.road_before and is_before_street(written, end))
        or writing.street_after.match(written.right(end))
    )
    is_sure = (
        is_of_street
        or (_AMOUNT_BEFORE.search(left) and not is_word_too)
        or _DEGREES_BEFORE.search(left)
        or _HIGHWAY_BEFORE.search(left)
        or (_SPEED_AFTER.match(written.text, end) and not is_word_too)
        or (written.word_before(at) in writing.wind and not (is_word_too and left.endswith((", ", ". "))))
        or (written.word_after(end) in writing.wind and not is_word_too)
        or ((joined := _JOINED.match(written.text, end)) and joined[1].lower() in writing.wind)
        or _DEGREES_AFTER.match(written.text, end)
        or (is_short and writing.wind_from.search(left))
        or (not is_short and (writing.wind_before.search(left) or _is_beside_point(written, left, end)))
    )
    if not is_sure:
        return None
    ends = not is_of_street and _SENTENCE_AFTER.match(written.right(end))
    return end if ends else written.after_dot(end), writing.compass[found[0]]


def _is_beside_point(written: Written, left: str, end: int) -> bool:
    """Whether another point stands on the other side of an arrow or a dash: "NE→SW"."""
    return bool(_POINT_BEFORE.search(left) or _POINT_AFTER.match(written.text, end))


def is_before_street(written: Written, end: int) -> bool:
    """Whether the name of a street follows the letter that ends at a position."""
    follows = written.writing.street_after.match(written.text, end) or _NAME_AFTER.match(written.text, end)
    return bool(written.writing.compass and follows)
