"""A Triton kernel for int8 weights and few rows, for which reading the weights takes most of the time."""

from __future__ import annotations

import torch
import triton
import triton.language as tl

_BLOCK_OUT = 16
_BLOCK_IN = 256


def int8_linear(x: torch.Tensor, weight: torch.Tensor, scales: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """x (..., in) of a few rows, int8 weight (out, in), scales (out,), bias (out,) -> (..., out) as x.

    Products and sums are float32. Every weight is read once for all rows. The rows stay in registers, so about 8 of
    them are the most that is fast.
    """
    outputs, width = weight.shape
    flat = x.reshape(-1, width).contiguous()
    rows = flat.shape[0]
    out = torch.empty((rows, outputs), dtype=x.dtype, device=x.device)
    grid = (-(-outputs // _BLOCK_OUT),)
    _multiply[grid](
        flat, weight, scales, scales if bias is None else bias, out,
        ROWS=rows, OUTPUTS=outputs, WIDTH=width, HAS_BIAS=bias is not None,
        BLOCK_ROWS=1 << (rows - 1).bit_length(), BLOCK_OUT=_BLOCK_OUT, BLOCK_IN=_BLOCK_IN,
    )  # fmt: skip
    return out.view(*x.shape[:-1], outputs)


@triton.jit  # type: ignore[untyped-decorator]
def _multiply(  # type: ignore[no-untyped-def]
    x, weight, scales, bias, out,
    ROWS: tl.constexpr, OUTPUTS: tl.constexpr, WIDTH: tl.constexpr, HAS_BIAS: tl.constexpr,
    BLOCK_ROWS: tl.constexpr, BLOCK_OUT: tl.constexpr, BLOCK_IN: tl.constexpr,
):  # fmt: skip
    n = tl.program_id(0) * BLOCK_OUT + tl.arange(0, BLOCK_OUT)
    m = tl.arange(0, BLOCK_ROWS)
    total = tl.zeros((BLOCK_ROWS, BLOCK_OUT), dtype=tl.float32)
    for start in range(0, WIDTH, BLOCK_IN):
        k = start + tl.arange(0, BLOCK_IN)
        inside = k[None, :] < WIDTH
        seen = tl.load(x + m[:, None] * WIDTH + k[None, :], mask=(m[:, None] < ROWS) & inside, other=0.0)
        weights = tl.load(weight + n[:, None] * WIDTH + k[None, :], mask=(n[:, None] < OUTPUTS) & inside, other=0)
        total += tl.sum(seen.to(tl.float32)[:, None, :] * weights.to(tl.float32)[None, :, :], axis=2)
    total *= tl.load(scales + n, mask=n < OUTPUTS, other=0.0).to(tl.float32)[None, :]
    if HAS_BIAS:
        total += tl.load(bias + n, mask=n < OUTPUTS, other=0.0).to(tl.float32)[None, :]
    place = out + m[:, None] * OUTPUTS + n[None, :]
    tl.store(place, total.to(out.dtype.element_ty), mask=(m[:, None] < ROWS) & (n[None, :] < OUTPUTS))
