"""Names and shapes of the tensors in a `.safetensors` file, read from its header alone.

Nothing here needs more than Python itself.
"""

from __future__ import annotations

import json
from pathlib import Path

from .errors import CheckpointError

_LONGEST_HEADER = 100_000_000
"""Bytes; the format allows no more (https://github.com/huggingface/safetensors#format)."""


def tensor_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    """Return the shapes by name. Raises `CheckpointError` if the file is no whole header, or can't be read."""
    try:
        with path.open("rb") as file:
            length = int.from_bytes(file.read(8), "little")
            if length > _LONGEST_HEADER:
                raise ValueError("its header is too long")
            header = json.loads(file.read(length))
        return {name: tuple(about["shape"]) for name, about in header.items() if name != "__metadata__"}
    except OSError as err:
        raise CheckpointError(f"{path} can't be read: {err.strerror}", "Check its permissions.") from err
    except (ValueError, KeyError, TypeError, AttributeError) as err:
        raise CheckpointError(f"{path} is broken: {err}", "Is it a .safetensors file, and whole?") from err
