"""File descriptors: as many as the system grants, and no more clients than there are descriptors for."""

from __future__ import annotations

import logging
from dataclasses import replace

from ..config import Config
from .listener import MAX_REJECTED_CLIENTS

_LOGGER = logging.getLogger(__name__)

_MAX_DESCRIPTORS = 65536
_OTHER_DESCRIPTORS = 128
"""Descriptors reserved for everything but clients: models, recordings, downloads, libraries."""


def fit(options: Config) -> Config:
    """Raise the limit of this process; if that is not enough, lower --max-connections and log it."""
    descriptors = _raised()
    room = descriptors - _OTHER_DESCRIPTORS - 2 * MAX_REJECTED_CLIENTS
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
    """Raise the soft limit as far as it is useful, and return it."""
    try:
        import resource
    except ImportError:
        # Windows has no such limit for sockets.
        return _MAX_DESCRIPTORS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    endless = resource.RLIM_INFINITY
    wanted = _MAX_DESCRIPTORS if hard == endless else min(hard, _MAX_DESCRIPTORS)
    if soft == endless or soft >= wanted:
        return _MAX_DESCRIPTORS if soft == endless else soft
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    except (OSError, ValueError):
        # macOS may grant less than its hard limit says.
        return soft
    return wanted
