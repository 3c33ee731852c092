"""The way of a text from what a client writes to what an engine says.

A sentence is found as it is written, and spelled out as a whole afterwards: "at 5 p.m. on Monday" tells where a
sentence ends, "at five PM on Monday" no longer does. The result does not depend on how the text was cut into pieces.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from dataclasses import dataclass

from ..errors import RequestError
from ..options import Options
from ..problem import Problem
from .items import Item, Part, Pause
from .markup import PlainText
from .sentences import Sentence, SentenceStream
from .spoken import spell
from .utterances import Utterances

_CHARACTERS_AT_A_TIME = 1000
"""Characters of a whole text that are read in one go: what is said first need not wait for the last."""

_BEGINS = re.compile(r"[^\[]{0,100}?[^\W_]|[^\[]{100}")
"""The beginning of a sentence that is more than a sound."""


@dataclass(frozen=True)
class Reading:
    """How texts are read: what the options and the model decide."""

    max_length: int = 280
    """Characters of the longest utterance, at least 1."""
    sounds: frozenset[str] = frozenset()
    """Names of the tags that the model turns into sounds."""
    read_code: bool = False
    sentence_pause: float = 0.0
    """Seconds of silence between two sentences."""
    paragraph_pause: float = 0.0
    """Seconds of silence between two paragraphs, if that is longer."""
    lead_in: float = 0.0
    """Seconds of silence before the first sound."""
    words: Callable[[str, str], str] = spell
    """Returns text in words: numbers, symbols and a user's own words, in a language given as ISO 639-1."""

    @classmethod
    def of(cls, options: Options, *, sounds: Iterable[str], words: Callable[[str, str], str]) -> Reading:
        """Take from the options what they say about texts."""
        return cls(
            max_length=options.max_chunk_length,
            sounds=frozenset(sounds),
            read_code=options.code == "read",
            sentence_pause=options.sentence_pause,
            paragraph_pause=options.paragraph_pause,
            lead_in=options.lead_in,
            words=words,
        )


class TextPipeline:
    """Takes a client's text in pieces and returns what is to be said, each part as soon as it is certain."""

    def __init__(self, language: str = "", reading: Reading | None = None, *, ssml: bool = False) -> None:
        """`language` is the voice's, as ISO 639-1, and English if it is empty."""
        self._reading = reading = reading or Reading()
        self._own_language = language
        self._ssml = ssml
        self._tags = re.compile("(" + "|".join(rf"\[{name}\]" for name in sorted(reading.sounds)) + ")")
        self._begin()

    @property
    def pending(self) -> bool:
        """Whether some text has not been given out yet."""
        return self._markup.waiting or bool(self._sentences.rest) or self._utterances.waiting

    def add(self, piece: str) -> list[Item]:
        """Take the next piece of text, and return what is certain now."""
        return self._feed(self._markup.add(piece))

    def settle(self, *, patient: bool = False) -> list[Item]:
        """Return what looks complete, because the text has stalled; keep an unfinished sentence.

        With `patient`, the text has stalled for longer: a number with a full stop, and a line without, are complete.
        """
        items = self._feed(self._markup.settle(patient=patient))
        if not self._markup.waiting:
            items += self._say(self._sentences.settle(patient=patient))
        return items + self._utterances.release()

    def flush(self) -> list[Item]:
        """Return all that has come, finished or not; more may come."""
        items = self._feed(self._markup.flush())
        return items + self._say(self._sentences.divide()) + self._utterances.release()

    def finish(self) -> list[Item]:
        """Return everything that is left, because no more text will come. Another text can follow."""
        items = self._feed(self._markup.finish())
        items += self._say(self._sentences.divide()) + self._utterances.release()
        self._begin()
        return items

    def _begin(self) -> None:
        reading = self._reading
        self._language: str | None = None
        self._markup = PlainText(
            self._own_language, sounds=reading.sounds, read_code=reading.read_code, ssml=self._ssml
        )
        self._sentences = SentenceStream(reading.max_length, self._own_language)
        self._utterances = Utterances(
            max_length=reading.max_length,
            sounds=reading.sounds,
            sentence_pause=reading.sentence_pause,
            paragraph_pause=reading.paragraph_pause,
            lead_in=reading.lead_in,
        )

    def _feed(self, parts: Iterable[Part]) -> list[Item]:
        items: list[Item] = []
        for part in parts:
            if isinstance(part, str):
                items += self._say(self._sentences.add(part))
                continue
            items += self._say(self._sentences.divide())
            if isinstance(part, Pause):
                items += self._utterances.pause(part.seconds)
            else:
                items += self._utterances.release()
                self._language = part.language
                self._sentences.read_as(part.language or self._own_language)
        if _BEGINS.match(self._sentences.rest):
            items += self._utterances.next_begins()
        return items

    def _say(self, sentences: Iterable[Sentence]) -> list[Item]:
        items: list[Item] = []
        for sentence in sentences:
            if sentence.text:
                items += self._utterances.say(
                    self._spelled(sentence.text),
                    self._language,
                    ends_line=sentence.ends_line,
                    is_part=sentence.is_part,
                )
            elif sentence.ends_paragraph:
                self._utterances.end_paragraph()
        return items

    def _spelled(self, text: str) -> str:
        if "[" not in text or not self._reading.sounds:
            return self._in_words(text)
        return "".join(
            part if number % 2 else self._in_words(part) for number, part in enumerate(self._tags.split(text)) if part
        )

    def _in_words(self, text: str) -> str:
        return self._reading.words(text, self._language or self._own_language)


def items_of(text: str, language: str = "", reading: Reading | None = None, *, ssml: bool = False) -> Iterator[Item]:
    """Yield what is to be said of a whole text; nothing where there is nothing to say."""
    pipeline = TextPipeline(language, reading, ssml=ssml)
    for at in range(0, len(text), _CHARACTERS_AT_A_TIME):
        yield from pipeline.add(text[at : at + _CHARACTERS_AT_A_TIME])
    yield from pipeline.finish()


async def each(items: Iterator[Item]) -> AsyncIterator[Item]:
    """Read a whole text in a thread: thousands of characters that say nothing take a while to be seen through."""
    while (item := await asyncio.to_thread(next, items, None)) is not None:
        yield item


def checked_length(text: str, limit: int) -> str:
    """Return a client's text; `RequestError` if it is over `limit` characters long."""
    if len(text) > limit:
        message = f"The text is {len(text)} characters long; {limit} is the limit (--max-total-length)"
        raise RequestError(message, Problem("text-long", {"characters": len(text), "most": limit}))
    return text
