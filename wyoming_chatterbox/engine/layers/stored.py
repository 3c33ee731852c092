"""Layers that hold their weights in another format than they compute in: the common parts of int8, int4, float16."""

from __future__ import annotations

from typing import TypeVar

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrize

Layer = TypeVar("Layer", bound=nn.Module)

BLOCK = 512
"""Columns that fbgemm packs together; it pads narrower matrices."""

_ROWS_AT_ONCE = 512


class PackedLinear(nn.Module):
    """x (..., in) -> (..., out), float32, with weights packed outside of torch's tensors.

    `packed` is the number of weights by format; `packed_bytes` is the size of the packing.
    """

    def __init__(self, weight: torch.Tensor, packed: str, packed_bytes: int, compute: torch.dtype) -> None:
        super().__init__()
        self.out_features, self.in_features = weight.shape
        self.packed = {packed: weight.numel()}
        self.packed_bytes = packed_bytes
        # Callers read the shape, dtype and device from a layer's weight. This one is a single zero, expanded.
        self.weight = torch.zeros((), dtype=compute, device=weight.device).expand(weight.shape)


def columns(width: int) -> int:
    """Return the columns that fbgemm holds for a matrix of that width."""
    return -(-width // BLOCK) * BLOCK


def quantize_rows(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Quantize (n, ...) symmetrically, with a scale for each row: int8 of the same shape, float32 scales (n,).

    scale * int8 is within half a scale of the weight.
    """
    flat = weight.flatten(1)
    largest = torch.maximum(flat.amax(1), -flat.amin(1)).float()
    scales = (largest / 127).clamp_min(torch.finfo(torch.float32).tiny)
    rows = torch.empty(flat.shape, dtype=torch.int8, device=flat.device)
    # Few rows at a time, in one buffer: temporaries would otherwise take three times the size of the result.
    place = torch.empty(min(_ROWS_AT_ONCE, len(flat)), flat.shape[1], dtype=torch.float32, device=flat.device)
    for start in range(0, len(flat), _ROWS_AT_ONCE):
        few = slice(start, start + _ROWS_AT_ONCE)
        divided = place[: len(flat[few])]
        torch.div(flat[few].float(), scales[few, None], out=divided)
        rows[few] = divided.round_()
    return rows.view(weight.shape), scales


class StoredEmbedding(nn.Module):
    """An embedding whose rows are held in int8, each with a scale, or in 16 bits."""

    def __init__(self, weight: torch.Tensor, compute: torch.dtype, *, int8: bool) -> None:
        super().__init__()
        self.num_embeddings, self.embedding_dim = weight.shape
        rows, scales = quantize_rows(weight) if int8 else (weight.half(), None)
        self.rows: torch.Tensor
        self.scales: torch.Tensor | None
        self.register_buffer("rows", rows)
        self.register_buffer("scales", scales)
        self.weight = torch.zeros((), dtype=compute, device=weight.device).expand(weight.shape)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """(...) int64 -> (..., width) in the compute dtype."""
        rows = self.rows[ids].to(self.weight.dtype)
        return rows if self.scales is None else rows * self.scales[ids][..., None].to(rows.dtype)


class Widened(nn.Module):
    """A parametrization: weights are held in 16 bits, and widened at each use."""

    def __init__(self, compute: torch.dtype) -> None:
        super().__init__()
        self.compute = compute

    def forward(self, stored: torch.Tensor) -> torch.Tensor:
        return stored.to(self.compute)


class Scaled(nn.Module):
    """A parametrization: weights are held in int8, and multiplied by their row's scale at each use."""

    def __init__(self, scales: torch.Tensor) -> None:
        super().__init__()
        self.scales: torch.Tensor
        self.register_buffer("scales", scales)

    def forward(self, stored: torch.Tensor) -> torch.Tensor:
        return stored * self.scales


def hold_in_float16(module: Layer, compute: torch.dtype) -> Layer:
    """Make a layer of any class hold its `weight` in 16 bits and compute in `compute`; returns it."""
    module.register_parameter(
        "weight", nn.Parameter(module.get_parameter("weight").detach().half(), requires_grad=False)
    )
    parametrize.register_parametrization(module, "weight", Widened(compute), unsafe=True)
    return module


def hold_in_int8(module: Layer, compute: torch.dtype) -> Layer:
    """Make a layer of any class hold its `weight` (out, ...) in int8 and compute in `compute`; returns it."""
    rows, scales = quantize_rows(module.get_parameter("weight").detach())
    scales = scales.to(compute).view(-1, *[1] * (rows.ndim - 1))
    module.register_parameter("weight", nn.Parameter(rows, requires_grad=False))
    parametrize.register_parametrization(module, "weight", Scaled(scales), unsafe=True)
    return module


def frames(x: torch.Tensor, kernel: int, padding: int) -> torch.Tensor:
    """Unfold (rows, channels, n), padded in front with `padding` zeros, for a convolution of stride 1.

    The result is (rows, n + padding - kernel + 1, kernel x channels): the convolution's input at each position.
    """
    rows, channels, _ = x.shape
    padded = functional.pad(x.transpose(1, 2), (0, 0, padding, 0)).contiguous()
    places = padded.shape[1] - kernel + 1
    return padded.as_strided((rows, places, kernel * channels), (padded.stride(0), channels, 1)).contiguous()
