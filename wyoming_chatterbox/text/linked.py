"""The effects of links and URLs on the text around them: a label stays, an address is left out."""

from __future__ import annotations

import re

from . import markup_patterns as patterns
from .arrival import Arrival
from .links import cited_end, link_end, url_end
from .spacing import SpacedText


class LinkedText:
    """Leaves the addresses of links out of a line of text.

    What reads returns the position after what it has dealt with, the position itself if there is no link, or None if
    it takes more text to tell.
    """

    def __init__(self, line: SpacedText, arrival: Arrival) -> None:
        self._line = line
        self._arrival = arrival
        self.in_url = False
        """Whether the rest of a URL follows that was too long to be waited for."""
        self._tails: list[int] = []
        """Characters of what stands behind the labels that are open, the outer one first."""

    @property
    def in_label(self) -> bool:
        """Whether the label of a link is being read."""
        return bool(self._tails)

    def begin_line(self) -> None:
        """Note that another line begins: a URL ends with the line."""
        self.in_url = False

    def leave(self, at: int) -> int:
        """Leave the label whose `]` is at `at`."""
        return at + self._tails.pop()

    def rest_of_url(self, text: str, at: int) -> int:
        """Return the position after what is left of the URL."""
        if rest := patterns.URL.match(text, at):
            return rest.end()
        self.in_url = False
        return at

    def url(self, text: str, word: re.Match[str]) -> int | None:
        """Read a URL whose first word is this one; return where that word begins if it is a word alone."""
        if not patterns.SCHEME.fullmatch(word[0]):
            return word.start()
        after = word.end()
        marks = {"www": ".", "mailto": ":"}.get(word[0].lower(), "://")
        if self._arrival.more and len(text) - after < len(marks) and marks.startswith(text[after:]):
            return None
        if not text.startswith(marks, after):
            return word.start()
        body = after + len(marks)
        rest = patterns.URL.match(text, body)
        end = rest.end() if rest else body
        if end - word.start() > patterns.MAX_TARGET_LENGTH:
            self.in_url = True
            self._line.gap()
            return end
        if end == len(text) and self._arrival.more:
            return None
        end = url_end(text, body, end)
        if end == body:
            return word.start()
        self._line.gap()
        return end

    def link(self, text: str, at: int, bracket: int) -> int | None:
        """Enter the label of the link or image at `at` whose `[` is at `bracket`.

        Links that stand in round brackets without other text are citations.
        """
        if self._arrival.before == "(" and not self._tails:
            cited = cited_end(text, bracket, more=self._arrival.more)
            if cited is None:
                return None
            if cited > bracket:
                self._line.gap()
                return cited
        link = link_end(text, bracket, more=self._arrival.more)
        if link is None:
            return None
        closing, end = link
        if not end:
            return at
        self._tails.append(end - closing)
        return bracket + 1
