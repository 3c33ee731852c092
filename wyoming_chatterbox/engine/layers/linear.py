"""A linear layer for one or two rows at a time, for which reading the weights takes most of the time."""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import nn
from torch.nn import functional

from . import kernels

FEW_ROWS = 16
"""The most rows, on a CPU, for which W x^T is faster than x W^T."""

_ONEDNN = kernels.available("onednn")


class Linear(nn.Module):
    """x (..., in) -> x W^T + b (..., out), with the kernel that is fastest for the number of rows."""

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor | None = None) -> None:
        """Takes `weight` (out, in) and `bias` (out,), without copying them."""
        super().__init__()
        self.weight = nn.Parameter(weight, requires_grad=False)
        self.bias = None if bias is None else nn.Parameter(bias, requires_grad=False)

    @classmethod
    def joined(cls, *layers: Any) -> Self:
        """Join several `nn.Linear`s side by side in one layer, which takes their weights from them."""
        weights = [layer._parameters.pop("weight").detach() for layer in layers]
        biases = [layer.bias.detach() for layer in layers if layer.bias is not None]
        if len(layers) == 1:
            return cls(weights[0], biases[0] if biases else None)
        return cls(torch.cat(weights), torch.cat(biases) if biases else None)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        if x.device.type == "cpu" and x.dtype == torch.float32:
            rows = x.numel() // x.shape[-1]
            if 1 < rows <= FEW_ROWS:
                return self._few_rows(x, rows)
            if _ONEDNN:
                # On an AMD CPU, MKL reaches two thirds of oneDNN's speed with one row and with the hundred of a text.
                return kernels.onednn_linear(x, self.weight, self.bias)
        return functional.linear(x, self.weight, self.bias)

    def _few_rows(self, x: torch.Tensor, rows: int) -> torch.Tensor:
        """Compute (W x^T)^T, because for x W^T the BLAS reads the weights once a row."""
        out = torch.mm(self.weight, x.reshape(rows, -1).t()).t().contiguous()
        if self.bias is not None:
            out += self.bias
        return out.view(*x.shape[:-1], -1)
