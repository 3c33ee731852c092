"""Linear layers that hold 16 bits on a CPU and compute in float32."""

from __future__ import annotations

import torch

from .stored import PackedLinear, columns


def available() -> bool:
    """Whether this CPU has fbgemm's kernels."""
    return "fbgemm" in torch.backends.quantized.supported_engines


class Float16Linear(PackedLinear):
    """A linear layer for few rows, on fbgemm: float16 weights, widened on their way to float32 arithmetic."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        """Takes `weight` (out, in) and `bias` (out,) of any floating dtype."""
        out, width = weight.shape
        super().__init__(weight, "float16", 2 * out * columns(width) + (0 if bias is None else 4 * out), torch.float32)
        self._packed = torch.ops.quantized.linear_prepack_fp16(weight.float(), None if bias is None else bias.float())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = torch.ops.quantized.linear_dynamic_fp16(x, self._packed)
        return out
