"""The options: names, defaults, what each may be, and what it is called in the environment and on the command line.

Nothing here needs more than Python itself: --help works before anything is installed.
"""

from __future__ import annotations

import ipaddress
import logging
import os
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from .families import FAMILIES
from .precision import DTYPES, QUANTIZATIONS

ENVIRONMENT_PREFIX = "CHATTERBOX_"
_SERVICE_NAME = "chatterbox"
_BOOLEANS = dict.fromkeys(("true", "1", "yes", "on", "enable"), True) | dict.fromkeys(
    ("false", "0", "no", "off", "disable"), False
)


@dataclass(frozen=True)
class Option:
    """One option: its check turns what a source holds into what `Config` holds, or raises `ValueError`."""

    name: str
    default: Any
    check: Callable[[Any], Any]
    allowed: str
    """What a person may write, for the error message."""
    help: str
    """What it is for; of a flag without a value, what that flag does."""
    environment: tuple[str, ...] = ()
    """Names it has in the environment besides CHATTERBOX_NAME: those of the VRAM guide."""
    switch: bool | None = None
    """A flag without a value, which sets this."""
    flag: str | None = None
    """The flag, where it isn't the name."""
    metavar: str = "VALUE"
    repeatable: bool = False
    bare: str | None = None
    """What the flag means without a value, where it may go without."""
    unset: str | None = None
    """What holds without a value, in words, where the default doesn't say."""
    negation: str | None = None
    """What --no-NAME does, where there is that flag as well: it sets False."""

    @property
    def flag_name(self) -> str:
        return self.flag or "--" + self.name.replace("_", "-")

    @property
    def choices(self) -> tuple[str, ...]:
        """The words that can be chosen from; besides them the check may take others, as a path is for a model."""
        return next((part.words for part in self._parts if isinstance(part, Choice)), ())

    @property
    def numbers(self) -> Range | None:
        """The numbers it takes, where it takes any."""
        return next((part for part in self._parts if isinstance(part, Range)), None)

    @property
    def _parts(self) -> tuple[Any, ...]:
        return self.check.checks if isinstance(self.check, Either) else (self.check,)


@dataclass(frozen=True)
class Range:
    """Numbers of a kind from `low` to `high`, both included; a check."""

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
    """One of some words; a check."""

    words: tuple[str, ...]

    def __call__(self, value: Any) -> str:
        text = _text(value).lower()
        if text not in self.words:
            raise ValueError("not among the choices")
        return text


@dataclass(frozen=True)
class Either:
    """What the first of some checks makes of a value that it takes; a check."""

    checks: tuple[Callable[[Any], Any], ...]

    def __call__(self, value: Any) -> Any:
        for check in self.checks:
            with suppress(ValueError):
                return check(value)
        raise ValueError("nothing that is taken")


def _either(*checks: Callable[[Any], Any]) -> Either:
    return Either(checks)


def _optional(check: Callable[[Any], Any]) -> Either:
    return Either((_none, check))


def _none(value: Any) -> None:
    if value is not None:
        raise ValueError("not None")


def _boolean(value: Any) -> bool:
    word = str(value).strip().lower()
    if word not in _BOOLEANS:
        raise ValueError("neither true nor false")
    return _BOOLEANS[word]


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError("not a text")
    return value.strip()


def _path(value: Any) -> Path:
    try:
        return Path(value if isinstance(value, Path) else _text(value)).expanduser()
    except RuntimeError as err:
        raise ValueError("no such user") from err


def _uri(value: Any) -> str:
    text = _text(value)
    try:
        parts = urlsplit(text)
        good = (
            (parts.scheme == "tcp" and bool(parts.hostname) and bool(parts.port))
            or (parts.scheme == "unix" and bool(parts.path) and not parts.netloc)
            or text == "stdio://"
        )
    except ValueError:
        good = False
    if not good:
        raise ValueError("not such a URI")
    return text


def _numbered_gpu(value: Any) -> str:
    text = _text(value).lower()
    kind, _, index = text.partition(":")
    if kind != "cuda" or not index.isdecimal():
        raise ValueError("not a device")
    return text


def _model_directory(value: Any) -> str:
    path = _path(value)
    if not path.is_dir():
        raise ValueError("no such directory")
    return str(path)


def _log_format(value: Any) -> str:
    text = _text(value)
    logging.Formatter(text)
    return text


def _service_name(value: Any) -> str:
    """What a DNS label can hold: zeroconf names are one."""
    text = _text(value)
    if len(text.encode()) > 63 or any(unicodedata.category(char).startswith("C") for char in text):
        raise ValueError("not a service name")
    return text


def _announced(value: Any) -> str | None:
    """A name to be found under; yes means the usual one, and no none."""
    try:
        return _SERVICE_NAME if _boolean(value) else None
    except ValueError:
        return _service_name(value)


def _network(value: Any) -> str:
    return str(ipaddress.ip_network(_text(value), strict=False))


def _quantization(value: Any) -> str:
    """USE_INT8_QUANTIZATION says true or false where --quantization says int8 or none."""
    return "int8" if _boolean(value) else "none"


def split(value: str) -> list[str]:
    """Take a comma-separated list apart."""
    return [part.strip() for part in value.split(",") if part.strip()]


def _listing(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def checked(value: Any) -> Any:
        values = value if isinstance(value, list | tuple) else split(_text(value))
        return tuple(check(item) for item in values)

    return checked


def _some(check: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def checked(value: Any) -> Any:
        result = check(value)
        if not result:
            raise ValueError("empty")
        return result

    return checked


def _number(kind: type[int] | type[float], low: float, high: float) -> Range:
    return Range(kind, low, high)


def _choice(*words: str) -> Choice:
    return Choice(words)


def _data_home() -> Path:
    home = os.environ.get("XDG_DATA_HOME")
    return (Path(home) if home else Path.home() / ".local" / "share") / "wyoming-chatterbox"


# fmt: off
_WYOMING = (
    Option(
        "uri", "tcp://0.0.0.0:10200", _uri, "tcp://HOST:PORT, unix://PATH or stdio://", "where to serve Wyoming",
        metavar="URI",
    ),
    Option(
        "zeroconf", _SERVICE_NAME, _announced, "a name of at most 63 bytes",
        "the name under which Home Assistant finds this server by itself, where others can reach it",
        metavar="NAME", bare=_SERVICE_NAME, negation="don't announce this server",
    ),
    Option("streaming", True, _boolean, "true or false", "don't take text in pieces", switch=False,
        flag="--no-streaming"),
    Option(
        "samples_per_chunk", 1024, _number(int, 64, 48000), "a whole number from 64 to 48000",
        "samples in an audio-chunk event", metavar="N",
    ),
)

_MODEL = (
    Option(
        "model", "auto", _either(_choice("auto", *FAMILIES), _model_directory),
        "auto, " + ", ".join(FAMILIES) + ", or a directory that is there",
        "model family, or a directory with its files; auto takes turbo on CUDA and nano elsewhere", metavar="NAME",
    ),
    Option(
        "device", "auto", _either(_choice("auto", "cpu", "cuda", "mps"), _numbered_gpu),
        "auto, cpu, cuda, cuda:N or mps", "where the model runs", ("DEVICE",),
    ),
    Option(
        "dtype", "auto", _choice("auto", *DTYPES), "auto, float32, float16 or bfloat16",
        "precision of the model", ("MODEL_DTYPE",),
    ),
    Option(
        "quantization", "none", _either(_choice(*QUANTIZATIONS), _quantization),
        "none, int8 or int4 (USE_INT8_QUANTIZATION: true or false)",
        "hold the model's matrices in 8 bits, or its decoder's in 4 (experimental); wins over --dtype",
        ("USE_INT8_QUANTIZATION",),
    ),
    Option(
        "data_dir", (_data_home(),), _some(_listing(_path)), "a directory",
        "where model files and voices are looked for (repeatable; the first is also written to)",
        metavar="DIR", repeatable=True,
    ),
    Option(
        "download_dir", None, _optional(_path), "a directory", "where model files are downloaded to",
        ("MODEL_CACHE_DIR",), metavar="DIR", unset="models in the first --data-dir",
    ),
    Option(
        "local_files_only", False, _boolean, "true or false", "never download anything", switch=True,
    ),
)

_VOICES = (
    Option(
        "voices_dir", None, _optional(_path), "a directory", "recordings in here become voices",
        ("VOICE_LIBRARY_DIR",), metavar="DIR", unset="voices in the first --data-dir",
    ),
    Option("voice", "default", _text, "the name of a voice", "voice of clients that name none", metavar="NAME"),
    Option(
        "standby", True, _boolean, "true or false",
        "answer with errors, not with the standby voice, while Chatterbox can't speak", switch=False,
        flag="--no-standby",
    ),
    Option(
        "exaggeration", None, _optional(_number(float, 0.0, 2.0)), "a number from 0 to 2",
        "how strongly feelings are shown (english, multilingual)", ("EXAGGERATION",), metavar="X",
        unset="0.5",
    ),
    Option(
        "cfg_weight", None, _optional(_number(float, 0.0, 1.0)), "a number from 0 to 1",
        "how closely the text is followed (english, multilingual); 0 is twice as fast", ("CFG_WEIGHT",),
        metavar="X", unset="0.5",
    ),
    Option(
        "temperature", None, _optional(_number(float, 0.05, 5.0)), "a number from 0.05 to 5",
        "how freely speech tokens are drawn", ("TEMPERATURE",), metavar="X", unset="0.8",
    ),
    Option(
        "prompt_seconds", None, _optional(_number(float, 1.0, 10.0)), "a number from 1 to 10",
        "seconds of a voice's recording that its timbre is taken from; fewer are faster",
        metavar="SECONDS", unset="3 on a CPU, 10 on a GPU",
    ),
    Option(
        "seed", None, _optional(_number(int, 0, 2**32 - 1)), "a whole number from 0 to 4294967295",
        "say the same text the same way each time", metavar="N", unset="another way each time",
    ),
)

_LIMITS = (
    Option(
        "max_chunk_length", 280, _number(int, 40, 1000), "a whole number from 40 to 1000",
        "characters spoken in one go at most", ("MAX_CHUNK_LENGTH",), metavar="N",
    ),
    Option(
        "max_total_length", 10000, _number(int, 100, 1_000_000), "a whole number from 100 to 1000000",
        "characters in one reply at most", ("MAX_TOTAL_LENGTH",), metavar="N",
    ),
    Option(
        "flush_after", 0.25, _number(float, 0.01, 10.0), "a number from 0.01 to 10",
        "seconds without more text after which a finished sentence is spoken", metavar="SECONDS",
    ),
    Option(
        "stream_timeout", 60.0, _number(float, 0.1, 3600.0), "a number from 0.1 to 3600",
        "seconds without more text after which an open stream is ended", metavar="SECONDS",
    ),
    Option(
        "max_connections", 64, _number(int, 1, 10000), "a whole number from 1 to 10000",
        "Wyoming clients connected at once at most; HTTP has four times as many places of its own", metavar="N",
    ),
    Option(
        "allow", (), _listing(_network), "networks such as 192.168.1.0/24",
        "Wyoming clients must come from this network or from this machine (repeatable) [everyone may]",
        metavar="NETWORK", repeatable=True,
    ),
    Option(
        "max_replies", 16, _number(int, 1, 1000), "a whole number from 1 to 1000",
        "replies in the making at once at most", metavar="N",
    ),
)

_MEMORY = (
    Option(
        "memory_limit_mb", None, _optional(_number(int, 100, 10_000_000)), "a whole number from 100 to 10000000",
        "what the model may take, in millions of bytes: --dtype auto then chooses what fits",
        metavar="MB", unset="what is free",
    ),
    Option(
        "memory_cleanup_interval", 5, _number(int, 1, 100000), "a whole number from 1 to 100000",
        "utterances between two cleanings of the process's memory", ("MEMORY_CLEANUP_INTERVAL",), metavar="N",
    ),
    Option(
        "cuda_cache_clear_interval", 3, _number(int, 1, 100000), "a whole number from 1 to 100000",
        "utterances between two cleanings of CUDA's cache", ("CUDA_CACHE_CLEAR_INTERVAL",), metavar="N",
    ),
    Option(
        "idle_unload", None, _optional(_number(float, 0.0, 1_000_000.0)), "a number from 0 to 1000000; 0 is never",
        "seconds without text after which the model gives its memory back, until there is text again",
        metavar="SECONDS", unset="never",
    ),
)

_HTTP = (
    Option("http", True, _boolean, "true or false", "no page, no HTTP", switch=False, flag="--no-http"),
    Option("http_host", "127.0.0.1", _text, "an address of this machine", "where to serve HTTP", metavar="ADDRESS"),
    Option("http_port", 4123, _number(int, 0, 65535), "a port from 0 to 65535", "where to serve HTTP", metavar="PORT"),
    Option(
        "http_token", None, _optional(_text), "a text without spaces",
        "HTTP clients must send this as a bearer token", metavar="TOKEN", unset="none",
    ),
    Option(
        "http_allow", (), _listing(_network), "networks such as 192.168.1.0/24",
        "HTTP clients in this network need no token (repeatable)", metavar="NETWORK", repeatable=True,
    ),
    Option(
        "http_proxy", (), _listing(_network), "addresses or networks such as 172.30.32.2",
        "a reverse proxy that checks its users itself and may pass on any host name (repeatable)",
        metavar="ADDRESS", repeatable=True,
    ),
)

_LOG = (
    Option("debug", False, _boolean, "true or false", "log more", switch=True),
    Option(
        "log_format", None, _optional(_log_format), "a format of Python's logging",
        "how a line of the log looks", metavar="FORMAT",
        unset="the time and the message, and what kind it is from warnings on; with --debug its origin too",
    ),
)
# fmt: on

GROUPS: dict[str, tuple[Option, ...]] = {
    "Wyoming": _WYOMING,
    "Model": _MODEL,
    "Voices and speech": _VOICES,
    "Limits": _LIMITS,
    "Memory": _MEMORY,
    "Page and HTTP": _HTTP,
    "Log": _LOG,
}
"""The options as --help shows them."""

OPTIONS = tuple(option for group in GROUPS.values() for option in group)

SECRET = frozenset({"http_token"})
"""Options that are shown to nobody."""
