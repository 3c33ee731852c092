"""Written text to plain text: markdown, HTML tags, emoji, URLs and invisible characters go, as the text arrives.

Every decision is made once, from the text before it and as little of the text after it as it takes, so the result is
the same however the text was cut into pieces. That rules out pairing emphasis marks as CommonMark does: whether a mark
is markup is judged from its two neighbours and from how many are open. What has to wait (a link for its closing
bracket, a tag, a URL) waits for a bounded number of characters, and time is linear in the length of the text.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

from .markup_patterns import (
    ANGLE_BEGUN,
    AUTOLINK,
    BLANK,
    BULLETS,
    CHECKBOX,
    CHECKBOX_BEGUN,
    EMOJI,
    EMOJI_STYLE,
    ENTITIES,
    ENTITY,
    ENTITY_BEGUN,
    ESCAPABLE,
    FENCE_INFO,
    INVISIBLE,
    KEYCAP,
    LABEL,
    LETTERS,
    MAX_TAG_LENGTH,
    MAX_TARGET_LENGTH,
    NEWLINES,
    ROUND_BULLETS,
    RUN,
    SCHEME,
    TAG,
    TAG_BEGUN,
    TAGS,
    TARGET,
    TARGET_BEGUN,
    URL,
    URL_TRAIL,
    VARIATION,
)
from .spacing import CLOSING, SpacedText


class PlainText:
    """Text put in piece by piece comes out plain: single spaces, and a newline where a line or block ends.

    List numbers stay; of links the label stays, of images the alternative text, of code what it says; the cells of a
    table row are joined by commas. `add`, `settle` and `finish` give what could be decided since the last call.
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
        self._open: Counter[str] = Counter()
        self._link_tails: list[int] = []

    @property
    def waiting(self) -> bool:
        """Whether there is text of which it can't be told yet what it is."""
        return bool(self._raw) or self._line.waiting

    @property
    def word_to_come(self) -> bool:
        """Whether that is a word in small letters, if it is no URL."""
        return self._raw[:1].islower()

    def add(self, piece: str) -> str:
        """Take the next piece of text."""
        self._raw += piece
        return self._advance()

    def settle(self) -> str:
        """The text has stalled: take marks at its end that may close something as closing it."""
        self._stalled = True
        plain = self._advance()
        self._stalled = False
        return plain

    def finish(self) -> str:
        """No more text will come."""
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
        """Deal with what stands at `at`: the position after it, or None where it takes more text to tell."""
        char = text[at]
        if char in NEWLINES:
            return self._newline(char, at)
        if self._in_url:
            if rest := URL.match(text, at):
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
        if word := LETTERS.match(text, at):
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
        if EMOJI.match(char):
            self._line.gap()
        elif not (VARIATION.match(char) or unicodedata.category(char) in INVISIBLE):
            self._line.write(char)
        return at + 1

    def _newline(self, char: str, at: int) -> int:
        if char != "\n" or self._before != "\r":
            if self._line_start:
                self._open.clear()
            self._line.end()
            self._line_start = True
            self._in_table = False
            self._in_url = False
            self._code = 0
        return at + 1

    def _block(self, text: str, at: int) -> int | None:
        """What only the start of a line can have; `at` itself if there is nothing of the kind."""
        char = text[at]
        if char in "`~":
            return self._fence_line(text, at)
        if self._fence:
            return at
        if char in ">#":
            run = RUN[char].match(text, at)
            after = run.end() if run else at
            if char == "#" and after > at + 6:
                return at
        elif char in ROUND_BULLETS:
            return at + 1
        elif char in BULLETS:
            after = at + 1
        elif char == "[":
            if box := CHECKBOX.match(text, at):
                return box.end() - 1
            return None if self._more and CHECKBOX_BEGUN.match(text, at) else at
        else:
            self._in_table = self._in_table or char == "|"
            return at
        if after == len(text):
            return None if self._more else after
        return after if text[after].isspace() else at

    def _fence_line(self, text: str, at: int) -> int | None:
        run = RUN[text[at]].match(text, at)
        after = run.end() if run else at
        if after == len(text) and self._more:
            return None
        if after < at + 3:
            return at
        if self._fence and not text.startswith(self._fence, at):
            return at
        rest = (BLANK if self._fence else FENCE_INFO).match(text, after)
        end = rest.end() if rest else after
        if end == len(text) and self._more:
            return None
        if end < len(text) and text[end] not in NEWLINES:
            return at
        self._fence = "" if self._fence else text[at:after]
        return end

    def _word(self, text: str, word: re.Match[str]) -> int | None:
        """Letters: a word or a part of one, or the beginning of a URL."""
        after = word.end()
        inside = self._before.isascii() and self._before.isalpha()
        if SCHEME.fullmatch(word[0]) and not inside:
            marks = {"www": ".", "mailto": ":"}.get(word[0].lower(), "://")
            if self._more and len(text) - after < len(marks) and marks.startswith(text[after:]):
                return None
            if text.startswith(marks, after):
                return self._url(text, word, after + len(marks))
        self._line.write(word[0])
        return after

    def _url(self, text: str, scheme: re.Match[str], body: int) -> int | None:
        rest = URL.match(text, body)
        end = rest.end() if rest else body
        if end - scheme.start() > MAX_TARGET_LENGTH:
            self._in_url = True
            self._line.gap()
            return end
        if end == len(text) and self._more:
            return None
        # A full stop or bracket at the end of a URL belongs to the sentence, unless the bracket was opened in the URL.
        url = text[body:end].rstrip(URL_TRAIL)
        unopened = url.count(")") - url.count("(")
        while unopened > 0 and url.endswith(")"):
            url = url[:-1].rstrip(URL_TRAIL)
            unopened -= 1
        if not url:
            self._line.write(scheme[0])
            return scheme.end()
        self._line.gap()
        return body + len(url)

    def _keycap(self, text: str, at: int) -> int | None:
        follows = text[at + 1 : at + 3]
        if self._more and follows in ("", EMOJI_STYLE) and text[at] != "*":
            return None
        for keycap in (KEYCAP, EMOJI_STYLE + KEYCAP):
            if follows.startswith(keycap):
                self._line.gap()
                return at + 1 + len(keycap)
        return at

    def _mark(self, text: str, at: int) -> int | None:
        """A run of emphasis marks or back ticks: markup, or just what it looks like (`2 * 3`, `snake_case`)."""
        char = text[at]
        run = RUN[char].match(text, at)
        after = run.end() if run else at + 1
        before = self._before
        if after == len(text) and self._more and (not self._stalled or before.isspace()):
            return None
        if char == "*" and self._more and text[after:] == EMOJI_STYLE:
            return None
        follows = text[after : after + 1] or "\n"
        if char == "`":
            self._back_ticks(after - at, before, follows)
        elif self._code or self._fence or not self._is_emphasis(char, after - at, before, follows):
            self._line.write(text[at:after])
        return after

    def _back_ticks(self, length: int, before: str, follows: str) -> None:
        if length == 1 and not self._code and before.isalpha() and follows.isalpha():
            self._line.write("'")
        elif not self._code:
            self._code = length
        elif self._code == length:
            self._code = 0

    def _is_emphasis(self, char: str, length: int, before: str, follows: str) -> bool:
        if char == "~" and length == 1:
            return False
        if before.isspace() and follows.isspace():
            return False
        if before.isalnum() and follows.isalnum():
            if char == "_":
                return False
            # Scripts without spaces have emphasis inside what looks like a word.
            if char == "*" and not (_is_caseless(before) or _is_caseless(follows)):
                return length > 1 and not (before.isdigit() and follows.isdigit())
            return True
        if self._open[char] > 0 and not before.isspace():
            self._open[char] = max(0, self._open[char] - length)
            return True
        if follows.isspace() or follows in CLOSING:
            return False
        self._open[char] += length
        return True

    def _inline(self, text: str, at: int) -> int | None:
        """Markup inside a line; `at` itself if there is none."""
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
            if escaped in ESCAPABLE and not (escaped == "]" and self._link_tails):
                self._line.write(escaped)
                return at + 2
        if char == "&":
            if entity := ENTITY.match(text, at):
                written = ENTITIES[entity[1]]
                self._line.space() if written.isspace() else self._line.write(written)
                return entity.end()
            if self._more and ENTITY_BEGUN.match(text, at):
                return None
        return at

    def _link(self, text: str, at: int, bracket: int) -> int | None:
        """Enter the label of the link or image at `at` whose `[` is at `bracket`; `at` itself if there is none."""
        link = self._link_end(text, bracket)
        if link is None:
            return None
        closing, end = link
        if not end:
            return at
        self._link_tails.append(end - closing)
        return bracket + 1

    def _link_end(self, text: str, bracket: int, nested: bool = False) -> tuple[int, int] | None:
        """Where the `]` of a link is and where the link ends: (0, 0) if it is none, None if that can't be told yet."""
        none = (0, 0)
        if not nested and text.startswith("![", bracket + 1):
            image = self._link_end(text, bracket + 2, nested=True)
            if image is None or image == none:
                return image
            closing = image[1]
        else:
            label = LABEL.match(text, bracket + 1)
            closing = label.end() if label else bracket + 1
        if closing + 1 >= len(text) and self._more and text[closing:] in ("", "]"):
            return None
        if not text.startswith("](", closing):
            return none
        target = TARGET.match(text, closing + 1, closing + MAX_TARGET_LENGTH)
        if target:
            return closing, target.end()
        begun = self._more and len(text) - closing < MAX_TARGET_LENGTH and TARGET_BEGUN.match(text, closing + 1)
        return None if begun else none

    def _angle(self, text: str, at: int) -> int | None:
        """An HTML tag, a comment or `<https://...>`; any other `<` is one."""
        limit = at + MAX_TAG_LENGTH
        tag = TAG.match(text, at, limit)
        if tag and tag[1].lower() in TAGS:
            if TAGS[tag[1].lower()]:
                self._line.end()
                self._line_start = True
            return tag.end()
        if link := AUTOLINK.match(text, at, limit):
            self._line.gap()
            return link.end()
        is_comment = text.startswith("<!--", at) and not self._link_tails
        if is_comment and (end := text.find("-->", at + 4, limit)) >= 0:
            return end + 3
        if self._more and len(text) < limit:
            begun = TAG_BEGUN.match(text, at)
            if is_comment or ANGLE_BEGUN.match(text, at) or (begun and begun[1].lower() in TAGS):
                return None
        return at


def _is_caseless(char: str) -> bool:
    return char.isalpha() and char.lower() == char.upper()
