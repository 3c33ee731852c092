"""The process's heap: the C library returns freed memory to the system only when it is told to."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_M_TRIM_THRESHOLD = -1
_M_MMAP_THRESHOLD = -3
_MIN_WHILE_LOADING = 64 << 10
_MIN_OTHERWISE = 32 << 20
"""Bytes of the smallest allocation that comes from the system by itself. The C library's own rule ends up at the second
number once a large model has been freed."""

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
    with suppress(OSError, AttributeError):
        libc = ctypes.CDLL("libc.so.6")
        libc.mallopt(_M_MMAP_THRESHOLD, size)
        # Keep some free memory at the heap's end, by the same rule: to get it anew for every layer takes time.
        libc.mallopt(_M_TRIM_THRESHOLD, 2 * size)
