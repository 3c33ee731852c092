"""Libraries report to their makers, and leave files in a person's home; this module keeps them from both."""

from __future__ import annotations

import os
from pathlib import Path

SILENCE = {
    # onnxruntime looks up a host of its maker again and again, and keeps a device's id and a database of events.
    "ORT_DISABLE_TELEMETRY": "1",
    # huggingface_hub asks the hub for a list of programs that may have started it, and tells which did.
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # The variable that several libraries agreed on, for whichever comes next.
    "DO_NOT_TRACK": "1",
}
"""Environment variables that end every report to a library's maker."""

CACHES = {
    "NUMBA_CACHE_DIR": "numba",
    "TORCHINDUCTOR_CACHE_DIR": "torchinductor",
    # Triton adds `.triton` itself.
    "TRITON_HOME": "",
    "CUDA_CACHE_PATH": "cuda",
}
"""Environment variables that name a directory for what is compiled, and the place of each in the server's cache."""


def silence_libraries() -> None:
    """Have no library report anything; to be called before the first of them is imported."""
    os.environ.update(SILENCE)


def keep_caches_in(directory: Path) -> None:
    """Have the libraries keep what they compile in `directory`, unless the environment names another place.

    Where the directory can't be made or written to, they keep it where they like: some fail without a place.
    """
    directory = directory.absolute()
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if os.access(directory, os.W_OK):
        for name, place in CACHES.items():
            os.environ.setdefault(name, str(directory / place))
