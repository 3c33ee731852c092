"""The process's heap: what was freed goes back to the system only if the C library is told so."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_SMALL = 64 << 10
_USUAL = 8 << 20
"""More than most of what an utterance works in, which would take time to be had anew from the system at each step.

The C library's own rule ends up at 32 MB as soon as a large model has come and gone; its heap is full of holes then.
"""

# oneDNN keeps its 1024 latest kernels, each made for one length of sound, with what it works in: 200 MB after 40 texts.
# A text's length seldom comes again, but its blocks have few lengths, of 40 to 80 kernels each. This is read when the
# first kernel is made.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "256")


def trim() -> None:
    """Give freed memory back, hundreds of megabytes after a model; does nothing where the C library isn't GNU's."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def share_one_heap() -> None:
    """Have all threads that are yet to come take memory from one heap, before they have one each.

    What one thread frees, the next can use then: the loader's for the worker, the worker's for torch's own threads.
    """
    _set(_M_ARENA_MAX, 1)


@contextmanager
def returning_at_once() -> Iterator[None]:
    """Within, all but small pieces of memory come from the system one by one, and go back there when they are freed.

    While weights are read and converted, what was freed between those that stay would count as the process's.
    """
    _ask_the_system_from(_SMALL)
    try:
        yield
    finally:
        _ask_the_system_from(_USUAL)
        trim()


def _ask_the_system_from(size: int) -> None:
    _set(_M_MMAP_THRESHOLD, size)
    # Free memory at the heap's end that stays, by the same rule: it takes time to get it anew for every layer.
    _set(_M_TRIM_THRESHOLD, 2 * size)


def _set(parameter: int, value: int) -> None:
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(parameter, value)


share_one_heap()
