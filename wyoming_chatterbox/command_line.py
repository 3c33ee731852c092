"""The command line: its flags, and --help, which needs nothing but Python.

`script/run` runs this module for --help, before anything is installed.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from textwrap import wrap
from typing import Any

from . import __version__
from .errors import ConfigError
from .option import ENVIRONMENT_PREFIX, Option
from .options import GROUPS

EXAMPLES = (
    ("", "Turbo on an NVIDIA GPU, nano elsewhere; Home Assistant finds it by itself."),
    ("--model multilingual --voices-dir ~/voices", "23 languages, and voices of your own."),
    ("--quantization int8 --idle-unload 600", "Little memory, and other programs need it as well."),
)
"""Flags, and their purpose."""
CHECK = "--check"
"""The flag that asks for a look at this machine instead of a server."""


def parser(program: str = "wyoming-chatterbox") -> argparse.ArgumentParser:
    """Return the parser of all options: what isn't given is absent from its result; `ConfigError` for a wrong flag."""
    parser = Parser(
        prog=program,
        usage="%(prog)s [OPTION ...]",
        description="A Wyoming text-to-speech server that speaks with Chatterbox.",
        epilog=_epilog(program),
        formatter_class=_Formatter,
        argument_default=argparse.SUPPRESS,
        allow_abbrev=False,
        add_help=False,
    )
    general = parser.add_argument_group("General")
    general.add_argument("-h", "--help", action="help", help="show this and exit")
    general.add_argument("--version", action="version", version=__version__, help="show the version and exit")
    general.add_argument(
        CHECK,
        action="store_true",
        default=argparse.SUPPRESS,
        help="say what this machine would run with these options, and what to do if that would not work; then exit: "
        "0 if it would work, 1 if not",
    )
    general.add_argument("--config", metavar="FILE", help="JSON or YAML file of options")
    for title, options in GROUPS.items():
        group = parser.add_argument_group(title)
        for option in options:
            add(group, option)
    return parser


def add(group: argparse._ActionsContainer, option: Option) -> None:
    """Add an option's flag to a group; without the flag, the option is absent from what is parsed."""
    if option.switch is not None:
        group.add_argument(
            option.flag_name, dest=option.name, action="store_const", const=option.switch, help=_escaped(option.help)
        )
        return
    arguments: dict[str, Any] = {"dest": option.name, "metavar": option.metavar, "help": _escaped(_explained(option))}
    if option.repeatable:
        arguments["action"] = "append"
    if option.bare is not None:
        arguments |= {"nargs": "?", "const": option.bare}
    group.add_argument(option.flag_name, **arguments)
    if option.negation is not None:
        flag = "--no-" + option.name.replace("_", "-")
        group.add_argument(flag, dest=option.name, action="store_const", const=False, help=_escaped(option.negation))


def _explained(option: Option) -> str:
    """Say what the option is for and, on a line of its own, what it takes, what holds without it, its further names."""
    names = f" ({', '.join(option.synonyms)})" if option.synonyms else ""
    return f"{option.help}\nTakes {option.allowed} [{option.preset}]{names}"


def _escaped(text: str) -> str:
    return text.replace("%", "%%")


def _epilog(program: str) -> str:
    examples = "\n".join(f"  # {purpose}\n  {f'{program} {flags}'.rstrip()}" for flags, purpose in EXAMPLES)
    return (
        "Square brackets hold the default; round brackets, further names in the\n"
        "environment.\n"
        "\nOptions can also stand in the file of --config, as max_replies, and in the\n"
        f"environment or .env, as {ENVIRONMENT_PREFIX}MAX_REPLIES; --no-standby is standby: false.\n"
        f"\nExamples:\n{examples}"
    )


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=28)

    def _split_lines(self, text: str, width: int) -> list[str]:
        return [line for part in text.splitlines() for line in wrap(part, width, break_on_hyphens=False)]


class Parser(argparse.ArgumentParser):
    """Raises `ConfigError` for a wrong flag."""

    def error(self, message: str) -> Any:
        raise ConfigError(f"{message} (--help shows all options)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Show the help or the version that `arguments` ask for; 2 where they can't be."""
    try:
        parser("script/run").parse_args(arguments)
    except ConfigError as err:
        sys.stderr.write(f"wyoming-chatterbox: {err}\n")
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
