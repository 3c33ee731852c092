"""The process's heap: what was freed goes back to the system only if the C library is told so."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager, suppress

_M_MMAP_THRESHOLD = -3
_SMALL = 64 << 10
_USUAL = 32 << 20
"""What the C library's own rule ends up with, as soon as a large model has come and gone."""


def trim() -> None:
    """Give freed memory back, hundreds of megabytes after a model; does nothing where the C library isn't GNU's."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").malloc_trim(0)


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
    with suppress(OSError, AttributeError):
        ctypes.CDLL("libc.so.6").mallopt(_M_MMAP_THRESHOLD, size)
