"""The flow's networks except its encoder: those of chatterbox-tts 0.1.7, with its parameter names, in plain torch.

chatterbox-tts builds them from diffusers' and Matcha-TTS's layers, which take longer to import than everything else.
`s3gen.flow` runs them, without masks.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import nn
from torch.nn import functional


class Flow(nn.Module):
    """Speech tokens to mel: the parts, with chatterbox-tts's names."""

    def __init__(
        self, vocabulary: int, width: int, speaker: int, output_size: int, encoder: Any, decoder: FlowMatching
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.input_embedding = nn.Embedding(vocabulary, width)
        self.spk_embed_affine_layer = nn.Linear(speaker, output_size)
        self.encoder = encoder
        self.encoder_proj = nn.Linear(encoder.output_size(), output_size)
        self.decoder = decoder


class FlowMatching(nn.Module):
    """Conditional flow matching: its estimator, and the strength of the guidance."""

    def __init__(self, estimator: Estimator, inference_cfg_rate: float) -> None:
        super().__init__()
        self.estimator = estimator
        self.inference_cfg_rate = inference_cfg_rate


class Estimator(nn.Module):
    """The U-Net that estimates the flow's slope: causal convolutions, and self-attention over all frames."""

    def __init__(
        self,
        *,
        in_channels: int,
        out_channels: int,
        channels: Sequence[int],
        attention_head_dim: int,
        n_blocks: int,
        num_mid_blocks: int,
        num_heads: int,
        meanflow: bool,
    ) -> None:
        super().__init__()
        self.meanflow = meanflow
        time = channels[0] * 4
        self.time_embeddings = _SinusoidalEmbedding(in_channels)
        self.time_mlp = _TimeEmbedding(in_channels, time)
        self.time_embed_mixer = nn.Linear(2 * time, time, bias=False) if meanflow else None

        def transformers(width: int) -> nn.ModuleList:
            return nn.ModuleList(_Transformer(width, num_heads, attention_head_dim) for _ in range(n_blocks))

        def block(width: int, out: int, last: nn.Module | None = None) -> nn.ModuleList:
            parts = [_Residual(width, out, time), transformers(out)]
            return nn.ModuleList([*parts, last] if last is not None else parts)

        inner = channels[-1]
        downs = list(pairwise([in_channels, *channels]))
        self.down_blocks = nn.ModuleList(block(*sizes, _Downsample(sizes[1])) for sizes in downs[:-1])
        self.down_blocks.append(block(*downs[-1], CausalConv1d(inner, inner)))
        self.mid_blocks = nn.ModuleList(block(inner, inner) for _ in range(num_mid_blocks))
        upwards = [*reversed(channels), channels[0]]
        ups = [(2 * width, out) for width, out in pairwise(upwards)]
        self.up_blocks = nn.ModuleList(block(*sizes, _Upsample(sizes[1])) for sizes in ups[:-1])
        self.up_blocks.append(block(*ups[-1], CausalConv1d(channels[0], channels[0])))
        self.final_block = _Block(channels[0], channels[0])
        self.final_proj = nn.Conv1d(channels[0], out_channels, 1)


class CausalConv1d(nn.Conv1d):
    """Three taps: the frame and the two before it. (rows, in, n) -> (rows, out, n)."""

    def __init__(self, channels: int, out: int) -> None:
        super().__init__(channels, out, 3)
        self.causal_padding = (2, 0)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(functional.pad(x, self.causal_padding))


class _Block(nn.Module):
    def __init__(self, channels: int, out: int) -> None:
        super().__init__()
        self.block = nn.Sequential(CausalConv1d(channels, out), _Swapped(), nn.LayerNorm(out), _Swapped(), nn.Mish())


class _Swapped(nn.Module):
    """(rows, channels, n) <-> (rows, n, channels)."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.transpose(1, 2)


class _Residual(nn.Module):
    def __init__(self, channels: int, out: int, time: int) -> None:
        super().__init__()
        self.mlp = nn.Sequential(nn.Mish(), nn.Linear(time, out))
        self.block1 = _Block(channels, out)
        self.block2 = _Block(out, out)
        self.res_conv = nn.Conv1d(channels, out, 1)


class _Downsample(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv1d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        halved: torch.Tensor = self.conv(x)
        return halved


class _Upsample(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.ConvTranspose1d(channels, channels, 4, stride=2, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        doubled: torch.Tensor = self.conv(x)
        return doubled


class _Transformer(nn.Module):
    """Self-attention and a GELU feed-forward layer, each after its layer norm. (rows, n, width) -> the same shape."""

    def __init__(self, width: int, heads: int, head: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attn1 = _Attention(width, heads, head)
        self.norm3 = nn.LayerNorm(width)
        self.ff = _FeedForward(width)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attn1(self.norm1(x))
        out: torch.Tensor = x + self.ff(self.norm3(x))
        return out


class _Attention(nn.Module):
    def __init__(self, width: int, heads: int, head: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_q = nn.Linear(width, heads * head, bias=False)
        self.to_k = nn.Linear(width, heads * head, bias=False)
        self.to_v = nn.Linear(width, heads * head, bias=False)
        self.to_out = nn.ModuleList([nn.Linear(heads * head, width)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        rows, n, _ = x.shape
        query, key, value = (
            project(x).view(rows, n, self.heads, -1).transpose(1, 2) for project in (self.to_q, self.to_k, self.to_v)
        )
        attended = functional.scaled_dot_product_attention(query, key, value)
        out: torch.Tensor = self.to_out[0](attended.transpose(1, 2).reshape(rows, n, -1))
        return out


class _FeedForward(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        # chatterbox-tts has a dropout in between, which counts in the last layer's name.
        self.net = nn.ModuleList([_Gelu(width, 4 * width), nn.Identity(), nn.Linear(4 * width, width)])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for layer in self.net:
            x = layer(x)
        return x


class _Gelu(nn.Module):
    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.proj = nn.Linear(width, out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.gelu(self.proj(x))


class _SinusoidalEmbedding(nn.Module):
    """Times in [0, 1], (rows,), -> (rows, width), float32."""

    def __init__(self, width: int) -> None:
        super().__init__()
        if width % 2:
            raise ValueError(f"a time embedding of {width} features can't be half sines, half cosines")
        self.pairs = width // 2

    def forward(self, times: torch.Tensor) -> torch.Tensor:
        steps = torch.arange(self.pairs, device=times.device, dtype=torch.float32)
        frequencies = torch.exp(steps * -(math.log(10000) / (self.pairs - 1)))
        angles = 1000 * times[:, None] * frequencies
        return torch.cat([angles.sin(), angles.cos()], dim=1)


class _TimeEmbedding(nn.Module):
    def __init__(self, width: int, out: int) -> None:
        super().__init__()
        self.linear_1 = nn.Linear(width, out)
        self.linear_2 = nn.Linear(out, out)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.linear_2(functional.silu(self.linear_1(x)))
        return out
