"""Importing torch without stopping the event loop.

An import holds the interpreter while the dynamic linker maps and relocates a library. Torch's are so large that every
other thread stands still for up to a second. Opened beforehand through a foreign call, which lets the interpreter go,
they are there when the import asks for them.
"""

from __future__ import annotations

import ctypes
import importlib.util
import logging
import os
import sys
from pathlib import Path

_LOGGER = logging.getLogger(__name__)

# The order and modes in which torch's own __init__ opens them.
_LIBRARIES = (
    ("libtorch_global_deps.so", os.RTLD_NOW | getattr(os, "RTLD_GLOBAL", 0)),
    ("libtorch_python.so", os.RTLD_LAZY),
)


def open_torch_libraries() -> None:
    """Map torch's shared libraries into the process; whatever goes wrong is left to the import to report."""
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
