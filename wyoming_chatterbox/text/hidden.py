"""Text that is there to be seen and not to be said: blocks of code, and what a language model only thinks."""

from __future__ import annotations

import re

from .fences import closing_end, info_end, sentences_in
from .items import Pause
from .markup_patterns import NEWLINES
from .spacing import SpacedText

_MARKDOWN = frozenset(("markdown", "md"))
_NEWLINE = re.compile(f"[{NEWLINES}]")
_CLOSING = re.compile(r"</[ \t]{0,8}([A-Za-z_-]{1,40})\s{0,8}>")
_CLOSING_BEGUN = re.compile(r"</?[ \t]{0,8}[A-Za-z_-]{0,40}\s{0,8}\Z")


class HiddenText:
    """Passes over hidden text, or knows that code is being read.

    Code ends at its closing marks. If they never come and its opening marks named no language, it was text after all:
    `unended` returns it, and after marks with a language what reads like sentences. What a tag hides ends at the tag
    that closes it, and is never said. A block of Markdown is text.
    """

    def __init__(self, line: SpacedText, *, read_code: bool) -> None:
        self._line = line
        self._read_code = read_code
        self._fence = ""
        self._tag = ""
        self._is_block = False
        self._line_start = False
        self._passed: list[str] = []
        """Text passed over since the opening marks."""
        self._is_named = False
        """Whether the opening marks named a language."""
        self._markdown = ""
        """The opening marks of a block of Markdown."""

    @property
    def active(self) -> bool:
        """Whether text is passed over."""
        return bool(self._tag) or bool(self._fence and not self._read_code)

    @property
    def in_code(self) -> bool:
        """Whether code is being read."""
        return bool(self._fence) and self._read_code

    @property
    def ended_block(self) -> bool:
        """Whether nothing is hidden any more, and what was hidden last was a block of its own."""
        return self._is_block and not self.active

    def hide(self, tag: str, *, is_block: bool) -> None:
        """Pass over text until a tag of this name closes it."""
        self._tag, self._is_block = tag, is_block
        if is_block:
            self._line.end()

    def fence(self, text: str, at: int, after: int, *, line_start: bool, more: bool) -> int | None:
        """Begin or end a block of code at the marks `text[at:after]`; return where their line goes on.

        The result is None if it takes more text to tell, and `at` if the marks do neither.
        """
        if begun := self._fence or self._markdown:
            end = closing_end(text, at, begun, line_start=line_start, more=more)
            if end is not None and end > at:
                self._fence, self._markdown = "", self._markdown if self._fence else ""
                self._line.end()
            if self._fence or end != at:
                return end
        end = info_end(text, at, after, more=more)
        if end is not None and end > at:
            name = text[after:end].strip().lower()
            if name in _MARKDOWN:
                self._markdown = text[at:after]
            else:
                self._fence = text[at:after]
                self._is_block = True
                self._line_start = False
                self._passed, self._is_named = [], bool(name)
            self._line.end()
            self._line.divide(Pause(0.0))
        return end

    def step(self, text: str, at: int, *, more: bool) -> int | None:
        """Pass over text from `at` on; return how far, or None if it takes more text to tell."""
        return self._step_tag(text, at, more) if self._tag else self._step_code(text, at, more)

    def unended(self) -> str:
        """Return what is text in a block of code that never ended; it is hidden no more."""
        rest = "".join(self._passed)
        self._fence, self._passed = "", []
        return sentences_in(rest) if self._is_named else rest

    def _step_tag(self, text: str, at: int, more: bool) -> int | None:
        start = text.find("<", at)
        if start < 0:
            return len(text)
        closing = _CLOSING.match(text, start)
        if closing and closing[1].lower() == self._tag:
            self._tag = ""
            return closing.end()
        if more and closing is None and _CLOSING_BEGUN.match(text, start):
            return start if start > at else None
        return start + 1

    def _step_code(self, text: str, at: int, more: bool) -> int | None:
        end = closing_end(text, at, self._fence, line_start=self._line_start, more=more)
        if end is None:
            return None
        if end > at:
            self._fence, self._passed = "", []
            return end
        newline = _NEWLINE.search(text, at)
        if newline and newline.start() == at:
            self._line_start = True
            return self._pass(text, at, at + 1)
        self._line_start = False
        stop = newline.start() if newline else len(text)
        mark = text.find(self._fence[0], at + 1, stop)
        return self._pass(text, at, mark if mark > 0 else stop)

    def _pass(self, text: str, at: int, after: int) -> int:
        self._passed.append(text[at:after])
        return after
