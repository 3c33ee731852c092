"""Where the value of an option comes from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .option import Option

_APP_TOKEN = "SUPERVISOR_TOKEN"
"""A variable that Home Assistant's Supervisor gives to apps, and to nothing else."""
_APP_FILE = "options.json"
"""The file in which the Supervisor hands an app what a person set."""


@dataclass(frozen=True)
class Source:
    """Where a value comes from."""

    kind: str
    """default, file, dotenv, environment, flag or app."""
    name: str | None = None
    """The file, the variable, the flag, or the option's name in the app; None for a default."""
    words: str = "the default"
    """The same for a person, to stand after "from"."""


DEFAULT = Source("default")


class Sources:
    """Names the sources of one start: in Home Assistant's app, its own settings and flags are those of the app."""

    def __init__(self, environment: Mapping[str, str], file: Path | None) -> None:
        """`file` is that of --config."""
        self._file = file
        self._in_app = _APP_TOKEN in environment and file is not None and file.name == _APP_FILE

    def file(self, key: str) -> Source:
        """A key of the file of --config."""
        return Source("app", key, str(self._file)) if self._in_app else Source("file", str(self._file), str(self._file))

    def flag(self, option: Option, value: object) -> Source:
        """A flag; `value` tells --no-NAME from --NAME."""
        return Source("app" if self._in_app else "flag", _flag(option, value), "a flag")

    @staticmethod
    def variable(name: str, dotenv: Path | None) -> Source:
        """A variable, of the environment or of a file."""
        if dotenv is None:
            return Source("environment", name, f"{name} in the environment")
        return Source("dotenv", name, f"{name} in {dotenv}")


def _flag(option: Option, value: object) -> str:
    negated = option.negation is not None and value in (None, False)
    return f"--no-{option.name.replace('_', '-')}" if negated else option.flag_name
