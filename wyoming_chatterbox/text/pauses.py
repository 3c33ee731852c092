"""Pauses that a text asks for: `<break time="1s"/>`, `[pause 500ms]`, and how other servers write them."""

from __future__ import annotations

import re

LONGEST = 10.0
"""The most seconds of silence between two utterances, however many pauses a text asks for there."""

STRENGTHS = {"none": 0.0, "x-weak": 0.1, "weak": 0.25, "medium": 0.5, "strong": 0.75, "x-strong": 1.0}
"""Seconds of a break by SSML's strengths."""
_USUAL = STRENGTHS["medium"]

_NAMES = "pause|break|silence|wait|delay|slnc"
_SIZES = {"tiny": 0.1, "short": 0.3, "brief": 0.3, "small": 0.3, "medium": 0.5, "long": 1.0, "longer": 1.5}
_MOST_UNITLESS_SECONDS = 30.0
"""A time without a unit is in milliseconds if it is above this, as nobody means so many seconds."""

_TIME = re.compile(
    r"\+?(?P<number>\d{0,6}(?:[.,]\d{1,6})?)\s?(?P<unit>ms|milliseconds?|msecs?|s|secs?|seconds?)?", re.IGNORECASE
)
_WRITTEN = re.compile(
    rf"(?:(?:{_NAMES})(?:\s?[:= ]\s?(?:for\s|of\s)?(?P<after>.+))?"
    rf"|(?P<before>[\d.,]+\s?[a-z]*|{'|'.join(_SIZES)})[\s-](?:{_NAMES}))",
    re.IGNORECASE,
)  # fmt: skip


def seconds_of(time: str) -> float | None:
    """Read a time such as `1.5s`, `500ms` or `0.5`; None if it is none, and at most `LONGEST` seconds."""
    found = _TIME.fullmatch(time.strip())
    if not found or not found["number"]:
        return None
    number = float("0" + found["number"].replace(",", "."))
    unit = (found["unit"] or "").lower()
    if unit.startswith("m") or (not unit and number > _MOST_UNITLESS_SECONDS):
        number /= 1000
    return min(number, LONGEST)


def written_pause(words: str) -> float | None:
    """Read what brackets hold, such as `pause 0.5s`, `break:1s` or `long pause`; None if it is no pause."""
    found = _WRITTEN.fullmatch(words.strip())
    if not found:
        return None
    time = found["after"] or found["before"]
    if time is None:
        return _USUAL
    time = time.strip("\"' ").lower()
    return _SIZES.get(time, STRENGTHS.get(time, seconds_of(time)))


def break_seconds(attributes: dict[str, str]) -> float:
    """Return how long SSML's `<break>` is; what can't be read counts as no attribute."""
    if (seconds := seconds_of(attributes.get("time", ""))) is not None:
        return seconds
    return STRENGTHS.get(attributes.get("strength", "").lower(), _USUAL)
