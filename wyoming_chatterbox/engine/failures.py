"""Turning errors of libraries into words for a person."""

from __future__ import annotations

import re
from pathlib import Path

import torch


def download_again(path: Path) -> str:
    """Advise to replace a broken file. In the hub's cache its name is a link, so the file behind it must go."""
    return f"Delete {path.resolve()} and download it again."


def first_line(err: BaseException) -> str:
    """Return the start of an error's text, which in torch can be pages long."""
    return (str(err).strip() or type(err).__name__).splitlines()[0][:200]


def is_out_of_memory(err: BaseException) -> bool:
    """Whether an error means that the host or a device ran out of memory."""
    if isinstance(err, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(err, RuntimeError) and bool(
        re.search(
            r"out of memory|not enough memory|can't allocate memory|cannot allocate memory", str(err), re.IGNORECASE
        )
    )
