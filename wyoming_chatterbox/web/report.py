"""A report to paste into an issue: no spoken text, token, name of a voice, address or path.

It is put together from facts of which none can be private; nothing private is searched for and taken out.
"""

from __future__ import annotations

import os
import platform
import re
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from .. import __version__
from ..network.reach import in_a_container
from ..option import written
from ..options import OPTIONS
from ..speech import memory
from ..speech.service import Service

_PACKAGES = ("torch", "tokenizers", "chatterbox-tts", "numpy", "av", "aiohttp", "wyoming")
_LINES = 200
_DEVICE = re.compile(r"(cpu|cuda|mps)(:\d+)?")


def report(service: Service) -> str:
    """Write the report, in Markdown. Takes milliseconds: not for the event loop."""
    parts = (("Where", _where()), ("State", _state(service)), ("Options that were set", _options(service)))
    log = [line for line in service.log.lines if line.level != "debug"][-_LINES:]
    lines = [f"{datetime.fromtimestamp(line.time, UTC):%H:%M:%S} {line.level} {line.bare}" for line in log]
    told = "".join(f"## {title}\n\n" + "".join(f"- {line}\n" for line in found) + "\n" for title, found in parts)
    return f"{told}## Log (UTC; words, names and addresses are left out)\n\n```\n" + "\n".join(lines) + "\n```\n"


def _where() -> Iterator[str]:
    place = "in a container" if in_a_container() else "in no container"
    yield f"wyoming-chatterbox {__version__}, Python {platform.python_version()}, {sys.platform}, {place}"
    yield f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} CPUs"
    yield ", ".join(_packages())


def _packages() -> Iterator[str]:
    for name in _PACKAGES:
        try:
            yield f"{name} {version(name)}"
        except PackageNotFoundError:
            yield f"{name} is missing"


def _state(service: Service) -> Iterator[str]:
    lifecycle = service.lifecycle
    status = lifecycle.snapshot()
    yield f"{status['state']} for {status['state_seconds']:.0f} s, after {status['attempts']} attempts"
    yield f"up for {time.monotonic() - service.started:.0f} s"
    failure = lifecycle.failure
    if failure is not None:
        numbers = ", ".join(
            f"{name} {value}" for name, value in failure.problem.values.items() if isinstance(value, (int, float))
        )
        yield f"problem: {failure.problem.code} ({failure.kind}{', ' if numbers else ''}{numbers})"
    about = lifecycle.about
    if about is not None:
        yield f"{about.name} on {about.device}, {about.precision}, weights {sum(about.parts.values())} bytes"
        if about.why is not None:
            known = ", ".join(f"{name} {value}" for name, value in about.why.values.items())
            yield f"why: {about.why.code} ({known})"
    yield ", ".join(f"{name} {value}" for name, value in vars(lifecycle.counters).items())
    replies = service.replies.snapshot()
    yield ", ".join(f"{name} {value}" for name, value in replies.items() if isinstance(value, (int, float)))
    engines = [engine for engine in (lifecycle.chatterbox, lifecycle.engines.standby) if engine is not None]
    yield ", ".join(f"{name} {size}" for name, size in memory.totals(engines).items())
    catalogue = service.voices.catalogue
    yield f"{len(catalogue.voices)} voices, {len(catalogue.broken)} broken recordings"


def _options(service: Service) -> Iterator[str]:
    config = service.config
    for option in OPTIONS:
        source = config.source(option.name)
        if source.kind == "default":
            continue
        value = getattr(config, option.name)
        is_plain = isinstance(value, (bool, int, float)) or (
            isinstance(value, str) and (value in option.choices or _DEVICE.fullmatch(value) is not None)
        )
        shown = written(value) if is_plain and not option.secret else "set" if value not in (None, ()) else "not set"
        yield f"{option.name}: {shown} ({source.kind})"
