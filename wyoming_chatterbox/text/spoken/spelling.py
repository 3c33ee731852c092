"""Spells out the written forms of a text in words.

White space divides the text into chunks; scripts without spaces are chunks of one character. A chunk that no rule looks
at is cold and stays. A chunk that a rule may rewrite is hot: it opens a region, which grows until a cold chunk or the
end of the line closes it. A region is rewritten as a whole, with the text before it as its context. Chunks and regions
have a greatest length, so the time is linear in the length of the text.
"""

from __future__ import annotations

import re

from ..language_code import bare_code
from .chunks import CHUNK, Chunks
from .language import Language
from .rewriting import rewrite

MAX_REGION_LENGTH = 400
"""Characters; a region that would grow longer is closed before, at its last comma if it has one."""

_CONTEXT_LENGTH = 48


def spell(text: str, language: str) -> str:
    """Return plain text in words; newlines end lines.

    `language` is an ISO 639-1 code, with a region or without; where none is said, it is English. Text of a language
    without data stays as it is.
    """
    known = Language.get(bare_code(language))
    return text if known is None else "\n".join(_Line(known).spelled(line) for line in text.split("\n"))


class _Line:
    """Spells out one line."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self._chunks = Chunks.of(language)
        self._out: list[str] = []
        self._region: list[str] = []
        """Chunks and the spaces between them; the first is hot."""
        self._region_length = 0
        self._line = ""
        self._start = 0
        """Position of the region in the line."""
        self._before = ""
        """Text before the region, at most as much as rules look back."""

    def spelled(self, line: str) -> str:
        self._line = line
        for found in CHUNK.finditer(line):
            self._take(found)
        self._close()
        return self._language.contracted("".join(self._out))

    def _take(self, found: re.Match[str]) -> None:
        """Take a chunk or a space."""
        chunk = found[0]
        is_cold = chunk.isspace() or not (self._chunks.goes_on if self._region else self._chunks.is_hot)(chunk)
        if is_cold and not self._region:
            self._out.append(chunk)
            self._go_past(chunk)
            return
        while self._region and self._region_length + len(chunk) > MAX_REGION_LENGTH:
            self._close(self._clause())
        if not self._region:
            self._start = found.start()
        self._region.append(chunk)
        self._region_length += len(chunk)
        if is_cold and not chunk.isspace():
            self._close()

    def _clause(self) -> int:
        """How many chunks of the region there are up to its last comma or semicolon; all if it has none."""
        commas = (number for number in range(len(self._region), 0, -1) if self._region[number - 1][-1] in ",;")
        return next(commas, len(self._region))

    def _close(self, chunks: int | None = None) -> None:
        """Rewrite the region, or so many chunks of it, and give it out."""
        region = "".join(self._region[:chunks])
        if region:
            self._start += len(region)
            after = self._line[self._start : self._start + _CONTEXT_LENGTH]
            said = rewrite(region, self._before, after, self._language)
            if said.startswith(",") and self._out and self._out[-1].isspace():
                self._out.pop()
            self._out.append(said)
            self._go_past(region)
            self._region = [] if chunks is None else self._region[chunks:]
            self._region_length -= len(region)

    def _go_past(self, text: str) -> None:
        self._before = (self._before + text)[-_CONTEXT_LENGTH:]
