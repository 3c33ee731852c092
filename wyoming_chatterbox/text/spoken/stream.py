"""Takes plain text as it arrives and gives out its written forms as words, each as soon as they are certain.

White space divides the text into chunks; scripts without spaces are chunks of one character. A chunk that no rule looks
at is cold and passes as soon as it is complete. A chunk that a rule may rewrite is hot: it opens a region, which grows
until a complete cold chunk or the end of the line closes it. A region is rewritten as a whole, with the text before it
as its context, so the result does not depend on how the text was cut into pieces. Chunks and regions have a greatest
length, so the time is linear in the length of the text.
"""

from __future__ import annotations

import re

from .chunks import CHUNK, MAX_CHUNK_LENGTH, Chunks
from .language import Language
from .rewriting import rewrite

MAX_REGION_LENGTH = 400
"""Characters; a region that would grow longer is closed before, at its last comma if it has one."""

_CONTEXT_LENGTH = 48
_SENTENCE_STOPPED = re.compile(
    r"(?:(?:[^\W\d_]{2}|[ap]\.m|[%°€$£²³]|[°\d]\s?[b-oq-zB-OQ-Z])\.|[!?…]|\.\.)[\"'”’»›)\]]*\Z|[。！？｡।۔؟]\Z"
)
"""A full stop after a number or a single letter is none: "21." may become "21.5", and "3 p." becomes "3 p.m."."""


class SpokenText:
    """Spells out plain text that arrives in pieces, in one language.

    A language without data passes text through unchanged. `add`, `settle` and `finish` return the text that is certain
    since the last call; joined, they are the same however the text was cut, as long as it is not settled.
    """

    def __init__(self, language: str) -> None:
        """`language` is an ISO 639-1 code, with a region or without; where none is said, it is English."""
        self._language = Language.get(language.lower().replace("_", "-").partition("-")[0] or "en")
        self._chunks = Chunks.of(self._language) if self._language else None
        self._chunk = ""
        """A chunk that may go on."""
        self._region: list[str] = []
        """Complete chunks and the spaces between them; the first is hot."""
        self._region_length = 0
        self._before = ""
        """Text of this line before the region, at most as much as rules look back."""

    @property
    def waiting(self) -> bool:
        """Whether some text is held."""
        return bool(self._chunk or self._region)

    def add(self, plain: str) -> str:
        """Take the next piece of plain text; newlines end lines."""
        if self._chunks is None:
            return plain
        text = self._chunk + plain
        self._chunk = ""
        out: list[str] = []
        for found in CHUNK.finditer(text):
            chunk = found[0]
            if found.end() == len(text) and found["open"] and len(chunk) < MAX_CHUNK_LENGTH:
                self._chunk = chunk
            else:
                self._take(chunk, out)
        return "".join(out)

    def settle(self) -> str:
        """Return what is held if a sentence seems to end with it, because the text has stalled."""
        held = "".join(self._region).rstrip() if not self._chunk else self._chunk
        return self.finish(line_ends=False) if _SENTENCE_STOPPED.search(held) else ""

    def finish(self, *, line_ends: bool = True) -> str:
        """Return what is held, because no more text comes. Another text can follow."""
        out: list[str] = []
        if self._chunk:
            chunk, self._chunk = self._chunk, ""
            self._take(chunk, out)
        self._close(out)
        if line_ends:
            self._before = ""
        return "".join(out)

    def _take(self, chunk: str, out: list[str]) -> None:
        """Take a complete chunk, a space or a newline."""
        if chunk == "\n":
            self._close(out)
            out.append(chunk)
            self._before = ""
        elif not self._region and (chunk.isspace() or self._is_cold(chunk, starts=True)):
            self._pass(chunk, out)
        else:
            while self._region and self._region_length + len(chunk) > MAX_REGION_LENGTH:
                self._close(out, self._clause())
            self._region.append(chunk)
            self._region_length += len(chunk)
            if not chunk.isspace() and self._is_cold(chunk, starts=False):
                self._close(out)

    def _is_cold(self, chunk: str, *, starts: bool) -> bool:
        assert self._chunks is not None
        return not (self._chunks.is_hot(chunk) if starts else self._chunks.goes_on(chunk))

    def _pass(self, text: str, out: list[str]) -> None:
        out.append(text)
        self._before = (self._before + text)[-_CONTEXT_LENGTH:]

    def _clause(self) -> int:
        """How many chunks of the region there are up to its last comma or semicolon; all if it has none."""
        commas = (number for number in range(len(self._region), 0, -1) if self._region[number - 1][-1] in ",;")
        return next(commas, len(self._region))

    def _close(self, out: list[str], chunks: int | None = None) -> None:
        """Rewrite the region, or so many chunks of it, and give it out."""
        if not self._region:
            return
        assert self._language is not None
        region = "".join(self._region[:chunks])
        out.append(rewrite(region, self._before, self._language))
        self._before = (self._before + region)[-_CONTEXT_LENGTH:]
        self._region = [] if chunks is None else self._region[chunks:]
        self._region_length -= len(region)


def spell(text: str, language: str) -> str:
    """Spell out a whole text."""
    spoken = SpokenText(language)
    return spoken.add(text) + spoken.finish()
