"""Int8 layers: on a CPU (fbgemm, which quantizes inputs, too) and on a GPU (weights alone)."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import nn
from torch.nn import functional

from . import kernels
from .stored import PackedLinear, columns, frames, quantize_rows

FEW_ROWS = 8
"""The most rows, on a GPU, for which reading the weights takes most of the time."""

_MAX_UNLEVELLED_ROWS = 2
"""The most rows that share one scale: a step's two, with guidance and without."""

_PER_ROW = 12
"""Bytes that fbgemm holds for each row of a matrix, besides the weights: scale, zero point, sum."""


class Int8Linear(PackedLinear):
    """A linear layer on a CPU, in integer arithmetic: weights are quantized by row, inputs by their range at each call.

    Khudia et al. 2021 (FBGEMM). A layer's error is about 2 % where inputs have 7 bits, as AVX2 needs it.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, *, level: bool = False) -> None:
        """Takes `weight` (out, in) and `bias` (out,) of any floating dtype.

        fbgemm has one scale for all rows of an input. In a decoder a prompt's rows and a text's differ much in size;
        `level` divides each row by its largest number first.
        """
        out, width = weight.shape
        held = out * (columns(width) + _PER_ROW) + (0 if bias is None else 4 * out)
        super().__init__(weight, "int8", held, torch.float32)
        rows, scales = quantize_rows(weight)
        self._packed = kernels.pack_int8(rows, scales, None if bias is None else bias.float())
        self._reduce_range = kernels.needs_reduced_range()
        self._level = level
        self.register_buffer("bias", None if bias is None or not level else bias.float())
        self.bias: torch.Tensor | None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self._level and x.numel() > _MAX_UNLEVELLED_ROWS * self.in_features:
            sizes = torch.linalg.vector_norm(x, torch.inf, dim=-1, keepdim=True)
            sizes.clamp_min_(torch.finfo(torch.float32).tiny)
            return self._multiply(x / sizes, sizes)
        return self._multiply(x)

    def _multiply(self, x: torch.Tensor, sizes: torch.Tensor | None = None) -> torch.Tensor:
        out = kernels.int8_linear(x, self._packed, self._reduce_range)
        if sizes is None:
            return out
        # The kernel has added the bias already, which must not be scaled.
        return out.mul_(sizes) if self.bias is None else out.sub_(self.bias).mul_(sizes).add_(self.bias)


class Int8Conv1d(nn.Module):
    """A convolution on a CPU, (rows, in, n) -> (rows, out, n + padding - kernel + 1), as an `Int8Linear` on frames."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, padding: int) -> None:
        """Takes `weight` (out, in, kernel); `padding` is the number of zeros in front."""
        super().__init__()
        self._kernel = weight.shape[2]
        self._padding = padding
        self.linear = Int8Linear(weight.transpose(1, 2).flatten(1), bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.linear(frames(x, self._kernel, self._padding))
        return out.transpose(1, 2).contiguous()


class WeightOnlyInt8Linear(nn.Module):
    """A linear layer on a GPU: int8 weights by row, read as they are for few rows, widened for many.

    It allocates its result and, for many rows, one widened copy of its weights. It never waits for the device.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, compute: torch.dtype) -> None:
        super().__init__()
        rows, scales = quantize_rows(weight)
        self.out_features, self.in_features = rows.shape
        self.rows: torch.Tensor
        self.scales: torch.Tensor
        self.register_buffer("rows", rows)
        self.register_buffer("scales", scales.to(compute))
        self.bias = None if bias is None else nn.Parameter(bias.to(compute), requires_grad=False)
        self.weight = torch.zeros((), dtype=compute, device=rows.device).expand(rows.shape)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        few = x.numel() <= FEW_ROWS * self.in_features
        if few and x.is_cuda and (kernel := triton_kernel()) is not None:
            return kernel(x, self.rows, self.scales, self.bias)
        if few and x.device.type in ("cuda", "mps") and kernels.available("int8_weights"):
            flat = kernels.int8_weights_linear(x.reshape(-1, self.in_features), self.rows, self.scales)
            out = flat.view(*x.shape[:-1], -1)
            return out if self.bias is None else out + self.bias
        return functional.linear(x, self.rows * self.scales[:, None], self.bias)


@cache
def triton_kernel() -> Callable[..., torch.Tensor] | None:
    """Return the kernel for few rows; None without Triton, as on Windows and with torch for CPUs."""
    try:
        from .triton_kernels import int8_linear
    except ImportError:
        return None
    return int8_linear
