"""How the files of prepared voices are named, so that those of one recording are found. Nothing here needs torch."""

from __future__ import annotations

import hashlib
from contextlib import suppress
from pathlib import Path

SUFFIX = ".safetensors"
_HALF = 32
"""Characters of a name that tell the recording; as many tell how the voice was made of it."""


def name_of(content: str, recipe: str) -> str:
    """Name a voice, in 64 characters, by the SHA-256 of its recording and by the way in which it is made."""
    return content[:_HALF] + hashlib.sha256(f"{recipe} {content}".encode()).hexdigest()[:_HALF]


def forget(folder: Path, content: str) -> None:
    """Remove what was prepared of a recording, by whatever model; `content` is the recording's SHA-256."""
    for path in folder.glob(f"{content[:_HALF]}*{SUFFIX}"):
        with suppress(OSError):
            path.unlink()
