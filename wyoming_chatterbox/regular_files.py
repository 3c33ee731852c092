"""Opening regular files, where something else may lie in their place, and writing them at once or not at all."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
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


def write(path: Path, text: str, mode: int) -> None:
    """Write a file with these permissions, in UTF-8; if that fails, what was there stays. Raises `OSError`."""
    with NamedTemporaryFile("w", encoding="utf-8", dir=path.parent, prefix=".", suffix=".part", delete=False) as draft:
        try:
            os.fchmod(draft.fileno(), mode)
            draft.write(text)
            draft.flush()
            Path(draft.name).replace(path)
        except BaseException:
            Path(draft.name).unlink(missing_ok=True)
            raise
