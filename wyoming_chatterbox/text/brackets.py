"""Brackets that hold no text: stage directions, pauses, citations, footnote marks."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .directions import is_acted, is_direction, sound_of
from .pauses import written_pause

MAX_LENGTH = 80

_HELD = re.compile(rf"\[([^\[\]\n]{{1,{MAX_LENGTH}}}+)\]")
_BEGUN = re.compile(rf"\[[^\[\]\n]{{0,{MAX_LENGTH}}}+\Z")
_DOUBLE = re.compile(r"\[\[\s?(slnc \d{1,6})\s?\]\]")
_DOUBLE_BEGUN = re.compile(r"\[(?:\[[a-z0-9 ]{0,20}\]?)?\Z")
_NOTE = re.compile(r"\^[^\s\[\]]{1,40}")
_ALERT = re.compile(r"![A-Z]{2,20}")
_CITATION = re.compile(r"(?:[1-9]\d{0,2}|citation needed)(?:\s?[,;–-]\s?[1-9]\d{0,2}){0,20}")
_WORDS = re.compile(r"[^\W\d_]+(?:[ '’-][^\W\d_]+)*")

_WORD = "[A-Za-z]{1,15}"
_ACTED = re.compile(rf"\(({_WORD}(?: {_WORD}){{0,2}})\)|\*({_WORD}(?: {_WORD}){{0,2}})\*(?!\*)")
_ACTED_BEGUN = re.compile(rf"[(*](?:(?:{_WORD} ){{0,2}}{_WORD}[ )*]?)?\Z")

_SOURCE = re.compile(r"【(?:[^【】\n]{0,60}†[^【】\n]{0,100}|\d{1,3}(?:[:,]\d{1,3})*)】")
_SOURCE_BEGUN = re.compile(r"【[^【】\n]{0,160}\Z")
_MARKED = re.compile("\ue200[^\ue200\ue201\n]{0,300}\ue201")
_MARKED_BEGUN = re.compile("\ue200[^\ue200\ue201\n]{0,300}\\Z")

_NAME = r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.){1,5}"
_ENDINGS = (
    "com|org|net|edu|gov|int|info|io|ai|app|dev|tv|co|me|eu|uk|us|de|fr|it|es|nl|pt|pl|ru|se|no|fi|dk|gr|tr|ar|at|be|br"
    "|ca|ch|cn|cz|hk|hu|ie|il|in|jp|kr|lt|lu|lv|mx|nz|ro|rs|sg|si|sk|tw|ua|za|news|blog|online|site|wiki"
)
_ADDRESS = rf"{_NAME}(?:{_ENDINGS})(?:/[^\s()]{{0,300}})?"
_SOURCES = "(?:(?:sources?|via|from|see|quelle|siehe|fonte|fuente|bron):? )?"
_SITE = re.compile(rf"\({_SOURCES}{_ADDRESS}(?:[,;] {_ADDRESS}){{0,5}}\)", re.IGNORECASE)
_SITE_BEGUN = re.compile(
    rf"\({_SOURCES}(?:[^\s().]{{1,63}}\.[^\s()]{{1,400}}[,;] ){{0,5}}(?:[^\s().]{{1,63}}\.)?[^\s()]{{0,400}}\Z",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Bracket:
    """A bracket that holds no text, and where it ends."""

    end: int
    pause: float | None = None
    """Seconds of the pause that it asks for."""
    sound: str | None = None
    """Name of the sound that it asks for."""


def bracket_at(text: str, at: int, *, more: bool) -> Bracket | int | None:
    """Read the `[` at `at`; return None if it takes more text to tell, and `at` itself if it holds text.

    `more` says that more text may come.
    """
    if double := _DOUBLE.match(text, at):
        return Bracket(double.end(), pause=written_pause(double[1]))
    if more and text.startswith("[[", at) and _DOUBLE_BEGUN.match(text, at):
        return None
    held = _HELD.match(text, at)
    if held is None:
        return None if more and _BEGUN.match(text, at) else at
    words, end = held[1].strip(), held.end()
    if (seconds := written_pause(words)) is not None:
        return Bracket(end, pause=seconds)
    if sound := sound_of(words):
        return Bracket(end, sound=sound)
    if _NOTE.fullmatch(words) or _ALERT.fullmatch(words) or _CITATION.fullmatch(words):
        return Bracket(end)
    return Bracket(end) if _WORDS.fullmatch(words) and is_direction(words) else at


def acted_at(text: str, at: int, *, more: bool) -> Bracket | int | None:
    """Read what somebody does, written as `(sighs)` or `*sighs*`; the result is as in `bracket_at`."""
    acted = _ACTED.match(text, at)
    if acted and more and acted.end() == len(text) and text[at] == "*":
        return None
    if acted and is_acted(words := acted[1] or acted[2]):
        return Bracket(acted.end(), sound=sound_of(words.split()[0]) or sound_of(words))
    return None if more and acted is None and _ACTED_BEGUN.match(text, at) else at


def citation_end(text: str, at: int, *, more: bool) -> int | None:
    """Return where a citation such as `【4†source】` or `(example.com)` at `at` ends.

    The result is None if it takes more text to tell, and `at` itself if there is none.
    """
    kinds = {"【": (_SOURCE, _SOURCE_BEGUN), "(": (_SITE, _SITE_BEGUN), "\ue200": (_MARKED, _MARKED_BEGUN)}
    if text[at] not in kinds:
        return at
    whole, begun = kinds[text[at]]
    if found := whole.match(text, at):
        return found.end()
    return None if more and begun.match(text, at) else at
