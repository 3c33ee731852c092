"""Int4 in groups, experimental: a quarter of float16, at an error of several percent in each layer."""

from __future__ import annotations

import torch

from .stored import PackedLinear

GROUP = 64
"""Weights of a row that share a scale and a zero."""

_ROWS_AT_ONCE = 512


class Int4Linear(PackedLinear):
    """A linear layer whose weights are held in 4 bits, in groups along its input: w = scale * (q - 8) + zero.

    Rounds what comes in to bfloat16, as torch's kernels for it do; for GPUs from compute capability 8.0, and CPUs.
    """

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None, compute: torch.dtype) -> None:
        """Takes `weight` (out, in), of which `fits` is true, and `bias` (out,)."""
        super().__init__(weight, "int4", 0, compute)
        quantized, scales = _quantize_groups(weight)
        self._on_cpu = weight.device.type == "cpu"
        if self._on_cpu:
            packed = torch.ops.aten._convert_weight_to_int4pack_for_cpu(quantized.int(), 1)
        else:
            pairs = quantized[:, ::2] << 4 | quantized[:, 1::2]
            packed = torch.ops.aten._convert_weight_to_int4pack(pairs.contiguous(), 8)
        self.pairs: torch.Tensor
        self.scales: torch.Tensor
        self.bias: torch.Tensor | None
        self.register_buffer("pairs", packed)
        self.register_buffer("scales", scales)
        self.register_buffer("bias", None if bias is None else bias.to(compute))

    @staticmethod
    def fits(weight: torch.Tensor) -> bool:
        """Whether the kernels take a matrix of that shape."""
        out, width = weight.shape
        return out % 64 == 0 and width % 128 == 0

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        multiply = torch.ops.aten._weight_int4pack_mm_for_cpu if self._on_cpu else torch.ops.aten._weight_int4pack_mm
        flat = x.reshape(-1, self.in_features).to(torch.bfloat16)
        out: torch.Tensor = multiply(flat, self.pairs, GROUP, self.scales).to(x.dtype).view(*x.shape[:-1], -1)
        return out if self.bias is None else out + self.bias


def _quantize_groups(weight: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(out, in) -> uint8 from 0 to 15, and bfloat16 (groups, out, 2): scales and zeros."""
    out, width = weight.shape
    quantized = torch.empty(weight.shape, dtype=torch.uint8, device=weight.device)
    pairs = []
    for start in range(0, out, _ROWS_AT_ONCE):
        rows = weight[start : start + _ROWS_AT_ONCE]
        groups = rows.float().view(-1, width // GROUP, GROUP)
        low, high = groups.aminmax(dim=2)
        # Rounded first, so that what is multiplied later is what was divided by here.
        scales = ((high - low) / 15).clamp_min(1e-8).bfloat16()
        zeros = (low + 8 * scales.float()).bfloat16()
        steps = (groups - zeros.float()[..., None]) / scales.float()[..., None] + 8
        quantized[start : start + _ROWS_AT_ONCE] = steps.round_().clamp_(0, 15).view(-1, width)
        pairs.append(torch.stack([scales, zeros], dim=2))
    return quantized, torch.cat(pairs).transpose(0, 1).contiguous()
