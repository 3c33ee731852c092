"""Shows what would be said of a text: an utterance a line, and pauses.

    python -m wyoming_chatterbox.text "The kitchen is at 21.5 °C."

Without a text it reads standard input, a text a line, and answers each with a line. Exit code 0; 2 for a bad option or
a bad file of pronunciations, with a line that says why.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ..command_line import Parser, add
from ..errors import ConfigError
from ..families import MULTILINGUAL_LANGUAGES, TURBO
from ..option import Option
from ..options import OPTIONS, Options
from .pipeline import Reading
from .pronunciation_yaml import read
from .pronunciations import Pronunciations
from .said import said

_NAMES = ("pronunciations", "sentence_pause", "paragraph_pause", "lead_in", "code", "max_chunk_length")
"""The server's options that matter here."""


@dataclass(frozen=True)
class Request:
    """The wishes of the command line."""

    text: str | None
    """None is what standard input holds."""
    language: str
    reading: Reading


def parse(arguments: list[str] | None) -> Request:
    """Read the command line, and the pronunciations; `ConfigError` says what is wrong with them."""
    parser = Parser(
        prog="wyoming_chatterbox.text",
        usage="%(prog)s [OPTION ...] [TEXT ...]",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
    )
    parser.add_argument("text", nargs="*", default=[], metavar="TEXT", help=argparse.SUPPRESS)
    parser.add_argument(
        "--language", default="en", metavar="XX", type=str.lower, choices=MULTILINGUAL_LANGUAGES, help="[%(default)s]"
    )
    parser.add_argument(
        "--turbo", action="store_true", default=False, help="keep the sounds of turbo and nano: [laugh]"
    )
    for option in OPTIONS:
        if option.name in _NAMES:
            add(parser, option)
    given = vars(parser.parse_args(arguments))
    options = Options(**{option.name: _checked(option, given) for option in OPTIONS})
    pronunciations = Pronunciations() if options.pronunciations is None else read(options.pronunciations)
    sounds = TURBO.sounds if given["turbo"] else ()
    return Request(
        text=" ".join(given["text"]) if given["text"] else None,
        language=given["language"],
        reading=Reading.of(options, sounds=sounds, words=pronunciations.words),
    )


def _checked(option: Option, given: dict[str, Any]) -> Any:
    if option.name not in given:
        return option.default
    try:
        return option.check(given[option.name])
    except ValueError as err:
        value = given[option.name]
        raise ConfigError(f"{option.flag_name} can't be {value!r}: it takes {option.allowed}") from err


def main(arguments: list[str] | None = None) -> int:
    """Show what would be said; return the exit code."""
    try:
        request = parse(arguments)
    except ConfigError as err:
        sys.stderr.write(f"wyoming_chatterbox.text: {err}\n")
        return 2
    try:
        if request.text is not None:
            _show(said(request.text, request.language, request.reading))
        else:
            for line in _lines():
                _show([" / ".join(said(line, request.language, request.reading))])
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read the answers has seen enough; Python would try once more to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _lines() -> Iterable[str]:
    """Yield the lines of standard input as they come, whatever bytes they are."""
    for line in sys.stdin.buffer:
        yield line.decode("utf-8", "replace").rstrip("\r\n")


def _show(lines: Iterable[str]) -> None:
    for line in lines:
        # A terminal that knows no Chinese shows the rest all the same.
        sys.stdout.buffer.write(f"{line}\n".encode(sys.stdout.encoding, "replace"))
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
