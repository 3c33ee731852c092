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
from typing import Any

from ..command_line import Parser, add
from ..errors import ConfigError
from ..families import MULTILINGUAL_LANGUAGES, TURBO
from ..options import OPTIONS
from .pipeline import Reading
from .pronunciation_yaml import read
from .pronunciations import Pronunciations
from .said import said

_NAMES = ("pronunciations", "sentence_pause", "paragraph_pause", "lead_in", "code", "max_chunk_length")
_SHARED = {option.name: option for option in OPTIONS if option.name in _NAMES}
"""The server's options that matter here."""


def parse(arguments: list[str] | None) -> dict[str, Any]:
    """Read the command line; `ConfigError` says what is wrong with it."""
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
    for option in _SHARED.values():
        add(parser, option)
    given = vars(parser.parse_args(arguments))
    return {**{name: option.default for name, option in _SHARED.items()}, **_checked(given)}


def _checked(given: dict[str, Any]) -> dict[str, Any]:
    for name, option in _SHARED.items():
        if name in given:
            try:
                given[name] = option.check(given[name])
            except ValueError as err:
                raise ConfigError(f"{option.flag_name} can't be {given[name]!r}: it takes {option.allowed}") from err
    return given


def main(arguments: list[str] | None = None) -> int:
    """Show what would be said; return the exit code."""
    try:
        options = parse(arguments)
        language = options["language"]
        reading = _reading(options)
    except ConfigError as err:
        sys.stderr.write(f"wyoming_chatterbox.text: {err}\n")
        return 2
    try:
        if options["text"]:
            _show(said(" ".join(options["text"]), language, reading))
        else:
            for line in _lines():
                _show([" / ".join(said(line, language, reading))])
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # Whoever read the answers has seen enough; Python would try once more to write the rest.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0


def _reading(options: dict[str, Any]) -> Reading:
    """Return how texts are read; `ConfigError` if the pronunciations can't be."""
    file = options["pronunciations"]
    pronunciations = Pronunciations() if file is None else read(file)
    return Reading(
        max_length=options["max_chunk_length"],
        sounds=frozenset(TURBO.sounds if options["turbo"] else ()),
        read_code=options["code"] == "read",
        sentence_pause=options["sentence_pause"],
        paragraph_pause=options["paragraph_pause"],
        lead_in=options["lead_in"],
        words=pronunciations.words,
    )


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
