"""File descriptors: as many as the system grants, and no more clients than there are some for."""

from __future__ import annotations

import logging
from dataclasses import replace

from ..config import Config
from .listener import MAX_LEAVING

_LOGGER = logging.getLogger(__name__)

_ENOUGH = 65536
_SPARE = 128
"""Descriptors for all that is no client: models, recordings, downloads, libraries."""


def fit(options: Config) -> Config:
    """Raise the limit of this process; lower --max-connections, with a word in the log, if that is not enough."""
    descriptors = _raised()
    room = descriptors - _SPARE - 2 * MAX_LEAVING
    needed = options.max_connections + (options.max_http_connections if options.http else 0)
    if needed <= room:
        return options
    fewer = max(1, options.max_connections * room // needed)
    _LOGGER.warning(
        "--max-connections is lowered from %d to %d: this process may have only %d files open (ulimit -n)",
        options.max_connections,
        fewer,
        descriptors,
    )
    return replace(options, max_connections=fewer)


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
