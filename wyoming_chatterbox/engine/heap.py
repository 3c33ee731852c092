"""The process's heap: the C library returns freed memory to the system only when it is told to."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_M_ARENA_MAX = -8
_MIN_WHILE_LOADING = 64 << 10
_MIN_OTHERWISE = 8 << 20
"""Bytes of the smallest allocation that comes from the system by itself. The second is more than most of an utterance's
working memory, which would take time to be had anew from the system at each step. The C library's own rule ends up at
32 MB once a large model has been freed, and its heap is full of holes then."""

_ONEDNN_KERNELS = "256"
"""Kernels that oneDNN keeps, each with its working memory; its own default of 1024 takes 200 MB after 40 texts.

Each kernel is made for one length of sound. A text's length seldom comes again, but its blocks have few lengths, which
take 40 to 80 kernels each.
"""


def limit_onednn_kernels() -> None:
    """Limit the kernels that oneDNN keeps, unless the environment does; call this before oneDNN makes its first."""
    os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", _ONEDNN_KERNELS)


def return_free_memory() -> None:
    """Return freed memory to the system, after a model hundreds of megabytes; does nothing without GNU's C library."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


def share_one_heap() -> None:
    """Have all future threads allocate from one heap; call this before they start, as each would get a heap of its own.

    Memory that one thread frees can then serve the next: the loader's serves the worker, the worker's torch's threads.
    """
    _set(_M_ARENA_MAX, 1)


@contextmanager
def returning_at_once() -> Iterator[None]:
    """Within this context, each large allocation comes from the system by itself, and returns there when it is freed.

    Otherwise, while weights are read and converted, the gaps between those that stay would remain the process's.
    """
    _allocate_from_system_above(_MIN_WHILE_LOADING)
    try:
        yield
    finally:
        _allocate_from_system_above(_MIN_OTHERWISE)
        return_free_memory()


def _allocate_from_system_above(size: int) -> None:
    _set(_M_MMAP_THRESHOLD, size)
    # Keep some free memory at the heap's end, by the same rule: to get it anew for every layer takes time.
    _set(_M_TRIM_THRESHOLD, 2 * size)


def _set(parameter: int, value: int) -> None:
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(parameter, value)
