"""File descriptors: as many as the system grants, and no more clients than there are some for."""

from __future__ import annotations

import logging
from dataclasses import replace

from .config import Config
from .listener import MAX_LEAVING

_LOGGER = logging.getLogger(__name__)

_ENOUGH = 65536
_SPARE = 128
"""Descriptors for all that is no client: models, recordings, downloads, libraries."""


def fit(options: Config) -> Config:
    """Raise the limit of this process; lower --max-connections, with a word in the log, if that is not enough."""
    descriptors = _raised()
    most = affordable(descriptors, ports=2 if options.http else 1)
    if options.max_connections <= most:
        return options
    _LOGGER.warning(
        "--max-connections is lowered from %d to %d: this process may have only %d files open (ulimit -n)",
        options.max_connections,
        most,
        descriptors,
    )
    return replace(options, max_connections=most)


def affordable(descriptors: int, ports: int) -> int:
    """Return how many clients each of `ports` can have, at least one, out of so many `descriptors` in all."""
    return max(1, (descriptors - _SPARE) // ports - MAX_LEAVING)


def _raised() -> int:
    """Raise the soft limit as far as it makes sense, and return it."""
    try:
        import resource
    except ImportError:
        # Windows has no such limit for sockets.
        return _ENOUGH
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    endless = resource.RLIM_INFINITY
    wanted = _ENOUGH if hard == endless else min(hard, _ENOUGH)
    if soft == endless or soft >= wanted:
        return _ENOUGH if soft == endless else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        # macOS may grant less than its hard limit says.
        return soft
    return wanted
