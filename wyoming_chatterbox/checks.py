"""Checks of options: each turns what a source holds into what `Config` holds, or raises `ValueError`.

Nothing here needs more than Python itself.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

Check = Callable[[Any], Any]

SERVICE_NAME = "chatterbox"
"""The name that Home Assistant finds the server under, unless another is given."""
_BOOLEANS = dict.fromkeys(("true", "1", "yes", "on", "enable"), True) | dict.fromkeys(
    ("false", "0", "no", "off", "disable"), False
)


@dataclass(frozen=True)
class Range:
    """Checks for a number of one kind from `low` to `high`, both included."""

    kind: type[int] | type[float]
    low: float
    high: float

    def __call__(self, value: Any) -> int | float:
        if isinstance(value, bool):
            raise ValueError("not a number")
        try:
            number = self.kind(value)
        except (TypeError, OverflowError) as err:
            raise ValueError("not a number") from err
        if isinstance(value, float) and value != number:
            raise ValueError("not a whole number")
        if not self.low <= number <= self.high:
            raise ValueError("out of range")
        return number


@dataclass(frozen=True)
class Choice:
    """Checks for one of some words, in any case."""

    words: tuple[str, ...]

    def __call__(self, value: Any) -> str:
        word = text(value).lower()
        if word not in self.words:
            raise ValueError("not among the choices")
        return word


@dataclass(frozen=True)
class Either:
    """Takes what the first matching check of several makes of a value."""

    checks: tuple[Check, ...]

    def __call__(self, value: Any) -> Any:
        for check in self.checks:
            with suppress(ValueError):
                return check(value)
        raise ValueError("no check takes it")


def choice(*words: str) -> Choice:
    """Check for one of these words."""
    return Choice(words)


def either(*checks: Check) -> Either:
    """Check for whatever one of these checks takes."""
    return Either(checks)


def optional(check: Check) -> Either:
    """Let None pass besides."""
    return Either((_none, check))


def _none(value: Any) -> None:
    if value is not None:
        raise ValueError("not None")


def boolean(value: Any) -> bool:
    """Check for true, 1, yes, on or enable, or the opposite of one."""
    word = str(value).strip().lower()
    if word not in _BOOLEANS:
        raise ValueError("neither true nor false")
    return _BOOLEANS[word]


def text(value: Any) -> str:
    """Check for a text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise ValueError("not a text")
    return value.strip()


def path(value: Any) -> Path:
    """Check for a path; `~` becomes the user's home."""
    try:
        return Path(value if isinstance(value, Path) else text(value)).expanduser()
    except RuntimeError as err:
        raise ValueError("no such user") from err


def uri(value: Any) -> str:
    """Check for tcp://HOST:PORT, unix://PATH or stdio://."""
    address = text(value)
    try:
        parts = urlsplit(address)
        good = (
            (parts.scheme == "tcp" and bool(parts.hostname) and bool(parts.port))
            or (parts.scheme == "unix" and bool(parts.path) and not parts.netloc)
            or address == "stdio://"
        )
    except ValueError:
        good = False
    if not good:
        raise ValueError("not such a URI")
    return address


def numbered_gpu(value: Any) -> str:
    """Check for cuda:0, cuda:1, ..."""
    name = text(value).lower()
    kind, _, index = name.partition(":")
    if kind != "cuda" or not index.isdecimal():
        raise ValueError("not a device")
    return name


def directory(value: Any) -> str:
    """Check for a directory that exists."""
    place = path(value)
    if not place.is_dir():
        raise ValueError("no such directory")
    return str(place)


def log_format(value: Any) -> str:
    """Check for a format of Python's logging."""
    layout = text(value)
    logging.Formatter(layout)
    return layout


def service_name(value: Any) -> str:
    """Check for a DNS label: at most 63 bytes, without control characters."""
    name = text(value)
    if len(name.encode()) > 63 or any(unicodedata.category(char).startswith("C") for char in name):
        raise ValueError("not a service name")
    return name


def announced(value: Any) -> str | None:
    """Check for a service name; yes means the usual one, and no means None."""
    try:
        return SERVICE_NAME if boolean(value) else None
    except ValueError:
        return service_name(value)


def network(value: Any) -> str:
    """Check for an address or a network, and write it as a network."""
    return str(ipaddress.ip_network(text(value), strict=False))


def language(value: Any) -> str:
    """Check for an ISO 639-1 code."""
    # YAML takes a bare "no", which is Norwegian, for false.
    code = "no" if value is False else text(value).lower()
    if not re.fullmatch(r"[a-z]{2}", code):
        raise ValueError("not a language")
    return code


def off(value: Any) -> float:
    """Check for off or 0, which is what it becomes."""
    # YAML takes a bare "off" for false.
    if value != 0 and text(value).lower() not in ("off", "0"):
        raise ValueError("not off")
    return 0.0


def origin(value: Any) -> str:
    """Check for http://HOST or http://HOST:PORT, as browsers write an origin; or *, which is any."""
    address = text(value).rstrip("/").lower()
    parts = urlsplit(address)
    if address != "*" and not (parts.scheme in ("http", "https") and parts.hostname and address.count("/") == 2):
        raise ValueError("not an origin")
    return address


def revision(value: Any) -> str:
    """Check for the name of a commit, branch or tag; it becomes a part of paths."""
    name = text(value)
    if not re.fullmatch(r"\w[\w.-]*(/\w[\w.-]*)*", name, re.ASCII) or ".." in name:
        raise ValueError("not a revision")
    return name


def int8_or_none(value: Any) -> str:
    """Check for true or false, as USE_INT8_QUANTIZATION has it: int8 or none."""
    return "int8" if boolean(value) else "none"


def split(value: str) -> list[str]:
    """Take a comma-separated list apart."""
    return [part.strip() for part in value.split(",") if part.strip()]


def listing(check: Check) -> Check:
    """Check every item of a list, which may be a comma-separated text."""

    def checked(value: Any) -> Any:
        values = value if isinstance(value, list | tuple) else split(text(value))
        return tuple(check(item) for item in values)

    return checked


def nonempty(check: Check) -> Check:
    """Refuse an empty result."""

    def checked(value: Any) -> Any:
        result = check(value)
        if not result:
            raise ValueError("empty")
        return result

    return checked
