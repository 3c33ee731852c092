"""Int4 in groups, experimental: a quarter of float16's size, with an error of several percent in each layer."""

from __future__ import annotations

import torch

from . import kernels
from .stored import PackedLinear

GROUP = 64
"""Weights of a row that share a scale and a zero."""

_ROWS_AT_ONCE = 512


class Int4Linear(PackedLinear):
    """A linear layer whose weights are held in 4 bits, in groups along its input: w = scale * (q - 8) + zero.

    It rounds its input to bfloat16, as torch's kernels need it; for GPUs from compute capability 8.0, and CPUs.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, compute: torch.dtype) -> None:
        """Takes `weight` (out, in) that `fits`, and `bias` (out,)."""
        super().__init__(weight, "int4", 0, compute)
        quantized, scales = _quantize_groups(weight)
        self.pairs: torch.Tensor
        self.scales: torch.Tensor
        self.bias: torch.Tensor | None
        self.register_buffer("pairs", kernels.pack_int4(quantized))
        self.register_buffer("scales", scales)
        self.register_buffer("bias", None if bias is None else bias.to(compute))

    @staticmethod
    def fits(weight: torch.Tensor) -> bool:
        """Whether torch has kernels for a matrix of that shape on that device."""
        out, width = weight.shape
        on_cpu = weight.device.type == "cpu"
        return out % 64 == 0 and width % 128 == 0 and kernels.available("int4_cpu" if on_cpu else "int4")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        flat = x.reshape(-1, self.in_features).to(torch.bfloat16)
        out = kernels.int4_linear(flat, self.pairs, GROUP, self.scales).to(x.dtype).view(*x.shape[:-1], -1)
        return out if self.bias is None else out + self.bias


def _quantize_groups(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Quantize (out, in) to uint8 from 0 to 15, with scales and zeros: bfloat16 (groups, out, 2)."""
    out, width = weight.shape
    quantized = torch.empty(weight.shape, dtype=torch.uint8, device=weight.device)
    pairs = []
    for start in range(0, out, _ROWS_AT_ONCE):
        rows = weight[start : start + _ROWS_AT_ONCE]
        groups = rows.float().view(-1, width // GROUP, GROUP)
        low, high = groups.aminmax(dim=2)
        # Scales and zeros are rounded first: the same numbers divide here and multiply later.
        scales = ((high - low) / 15).clamp_min(1e-8).bfloat16()
        zeros = (low + 8 * scales.float()).bfloat16()
        steps = (groups - zeros.float()[..., None]) / scales.float()[..., None] + 8
        quantized[start : start + _ROWS_AT_ONCE] = steps.round_().clamp_(0, 15).view(-1, width)
        pairs.append(torch.stack([scales, zeros], dim=2))
    return quantized, torch.cat(pairs).transpose(0, 1).contiguous()
