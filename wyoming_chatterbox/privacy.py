"""Keeping libraries from reporting to their makers, and from leaving files in a person's home."""

from __future__ import annotations

import os
from pathlib import Path

SILENCE = {
    # onnxruntime contacts its maker again and again, and keeps a device id and a database of events.
    "ORT_DISABLE_TELEMETRY": "1",
    # huggingface_hub asks the hub for a list of programs that may have started it, and reports which one did.
    "HF_HUB_DISABLE_TELEMETRY": "1",
    # Several libraries agreed on this variable; it covers future ones.
    "DO_NOT_TRACK": "1",
}
"""Environment variables that switch off every report to a library's maker."""

CACHES = {
    "TORCHINDUCTOR_CACHE_DIR": "torchinductor",
    # Triton adds `.triton` itself.
    "TRITON_HOME": "",
    "CUDA_CACHE_PATH": "cuda",
}
"""Maps environment variables for directories of compiled code to their directory in the server's cache."""


def silence_libraries() -> None:
    """Switch off all reports. Call this before the first library is imported."""
    os.environ.update(SILENCE)


def keep_caches_in(directory: Path) -> None:
    """Keep the code that libraries compile in `directory`, unless the environment names another place.

    If the directory can't be made or written to, the libraries use their own: some fail without any.
    """
    directory = directory.absolute()
    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError:
        return
    if os.access(directory, os.W_OK):
        for name, place in CACHES.items():
            os.environ.setdefault(name, str(directory / place))
