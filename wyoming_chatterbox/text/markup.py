"""Turns written text into plain text as it arrives: removes markdown, HTML tags, emoji, URLs and invisible characters.

Every decision is made once, from the text before it and as little of the text after it as necessary, so the result does
not depend on how the text was cut into pieces. A link that waits for its closing bracket, a tag or a URL waits for a
limited number of characters, and the time is linear in the length of the text.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Collection

from . import markup_patterns as patterns
from .cutting import is_sayable
from .brackets import Bracket, bracket_at, citation_end
from .emphasis import Emphasis
from .hidden import HiddenText
from .items import Part, Pause
from .lines import Lines, Start, is_inside_phrase, start_of
from .links import link_end, url_end
from .spacing import SpacedText
from .styles import CIRCLED, without_style
from .tagged import TaggedText
from .tags import Tag, tag_at

_SEPARATES = Pause(0.0)


class PlainText:
    """Takes text piece by piece and returns it plain: single spaces, a newline where a line or block ends, two where a
    paragraph does.

    The numbers of lists, the labels of links and the alternative texts of images stay; commas join the cells of a table
    row. Pauses and changes of language come between the text. `add`, `settle` and `finish` return what was decided
    since the last call.
    """

    def __init__(self, *, sounds: Collection[str] = (), read_code: bool = False, ssml: bool = False) -> None:
        """`sounds` are the names of the tags that stay, as `[laugh]`; all other stage directions are silent.

        `read_code` keeps the text of blocks of code. In `ssml` only tags are markup.
        """
        self._raw = ""
        self._line = SpacedText()
        self._more = True
        self._stalled = False
        self._patient = False
        self._before = "\n"
        self._ssml = ssml
        self._sounds = frozenset(sounds)
        self._lines = Lines()
        self._line_start = True
        self._ends_line = False
        """Whether the line is an item of a list, a heading or a row: the next line doesn't go on with it."""
        self._next_item = 0
        """The number that the next item of a list inside the line would have, 0 if there is no list."""
        self._table = False
        self._has_cells: bool | None = None
        """Whether bars divide this line into cells, None if that isn't known yet."""
        self._in_url = False
        self._code = 0
        self._emphasis = Emphasis()
        self._link_tails: list[int] = []
        self._hidden = HiddenText(self._line, read_code=read_code)
        self._tagged = TaggedText(self._line, self._hidden, self._sounds, ssml=ssml)

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
        self._stalled, self._patient = True, patient
        parts = self._advance()
        self._stalled = self._patient = False
        return parts

    def flush(self) -> list[Part]:
        """Decide about all that has come, as if no more text would come. More may come all the same."""
        self._more = False
        self._advance_raw()
        self._line.stop()
        self._more = True
        return self._line.take()

    def finish(self) -> list[Part]:
        """Decide about the rest, because no more text will come."""
        self._more = False
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
            self._before = text[after - 1]
            at = after
        self._raw = text[at:]

    def _step(self, text: str, at: int) -> int | None:
        """Deal with the text at `at`; return the position after it, or None if it takes more text to tell."""
        if self._hidden.active:
            after = self._hidden.step(text, at, more=self._more)
            if not self._hidden.active and self._hidden.ended_block:
                self._begin_block()
            return after
        char = text[at]
        if char in patterns.NEWLINES and not self._ssml:
            return self._newline(text, at)
        if self._in_url:
            if rest := patterns.URL.match(text, at):
                return rest.end()
            self._in_url = False
        if char.isspace():
            self._line.space()
            return at + 1
        if self._line_start and not self._ssml:
            after = self._block(text, at)
            if after != at:
                return after
        self._line_start = False
        if char in CIRCLED:
            return self._number(CIRCLED[char], at + 1)
        if word := patterns.LETTERS.match(text, at):
            return self._word(text, word)
        if char == "]" and self._link_tails:
            return at + self._link_tails.pop()
        after = self._mark(text, at, char)
        if after == at and not (self._code or self._hidden.in_code):
            after = self._inline(text, at, char)
        if after != at:
            return after
        self._write(char)
        return at + 1

    def _write(self, char: str) -> None:
        """Write a character that is no markup; leave it out if it can't be said."""
        if patterns.EMOJI.match(char):
            self._line.gap()
        elif char.isspace():
            self._line.space()
        elif not (patterns.VARIATION.match(char) or unicodedata.category(char) in patterns.INVISIBLE):
            self._line.write(char)

    def _number(self, number: str, after: int) -> int:
        """Write a number that a single sign stood for."""
        if self._before.isalnum():
            self._line.gap()
        self._line.write(number)
        self._line.gap()
        return after

    # Lines

    def _newline(self, text: str, at: int) -> int | None:
        if text[at] == "\n" and self._before == "\r":
            return at + 1
        if self._line_start:
            self._emphasis.clear()
            self._line.end_paragraph()
            self._lines.end_paragraph()
            self._table = False
            self._begin_line()
            return at + 1
        tail = self._line.tail.rstrip()
        ends = self._ends_line or not is_sayable(tail) or self._lines.is_ended(tail) or self._hidden.in_code
        if not ends:
            following = at + (2 if text.startswith("\r\n", at) else 1)
            if text[at] == "\r" and following == len(text) and self._more:
                return None
            indent = patterns.INDENT.match(text, following)
            begin = indent.end() if indent else following
            blank = begin < len(text) and text[begin] in patterns.NEWLINES
            start = Start.MARKER if blank else self._start_of(text, begin)
            if start is None and not self._patient:
                return None
            if start and self._lines.goes_on(tail, self._line.length, start):
                self._line.space()
                self._code = 0
                return begin
        self._lines.end(tail)
        self._line.end()
        self._begin_line()
        return at + 1

    def _start_of(self, text: str, at: int) -> Start | None:
        if at == len(text):
            return None if self._more else Start.MARKER
        return start_of(text, at, more=self._more)

    def _begin_line(self) -> None:
        self._line_start = True
        self._ends_line = False
        self._next_item = 0
        self._has_cells = None
        self._in_url = False
        self._code = 0

    def _begin_block(self) -> None:
        """Go on after what was hidden, or after a tag that ends a line."""
        self._begin_line()
        self._emphasis.clear()

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
            return None if self._more and patterns.CHECKBOX_BEGUN.match(text, at) else at
        else:
            return self._line_begun(text, at)
        if after == len(text):
            return None if self._more else after
        if text[after].isspace():
            self._ends_line = self._ends_line or char != ">"
            return after
        self._ends_line = False
        return self._line_begun(text, at)

    def _line_begun(self, text: str, at: int) -> int | None:
        """Note how a line begins that has no further markup before its text."""
        if self._more and not self._stalled and patterns.ITEM_BEGUN.match(text, at):
            return None
        if item := patterns.ITEM.match(text, at):
            self._ends_line = True
            self._next_item = int(item[1]) + 1
        if text[at] == "|":
            self._has_cells = True
            self._ends_line = True
        start = start_of(text, at, more=False)
        self._lines.begin(start or Start.OTHER)
        return at

    # Marks

    def _mark(self, text: str, at: int, char: str) -> int | None:
        """Deal with digits, and with marks that are not letters; return `at` itself if there is nothing to do."""
        if self._ssml:
            return at
        if char in "0123456789#*":
            after = self._keycap(text, at)
            if after != at:
                return after
        if char.isdecimal():
            return self._item(text, at)
        if char in "`~":
            after = self._fence(text, at)
            if after != at:
                return after
        if char in "*_~`":
            return self._emphasis_mark(text, at)
        if char == "．" and self._before.isdecimal():
            if at + 1 == len(text) and self._more:
                return None
            if text[at + 1 : at + 2].isdecimal():
                self._line.write(".")
                return at + 1
        return at

    def _keycap(self, text: str, at: int) -> int | None:
        follows = text[at + 1 : at + 3]
        if self._more and follows in ("", patterns.EMOJI_STYLE) and text[at] != "*":
            return None
        for keycap in (patterns.KEYCAP, patterns.EMOJI_STYLE + patterns.KEYCAP):
            if follows.startswith(keycap):
                if text[at].isdecimal():
                    return self._number(text[at], at + 1 + len(keycap))
                self._line.gap()
                return at + 1 + len(keycap)
        return at

    def _item(self, text: str, at: int) -> int | None:
        """Divide the line before an item of a list inside it: `We need: 1. Milk 2. Eggs`."""
        tail = self._line.tail.rstrip()
        expected = self._next_item or (1 if tail.endswith((":", "：")) else 0)
        if not expected or not self._before.isspace():
            return at
        item = patterns.ITEM.match(text, at)
        if item is None:
            return None if self._more and not self._stalled and patterns.ITEM_BEGUN.match(text, at) else at
        if int(item[1]) == expected and tail and not tail.endswith(",") and not (expected > 1 and is_inside_phrase(tail)):
            self._line.divide(_SEPARATES)
            self._next_item = expected + 1
        return at

    def _fence(self, text: str, at: int) -> int | None:
        """Deal with three or more back ticks or tildes: a block of code, or what separates lines."""
        if self._code:
            return at
        run = patterns.RUN[text[at]].match(text, at)
        after = run.end() if run else at
        if after == len(text) and self._more:
            return None
        if after < at + 3:
            return at
        end = self._hidden.fence(text, at, after, line_start=not self._line.length, more=self._more)
        if end is None or end > at:
            self._begin_block()
            return end
        if text[at] == "~" and not self._hidden.in_code:
            self._line.end()
            self._begin_block()
            return after
        return at

    def _emphasis_mark(self, text: str, at: int) -> int | None:
        """Deal with a run of emphasis marks or back ticks: markup, or literal (`2 * 3`, `snake_case`)."""
        char = text[at]
        run = patterns.RUN[char].match(text, at)
        after = run.end() if run else at + 1
        before = self._before
        if after == len(text) and self._more and (not self._stalled or before.isspace()):
            return None
        if char == "*" and self._more and text[after:] == patterns.EMOJI_STYLE:
            return None
        follows = text[after : after + 1] or "\n"
        if self._hidden.in_code:
            self._line.write(text[at:after])
        elif char == "`":
            self._back_ticks(after - at, before, follows)
        elif self._code or not self._emphasis.take(char, after - at, before, follows):
            self._line.write(text[at:after])
        return after

    def _back_ticks(self, length: int, before: str, follows: str) -> None:
        if length == 1 and not self._code and before.isalpha() and follows.isalpha():
            self._line.write("'")
        elif not self._code:
            self._code = length
        elif self._code == length:
            self._code = 0

    # Inside a line

    def _word(self, text: str, word: re.Match[str]) -> int | None:
        """Deal with letters: a word, a part of one, or the beginning of a URL."""
        after = word.end()
        if self._tagged.spell(text[word.start()]):
            return word.start() + 1
        inside = self._before.isascii() and self._before.isalpha()
        if patterns.SCHEME.fullmatch(word[0]) and not inside:
            marks = {"www": ".", "mailto": ":"}.get(word[0].lower(), "://")
            if self._more and len(text) - after < len(marks) and marks.startswith(text[after:]):
                return None
            if text.startswith(marks, after):
                return self._url(text, word, after + len(marks))
        self._line.write(word[0])
        return after

    def _url(self, text: str, scheme: re.Match[str], body: int) -> int | None:
        rest = patterns.URL.match(text, body)
        end = rest.end() if rest else body
        if end - scheme.start() > patterns.MAX_TARGET_LENGTH:
            self._in_url = True
            self._line.gap()
            return end
        if end == len(text) and self._more:
            return None
        end = url_end(text, body, end)
        if end == body:
            self._line.write(scheme[0])
            return scheme.end()
        self._line.gap()
        return end

    def _inline(self, text: str, at: int, char: str) -> int | None:
        """Deal with markup inside a line; return `at` itself if there is none."""
        if self._tagged.spell(char):
            return at + 1
        if char == "<":
            return self._angle(text, at)
        if char == "&":
            return self._entity(text, at)
        if char == "[":
            return self._bracket(text, at)
        if self._ssml:
            if char == "]" and (text.startswith("]]>", at) or (self._more and text[at:] in ("]", "]]"))):
                return at + 3 if text.startswith("]]>", at) else None
            return at
        if char in "(【\ue200":
            end = citation_end(text, at, more=self._more)
            if end is not None and end > at:
                self._line.gap()
            return end
        if char == "!":
            if at + 1 == len(text) and self._more and not self._stalled:
                return None
            return self._link(text, at, at + 1) if text.startswith("[", at + 1) else at
        if char == "|":
            return self._cell(text, at)
        if char == ":":
            return self._short_name(text, at)
        if char == "\\":
            if at + 1 == len(text) and self._more:
                return None
            escaped = text[at + 1 : at + 2]
            if escaped in patterns.ESCAPABLE and not (escaped == "]" and self._link_tails):
                self._line.write(escaped)
                return at + 2
        return at

    def _bracket(self, text: str, at: int) -> int | None:
        """Deal with a pause, a sound, a citation or a link; enter the label of a link."""
        bracket = bracket_at(text, at, more=self._more)
        if bracket is None:
            return None
        if not isinstance(bracket, Bracket):
            return at if self._ssml else self._link(text, at, at)
        if bracket.pause is not None:
            self._line.divide(Pause(bracket.pause))
        elif bracket.sound:
            self._tagged.sound(bracket.sound)
        else:
            link = (0, bracket.end) if self._ssml else link_end(text, at, more=self._more)
            if link is None:
                return None
            self._line.gap()
            return max(link[1], bracket.end)
        return bracket.end

    def _link(self, text: str, at: int, bracket: int) -> int | None:
        """Enter the label of the link or image whose `[` is at `bracket`; return `at` itself if there is none.

        A link that stands in round brackets alone is a citation.
        """
        link = link_end(text, bracket, more=self._more)
        if link is None:
            return None
        closing, end = link
        if not end:
            return at
        if self._before == "(" and not self._link_tails:
            if end == len(text) and self._more:
                return None
            if text[end : end + 1] == ")":
                self._line.gap()
                return end
        self._link_tails.append(end - closing)
        return bracket + 1

    def _cell(self, text: str, at: int) -> int | None:
        """Deal with a bar: between the cells of a table it divides them."""
        if self._has_cells is None and self._table:
            self._has_cells = True
        elif self._has_cells is None:
            heading = patterns.TABLE.match(text, at)
            if self._more and (heading.end() == len(text) if heading else patterns.TABLE_BEGUN.match(text, at)):
                return None
            self._has_cells = self._table = heading is not None
        if not self._has_cells:
            return at
        self._ends_line = True
        self._line.separate()
        return at + 1

    def _short_name(self, text: str, at: int) -> int | None:
        """Deal with the name of an emoji, such as `:smile:`."""
        if self._before.isalnum():
            return at
        if name := patterns.SHORT_NAME.match(text, at):
            if name.end() == len(text) and self._more:
                return None
            self._line.gap()
            return name.end()
        return None if self._more and not self._stalled and patterns.SHORT_NAME_BEGUN.match(text, at) else at

    def _angle(self, text: str, at: int) -> int | None:
        """Deal with a tag, a comment or `<https://...>`; any other `<` is literal."""
        tag = tag_at(text, at, more=self._more, ssml=self._ssml, comments=not self._link_tails)
        if not isinstance(tag, Tag):
            return tag
        tail = self._line.tail.rstrip()
        if self._tagged.carry_out(tag, at_start=not tail or self._lines.is_ended(tail)):
            self._begin_line()
        return tag.end

    def _entity(self, text: str, at: int) -> int | None:
        """Deal with a character's name or number, such as `&amp;`."""
        if entity := patterns.ENTITY.match(text, at):
            written = html.unescape(entity[0])
            if written != entity[0]:
                for char in without_style(written):
                    self._write(char)
                return entity.end()
        elif self._more and not self._stalled and patterns.ENTITY_BEGUN.match(text, at):
            return None
        return at
