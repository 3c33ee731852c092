"""Int8 on a CPU (fbgemm, which rounds what comes in, too) and on a GPU (weights alone)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from .stored import PackedLinear, columns, frames, quantize_rows

FEW_ROWS = 8
"""Up to here, on a GPU, reading the weights is what takes the time."""

_ALIKE = 2
"""Rows that one scale does for: a step's, with guidance and without."""

_PER_ROW = 12
"""Bytes that fbgemm holds for each row of a matrix: scale, zero point, sum."""


def _reduce_range() -> bool:
    """Whether a CPU adds two products in 16 bits, which 8 x 8 bits overflow: AVX2 does, VNNI and ARM don't."""
    return torch.backends.quantized.engine in ("x86", "fbgemm") and not torch.cpu._is_vnni_supported()


class Int8Linear(PackedLinear):
    """A linear layer on a CPU, in integer arithmetic: weights by row, what comes in by its range at each call.

    Khudia et al. 2021 (FBGEMM). The error of a layer is about 2 % with 7 bits for what comes in, as AVX2 needs it.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, *, level: bool = False) -> None:
        """Takes `weight` (out, in) and `bias` (out,) of any floating dtype.

        fbgemm gives all rows that come in one scale; with `level`, rows of very different size are levelled before, as
        those of a text and what it is read after are, in a decoder.
        """
        out, width = weight.shape
        held = out * (columns(width) + _PER_ROW) + (0 if bias is None else 4 * out)
        super().__init__(weight, "int8", held, torch.float32)
        rows, scales = quantize_rows(weight)
        zeros = torch.zeros(out, dtype=torch.long)
        quantized = torch._make_per_channel_quantized_tensor(rows, scales.double(), zeros, 0)
        with _fbgemm():
            self._packed = torch.ops.quantized.linear_prepack(quantized, None if bias is None else bias.float())
        self._reduce_range = _reduce_range()
        self._level = level
        self.register_buffer("bias", None if bias is None or not level else bias.float())
        self.bias: torch.Tensor | None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if self._level and x.numel() > _ALIKE * self.in_features:
            sizes = torch.linalg.vector_norm(x, torch.inf, dim=-1, keepdim=True)
            sizes.clamp_min_(torch.finfo(torch.float32).tiny)
            return self._multiply(x / sizes, sizes)
        return self._multiply(x)

    def _multiply(self, x: torch.Tensor, sizes: torch.Tensor | None = None) -> torch.Tensor:
        out: torch.Tensor = torch.ops.quantized.linear_dynamic(x, self._packed, self._reduce_range)
        if sizes is None:
            return out
        # The bias is in there already, and not to be made larger.
        return out.mul_(sizes) if self.bias is None else out.sub_(self.bias).mul_(sizes).add_(self.bias)


class Int8Conv1d(nn.Module):
    """A convolution on a CPU, (rows, in, n) -> (rows, out, n + padding - kernel + 1), as an `Int8Linear` on frames."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, padding: int) -> None:
        """Takes `weight` (out, in, kernel) and how many zeros are put in front."""
        super().__init__()
        self._kernel = weight.shape[2]
        self._padding = padding
        self.linear = Int8Linear(weight.transpose(1, 2).flatten(1), bias)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.linear(frames(x, self._kernel, self._padding))
        return out.transpose(1, 2).contiguous()


class WeightOnlyInt8Linear(nn.Module):
    """A linear layer on a GPU: int8 weights by row, read as they are for a few rows, widened for many.

    Allocates only what it returns and, for many rows, one widened copy of its weights; never waits for the device.
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
        if few and x.device.type in ("cuda", "mps"):
            flat = torch._weight_int8pack_mm(x.reshape(-1, self.in_features), self.rows, self.scales)
            out = flat.view(*x.shape[:-1], -1)
            return out if self.bias is None else out + self.bias
        return functional.linear(x, self.rows * self.scales[:, None], self.bias)


@cache
def triton_kernel() -> Callable[..., torch.Tensor] | None:
    """The kernel for a few rows, or None where there is no Triton: on Windows, and with torch for CPUs."""
    try:
        from .triton_kernels import int8_linear
    except ImportError:
        return None
    return int8_linear


@contextmanager
def _fbgemm() -> Iterator[None]:
    """Pack for fbgemm where it is there: oneDNN, which torch may prefer, is slow for few rows."""
    engines: Any = torch.backends.quantized
    before = engines.engine
    if "fbgemm" in engines.supported_engines:
        engines.engine = "fbgemm"
    try:
        yield
    finally:
        engines.engine = before
