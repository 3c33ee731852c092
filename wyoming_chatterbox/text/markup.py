"""Turns written text into plain text as it arrives: removes markdown, HTML tags, emoji, URLs and invisible characters.

Every decision is made once, from the text before it and as little of the text after it as necessary, so the result does
not depend on how the text was cut into pieces. A link that waits for its closing bracket, a tag or a URL waits for a
limited number of characters, and the time is linear in the length of the text.
"""

from __future__ import annotations

from collections.abc import Collection

from . import markup_patterns as patterns
from .arrival import Arrival
from .cutting import is_sayable
from .hidden import HiddenText
from .inline import InlineMarkup
from .items import Part, Pause
from .lines import Lines, Start, is_inside_phrase, start_of
from .spacing import SpacedText
from .styles import without_style

_SEPARATES = Pause(0.0)


class PlainText:
    """Takes text piece by piece and returns it plain: single spaces, a newline where a line or block ends, two where a
    paragraph does.

    The numbers of lists, the labels of links and the alternative texts of images stay; commas join the cells of a table
    row. Pauses and changes of language come between the text. `add`, `settle` and `finish` return what was decided
    since the last call.
    """

    def __init__(
        self, language: str = "", *, sounds: Collection[str] = (), read_code: bool = False, ssml: bool = False
    ) -> None:
        """`sounds` are the names of the tags that stay, as `[laugh]`; all other stage directions are silent.

        `read_code` keeps the text of blocks of code. In `ssml` only tags are markup, as it is in text that begins with
        `<speak>`.
        """
        self._raw = ""
        self._line = SpacedText()
        self._arrival = Arrival(ssml)
        self._lines = Lines()
        self._line_start = True
        self._ends_line = False
        """Whether the line is an item of a list, a heading or a row: the next line doesn't go on with it."""
        self._next_item = 0
        """The number that the next item of a list inside the line would have, 0 if there is no list."""
        self._table = False
        self._has_cells: bool | None = None
        """Whether bars divide this line into cells, None if that isn't known yet."""
        self._hidden = HiddenText(self._line, read_code=read_code)
        self._inline = InlineMarkup(self._line, self._arrival, self._hidden, sounds=sounds, language=language)

    @property
    def waiting(self) -> bool:
        """Whether some text is undecided: it takes more text to tell whether it is markup."""
        return bool(self._raw) or self._line.waiting

    def add(self, piece: str) -> list[Part]:
        """Take the next piece of text."""
        self._raw += without_style(piece)
        return self._advance()

    def settle(self, *, patient: bool = False) -> list[Part]:
        """Decide about marks at the end of text that has stalled: a mark that may close something closes it.

        With `patient`, the text has stalled for longer, and a line break ends the line.
        """
        self._arrival.stalled, self._arrival.patient = True, patient
        parts = self._advance()
        self._arrival.stalled = self._arrival.patient = False
        return parts

    def flush(self) -> list[Part]:
        """Decide about all that has come, as if no more text would come. More may come all the same."""
        self._arrival.more = False
        self._advance_raw()
        self._line.stop()
        self._arrival.more = True
        return self._line.take()

    def finish(self) -> list[Part]:
        """Decide about the rest, because no more text will come."""
        self._arrival.more = False
        self._advance_raw()
        if rest := self._hidden.unended():
            self._raw = rest
            self._advance_raw()
        self._line.stop()
        return self._line.take()

    def _advance(self) -> list[Part]:
        self._advance_raw()
        return self._line.take()

    def _advance_raw(self) -> None:
        text, at = self._raw, 0
        while at < len(text):
            after = self._step(text, at)
            if after is None:
                break
            self._arrival.before = text[after - 1]
            at = after
        self._raw = text[at:]

    def _step(self, text: str, at: int) -> int | None:
        """Deal with the text at `at`; return the position after it, or None if it takes more text to tell."""
        if self._hidden.active:
            after = self._hidden.step(text, at, more=self._arrival.more)
            if self._hidden.ended_block:
                self._begin_block()
            return after
        char = text[at]
        if char in patterns.NEWLINES and not self._arrival.ssml:
            return self._newline(text, at)
        if self._inline.links.in_url:
            after = self._inline.links.rest_of_url(text, at)
            if after > at:
                return after
        if char.isspace():
            self._line.space()
            return at + 1
        if not self._arrival.ssml:
            after = self._block(text, at) if self._line_start else at
            if after == at:
                self._line_start = False
                after = at if char.isalpha() else self._inside(text, at, char)
            if after != at:
                return after
        number = self._line.number
        after = self._inline.step(text, at)
        if self._line.number > number:
            self._begin_line()
        return after

    def _newline(self, text: str, at: int) -> int | None:
        if text[at] == "\n" and self._arrival.before == "\r":
            return at + 1
        if self._line_start:
            self._inline.clear()
            self._line.end_paragraph()
            self._lines.end_paragraph()
            self._table = False
            self._begin_line()
            return at + 1
        tail = self._line.tail.rstrip()
        ends = self._ends_line or not is_sayable(tail) or self._lines.is_ended(tail) or self._hidden.in_code
        if not ends:
            following = at + (2 if text.startswith("\r\n", at) else 1)
            if text[at] == "\r" and following == len(text) and self._arrival.more:
                return None
            indent = patterns.INDENT.match(text, following)
            begin = indent.end() if indent else following
            blank = begin < len(text) and text[begin] in patterns.NEWLINES
            start = Start.MARKER if blank else self._start_of(text, begin)
            if start is None and not self._arrival.patient:
                return None
            if start and self._lines.goes_on(tail, self._line.length, start):
                self._line.space()
                self._inline.begin_line()
                return begin
        self._lines.end(tail)
        self._line.end()
        self._begin_line()
        return at + 1

    def _start_of(self, text: str, at: int) -> Start | None:
        if at == len(text):
            return None if self._arrival.more else Start.MARKER
        return start_of(text, at, more=self._arrival.more)

    def _begin_line(self) -> None:
        self._line_start = True
        self._ends_line = False
        self._next_item = 0
        self._has_cells = None
        self._inline.begin_line()

    def _begin_block(self) -> None:
        """Go on after what was hidden."""
        self._begin_line()
        self._inline.clear()

    def _block(self, text: str, at: int) -> int | None:
        """Deal with markup at the start of a line; return `at` itself if there is none."""
        char = text[at]
        if self._hidden.in_code:
            return at
        if char in ">#":
            run = patterns.RUN[char].match(text, at)
            after = run.end() if run else at
            if char == "#" and after > at + 6:
                return at
            self._ends_line = self._ends_line or char == "#"
        elif char in patterns.ROUND_BULLETS:
            self._ends_line = True
            return at + 1
        elif char in patterns.BULLETS:
            after = at + 1
        elif char == "[":
            if box := patterns.CHECKBOX.match(text, at):
                self._ends_line = True
                return box.end() - 1
            return None if self._arrival.more and patterns.CHECKBOX_BEGUN.match(text, at) else at
        else:
            return self._line_begun(text, at)
        if after == len(text):
            return None if self._arrival.more else after
        if text[after].isspace():
            self._ends_line = self._ends_line or char != ">"
            return after
        self._ends_line = False
        return self._line_begun(text, at)

    def _line_begun(self, text: str, at: int) -> int | None:
        """Note how a line begins that has no further markup before its text."""
        start = start_of(text, at, more=self._arrival.more)
        if start is None and not self._arrival.stalled:
            return None
        if item := patterns.ITEM.match(text, at):
            self._ends_line = True
            self._next_item = int(item[1]) + 1
        if text[at] == "|":
            self._has_cells = True
            self._ends_line = True
        self._lines.begin(start or Start.OTHER)
        return at

    def _inside(self, text: str, at: int, char: str) -> int | None:
        """Deal with what structures a line from inside; return `at` itself if there is nothing of it."""
        if self._inline.in_code:
            return at
        if char.isdecimal():
            return self._item(text, at)
        if char in "`~":
            return self._fence(text, at)
        if char in patterns.ROUND_BULLETS and self._arrival.before.isspace():
            return self._bullet(text, at)
        if char == "|" and not self._hidden.in_code:
            return self._cell(text, at)
        return at

    def _item(self, text: str, at: int) -> int | None:
        """Divide the line before an item of a list inside it: `We need: 1. Milk 2. Eggs`."""
        tail = self._line.tail.rstrip()
        expected = self._next_item or (1 if tail.endswith((":", "：")) else 0)
        if not expected or not self._arrival.before.isspace():
            return at
        item = patterns.ITEM.match(text, at)
        if item is None:
            return (
                None if self._arrival.more and not self._arrival.stalled and patterns.ITEM_BEGUN.match(text, at) else at
            )
        if (
            int(item[1]) == expected
            and tail
            and not tail.endswith(",")
            and not (expected > 1 and is_inside_phrase(tail))
        ):
            self._line.divide(_SEPARATES)
            self._next_item = expected + 1
        return at

    def _bullet(self, text: str, at: int) -> int | None:
        """Divide the line before an item of a list inside it that has a bullet."""
        if at + 1 == len(text):
            return None if self._arrival.more else at
        if not text[at + 1].isspace():
            return at
        self._line.divide(_SEPARATES)
        return at + 1

    def _fence(self, text: str, at: int) -> int | None:
        """Deal with three or more back ticks or tildes: a block of code, or what separates lines."""
        run = patterns.RUN[text[at]].match(text, at)
        after = run.end() if run else at
        if after == len(text) and self._arrival.more:
            return None
        if after < at + 3:
            return at
        end = self._hidden.fence(text, at, after, line_start=not self._line.length, more=self._arrival.more)
        if end is None:
            return None
        if end > at:
            self._begin_block()
            return end
        if text[at] == "~" and not self._hidden.in_code:
            self._line.end()
            self._begin_block()
            return after
        return at

    def _cell(self, text: str, at: int) -> int | None:
        """Deal with a bar: between the cells of a table it divides them."""
        if self._has_cells is None and self._table:
            self._has_cells = True
        elif self._has_cells is None:
            heading = patterns.TABLE.match(text, at)
            if self._arrival.more and (heading.end() == len(text) if heading else patterns.TABLE_BEGUN.match(text, at)):
                return None
            self._has_cells = self._table = heading is not None
        if not self._has_cells:
            return at
        self._ends_line = True
        self._line.separate()
        return at + 1
