"""Errors of libraries: their words for a person, this project's errors for them, and the memory that they leave."""

from __future__ import annotations

import gc
import re
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch

from ..errors import Cancelled, ChatterboxError, EngineError, OutOfMemoryError
from .heap import return_free_memory


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


def give_back() -> None:
    """Return freed memory to the device and to the system."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
    return_free_memory()


@contextmanager
def failures_named(when: str) -> Iterator[None]:
    """Turn errors of torch and chatterbox-tts into this project's; the boundary to both."""
    try:
        yield
    except (ChatterboxError, Cancelled):
        raise
    except Exception as err:
        if is_out_of_memory(err):
            # The error's frames would keep their tensors for as long as somebody holds the error.
            traceback.clear_frames(err.__traceback__)
            give_back()
            raise OutOfMemoryError(f"Memory ran out {when}: {first_line(err)}") from err
        raise EngineError(f"{type(err).__name__} {when}: {first_line(err)}") from err
