"""Leaves a test out if it passed before and none of the files that it reads has changed since.

A test names those files with `@pytest.mark.inputs("docker/*", ...)`: patterns from the repository's root. What passed
is remembered in pytest's cache, so a fresh clone and `-p no:cacheprovider` run everything, as `--all` does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
_KEY = "unchanged/"


@cache
def digest(patterns: tuple[str, ...]) -> str:
    """Return a digest of the files that match: their names and contents. At least one file must match each pattern."""
    total = hashlib.sha256()
    for pattern in patterns:
        paths = sorted(path for path in ROOT.glob(pattern) if path.is_file() and "__pycache__" not in path.parts)
        if not paths:
            raise ValueError(f"No file matches {pattern}, which a test has as an input")
        for path in paths:
            content = hashlib.sha256(path.read_bytes()).hexdigest()
            total.update(f"{path.relative_to(ROOT)} {content}\n".encode())
    return total.hexdigest()


def passed_before(config: pytest.Config, items: Iterable[pytest.Item]) -> list[pytest.Item]:
    """Return those tests that need not run again."""
    if (cache := _cache(config)) is None:
        return []
    return [item for item in items if (now := _now(item)) and cache.get(_KEY + item.nodeid, None) == now]


def remember(item: pytest.Item, report: pytest.TestReport) -> None:
    """Note that a test passed with the inputs that are there now."""
    if report.when == "call" and report.passed and (cache := _cache(item.config)) and (now := _now(item)):
        cache.set(_KEY + item.nodeid, now)


def _cache(config: pytest.Config) -> pytest.Cache | None:
    # `-p no:cacheprovider` takes the attribute away.
    return getattr(config, "cache", None)


def _now(item: pytest.Item) -> str | None:
    inputs = item.get_closest_marker("inputs")
    return None if inputs is None else digest((*inputs.args, str(item.path.relative_to(ROOT))))
