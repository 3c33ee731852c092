"""Which version of a recording a file is. Nothing here needs torch."""

from __future__ import annotations

import os

from .. import Version


def version_of(status: os.stat_result) -> Version:
    """Return what distinguishes a file from an earlier one at the same path."""
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size
