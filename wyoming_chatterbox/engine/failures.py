"""Turning what goes wrong inside libraries into words for a person."""

from __future__ import annotations

import re
from pathlib import Path

import torch


def download_again(path: Path) -> str:
    """What to do about a broken file. In the hub's cache it is a link; to delete that alone would bring it back."""
    return f"Delete {path.resolve()} and download it again."


def first_line(err: BaseException) -> str:
    """The start of an error's text, which in torch can be pages long."""
    return (str(err).strip() or type(err).__name__).splitlines()[0][:200]


def is_out_of_memory(err: BaseException) -> bool:
    """Whether an error of torch or Python means that memory, of the host or a device, ran out."""
    if isinstance(err, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(err, RuntimeError) and bool(
        re.search(
            r"out of memory|not enough memory|can't allocate memory|cannot allocate memory", str(err), re.IGNORECASE
        )
    )
