"""Splits text that arrives in pieces into sentences that can be spoken, each as soon as it is certain."""

from __future__ import annotations

import re
import unicodedata

from ..errors import RequestError
from .boundaries import CLOSERS, NO_END, STOP, looks_complete, sentence_end
from .markup import PlainText

_ENDED = re.compile(rf"[.!?…‽؟۔।॥։።‼⁇⁈⁉。！？｡,;:،؛、，；：—–-][{CLOSERS}]*\Z")
_CLAUSE = re.compile(
    rf"(?:[;:,—–!?…،؛؟।]|(?<=[^\W\d_]{{4}})\.)[{CLOSERS}]*+(?= )|[、，；：。！？｡][{CLOSERS}]*+"
)  # fmt: skip
_SPACE = re.compile(" ")
_MAX_CLUSTER_LENGTH = 32
_MIN_LENGTH_TO_CUT = 40


class SentenceStream:
    """Splits text that arrives in pieces into sentences of plain text, none longer than `max_length` characters.

    The pieces may split words, marks and links anywhere; no word is lost, doubled or moved by that. A sentence ends at
    final punctuation with white space after it, at the end of a line, or at the final punctuation of scripts without
    spaces. A sentence longer than `max_length` is cut at clauses, else between words, else anywhere.
    """

    def __init__(self, max_length: int = 280) -> None:
        """`max_length` in characters, at least 1; `ValueError` otherwise."""
        if max_length < 1:
            raise ValueError(f"max_length is {max_length}; a sentence needs at least 1 character")
        self._max_length = max_length
        self._markup = PlainText()
        self._text = ""
        """Plain text not given out yet; it begins where a sentence or a part of one begins."""
        self._scanned = 0
        """Position in the text before which no sentence ends."""
        self._quoted = 0
        """Number of French quotes that are open before the text."""

    @property
    def pending(self) -> bool:
        """Whether some text has not been given out yet."""
        return self._markup.waiting or bool(self._text.strip())

    def add(self, piece: str) -> list[str]:
        """Take the next piece of text, and return the sentences that are certain now."""
        self._text += self._markup.add(piece)
        return self._certain(more=True)

    def flush_complete(self) -> list[str]:
        """Return what looks complete, because the text has stalled; keep an unfinished sentence."""
        self._text += self._markup.settle()
        sentences = self._certain(more=True)
        if self._markup.waiting:
            return sentences
        stop = STOP.search(self._text, self._scanned)
        if stop and looks_complete(self._text, stop):
            sentences += self._sentence(self._text)
            self._text, self._scanned = "", 0
        return sentences

    def finish(self) -> list[str]:
        """Return everything that is left, because no more text will come. The stream can then take another text."""
        self._text += self._markup.finish()
        sentences = self._certain(more=False)
        sentences += self._sentence(self._text)
        self._markup = PlainText()
        self._text, self._scanned, self._quoted = "", 0, 0
        return sentences

    def _certain(self, more: bool) -> list[str]:
        text, start, scanned = self._text, 0, self._scanned
        sentences: list[str] = []
        while stop := STOP.search(text, scanned):
            if stop[0] == "\n":
                sentences += self._sentence(text[start : stop.start()], ends_line=True)
                start = scanned = stop.end()
                self._quoted = 0
                continue
            end = sentence_end(
                text, stop, start, quoted=self._quoted, more=more, word_to_come=self._markup.word_to_come
            )
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
        parts, start = _cut_off(text[:scanned].rstrip(), start, self._max_length)
        self._text, self._scanned = text[start:], scanned - start
        return sentences + [part for part in parts if _is_sayable(part)]

    def _sentence(self, text: str, ends_line: bool = False) -> list[str]:
        """Return a whole sentence, in as many parts as its length requires."""
        if not ends_line:
            self._quoted = max(0, self._quoted + text.count("«") - text.count("»"))
        text = text.strip()
        if not _is_sayable(text):
            return []
        if ends_line and not _ENDED.search(text):
            text += _full_stop_for(text)
        limit = self._max_length
        parts, start = _cut_off(text, 0, limit)
        while len(text) - start > limit:
            end = _cut(text, start, max(start + 1, len(text) - limit), start + limit, (start + len(text)) // 2)
            parts.append(text[start:end].strip())
            start = end
        return [part for part in (*parts, text[start:].strip()) if _is_sayable(part)]


def split(text: str, max_length: int = 280) -> list[str]:
    """Split a whole text into sentences that can be spoken, none longer than `max_length` characters."""
    stream = SentenceStream(max_length)
    return stream.add(text) + stream.finish()


def sentences_of(text: str, *, max_sentence: int, max_total: int) -> list[str]:
    """Split a client's text; `RequestError` if it is over `max_total` characters long.

    No sentence is longer than `max_sentence` characters. The list is empty where the text has nothing to say.
    """
    if len(text) > max_total:
        raise RequestError(f"The text is {len(text)} characters long; {max_total} is the limit (--max-total-length)")
    return split(text, max_sentence)


def halves(sentence: str) -> list[str]:
    """Cut a sentence in two, after a clause near its middle or else between words; return a short one whole."""
    if len(sentence) < _MIN_LENGTH_TO_CUT:
        return [sentence]
    at = _cut(sentence, 0, 1, len(sentence) - 1, len(sentence) // 2)
    parts = [sentence[:at].strip(), sentence[at:].strip()]
    return parts if all(_is_sayable(part) for part in parts) else [sentence]


def _is_sayable(text: str) -> bool:
    return any(char.isalnum() for char in text)


def _full_stop_for(text: str) -> str:
    """Return the full stop of the script that a text ends in."""
    letter = next(char for char in reversed(text) if char.isalnum())
    name = unicodedata.name(letter, "")
    if name.startswith(("CJK", "HIRAGANA", "KATAKANA")):
        return "。"
    return "।" if name.startswith("DEVANAGARI") else "."


def _cut_off(text: str, start: int, limit: int) -> tuple[list[str], int]:
    """Cut off parts from `start` on while more than twice the limit is left; return them and where the rest begins."""
    parts: list[str] = []
    while text.startswith(" ", start):
        start += 1
    while len(text) - start > 2 * limit:
        end = _cut(text, start, start + 1, start + limit, start + limit)
        parts.append(text[start:end])
        start = end + text.startswith(" ", end)
    return parts, start


def _cut(text: str, start: int, low: int, high: int, ideal: int) -> int:
    """Return where to cut the text from `start` on: after a clause near `ideal`, else at the space nearest to it.

    Both lie between `low` and `high`; a cut inside a word may lie before `low`, to keep a character with its marks.
    """
    reach = max(1, (high - low) // 3)
    first, last = max(low, ideal - reach), min(high, ideal + reach)
    clauses = [stop.end() for stop in _CLAUSE.finditer(text, first - 1, last + 1) if stop.end() <= last]
    places = clauses or [space.start() for space in _SPACE.finditer(text, low, high + 1)]
    if places:
        return min(places, key=lambda at: abs(at - ideal))
    at = ideal
    while at > max(start + 1, ideal - _MAX_CLUSTER_LENGTH) and _is_mark(text[at]):
        at -= 1
    return ideal if _is_mark(text[at]) else at


def _is_mark(char: str) -> bool:
    """Whether a character combines with the one before it."""
    return unicodedata.category(char).startswith("M")
