"""Linear layers that hold 16 bits on a CPU and compute in float32."""

from __future__ import annotations

import torch

from . import kernels
from .stored import PackedLinear, columns


class Float16Linear(PackedLinear):
    """A linear layer for few rows, on fbgemm: its weights are float16, and widened for float32 arithmetic."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None) -> None:
        """Takes `weight` (out, in) and `bias` (out,) of any floating dtype; needs `kernels.available("float16")`."""
        out, width = weight.shape
        super().__init__(weight, "float16", 2 * out * columns(width) + (0 if bias is None else 4 * out), torch.float32)
        self._packed = kernels.pack_float16(weight.float(), None if bias is None else bias.float())

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return kernels.float16_linear(x, self._packed)
