"""T3's Llama decoder: the weights of transformers' `LlamaModel`, with fused projections and a static cache."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn
from torch.nn import functional

from ..layers.linear import Linear
from ..upstream import chatterbox_tts
from .backbone import HEAD, Backbone
from .kv_cache import KVCache, Span

Rotation = tuple[torch.Tensor, torch.Tensor]
"""Cosine and sine of every position and feature, each (n, head width)."""


def llama_weights(sizes: Backbone) -> nn.Module:
    """Make modules for the weights of a `LlamaModel`, with its names."""
    width, inner = sizes.hidden_size, sizes.intermediate_size
    heads, kv_heads = sizes.num_attention_heads * HEAD, sizes.num_key_value_heads * HEAD

    def linear(rows: int, columns: int) -> nn.Linear:
        return nn.Linear(rows, columns, bias=False)

    def layer() -> nn.Module:
        return nn.ModuleDict(
            {
                "self_attn": nn.ModuleDict(
                    {
                        "q_proj": linear(width, heads),
                        "k_proj": linear(width, kv_heads),
                        "v_proj": linear(width, kv_heads),
                        "o_proj": linear(heads, width),
                    }
                ),
                "mlp": nn.ModuleDict(
                    {
                        "gate_proj": linear(width, inner),
                        "up_proj": linear(width, inner),
                        "down_proj": linear(inner, width),
                    }
                ),
                "input_layernorm": nn.RMSNorm(width),
                "post_attention_layernorm": nn.RMSNorm(width),
            }
        )

    layers = nn.ModuleList(layer() for _ in range(sizes.num_hidden_layers))
    return nn.ModuleDict({"layers": layers, "norm": nn.RMSNorm(width)})


def inverse_frequencies(device: torch.device) -> torch.Tensor:
    """Compute Llama 3.1's rotary frequencies of a head's pairs of features, (32,) float32: low ones are lowered."""
    config = chatterbox_tts.LLAMA_520M_CONFIG_DICT
    scaling = config["rope_scaling"]
    pairs = torch.arange(0, HEAD, 2, dtype=torch.float32, device=device)
    fast = 1.0 / config["rope_theta"] ** (pairs / HEAD)
    turns = scaling["original_max_position_embeddings"] * fast / (2 * math.pi)
    low, high = scaling["low_freq_factor"], scaling["high_freq_factor"]
    share = ((turns - low) / (high - low)).clamp(0, 1)
    frequencies: torch.Tensor = (1 - share) * fast / scaling["factor"] + share * fast
    return frequencies


class Llama(nn.Module):
    """Touvron et al. 2023 (RMS norm, rotary positions, gated SiLU), as transformers computes it."""

    def __init__(
        self, model: Any, sizes: Backbone, layers: Iterable[Any], finish: Callable[[nn.Module], nn.Module]
    ) -> None:
        """Takes over the filled weights of `llama_weights`, and its layers.

        Each layer is fused, and finished in place, before the next is read, so that no second copy of the weights is
        held.
        """
        super().__init__()
        self.kv_heads = sizes.num_key_value_heads
        self.head = HEAD
        self.eps = float(chatterbox_tts.LLAMA_520M_CONFIG_DICT["rms_norm_eps"])
        self.register_buffer("inv_freq", inverse_frequencies(model.norm.weight.device), persistent=False)
        self.inv_freq: torch.Tensor
        heads = sizes.num_attention_heads
        self.layers = nn.ModuleList(finish(_Block(layer, heads, self.kv_heads, self.eps)) for layer in layers)
        self.norm = nn.Parameter(model.norm.weight.detach(), requires_grad=False)

    def new_cache(self, rows: int, length: int) -> KVCache:
        """Allocate a cache for `rows` sequences of up to `length` positions."""
        norm = self.norm
        return KVCache(len(self.layers), rows, self.kv_heads, length, self.head, norm.device, norm.dtype)

    def forward(self, x: torch.Tensor, span: Span, cache: KVCache) -> torch.Tensor:
        """(rows, n, width) -> the same shape; writes the n positions into the cache."""
        rotation = self._rotation(span.positions, x.dtype)
        for index, block in enumerate(self.layers):
            x = block(x, rotation, index, span, cache)
        return functional.rms_norm(x, self.norm.shape, self.norm, self.eps)

    def _rotation(self, positions: torch.Tensor, dtype: torch.dtype) -> Rotation:
        angles = positions[:, None].float() * self.inv_freq
        angles = torch.cat([angles, angles], dim=-1)
        return angles.cos().to(dtype), angles.sin().to(dtype)


class _Block(nn.Module):
    def __init__(self, layer: Any, heads: int, kv_heads: int, eps: float) -> None:
        super().__init__()
        self.heads = heads
        self.kv_heads = kv_heads
        self.eps = eps
        attention, mlp = layer.self_attn, layer.mlp
        self.qkv = Linear.joined(attention.q_proj, attention.k_proj, attention.v_proj)
        self.out = Linear.joined(attention.o_proj)
        self.gate_up = Linear.joined(mlp.gate_proj, mlp.up_proj)
        self.down = Linear.joined(mlp.down_proj)
        self.attention_norm = nn.Parameter(layer.input_layernorm.weight.detach(), requires_grad=False)
        self.mlp_norm = nn.Parameter(layer.post_attention_layernorm.weight.detach(), requires_grad=False)

    def forward(self, x: torch.Tensor, rotation: Rotation, index: int, span: Span, cache: KVCache) -> torch.Tensor:
        rows, n, _ = x.shape
        normed = functional.rms_norm(x, self.attention_norm.shape, self.attention_norm, self.eps)
        heads = self.qkv(normed).view(rows, n, self.heads + 2 * self.kv_heads, -1).transpose(1, 2)
        # Queries and keys are rotated in one call.
        turned = _rotated(heads[:, : -self.kv_heads], rotation)
        query, key, value = turned[:, : self.heads], turned[:, self.heads :], heads[:, -self.kv_heads :]
        x = x + self.out(cache.attend(index, query, key, value, span))
        normed = functional.rms_norm(x, self.mlp_norm.shape, self.mlp_norm, self.eps)
        gate, up = self.gate_up(normed).chunk(2, dim=-1)
        hidden: torch.Tensor = self.down(functional.silu(gate) * up)
        return x + hidden


def _rotated(x: torch.Tensor, rotation: Rotation) -> torch.Tensor:
    """Apply rotary position embeddings (Su et al. 2021); the pairs are (i, i + half) of each head."""
    cosine, sine = rotation
    first, second = x.chunk(2, dim=-1)
    return x * cosine + torch.cat([-second, first], dim=-1) * sine
