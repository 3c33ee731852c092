"""T3's GPT-2 decoder: the weights of transformers' `GPT2Model`, transposed, and a static cache."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from ..layers.linear import Linear
from ..upstream import chatterbox_tts
from .backbone import Backbone
from .kv_cache import KVCache, Span


def gpt2_weights(sizes: Backbone) -> nn.Module:
    """Make modules for the weights of a `GPT2Model`, with its names."""
    width, inner = sizes.hidden_size, sizes.intermediate_size
    eps = float(chatterbox_tts.GPT2_MEDIUM_CONFIG["layer_norm_epsilon"])

    def layer() -> nn.Module:
        return nn.ModuleDict(
            {
                "ln_1": nn.LayerNorm(width, eps=eps),
                "attn": nn.ModuleDict({"c_attn": _Convolution(width, 3 * width), "c_proj": _Convolution(width, width)}),
                "ln_2": nn.LayerNorm(width, eps=eps),
                "mlp": nn.ModuleDict({"c_fc": _Convolution(width, inner), "c_proj": _Convolution(inner, width)}),
            }
        )

    return nn.ModuleDict(
        {
            "wpe": nn.Embedding(sizes.n_positions, width),
            "h": nn.ModuleList(layer() for _ in range(sizes.num_hidden_layers)),
            "ln_f": nn.LayerNorm(width, eps=eps),
        }
    )


class _Convolution(nn.Module):
    """The weights of transformers' `Conv1D`, a linear layer that holds them as (in, out)."""

    def __init__(self, rows: int, columns: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(rows, columns))
        self.bias = nn.Parameter(torch.empty(columns))


class GPT2(nn.Module):
    """Radford et al. 2019 (layer norm before each part, learned positions, tanh GELU), as transformers computes it."""

    def __init__(
        self, model: Any, sizes: Backbone, layers: Iterable[Any], finish: Callable[[nn.Module], nn.Module]
    ) -> None:
        """Takes over the filled weights of `gpt2_weights`, and its layers.

        Each layer is transposed, and finished in place, before the next is read, so that no second copy of the weights
        is held.
        """
        super().__init__()
        self.heads = sizes.num_attention_heads
        self.head = sizes.hidden_size // self.heads
        self.wpe = model.wpe
        self.layers = nn.ModuleList(finish(_Block(layer, self.heads)) for layer in layers)
        self.norm = model.ln_f

    def new_cache(self, rows: int, length: int) -> KVCache:
        """Allocate a cache for `rows` sequences of up to `length` positions."""
        weight = self.wpe.weight
        return KVCache(len(self.layers), rows, self.heads, length, self.head, weight.device, weight.dtype)

    def forward(self, x: torch.Tensor, span: Span, cache: KVCache) -> torch.Tensor:
        """(rows, n, width) -> the same shape; writes the n positions into the cache."""
        x = x + self.wpe(span.positions)
        for index, block in enumerate(self.layers):
            x = block(x, index, span, cache)
        normed: torch.Tensor = self.norm(x)
        return normed


class _Block(nn.Module):
    def __init__(self, layer: Any, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.attention_norm = layer.ln_1
        self.qkv = _transposed(layer.attn.c_attn)
        self.out = _transposed(layer.attn.c_proj)
        self.mlp_norm = layer.ln_2
        self.up = _transposed(layer.mlp.c_fc)
        self.down = _transposed(layer.mlp.c_proj)

    def forward(self, x: torch.Tensor, index: int, span: Span, cache: KVCache) -> torch.Tensor:
        rows, n, _ = x.shape
        heads = self.qkv(self.attention_norm(x)).view(rows, n, 3 * self.heads, -1).transpose(1, 2)
        query, key, value = heads.chunk(3, dim=1)
        x = x + self.out(cache.attend(index, query, key, value, span))
        hidden: torch.Tensor = self.down(functional.gelu(self.up(self.mlp_norm(x)), approximate="tanh"))
        return x + hidden


def _transposed(convolution: Any) -> Linear:
    """Take the weights from transformers' `Conv1D`, which holds them as (in, out)."""
    weight = convolution._parameters.pop("weight").detach()
    return Linear(weight.t().contiguous(), convolution.bias.detach())
