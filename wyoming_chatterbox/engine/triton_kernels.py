"""A Triton kernel for int8 weights and a few rows, where reading the weights is what takes the time."""

from __future__ import annotations

import os
from functools import cache
from typing import Any

import torch

MOST_ROWS = 8

_BLOCK_OUT = 16
_BLOCK_IN = 256


@cache
def _kernel() -> Any:
    """The kernel, or None where Triton can't be imported."""
    try:
        import triton
        import triton.language as tl
    except ImportError:
        return None

    @triton.jit  # type: ignore[untyped-decorator]
    def multiply(  # type: ignore[no-untyped-def]
        x, weight, scales, bias, out, rows, outputs, width,
        HAS_BIAS: tl.constexpr, ROWS: tl.constexpr, BLOCK_OUT: tl.constexpr, BLOCK_IN: tl.constexpr,
    ):  # fmt: skip
        n = tl.program_id(0) * BLOCK_OUT + tl.arange(0, BLOCK_OUT)
        m = tl.arange(0, ROWS)
        total = tl.zeros((ROWS, BLOCK_OUT), dtype=tl.float32)
        for start in range(0, width, BLOCK_IN):
            k = start + tl.arange(0, BLOCK_IN)
            seen = tl.load(
                x + m[:, None] * width + k[None, :], mask=(m[:, None] < rows) & (k[None, :] < width), other=0.0
            ).to(tl.float32)
            weights = tl.load(
                weight + n[:, None] * width + k[None, :], mask=(n[:, None] < outputs) & (k[None, :] < width), other=0
            ).to(tl.float32)
            total += tl.sum(seen[:, None, :] * weights[None, :, :], axis=2)
        total *= tl.load(scales + n, mask=n < outputs, other=0.0).to(tl.float32)[None, :]
        if HAS_BIAS:
            total += tl.load(bias + n, mask=n < outputs, other=0.0).to(tl.float32)[None, :]
        place = out + m[:, None] * outputs + n[None, :]
        tl.store(place, total.to(out.dtype.element_ty), mask=(m[:, None] < rows) & (n[None, :] < outputs))

    return multiply


def usable(x: torch.Tensor) -> bool:
    """Whether the kernel runs where `x` is: on CUDA, or anywhere under Triton's interpreter."""
    interpreted = os.environ.get("TRITON_INTERPRET") == "1"
    return (x.device.type == "cuda" or interpreted) and _kernel() is not None


def int8_linear(x: torch.Tensor, weight: torch.Tensor, scales: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """x (..., in) of up to `MOST_ROWS` rows, int8 weight (out, in), scales (out,), bias (out,) -> (..., out) as x.

    Products and sums are float32. Every weight is read once, whatever the number of rows.
    """
    outputs, width = weight.shape
    flat = x.reshape(-1, width).contiguous()
    rows = flat.shape[0]
    out = torch.empty((rows, outputs), dtype=x.dtype, device=x.device)
    grid = (-(-outputs // _BLOCK_OUT),)
    _kernel()[grid](
        flat, weight, scales, scales if bias is None else bias, out, rows, outputs, width,
        HAS_BIAS=bias is not None, ROWS=1 << max(0, rows - 1).bit_length(), BLOCK_OUT=_BLOCK_OUT, BLOCK_IN=_BLOCK_IN,
    )  # fmt: skip
    return out.view(*x.shape[:-1], outputs)
