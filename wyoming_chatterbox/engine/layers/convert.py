"""Replaces a network's layers, at load, with ones that hold their weights in fewer bits."""

from __future__ import annotations

from collections import Counter
from typing import Any

import torch
from torch import nn

from ...precision import Precision
from . import kernels, linear
from .float16 import Float16Linear
from .int4 import Int4Linear
from .int8 import Int8Conv1d, Int8Linear, WeightOnlyInt8Linear
from .stored import Layer, StoredEmbedding, hold_in_float16, hold_in_int8

MIN_QUANTIZED_WEIGHTS = 2048
"""Matrices with fewer weights than this stay in the compute dtype."""

_MAX_FLOAT16 = torch.finfo(torch.float16).max


class Converter:
    """Converts layers with float32 weights, one after another, to a precision, on the device they are on."""

    def __init__(self, precision: Precision) -> None:
        self._precision = precision
        self.compute: torch.dtype = getattr(torch, precision.compute)

    def __call__(self, layer: nn.Module) -> nn.Module:
        """Return the layer to put in this one's place. For int4 that is int8, as only a decoder's blocks take int4.

        Layers inside this one stay as they are; weights that are no matrix are cast to the compute dtype.
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
        # The flow's layers get hundreds of rows, for which it is faster to widen the weights first.
        # fbgemm turns a weight beyond float16 into the largest there is; elsewhere it is infinite, which is noticed.
        packs = isinstance(layer, linear.Linear) and _on_cpu(layer) and kernels.available("float16")
        if packs and _in_float16_range(layer.weight):
            return Float16Linear(layer.weight, layer.bias)
        held: nn.Module = hold_in_float16(_cast(layer, self.compute), self.compute)
        return held

    def _int8_on_cpu(self, layer: Any) -> nn.Module:
        if not kernels.available("int8"):
            held: nn.Module = hold_in_int8(layer, self.compute)
            return held
        if not isinstance(layer, nn.Conv1d):
            return Int8Linear(layer.weight, layer.bias, level=isinstance(layer, linear.Linear))
        if (layer.stride, layer.dilation, layer.groups, layer.padding) == ((1,), (1,), 1, (0,)):
            # The flow's causal convolution pads with zeros in front, and with none behind.
            return Int8Conv1d(layer.weight, layer.bias, getattr(layer, "causal_padding", (0, 0))[0])
        return hold_in_int8(layer, self.compute)

    def _int8_on_gpu(self, layer: Any) -> nn.Module:
        if isinstance(layer, nn.Conv1d):
            return hold_in_int8(_cast(layer, self.compute), self.compute)
        return WeightOnlyInt8Linear(layer.weight, layer.bias, self.compute)


def parameters_by_format(*modules: nn.Module) -> dict[str, int]:
    """Count the modules' parameters by format: int4, int8, float16, float32, ...; the most first."""
    counts: Counter[str] = Counter()
    for module in modules:
        for part in module.modules():
            counts.update(getattr(part, "packed", {}))
            for name, tensor in (*part.named_parameters(recurse=False), *part.named_buffers(recurse=False)):
                # Scales are part of a format, not parameters; 4-bit weights (`pairs`) are counted in `packed`.
                if name not in ("scales", "pairs"):
                    counts[str(tensor.dtype).removeprefix("torch.")] += tensor.numel()
    return dict(counts.most_common())


def _is_matrix(layer: nn.Module) -> bool:
    kinds = (linear.Linear, nn.Linear, nn.Embedding, nn.Conv1d)
    return isinstance(layer, kinds) and layer.weight.numel() >= MIN_QUANTIZED_WEIGHTS


def _in_float16_range(weight: torch.Tensor) -> bool:
    least, most = (float(value) for value in weight.aminmax())
    return least >= -_MAX_FLOAT16 and most <= _MAX_FLOAT16


def _on_cpu(layer: Any) -> bool:
    return bool(layer.weight.device.type == "cpu")


def _cast(layer: Layer, dtype: torch.dtype) -> Layer:
    """Cast a module's own parameters, and not those of modules inside it."""
    for name, tensor in list(layer.named_parameters(recurse=False)):
        if tensor.is_floating_point() and tensor.dtype != dtype:
            setattr(layer, name, nn.Parameter(tensor.to(dtype), requires_grad=False))
    return layer
