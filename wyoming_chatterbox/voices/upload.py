"""A recording that is being received into the voices folder."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

_PIECE_BYTES = 262_144
"""Bytes that are written in one go."""
_HEAD_BYTES = 64


class Upload:
    """A file that is being received, under a hidden name. The methods without `async` are for threads."""

    def __init__(self, path: Path, spare: int) -> None:
        self.path = path
        self.bytes = 0
        """Bytes received so far."""
        self.head = b""
        """The first of them."""
        self._spare = spare
        self._kept = bytearray()
        self._file: BinaryIO | None = None
        self._lock = threading.Lock()
        self._discarded = False

    def take(self, data: bytes) -> bytes | None:
        """Take data, and return what is to be written now, if that is enough."""
        self.bytes += len(data)
        self.head += data[: _HEAD_BYTES - len(self.head)]
        self._kept += data
        if len(self._kept) < _PIECE_BYTES:
            return None
        return self.rest()

    def rest(self) -> bytes:
        """Return what was taken and not written."""
        data = bytes(self._kept)
        self._kept.clear()
        return data

    def begin(self, expected: int) -> None:
        """Make the file, in a folder with room for `expected` bytes."""
        with self._lock:
            if not self._discarded:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self._check_room(expected)
                self._file = self.path.open("xb", buffering=0)

    def write(self, data: bytes) -> None:
        with self._lock:
            if self._file is not None:
                self._check_room(len(data))
                view = memoryview(data)
                while view:
                    view = view[self._file.write(view) :]

    def end(self) -> None:
        """Close the file, once it is on the disk."""
        with self._lock:
            if self._file is not None:
                os.fsync(self._file.fileno())
                self._file.close()

    def discard(self) -> None:
        """Remove the file, unless it is elsewhere by now."""
        with self._lock:
            self._discarded = True
            if self._file is not None:
                self._file.close()
                self._file = None
            with suppress(OSError):
                self.path.unlink()

    def _check_room(self, size: int) -> None:
        if shutil.disk_usage(self.path.parent).free < size + self._spare:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
