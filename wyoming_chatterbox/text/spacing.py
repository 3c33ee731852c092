"""White space and punctuation around words that were left out."""

from __future__ import annotations

import re

from .items import Part, Pause, Switch

CLOSING = frozenset(".,;:!?)]}…。、，！？；：）」』】")
"""Punctuation that belongs to the text before it."""

_QUOTES = frozenset("\"'”’»›")
_BRACKETS = {"(": ")", "[": "]", "（": "）"}
_DASHES = frozenset("-–—…|\u00a0")
_SHORTENED = re.compile(r"(?:\A|, )(?:[^\W\d_]{1,5}|\d+(?:\.\d+)+)\.\Z")
"""The end of a cell whose full stop ends no sentence: "Max.", "27.11."."""
_TAIL_LENGTH = 60
"""Characters of the line that are remembered."""


class SpacedText:
    """Collects plain text: keeps spaces single, and tidies up around words that were left out.

    A space after a letter is held until text follows, and so is an opening bracket, because neither is wanted if the
    word after it is left out. A space after anything else goes out at once: it may end a sentence.
    """

    def __init__(self) -> None:
        self._parts: list[Part] = []
        self._text: list[str] = []
        self._last = "\n"
        self.is_empty = True
        """Whether no text was written yet."""
        self._blank = True
        """Whether a paragraph has ended, and no text followed."""
        self._tail = ""
        self.length = 0
        """Characters of the line so far."""
        self.number = 0
        """Number of the line."""
        self._bracket = ""
        """An opening bracket that is held, with the space before it."""
        self._space = False
        self._gap = False
        self._cell = False
        self._in_row = False
        """Whether the line is a row of a table: its spaces are held, so that a comma can take their place."""

    @property
    def waiting(self) -> bool:
        """Whether a bracket is held back."""
        return bool(self._bracket)

    @property
    def tail(self) -> str:
        """The end of the line so far."""
        return self._tail

    def take(self) -> list[Part]:
        """Return the text since the last call, and what divides it."""
        self._join()
        parts, self._parts = self._parts, []
        return parts

    def write(self, text: str) -> None:
        """Write text that is not white space."""
        if self._gap:
            if self._bracket and text == _BRACKETS[self._bracket[-1]]:
                self._space = len(self._bracket) > 1
                self._bracket = ""
                return
            self._gap = False
            if text.isalnum():
                self._space = not self._bracket
            elif text in CLOSING or text in _QUOTES:
                self._space = False
                if self._last.isspace() and text in ",;:":
                    return
        if self._bracket:
            self._put(self._bracket)
            self._bracket = ""
        lead = ""
        if self._cell:
            ends = self._last in CLOSING or self._last in _DASHES
            lead = " " if ends and not _SHORTENED.search(self._tail) and self._last not in ")]}" else ", "
        elif self._space:
            lead = " "
        if self._last.isspace():
            lead = ""
        self._space = self._cell = False
        if text in _BRACKETS:
            self._bracket = lead + text
        else:
            self._put(lead + text)

    def space(self) -> None:
        """Write white space."""
        if not self._bracket:
            self._gap = False
        if self._bracket or self._in_row or self._last.isalnum():
            self._space = True
        elif not self._last.isspace():
            self._put(" ")

    def gap(self) -> None:
        """Note that something which stood for a word was left out here."""
        self._gap = True

    def separate(self) -> None:
        """End a cell of a table."""
        self.stop()
        self._cell = self._in_row = True

    def end(self) -> None:
        """End the line."""
        self.stop()
        if self._last != "\n":
            self._put("\n")
        self._tail, self.length = "", 0
        self._in_row = False
        self.number += 1

    def end_paragraph(self) -> None:
        """End the line and the paragraph: one more newline follows."""
        self.end()
        if not self._blank:
            self._put("\n")
            self._tail, self.length = "", 0
            self._blank = True

    def divide(self, mark: Pause | Switch) -> None:
        """Write what divides the text before it from the text after it."""
        self.stop()
        self._join()
        self._parts.append(mark)
        self._last = "\n"

    def stop(self) -> None:
        """Write the bracket that was held, and drop a space, gap or cell that was noted."""
        if self._bracket:
            self._put(self._bracket)
        self._bracket = ""
        self._space = self._gap = self._cell = False

    def _put(self, text: str) -> None:
        self._text.append(text)
        self._last = text[-1]
        self._blank = self.is_empty = False
        self._tail = (self._tail + text)[-_TAIL_LENGTH:]
        self.length += len(text)

    def _join(self) -> None:
        if self._text:
            self._parts.append("".join(self._text))
            self._text.clear()
