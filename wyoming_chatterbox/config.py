"""Reading the options from four sources into one frozen, checked `Config`.

A later source wins: defaults < `--config FILE` (JSON or YAML) < environment and `.env` < flags. The same check applies
to a value from any source.
"""

from __future__ import annotations

import ipaddress
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import voluptuous as vol
import yaml
from dotenv import dotenv_values

from .checks import split
from .command_line import parser
from .errors import ConfigError
from .option import ENVIRONMENT_PREFIX
from .options import OPTIONS, Options
from .sources import DEFAULT, Source, Sources

SCHEMA = vol.Schema({option.name: option.check for option in OPTIONS})
_SERVICE_LINK = re.compile(r"_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_\w+)?)$")
"""Variables that Docker and Kubernetes set in a container beside a service that happens to be called "chatterbox"."""
_BY_NAME = {option.name: option for option in OPTIONS}
_Found = dict[str, tuple[Any, Source]]
"""Values that are not checked yet, and their sources, by option."""


@dataclass(frozen=True, kw_only=True)
class Config(Options):
    """Every option, checked, and what follows from them."""

    sources: Mapping[str, Source] = field(default_factory=dict, compare=False, repr=False)
    """Where the values come from that are not the defaults, by option."""

    def source(self, name: str) -> Source:
        """Say where the value of an option comes from."""
        return self.sources.get(name, DEFAULT)

    @property
    def models_directory(self) -> Path:
        """Directory that model files are downloaded to."""
        return self.download_dir or self.data_dir[0] / "models"

    @property
    def voices_directory(self) -> Path:
        """Directory of the voices' recordings."""
        return self.voices_dir or self.data_dir[0] / "voices"

    @property
    def prepared_voices_directory(self) -> Path:
        """Directory of what recordings have become."""
        return self.data_dir[0] / "cache" / "voices"

    @property
    def longest_body(self) -> int:
        """Bytes of the longest JSON request: a character takes up to 12, and other fields some more."""
        return 12 * self.max_total_length + 65536

    @property
    def max_http_connections(self) -> int:
        """Limit of simultaneous HTTP connections: a browser keeps several open."""
        return 4 * self.max_connections


def load(arguments: Sequence[str], environment: Mapping[str, str], directory: Path) -> Config:
    """Read all sources, with the `.env` in `directory`. Raises `ConfigError` with option, value, rule and source."""
    flags = vars(parser().parse_args(arguments))
    # Not an option: `__main__` heeds it.
    flags.pop("check", None)
    named = flags.pop("config", None)
    file = Path(named) if named is not None else None
    sources = Sources(environment, file)
    found: _Found = {}
    if file is not None:
        found.update(_from_file(file, sources))
    dotenv = directory / ".env"
    found.update(_from_environment(_dotenv(dotenv), dotenv))
    found.update(_from_environment(environment, None))
    found.update({name: (value, sources.flag(_BY_NAME[name], value)) for name, value in flags.items()})
    return _checked(found)


def _checked(found: _Found) -> Config:
    values = {option.name: option.default for option in OPTIONS}
    values.update({name: value for name, (value, _) in found.items()})
    try:
        config = Config(**SCHEMA(values), sources={name: source for name, (_, source) in found.items()})
    except vol.MultipleInvalid as err:
        name = str(err.errors[0].path[0])
        value, source = found[name]
        option = _BY_NAME[name]
        shown = "..." if option.secret else repr(value)
        raise ConfigError(
            f"{option.flag_name} can't be {shown} (from {source.words}): it takes {option.allowed}"
        ) from err
    guarded = config.http_token or config.http_allow or config.http_proxy
    if config.http and not (_loopback(config.http_host) or guarded):
        raise ConfigError(
            f"--http-host can't be {config.http_host!r} (from {config.source('http_host').words}) without "
            "--http-token, --http-allow or --http-proxy: others could reach the page"
        )
    return config


def _loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _from_file(path: Path, sources: Sources) -> _Found:
    try:
        text = path.read_text(encoding="utf-8")
        content = json.loads(text) if path.suffix == ".json" else yaml.safe_load(text)
    except OSError as err:
        raise ConfigError(f"--config {path} can't be read: {err.strerror}") from err
    except (ValueError, yaml.YAMLError) as err:
        reason = " ".join(str(err).split())
        raise ConfigError(f"--config {path} is neither JSON nor YAML: {reason}") from err
    if content is None:
        content = {}
    if not isinstance(content, dict):
        raise ConfigError(f"--config {path} must hold a mapping of option names to values, not {content!r:.80}")
    found: _Found = {}
    for key, value in content.items():
        name = str(key).replace("-", "_")
        if name not in _BY_NAME:
            raise ConfigError(f"--config {path} has an option {key!r} that there is not; there are: {_listed()}")
        if value is not None:
            found[name] = (value, sources.file(name))
    return found


def _dotenv(path: Path) -> dict[str, str]:
    try:
        return {name: value for name, value in dotenv_values(path).items() if value is not None}
    except (OSError, UnicodeError) as err:
        raise ConfigError(f"{path} can't be read: {getattr(err, 'strerror', None) or err}") from err


def _from_environment(environment: Mapping[str, str], dotenv: Path | None) -> _Found:
    """Take the options from variables: those of the environment, or of a file."""
    found: _Found = {}
    source = "the environment" if dotenv is None else str(dotenv)
    known: set[str] = set()
    for option in OPTIONS:
        for variable in (*option.environment, option.variable):
            known.add(variable)
            value = environment.get(variable)
            if value:
                found[option.name] = (
                    split(value) if option.repeatable else value,
                    Sources.variable(variable, dotenv),
                )
    for variable in environment:
        if variable.startswith(ENVIRONMENT_PREFIX) and variable not in known and not _SERVICE_LINK.search(variable):
            raise ConfigError(f"{variable} in {source} is no option; there are: {_listed()}")
    return found


def _listed() -> str:
    return ", ".join(sorted(_BY_NAME))
