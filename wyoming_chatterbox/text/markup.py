"""Turns written text into plain text as it arrives: removes markdown, HTML tags, emoji, URLs and invisible characters.

Every decision is made once, from the text before it and as little of the text after it as necessary, so the result does
not depend on how the text was cut into pieces. A link that waits for its closing bracket, a tag or a URL waits for a
limited number of characters, and the time is linear in the length of the text.
"""

from __future__ import annotations

import re
import unicodedata

from . import markup_patterns as patterns
from .emphasis import Emphasis
from .links import link_end, url_end
from .spacing import SpacedText


class PlainText:
    """Takes text piece by piece and returns it plain: single spaces, and a newline where a line or block ends.

    The numbers of lists, the labels of links, the alternative texts of images and the text of code stay; commas join
    the cells of a table row. `add`, `settle` and `finish` return the text decided since the last call.
    """

    def __init__(self) -> None:
        self._raw = ""
        self._line = SpacedText()
        self._more = True
        self._stalled = False
        self._before = "\n"
        self._line_start = True
        self._in_table = False
        self._in_url = False
        self._fence = ""
        self._code = 0
        self._emphasis = Emphasis()
        self._link_tails: list[int] = []

    @property
    def waiting(self) -> bool:
        """Whether some text is undecided: it takes more text to tell whether it is markup."""
        return bool(self._raw) or self._line.waiting

    @property
    def word_to_come(self) -> bool:
        """Whether the undecided text begins with a small letter, and so is a word unless it is a URL."""
        return self._raw[:1].islower()

    def add(self, piece: str) -> str:
        """Take the next piece of text."""
        self._raw += piece
        return self._advance()

    def settle(self) -> str:
        """Decide about marks at the end of text that has stalled: a mark that may close something closes it."""
        self._stalled = True
        plain = self._advance()
        self._stalled = False
        return plain

    def finish(self) -> str:
        """Decide about the rest, because no more text will come."""
        self._more = False
        plain = self._advance()
        self._line.stop()
        return plain + self._line.take()

    def _advance(self) -> str:
        text, at = self._raw, 0
        while at < len(text):
            after = self._step(text, at)
            if after is None:
                break
            self._before = text[after - 1]
            at = after
        self._raw = text[at:]
        return self._line.take()

    def _step(self, text: str, at: int) -> int | None:
        """Deal with the text at `at`; return the position after it, or None if it takes more text to tell."""
        char = text[at]
        if char in patterns.NEWLINES:
            return self._newline(char, at)
        if self._in_url:
            if rest := patterns.URL.match(text, at):
                return rest.end()
            self._in_url = False
        if char.isspace():
            self._line.space()
            return at + 1
        if self._line_start:
            after = self._block(text, at)
            if after != at:
                return after
            self._line_start = False
        if word := patterns.LETTERS.match(text, at):
            return self._word(text, word)
        if char == "]" and self._link_tails:
            return at + self._link_tails.pop()
        if char in "0123456789#*":
            after = self._keycap(text, at)
            if after != at:
                return after
        if char in "*_~`":
            return self._mark(text, at)
        if not (self._code or self._fence):
            after = self._inline(text, at)
            if after != at:
                return after
        if patterns.EMOJI.match(char):
            self._line.gap()
        elif not (patterns.VARIATION.match(char) or unicodedata.category(char) in patterns.INVISIBLE):
            self._line.write(char)
        return at + 1

    def _newline(self, char: str, at: int) -> int:
        if char != "\n" or self._before != "\r":
            if self._line_start:
                self._emphasis.clear()
            self._line.end()
            self._line_start = True
            self._in_table = False
            self._in_url = False
            self._code = 0
        return at + 1

    def _block(self, text: str, at: int) -> int | None:
        """Deal with markup at the start of a line; return `at` itself if there is none."""
        char = text[at]
        if char in "`~":
            return self._fence_line(text, at)
        if self._fence:
            return at
        if char in ">#":
            run = patterns.RUN[char].match(text, at)
            after = run.end() if run else at
            if char == "#" and after > at + 6:
                return at
        elif char in patterns.ROUND_BULLETS:
            return at + 1
        elif char in patterns.BULLETS:
            after = at + 1
        elif char == "[":
            if box := patterns.CHECKBOX.match(text, at):
                return box.end() - 1
            return None if self._more and patterns.CHECKBOX_BEGUN.match(text, at) else at
        else:
            self._in_table = self._in_table or char == "|"
            return at
        if after == len(text):
            return None if self._more else after
        return after if text[after].isspace() else at

    def _fence_line(self, text: str, at: int) -> int | None:
        run = patterns.RUN[text[at]].match(text, at)
        after = run.end() if run else at
        if after == len(text) and self._more:
            return None
        if after < at + 3:
            return at
        if self._fence and not text.startswith(self._fence, at):
            return at
        rest = (patterns.BLANK if self._fence else patterns.FENCE_INFO).match(text, after)
        end = rest.end() if rest else after
        if end == len(text) and self._more:
            return None
        if end < len(text) and text[end] not in patterns.NEWLINES:
            return at
        self._fence = "" if self._fence else text[at:after]
        return end

    def _word(self, text: str, word: re.Match[str]) -> int | None:
        """Deal with letters: a word, a part of one, or the beginning of a URL."""
        after = word.end()
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

    def _keycap(self, text: str, at: int) -> int | None:
        follows = text[at + 1 : at + 3]
        if self._more and follows in ("", patterns.EMOJI_STYLE) and text[at] != "*":
            return None
        for keycap in (patterns.KEYCAP, patterns.EMOJI_STYLE + patterns.KEYCAP):
            if follows.startswith(keycap):
                self._line.gap()
                return at + 1 + len(keycap)
        return at

    def _mark(self, text: str, at: int) -> int | None:
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
        if char == "`":
            self._back_ticks(after - at, before, follows)
        elif self._code or self._fence or not self._emphasis.take(char, after - at, before, follows):
            self._line.write(text[at:after])
        return after

    def _back_ticks(self, length: int, before: str, follows: str) -> None:
        if length == 1 and not self._code and before.isalpha() and follows.isalpha():
            self._line.write("'")
        elif not self._code:
            self._code = length
        elif self._code == length:
            self._code = 0

    def _inline(self, text: str, at: int) -> int | None:
        """Deal with markup inside a line; return `at` itself if there is none."""
        char = text[at]
        if char == "!":
            if at + 1 == len(text) and self._more and not self._stalled:
                return None
            return self._link(text, at, at + 1) if text.startswith("[", at + 1) else at
        if char == "[":
            return self._link(text, at, at)
        if char == "<":
            return self._angle(text, at)
        if char == "|" and self._in_table:
            self._line.separate()
            return at + 1
        if char == "\\":
            if at + 1 == len(text) and self._more:
                return None
            escaped = text[at + 1 : at + 2]
            if escaped in patterns.ESCAPABLE and not (escaped == "]" and self._link_tails):
                self._line.write(escaped)
                return at + 2
        if char == "&":
            if entity := patterns.ENTITY.match(text, at):
                written = patterns.ENTITIES[entity[1]]
                self._line.space() if written.isspace() else self._line.write(written)
                return entity.end()
            if self._more and patterns.ENTITY_BEGUN.match(text, at):
                return None
        return at

    def _link(self, text: str, at: int, bracket: int) -> int | None:
        """Enter the label of the link or image whose `[` is at `bracket`; return `at` itself if there is none."""
        link = link_end(text, bracket, more=self._more)
        if link is None:
            return None
        closing, end = link
        if not end:
            return at
        self._link_tails.append(end - closing)
        return bracket + 1

    def _angle(self, text: str, at: int) -> int | None:
        """Deal with an HTML tag, a comment or `<https://...>`; any other `<` is literal."""
        limit = at + patterns.MAX_TAG_LENGTH
        tag = patterns.TAG.match(text, at, limit)
        if tag and tag[1].lower() in patterns.TAGS:
            if patterns.TAGS[tag[1].lower()]:
                self._line.end()
                self._line_start = True
            return tag.end()
        if link := patterns.AUTOLINK.match(text, at, limit):
            self._line.gap()
            return link.end()
        is_comment = text.startswith("<!--", at) and not self._link_tails
        if is_comment and (end := text.find("-->", at + 4, limit)) >= 0:
            return end + 3
        if self._more and len(text) < limit:
            begun = patterns.TAG_BEGUN.match(text, at)
            if is_comment or patterns.ANGLE_BEGUN.match(text, at) or (begun and begun[1].lower() in patterns.TAGS):
                return None
        return at
