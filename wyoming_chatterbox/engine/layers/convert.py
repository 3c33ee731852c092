"""Changing a network's layers, at load, for ones that hold their weights in fewer bits."""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from torch import nn

from ...precision import Precision
from . import float16, linear
from .int4 import Int4Linear
from .int8 import Int8Conv1d, Int8Linear, WeightOnlyInt8Linear
from .stored import Layer, StoredEmbedding, hold_in_float16, hold_in_int8

LEAST = 2048
"""Numbers in a matrix that is worth scales of its own."""


class Converter:
    """Makes one layer with float32 weights after another what a precision wants, on the device where it is."""

    def __init__(self, precision: Precision) -> None:
        self._precision = precision
        self.compute: torch.dtype = getattr(torch, precision.compute)

    def __call__(self, layer: nn.Module) -> nn.Module:
        """The layer to have in this one's place: int8 where int4 is wanted, which is for a decoder's blocks alone.

        The layers inside it are left alone; what is no matrix is cast to the dtype that is computed in.
        """
        if not _is_matrix(layer):
            return _cast(layer, self.compute)
        if self._precision.quantization == "none":
            return self._float16(layer)
        if isinstance(layer, nn.Embedding):
            return StoredEmbedding(layer.weight, self.compute, int8=True)
        return self._int8_on_cpu(layer) if _on_cpu(layer) else self._int8_on_gpu(layer)

    def block(self, block: nn.Module) -> nn.Module:
        """Convert the layers of a decoder's block in place, one after another; returns it."""
        int4 = self._precision.quantization == "int4"
        for name, layer in list(block.named_children()):
            if int4 and isinstance(layer, linear.Linear) and Int4Linear.fits(layer.weight):
                setattr(block, name, Int4Linear(layer.weight, layer.bias, self.compute))
            else:
                setattr(block, name, self(layer))
        return _cast(block, self.compute)

    def _float16(self, layer: Any) -> nn.Module:
        if isinstance(layer, nn.Embedding):
            return StoredEmbedding(layer.weight, self.compute, int8=False)
        # The flow's layers have hundreds of rows, for which it is faster to widen the weights first.
        if isinstance(layer, linear.Linear) and _on_cpu(layer) and float16.available():
            return float16.Float16Linear(layer.weight, layer.bias)
        held: nn.Module = hold_in_float16(_cast(layer, self.compute), self.compute)
        return held

    def _int8_on_cpu(self, layer: Any) -> nn.Module:
        if not isinstance(layer, nn.Conv1d):
            return Int8Linear(layer.weight, layer.bias, level=isinstance(layer, linear.Linear))
        if (layer.stride, layer.dilation, layer.groups, layer.padding) == ((1,), (1,), 1, (0,)):
            # The flow's causal convolution puts zeros in front of what it gets, and none behind.
            return Int8Conv1d(layer.weight, layer.bias, getattr(layer, "causal_padding", (0, 0))[0])
        return hold_in_int8(layer, self.compute)

    def _int8_on_gpu(self, layer: Any) -> nn.Module:
        if isinstance(layer, nn.Conv1d):
            return hold_in_int8(_cast(layer, self.compute), self.compute)
        return WeightOnlyInt8Linear(layer.weight, layer.bias, self.compute)


def apply(module: nn.Module, precision: Precision) -> nn.Module:
    """Convert all layers inside a module with float32 weights, in place, one after another; returns it."""
    convert = Converter(precision)
    for name, child in list(module.named_children()):
        setattr(module, name, convert(apply(child, precision)))
    return module


def formats(*modules: nn.Module) -> dict[str, int]:
    """How many parameters the modules hold in each format: int4, int8, float16, float32, ...; most first."""
    counts: Counter[str] = Counter()
    for module in modules:
        for part in module.modules():
            counts.update(getattr(part, "packed", {}))
            for name, tensor in (*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)):
                # Scales are no parameters, but part of how others are held; so are 4-bit weights, counted already.
                if name not in ("scales", "pairs"):
                    counts[str(tensor.dtype).removeprefix("torch.")] += tensor.numel()
    return dict(counts.most_common())


def _is_matrix(layer: nn.Module) -> bool:
    kinds = (linear.Linear, nn.Linear, nn.Embedding, nn.Conv1d)
    return isinstance(layer, kinds) and layer.weight.numel() >= LEAST


def _on_cpu(layer: Any) -> bool:
    return bool(layer.weight.device.type == "cpu")


def _cast(layer: Layer, dtype: torch.dtype) -> Layer:
    """Cast what a module holds itself, and not in others inside it."""
    for name, tensor in list(layer.named_parameters(recurse=False)):
        if tensor.is_floating_point() and tensor.dtype != dtype:
            setattr(layer, name, nn.Parameter(tensor.to(dtype), requires_grad=False))
    return layer
