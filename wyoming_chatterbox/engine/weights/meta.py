"""Builds a network on the `meta` device: no memory, no random numbers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from ...errors import CheckpointError
from ..failures import first_line, is_out_of_memory
from .tensor_file import TensorFile

_WEIGHT_NORM = getattr(torch, "_weight_norm", None)
"""A private operation of torch 2.11.0. Without it, weight norms are computed on `meta`, which is slower."""


class _WithoutWeights(TorchFunctionMode):
    """Makes weights on the `meta` device, and skips their initialisation; other arithmetic runs on the CPU.

    Arithmetic on `meta`, such as drawing random weights there, would import torch's compiler.
    """

    def __torch_function__(self, function: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function in (torch.Tensor.normal_, torch.Tensor.uniform_):
            return args[0]
        if getattr(function, "__module__", None) == torch.nn.init.__name__:
            return None
        # Weight norm splits a new weight into lengths and directions, and computes the weight from them again.
        if function is torch.norm_except_dim:
            weight, _, kept = args
            return weight.new_empty([size if axis == kept else 1 for axis, size in enumerate(weight.shape)])
        if function is _WEIGHT_NORM:
            return args[0]
        if function is torch.empty and kwargs.get("device") is None:
            return function(*args, **{**kwargs, "device": "meta"})
        return function(*args, **kwargs)


@contextmanager
def building(file: TensorFile) -> Iterator[None]:
    """Build without weights; sizes that don't fit together become a `CheckpointError`."""
    try:
        with _WithoutWeights():
            yield
    except (AssertionError, ValueError, TypeError, ZeroDivisionError, IndexError, RuntimeError) as err:
        if is_out_of_memory(err):
            raise
        raise CheckpointError(
            f"{file.path} holds tensors of sizes that don't go together: {first_line(err)}",
            "Is it a file of this model family?",
        ) from err
