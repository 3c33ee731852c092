"""Reads a user's pronunciations: YAML, a word or phrase and how it is said on each line.

    IKEA: ee kay ah
    home assistant: hohm assistant
    "@home": at home
    de:
      Chatterbox: Tschätterbox

Entries under the code of a language are for that language, the others for all.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from pathlib import Path

import yaml

from ..errors import ConfigError
from ..families import MULTILINGUAL_LANGUAGES
from ..problem import Problem
from ..quoting import quoted, shortened
from .pronunciations import Entry, Pronunciations

MAX_BYTES = 1_000_000
MAX_ENTRIES = 10_000
MAX_WRITTEN = 100
"""Characters of the longest word or phrase: as much of a text waits for the rest of it."""
MAX_SPOKEN = 500
"""Characters of the longest pronunciation."""

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_UNREAD = Problem("words-unread")
"""The problem of a line that breaks `_RULE`."""
_RULE = 'a line is a word or phrase, a colon, a space and how it is said; in quotes with symbols: "@home": at home'


def read(path: Path) -> Pronunciations:
    """Read a file. `ConfigError` says what is wrong with it, in which line, and what would be right."""
    try:
        return parse(content_of(path), path)
    except OSError as err:
        raise ConfigError(f"{path} can't be read: {err.strerror}") from err


def content_of(path: Path) -> bytes:
    """Return what is in the file; `OSError` or `ConfigError` if that can't be read, or is too much."""
    if not path.is_file() and path.exists():
        message = f"{path} is no file; pronunciations are in a YAML file"
        raise ConfigError(message, Problem("pronunciations-unreadable", {"file": str(path), "error": "no file"}))
    with path.open("rb") as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        message = f"{path} is over {MAX_BYTES} bytes long, which is the limit of pronunciations"
        raise ConfigError(message, Problem("file-large", {"bytes": MAX_BYTES}))
    return content


def parse(content: bytes, path: Path) -> Pronunciations:
    """Read the content of the file `path`; `ConfigError` as `read` raises it."""
    return Pronunciations(_Entries(content, path))


class _Entries:
    """The entries of a file, one after the other.

    They are made from YAML's events: nothing is built that nested lists, or references to references, could blow up.
    """

    def __init__(self, content: bytes, path: Path) -> None:
        self._content = content
        self._path = path
        self._lines: dict[tuple[str | None, str], int] = {}
        """The line of each word by its language."""

    def __iter__(self) -> Iterator[Entry]:
        try:
            yield from self._read(self._content.decode("utf-8-sig"))
        except UnicodeDecodeError as err:
            message = "this is no UTF-8: save the file in that encoding"
            raise self._wrong(self._line_of(err.start), message, Problem("words-utf8")) from err
        except yaml.reader.ReaderError as err:
            raise self._wrong(self._line_of(err.position), "there is a character that YAML does not allow") from err
        except yaml.MarkedYAMLError as err:
            mark = err.context_mark if err.context == "while scanning a simple key" else err.problem_mark
            raise self._wrong(mark.line + 1 if mark else 1, f"this is no YAML ({err.problem}); {_RULE}") from err

    def _read(self, text: str) -> Iterator[Entry]:
        depth = 0
        language: str | None = None
        word: str | None = None
        at = 1
        """The line of the word."""
        for event in yaml.parse(text, Loader=_LOADER):
            line = event.start_mark.line + 1 if event.start_mark else at
            match event:
                case yaml.ScalarEvent() if depth == 0 and not event.value:
                    pass
                case yaml.ScalarEvent() if depth > 0 and word is None:
                    word, at = self._word(event.value, line), line
                case yaml.ScalarEvent() if depth > 0 and word is not None:
                    is_null = not (event.style or event.value)
                    if not (is_null and depth == 1 and word.lower() in MULTILINGUAL_LANGUAGES):
                        if is_null:
                            message = f'{quoted(word)} has no pronunciation; "" leaves the word out'
                            raise self._wrong(at, message, Problem("words-unsaid", {"word": word}))
                        self._note(language, word, at)
                        yield Entry(word, self._spoken(event.value, word, at), language)
                    word = None
                case yaml.MappingStartEvent() if depth == 0:
                    depth = 1
                case yaml.MappingStartEvent() if depth == 1 and word is not None:
                    language, word, depth = self._language(word, at), None, 2
                case yaml.MappingEndEvent():
                    language, depth = None, depth - 1
                case yaml.NodeEvent():
                    what = (
                        "there is no word here" if word is None else f"the pronunciation of {quoted(word)} is no text"
                    )
                    raise self._wrong(at if word is not None else line, f"{what}; {_RULE}")

    def _word(self, value: str, line: int) -> str:
        word = unicodedata.normalize("NFC", " ".join(value.split()))
        if not word:
            raise self._wrong(line, f"there is no word before the colon; {_RULE}")
        if len(word) > MAX_WRITTEN:
            long = Problem("words-long", {"word": shortened(word, 30), "most": MAX_WRITTEN})
            raise self._wrong(line, f"{quoted(word, 30)} is over {MAX_WRITTEN} characters long", long)
        return word

    def _spoken(self, value: str, word: str, line: int) -> str:
        spoken = " ".join(value.split())
        if len(spoken) > MAX_SPOKEN:
            long = Problem("words-long", {"word": word, "most": MAX_SPOKEN})
            raise self._wrong(line, f"the pronunciation of {quoted(word)} is over {MAX_SPOKEN} characters long", long)
        return spoken

    def _language(self, word: str, line: int) -> str:
        language = word.lower()
        if language not in MULTILINGUAL_LANGUAGES:
            known = ", ".join(MULTILINGUAL_LANGUAGES)
            message = f"{quoted(word)} is no language that words can stand under; there are: {known}"
            raise self._wrong(line, message, Problem("words-language", {"word": word, "languages": known}))
        return language

    def _note(self, language: str | None, word: str, line: int) -> None:
        """Refuse a word that was there before, and more words than there may be."""
        if before := self._lines.get((language, word)):
            message = f"{quoted(word)} stands in line {before} already; remove one of the two"
            raise self._wrong(line, message, Problem("words-twice", {"word": word, "before": before}))
        if len(self._lines) == MAX_ENTRIES:
            message = f"{quoted(word)} is one too many: there may be {MAX_ENTRIES} words"
            raise self._wrong(line, message, Problem("words-many", {"most": MAX_ENTRIES}))
        self._lines[language, word] = line

    def _line_of(self, position: int) -> int:
        return self._content.count(b"\n", 0, position) + 1

    def _wrong(self, line: int, what: str, problem: Problem = _UNREAD) -> ConfigError:
        place = {"file": str(self._path), "line": line}
        return ConfigError(f"{self._path}, line {line}: {what}", Problem(problem.code, {**place, **problem.values}))
