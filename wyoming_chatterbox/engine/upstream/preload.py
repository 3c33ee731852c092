"""Opens torch's libraries without stopping the event loop.

An import holds the GIL while the dynamic linker maps and relocates a library. torch's libraries are so large that every
other thread would stop for up to a second. A foreign call, which releases the GIL, opens them before the import.
"""

from __future__ import annotations

import ctypes
import importlib.util
import logging
import os
import sys
from pathlib import Path

_LOGGER = logging.getLogger(__name__)

# torch's own __init__ opens them in this order and with these modes.
_LIBRARIES = (
    ("libtorch_global_deps.so", os.RTLD_NOW | getattr(os, "RTLD_GLOBAL", 0)),
    ("libtorch_python.so", os.RTLD_LAZY),
)


def open_torch_libraries() -> None:
    """Map torch's shared libraries into the process; the import reports any failure."""
    if not sys.platform.startswith("linux") or "torch" in sys.modules:
        return
    spec = importlib.util.find_spec("torch")
    if spec is None or not spec.submodule_search_locations:
        return
    directory = Path(spec.submodule_search_locations[0]) / "lib"
    dlopen = ctypes.CDLL(None).dlopen
    dlopen.restype = ctypes.c_void_p
    dlopen.argtypes = [ctypes.c_char_p, ctypes.c_int]
    for name, mode in _LIBRARIES:
        path = directory / name
        if not path.exists() or not dlopen(os.fsencode(path), mode):
            _LOGGER.debug("%s could not be opened beforehand", path)
            return
