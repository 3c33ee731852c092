"""Tells a recording from others, by its version and its content. Nothing here needs torch."""

from __future__ import annotations

import hashlib
import os
import stat
from pathlib import Path

from .. import Version

_MOST_HASHED = 100_000_000
"""Bytes of the largest recording whose content is told: reading all of a larger one takes too long."""
_BLOCK = 1 << 20


def version_of(status: os.stat_result) -> Version:
    """Return what distinguishes a file from an earlier one at the same path."""
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size


def content_of(path: Path) -> str | None:
    """Return the SHA-256 of a file; None if it is too large, or can't be read. This takes as long as the file does."""
    digest = hashlib.sha256()
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode) or status.st_size > _MOST_HASHED:
            return None
        # It may have been replaced by a pipe since.
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
            for _ in range(0, _MOST_HASHED, _BLOCK):
                digest.update(file.read(_BLOCK))
    except OSError:
        return None
    return digest.hexdigest()
