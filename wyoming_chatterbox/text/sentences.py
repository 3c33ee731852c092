"""Splits plain text that arrives in pieces into sentences, each as soon as it is certain."""

from __future__ import annotations

from dataclasses import dataclass

from .boundaries import looks_complete, next_stop, sentence_end
from .cutting import cut_off, is_sayable
from .full_stops import NO_END, FullStops


@dataclass(frozen=True)
class Sentence:
    """A sentence as it is written, and what follows it."""

    text: str
    """With something to say in it, or empty at the end of a paragraph."""
    ends_line: bool = False
    ends_paragraph: bool = False
    is_part: bool = False
    """Whether the sentence goes on: it is too long to be waited for."""


class SentenceStream:
    """Splits plain text, with a newline where a line ends, and one more where a paragraph does.

    The pieces may split words anywhere; no word is lost, doubled or moved by that. A sentence ends at final punctuation
    with white space after it, at the end of a line, or at the final punctuation of scripts without spaces. Of a
    sentence without an end, parts come out that are at most `max_length` characters long.
    """

    def __init__(self, max_length: int = 280, language: str = "") -> None:
        """`max_length` in characters, at least 1, `ValueError` otherwise; `language` as ISO 639-1, English if empty."""
        if max_length < 1:
            raise ValueError(f"max_length is {max_length}; a sentence needs at least 1 character")
        self._max_length = max_length
        self._full_stops = FullStops.of(language)
        self._text = ""
        """Plain text not given out yet; it begins where a sentence or a part of one begins."""
        self._scanned = 0
        """Position in the text before which no sentence ends."""
        self._quoted = 0
        """Number of French quotes that are open before the text."""

    @property
    def rest(self) -> str:
        """The text that has not been given out yet."""
        return self._text.lstrip()

    def read_as(self, language: str) -> None:
        """Note the language of the text that follows."""
        self._full_stops = FullStops.of(language)

    def add(self, piece: str) -> list[Sentence]:
        """Take the next piece of text, and return the sentences that are certain now."""
        self._text += piece
        return self._certain(more=True)

    def settle(self, *, patient: bool = False) -> list[Sentence]:
        """Return what looks complete, because the text has stalled; keep an unfinished sentence.

        With `patient`, the text has stalled for longer, and a number with a full stop is complete as well.
        """
        stop = next_stop(self._text, self._scanned)
        if stop and looks_complete(self._text, stop, self._full_stops, patient=patient):
            return self._take_rest()
        return []

    def divide(self) -> list[Sentence]:
        """Return everything that is left, because a sentence doesn't go on after this. Another text can follow."""
        sentences = self._certain(more=False) + self._take_rest()
        self._quoted = 0
        return sentences

    def _take_rest(self) -> list[Sentence]:
        sentences = self._sentence(self._text)
        self._text, self._scanned = "", 0
        return sentences

    def _certain(self, more: bool) -> list[Sentence]:
        text, start, scanned = self._text, 0, self._scanned
        sentences: list[Sentence] = []
        while stop := next_stop(text, scanned):
            if stop[0] == "\n":
                sentences += self._line(text[start : stop.start()])
                start = scanned = stop.end()
                continue
            end = sentence_end(text, stop, start, self._full_stops, quoted=self._quoted, more=more)
            if end is None:
                scanned = stop.start()
                break
            scanned = stop.end()
            if end != NO_END:
                sentences += self._sentence(text[start:end])
                start = scanned = end
        else:
            scanned = len(text)
        # No sentence ends before `scanned`, so text that is too long by then can be cut whatever follows.
        parts, start = cut_off(text[:scanned].rstrip(), start, self._max_length)
        self._text, self._scanned = text[start:], scanned - start
        return sentences + [Sentence(part, is_part=True) for part in parts if is_sayable(part)]

    def _line(self, text: str) -> list[Sentence]:
        """Return the sentence that a line ends with, or the end of a paragraph where the line is empty."""
        self._quoted = 0
        sentences = self._sentence(text, ends_line=True)
        return sentences or [Sentence("", ends_paragraph=not text.strip())]

    def _sentence(self, text: str, ends_line: bool = False) -> list[Sentence]:
        """Return a whole sentence; parts of it before the rest if it is more than twice too long."""
        if not ends_line:
            self._quoted = max(0, self._quoted + text.count("«") - text.count("»"))
        text = text.strip()
        parts, start = cut_off(text, 0, self._max_length)
        sentences = [Sentence(part, is_part=True) for part in parts if is_sayable(part)]
        if is_sayable(text[start:]):
            sentences.append(Sentence(text[start:], ends_line))
        return sentences
