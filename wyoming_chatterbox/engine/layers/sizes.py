"""Counts the bytes that modules hold, in all and by format."""

from __future__ import annotations

import torch


def size_of(*modules: torch.nn.Module) -> int:
    """Count the bytes of the modules' parameters and buffers, and of packed weights (`packed_bytes`)."""
    return sum(bytes_by_format(*modules).values())


def bytes_by_format(*modules: torch.nn.Module) -> dict[str, int]:
    """Count the same bytes by format: `float32`, `float16`, `int8`, ..."""
    counts: dict[str, int] = {}
    for tensor in {id(t): t for module in modules for t in (*module.parameters(), *module.buffers())}.values():
        name = str(tensor.dtype).removeprefix("torch.")
        counts[name] = counts.get(name, 0) + tensor.nbytes
    for part in {id(part): part for module in modules for part in module.modules()}.values():
        for name in getattr(part, "packed", {}):
            counts[name] = counts.get(name, 0) + int(part.packed_bytes)  # type: ignore[arg-type]
    return counts
