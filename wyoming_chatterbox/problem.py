"""Reasons why Chatterbox can't speak, as a code and values: the page has the words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Problem:
    """One problem."""

    code: str = "unknown"
    """dns, refused, timeout, tls, proxy, not-found, forbidden, disk-full, no-space, checksum, files-missing,
    files-broken, out-of-memory, no-device, not-numbers, hung, offline or unknown."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Values that the words need: host, file, place, bytes_needed, device, ..."""
