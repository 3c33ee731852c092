"""Profiles: how a voice speaks, in `NAME.yaml` beside its recording, or alone for the model's own voice.

    label: Alice, calm
    recording: alice.wav
    language: en
    exaggeration: 0.3
    speed: 0.9
    aliases: [alice-slow]

Every key may be left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from .. import checks, regular_files
from ..errors import VoiceError
from ..families import MULTILINGUAL_LANGUAGES
from ..problem import Problem
from ..quoting import quoted, shortened, visible
from .languages import spoken_as
from .names import can_be_shown
from .voice import STYLE_OPTIONS, Style

SUFFIXES = frozenset({".yaml", ".yml"})
MAX_BYTES = 65_536
MAX_LABEL = 100
MAX_ALIASES = 32
MAX_ALIAS = 200
_PARSER_ERRORS = (ValueError, TypeError, AttributeError, LookupError, ArithmeticError, RecursionError)
"""Exceptions that PyYAML raises, besides its own errors, at values such as `!!int x` or a date with a 13th month."""


@dataclass(frozen=True)
class Profile:
    """The content of a profile; None where it says nothing."""

    label: str | None = None
    """The name that people see; the name of the file stays the voice's name."""
    recording: str | None = None
    """The recording's file name, where it isn't the profile's own with another suffix."""
    language: str | None = None
    """The language that is spoken in the recording, as ISO 639-1."""
    style: Style = field(default_factory=Style)
    aliases: tuple[str, ...] = ()
    """Further names that requests may use."""


def read_profile(path: Path) -> Profile:
    """Read a file; `VoiceError` says which key is wrong and what would be right, without the path. Raises `OSError`."""
    with regular_files.opened(path) as file:
        content = file.read(MAX_BYTES + 1)
    if len(content) > MAX_BYTES:
        large = Problem("file-large", {"bytes": MAX_BYTES})
        raise VoiceError(f"it is over {MAX_BYTES} bytes long, which is too much for a profile", large)
    try:
        data = yaml.load(content, _Loader)
    except (yaml.YAMLError, *_PARSER_ERRORS) as err:
        raise _no_yaml(err) from err
    return profile_of({} if data is None else data)


def profile_of(data: object) -> Profile:
    """Check the content of a profile; `VoiceError` says which key is wrong and what would be right."""
    if not isinstance(data, dict):
        raise VoiceError("it must hold keys and values, such as 'speed: 0.9'", Problem("profile-keys"))
    values: dict[str, Any] = {}
    style: dict[str, Any] = {}
    for key, value in data.items():
        if key not in KEYS:
            message = f"it has a key {_quoted(key)} that there is not; {listed_keys(KEYS)}"
            raise VoiceError(message, unknown_key(key, KEYS))
        check, allowed = KEYS[key]
        if value is None:
            continue
        try:
            checked = check(value)
        except (ValueError, TypeError) as err:
            raise VoiceError(f"{key} can't be {_quoted(value)}: it takes {allowed}", _wrong(key, value)) from err
        (style if key in STYLE_OPTIONS else values)[key] = checked
    return Profile(style=Style(**style), **values)


def write_profile(path: Path, profile: Profile) -> None:
    """Write a file, at once or not at all. Raises `OSError`."""
    data: dict[str, Any] = {
        entry.name: value
        for part in (profile, profile.style)
        for entry in fields(part)
        if (value := getattr(part, entry.name)) not in (None, ()) and not isinstance(value, Style)
    }
    if profile.aliases:
        data["aliases"] = list(profile.aliases)
    text = yaml.safe_dump(data, allow_unicode=True, sort_keys=False) if data else ""
    regular_files.write(path, text, 0o644)


class _Loader(yaml.SafeLoader):
    """Refuses references, which could make a small file a huge object."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("references (*name) are not taken")
        return super().compose_node(parent, index)


def _no_yaml(err: Exception) -> VoiceError:
    """Say what is wrong with a file's YAML, without the lines of the file that PyYAML shows."""
    if isinstance(err, yaml.MarkedYAMLError) and err.problem_mark is not None:
        line, column = err.problem_mark.line + 1, err.problem_mark.column + 1
        where = Problem("no-yaml-at", {"line": line, "column": column})
        return VoiceError(visible(f"it is no YAML: {err.problem} in line {line}, column {column}"), where)
    return VoiceError(visible(f"it is no YAML: {' '.join(str(err).split())}"), Problem("no-yaml"))


def unknown_key(key: object, keys: Iterable[str]) -> Problem:
    """Return the problem of a key that there is not among `keys`."""
    return Problem("no-such-key", {"key": _shown(key), "keys": ", ".join(keys)})


def listed_keys(keys: Iterable[str]) -> str:
    """Say which keys there are."""
    return f"there are: {', '.join(keys)}"


def _wrong(key: str, value: object) -> Problem:
    """Return the problem of a value that a key doesn't take."""
    given: dict[str, Any] = {"key": key, "value": _shown(value)}
    if key in STYLE_OPTIONS and (numbers := STYLE_OPTIONS[key].numbers) is not None:
        given |= {"low": numbers.low, "high": numbers.high}
        return Problem("value-whole", given) if numbers.kind is int else Problem("value-number", given)
    match key:
        case "language":
            return Problem("value-language", given | {"languages": ", ".join(MULTILINGUAL_LANGUAGES)})
        case "recording":
            return Problem("value-file", given)
        case "aliases":
            return Problem("value-names", given | {"most": MAX_ALIASES, "longest": MAX_ALIAS})
    return Problem("value-text", given | {"most": MAX_LABEL})


def _shown(value: object) -> str:
    """Write a value without quotation marks, which differ from language to language."""
    try:
        text = str(value)
    except ValueError:
        return "…"
    return shortened(text)


def _quoted(value: object) -> str:
    try:
        return quoted(str(value))
    except ValueError:  # Python writes no whole number of thousands of digits.
        return "a number of that size"


def _short_text(longest: int) -> Callable[[Any], str]:
    def check(value: Any) -> str:
        written = " ".join(checks.text(str(value) if isinstance(value, int | float) else value).split())
        if len(written) > longest or not can_be_shown(written):
            raise ValueError("too long, or not to be shown")
        return written

    return check


def _file_name(value: Any) -> str:
    name = checks.text(value)
    if "\0" in name or Path(name).is_absolute() or ".." in Path(name).parts:
        raise ValueError("outside of the folder")
    return name


def _language(value: Any) -> str:
    # YAML takes a bare "no", which is Norwegian, for false.
    code = spoken_as("no" if value is False else checks.text(value), MULTILINGUAL_LANGUAGES)
    if code is None:
        raise ValueError("not a language that a model speaks")
    return code


def _aliases(value: Any) -> tuple[str, ...]:
    if not isinstance(value, str | list | tuple):
        raise ValueError("no list")
    names = tuple(map(_short_text(MAX_ALIAS), [value] if isinstance(value, str) else value))
    if len(names) > MAX_ALIASES:
        raise ValueError("too many")
    return names


KEYS: dict[str, tuple[Callable[[Any], Any], str]] = {
    "label": (_short_text(MAX_LABEL), f"a text of at most {MAX_LABEL} characters"),
    "recording": (_file_name, "the name of a recording in the same folder, such as alice.wav"),
    "language": (_language, f"one of {', '.join(MULTILINGUAL_LANGUAGES)}"),
    **{name: (option.check, option.allowed) for name, option in STYLE_OPTIONS.items()},
    "aliases": (_aliases, f"a list of at most {MAX_ALIASES} names of at most {MAX_ALIAS} characters"),
}
"""The check of each key, and what it takes in words."""
