"""How many bytes modules hold, in all and by format."""

from __future__ import annotations

import torch


def size_of(*modules: torch.nn.Module) -> int:
    """Bytes of the modules' parameters and buffers, and of what layers hold packed (`packed_bytes`)."""
    return sum(bytes_by_format(*modules).values())


def bytes_by_format(*modules: torch.nn.Module) -> dict[str, int]:
    """The same by format: `float32`, `float16`, `int8`, ..."""
    formats: dict[str, int] = {}
    for tensor in {id(t): t for module in modules for t in (*module.parameters(), *module.buffers())}.values():
        name = str(tensor.dtype).removeprefix("torch.")
        formats[name] = formats.get(name, 0) + tensor.nbytes
    for part in {id(part): part for module in modules for part in module.modules()}.values():
        for name in getattr(part, "packed", {}):
            formats[name] = formats.get(name, 0) + int(part.packed_bytes)  # type: ignore[arg-type]
    return formats
