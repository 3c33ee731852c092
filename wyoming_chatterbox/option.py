"""One option: its name everywhere, the values it takes, and what the docs say of it.

Nothing here needs more than Python itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from . import checks
from .checks import Check, Choice, Either, Range

ENVIRONMENT_PREFIX = "CHATTERBOX_"


@dataclass(frozen=True, kw_only=True)
class Option:
    """One option, besides the type of its value."""

    name: str = ""
    """The name of the field, which is its key in a file of options."""
    group: str
    """The heading that it stands under in --help and in the docs."""
    default: Any
    check: Check
    takes: str | None = None
    """The values it takes, in words, where the check doesn't say."""
    help: str
    """Says what the option is for; for a flag without a value, what the flag does."""
    environment: tuple[str, ...] = ()
    """Names in the environment besides CHATTERBOX_NAME: those that a well-known guide to Chatterbox's VRAM uses."""
    switch: bool | None = None
    """The value that a flag without a value sets."""
    flag: str | None = None
    """The flag, where it isn't the name."""
    metavar: str = "VALUE"
    repeatable: bool = False
    bare: str | None = None
    """The value that the flag means when it is given without one."""
    unset: str | None = None
    """Says in words what holds without a value, if the default doesn't show it."""
    negation: str | None = None
    """Says what --no-NAME does, if there is that flag too; it sets False."""
    example: str | None = None
    """A value to show in an example where the default is no value."""
    secret: bool = False
    """Whether the value is shown to nobody."""
    app: str | None = None
    """Why a person can't set it in the Home Assistant app; None if they can."""
    app_shows: bool = False
    """Whether the app shows it from the start, with its default; the others are hidden until a person asks for them."""
    app_without: tuple[str, ...] = ()
    """Words to choose from that the app doesn't offer."""
    container: str | None = None
    """Why script/docs doesn't write it into the containers' .env examples; None if it does."""

    @property
    def flag_name(self) -> str:
        return self.flag or "--" + self.name.replace("_", "-")

    @property
    def variable(self) -> str:
        """The name in the environment that every option has."""
        return ENVIRONMENT_PREFIX + self.name.upper()

    @property
    def synonyms(self) -> tuple[str, ...]:
        """Its further names in the environment that take the same values."""
        return tuple(name for name in self.environment if name not in self.allowed)

    @property
    def allowed(self) -> str:
        """The values it takes, in words."""
        return self.takes or _allowed(self._parts[-1])

    @property
    def choices(self) -> tuple[str, ...]:
        """The words to choose from; the check may take other values besides, as a path is for a model."""
        return next((part.words for part in self._parts if isinstance(part, Choice)), ())

    @property
    def numbers(self) -> Range | None:
        """The numbers it takes, where it takes any."""
        return next((part for part in self._parts if isinstance(part, Range)), None)

    @property
    def preset(self) -> str:
        """Say in words what holds if the option isn't given."""
        if self.unset is not None:
            return self.unset
        values = self.default if isinstance(self.default, tuple) else (self.default,)
        return ", ".join(map(written, values)) or "none"

    @property
    def _parts(self) -> tuple[Check, ...]:
        return self.check.checks if isinstance(self.check, Either) else (self.check,)


def written(value: Any) -> str:
    """Write a value as a person would."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else str(value)
    return str(value)


def _allowed(check: Check) -> str:
    if isinstance(check, Range):
        kind = "a whole number" if check.kind is int else "a number"
        return f"{kind} from {written(check.low)} to {written(check.high)}"
    if isinstance(check, Choice):
        return f"{', '.join(check.words[:-1])} or {check.words[-1]}"
    if check is checks.boolean:
        return "true or false"
    raise TypeError("an option with a check of its own has to say what it takes")
