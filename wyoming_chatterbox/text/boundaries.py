"""Where a sentence ends, and how much of the text after its punctuation it takes to tell."""

from __future__ import annotations

import re

from .full_stops import LOOK_BACK_CHARACTERS, NO_END, OPENERS, FullStops

CLOSERS = "\"'”’“»«›‹)\\]}」』）】〉》〕］｝"
WIDE_STOPS = "。！？｡"

_GREEK = "\u0370-\u03ff\u1f00-\u1fff"
"""Letters before a semicolon that is a question mark."""

STOP = re.compile(
    rf"\n|(?P<stops>[.!?…‽؟۔।॥։።‼⁇⁈⁉{WIDE_STOPS}]{{1,64}}+|(?<=[{_GREEK}]);|\u037e)(?P<closers>[{CLOSERS}]{{0,64}}+)"
)
"""A newline, or final punctuation with the quotes and brackets that close after it."""

_MAY_STOP = re.compile(rf"[\n.!?…‽؟۔।॥։።‼⁇⁈⁉;\u037e{WIDE_STOPS}]")
"""The first character of a stop; a set alone is found many times faster."""
_QUOTE_LOOK_BACK_CHARACTERS = 1000
_SAYABLE = re.compile(r"[^\W_]")


def next_stop(text: str, at: int) -> re.Match[str] | None:
    """Find the first `STOP` from `at` on."""
    while first := _MAY_STOP.search(text, at):
        if stop := STOP.match(text, first.start()):
            return stop
        at = first.end()
    return None


def sentence_end(
    text: str, stop: re.Match[str], start: int, full_stops: FullStops, *, quoted: int, more: bool
) -> int | None:
    """Return where the sentence that begins at `start` ends, if it ends at `stop`; `NO_END` if it does not.

    `quoted` is the number of French quotes that are open before it; `more` says that more text may come. The result is
    None if it depends on that text: after a full stop it takes the first letter of what follows.
    """
    stops, closers, end = stop["stops"], stop["closers"], stop.end()
    if end == len(text):
        return None if more else end
    if any(char in WIDE_STOPS for char in stops):
        return end
    if text[end] != " ":
        return NO_END
    if not _SAYABLE.search(text, max(start, stop.start() - LOOK_BACK_CHARACTERS), stop.start()):
        return end  # there is nothing to say before the stop, so what follows makes no difference
    if _is_quoted(text, start, end, quoted):
        if more and text[end:] in (" ", " »"):
            return None
        if text.startswith(" »", end) and not text[end + 2 : end + 3].isalnum():
            closers = "»"
            end += 2
            if text[end : end + 1] not in ("", " "):
                return NO_END
    if not (stops == "." or closers):
        return end  # an ellipsis too: whoever trails off makes a pause
    follows = text[end + 1 : end + 1 + LOOK_BACK_CHARACTERS]
    if not follows.startswith("["):
        follows = follows.lstrip(OPENERS)
    if more and not follows:
        return None
    more = more and len(text) < end + 1 + LOOK_BACK_CHARACTERS
    if stops == ".":
        return full_stops.end(text, start, stop.start(), end, follows, more=more)
    return NO_END if follows[:1].islower() else end


def looks_complete(text: str, stop: re.Match[str], full_stops: FullStops, *, patient: bool = False) -> bool:
    """Whether text that ends with `stop`, for now, looks like a whole sentence; the `patient` have waited longer."""
    if text[stop.end() :].strip(" »"):
        return False
    return stop["stops"] != "." or full_stops.looks_final(text, 0, stop.start(), patient=patient)


def _is_quoted(text: str, start: int, end: int, quoted: int) -> bool:
    """Whether a French quote is open, to be closed by a space and a quote: `« Ça va ? » demanda-t-il.`"""
    since = max(start, end - _QUOTE_LOOK_BACK_CHARACTERS)
    return quoted + text.count("«", since, end) > text.count("»", since, end)
