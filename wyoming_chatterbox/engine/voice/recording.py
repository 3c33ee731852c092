"""Reads a recording for a voice, in a thread: its file may lie on a network share that hangs.

Nothing here needs torch.
"""

from __future__ import annotations

import os
from concurrent.futures import Future
from functools import partial
from pathlib import Path

from ...audio import Block
from ...audio.decoding import read_mono
from ...daemon_thread import in_daemon_thread
from .. import Version


def version_of(status: os.stat_result) -> Version:
    """Return what distinguishes a file from an earlier one at the same path."""
    return status.st_mtime_ns, status.st_ctime_ns, status.st_size


class Reader:
    """Reads one recording at a time in a daemon thread. If that thread hangs, no other reading begins."""

    def __init__(self) -> None:
        self._latest: Future[Block] | None = None

    def begin(self, path: Path, target: int) -> Future[Block] | None:
        """Start `read_mono` in a thread; return None while an earlier recording is still being read."""
        if self._latest is not None and not self._latest.done():
            return None
        self._latest = in_daemon_thread(partial(read_mono, path, target), "recording")
        return self._latest
