"""Signs that stand for characters or for nothing sayable: emoji, keycaps, circled numbers, entities, emoticons."""

from __future__ import annotations

import html
import unicodedata

from . import markup_patterns as patterns
from .arrival import Arrival
from .spacing import SpacedText
from .styles import CIRCLED, without_style


class Signs:
    """Writes what signs stand for on a line, and leaves out those that can't be said.

    Those that read return the position after the sign, the position itself if there is none, or None if it takes more
    text to tell.
    """

    def __init__(self, line: SpacedText, arrival: Arrival) -> None:
        self._line = line
        self._arrival = arrival

    def write(self, char: str) -> None:
        """Write a character that is no markup; leave it out if it can't be said."""
        if char.isascii() and char.isprintable() and char != " ":
            self._line.write(char)
        elif patterns.EMOJI.match(char):
            self._line.gap()
        elif char.isspace():
            self._line.space()
        elif not (patterns.VARIATION.match(char) or unicodedata.category(char) in patterns.INVISIBLE):
            self._line.write(char)

    def circled(self, text: str, at: int) -> int:
        """Write a number in a circle."""
        return self._number(CIRCLED[text[at]], at + 1)

    def keycap(self, text: str, at: int) -> int | None:
        """Read a digit, or another character, on a key."""
        follows = text[at + 1 : at + 3]
        if self._arrival.more and follows in ("", patterns.EMOJI_STYLE) and text[at] != "*":
            return None
        for keycap in (patterns.KEYCAP, patterns.EMOJI_STYLE + patterns.KEYCAP):
            if follows.startswith(keycap):
                if text[at].isdecimal():
                    return self._number(text[at], at + 1 + len(keycap))
                self._line.gap()
                return at + 1 + len(keycap)
        return at

    def wide_point(self, text: str, at: int) -> int | None:
        """Read the decimal point of a script without spaces."""
        if not self._arrival.before.isdecimal():
            return at
        if at + 1 == len(text) and self._arrival.more:
            return None
        if not text[at + 1 : at + 2].isdecimal():
            return at
        self._line.write(".")
        return at + 1

    def emoticon(self, text: str, at: int) -> int | None:
        """Read an emoji of punctuation, such as `:-)`."""
        if not self._arrival.before.isspace():
            return at
        if self._arrival.more and not self._arrival.stalled and patterns.EMOTICON_BEGUN.match(text, at):
            return None
        emoticon = patterns.EMOTICON.match(text, at)
        if emoticon:
            self._line.gap()
        return emoticon.end() if emoticon else at

    def short_name(self, text: str, at: int) -> int | None:
        """Read the name of an emoji, such as `:smile:`."""
        if self._arrival.before.isalnum():
            return at
        if name := patterns.SHORT_NAME.match(text, at):
            if name.end() == len(text) and self._arrival.more:
                return None
            self._line.gap()
            return name.end()
        waits = self._arrival.more and not self._arrival.stalled and patterns.SHORT_NAME_BEGUN.match(text, at)
        return None if waits else at

    def entity(self, text: str, at: int) -> int | None:
        """Read a character's name or number, such as `&amp;`."""
        if entity := patterns.ENTITY.match(text, at):
            written = html.unescape(entity[0])
            if written != entity[0]:
                for char in without_style(written):
                    self.write(char)
                return entity.end()
        elif self._arrival.more and not self._arrival.stalled and patterns.ENTITY_BEGUN.match(text, at):
            return None
        return at

    def _number(self, number: str, after: int) -> int:
        """Write a number that a single sign stood for."""
        if self._arrival.before.isalnum():
            self._line.gap()
        self._line.write(number)
        self._line.gap()
        return after
