"""Where blocks of code begin and end: between lines, or inside of one, as language models write them."""

from __future__ import annotations

import re

from .markup_patterns import NEWLINES

_ATTRIBUTE = r"[ \t]{1,20}+(?=[^\s`]{0,100}[={:./_\"'])[^\s`]{1,100}+"
_NAMED = rf"[ \t]{{0,20}}+(?:[\w+#.-]{{1,30}}+(?:{_ATTRIBUTE}){{0,8}}+"
_INFO = re.compile(rf"{_NAMED})?[ \t]{{0,20}}+(?=[{NEWLINES}])")
_INFO_BEGUN = re.compile(rf"{_NAMED}(?:[ \t]{{1,20}}+[^\s`]{{0,100}}+)?)?[ \t]{{0,20}}+\Z")
_TIGHT_INFO = re.compile(rf"[\w+#.-]{{0,30}}+[ \t]{{0,20}}+(?=[{NEWLINES}])")
_TIGHT_INFO_BEGUN = re.compile(r"[\w+#.-]{0,30}+[ \t]{0,20}+\Z")
_RUN = re.compile(r"[ \t]{0,200}+(`{1,64}+|~{1,64}+)")
_BLANK = re.compile(r"[ \t]{0,200}+\Z")
_PARAGRAPHS = re.compile(r"(?:\r\n?|\n)[ \t]*(?:\r\n?|\n)\s*")
_SENTENCE = re.compile(r"[*_]{0,3}[^\W\d_a-zß-ÿ][^{}<>=;\[\]\\|$]{0,2000}[.!?:][*_\"'”)]{0,4}\s*\Z")
_LEAST_WORDS = 3


def sentences_in(code: str) -> str:
    """Return the paragraphs of code that read like sentences: text after a block whose end is missing."""
    paragraphs = _PARAGRAPHS.split(code)[1:]
    return "\n\n".join(part for part in paragraphs if _SENTENCE.match(part) and len(part.split()) >= _LEAST_WORDS)


def info_end(text: str, run: int, after: int, *, more: bool) -> int | None:
    """Return where the line ends on which a run of back ticks or tildes begins a block of code.

    The run is `text[run:after]`. The result is None if it takes more text to tell, and `after` minus the run's length
    if it begins none.
    """
    tildes = text[run] == "~"
    if info := (_TIGHT_INFO if tildes else _INFO).match(text, after):
        return info.end()
    begun = _TIGHT_INFO_BEGUN if tildes else _INFO_BEGUN
    return None if more and begun.match(text, after) else run


def closing_end(text: str, at: int, fence: str, *, line_start: bool, more: bool) -> int | None:
    """Return where the run that ends a block of code ends, looking at `at`; None and `at` as in `info_end`.

    Back ticks end it anywhere, tildes at the start of a line. What follows on the line is text again, unless it is
    nothing but the name of a language: then the run begins another block inside.
    """
    run = _RUN.match(text, at)
    if run is None:
        return None if more and line_start and _BLANK.match(text, at) else at
    if not line_start and (run.start(1) > at or fence[0] == "~"):
        return at
    if run.end() == len(text) and more:
        return None
    if run[1][0] != fence[0] or len(run[1]) < len(fence):
        return at
    info = _TIGHT_INFO.match(text, run.end())
    if info and info.end() > run.end() and text[run.end()] not in " \t":
        return at
    return None if info is None and more and _TIGHT_INFO_BEGUN.match(text, run.end()) else run.end()
