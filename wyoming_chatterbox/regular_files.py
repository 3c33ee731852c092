"""Opening regular files, where something else may lie in their place."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from .errors import VoiceError


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """Open a regular file, and nothing that could wait for a writer or stand for a device.

    `VoiceError` says "it is no file". Raises `OSError` too.
    """
    if not stat.S_ISREG(path.stat().st_mode):
        raise VoiceError("it is no file")
    # It may have been replaced by a pipe since.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb") as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise VoiceError("it is no file")
        yield file
