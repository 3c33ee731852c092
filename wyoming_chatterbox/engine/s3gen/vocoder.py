"""The package's HiFT vocoder, rewritten in place to compute the same with fewer passes over its samples."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrize

from ..layers.stored import hold_in_float16

_LEAST = 1e-6
"""Of a Snake's alpha, whose inverse is needed: less changes nothing that can be heard, and 0 would be none."""

_MOST = torch.finfo(torch.float16).max

_AROUND = (3, 1)
"""Frames around the wanted ones that the second and third stage compute: what their layers and later ones see of them.

The first stage, of 8 samples a frame, sees more than it is given, and computes all of that. The second's layers reach
over 1.5 of its 40 samples' frames, the third's over half a frame of 120. The source, with layers of its own before
them, needs one frame more.
"""

_PIECE, _STEP = 64, 4
"""The most frames that a CPU's finer stages compute at once, and what a piece's are a multiple of.

A long sentence's would take hundreds of megabytes, and oneDNN compiles kernels for each new length, which take time and
memory. A GPU has the room, and computes all at once.
"""


def simplify(vocoder: Any, hold: torch.dtype = torch.float32) -> Any:
    """Fold a HiFT generator's weight norms, and its Snakes' factors, into its convolutions; returns it.

    These may be held in float16, which rounds the weights alone, and to 11 bits: all is computed in float32.

    Snake is x + sin²(ax) / a (Liu et al. 2020). With z = ax it is (z + sin² z) / a: the factor a goes into what comes
    before, 1 / a into what comes after, and one pass over the samples is left where there were five.
    """
    folded = [module for module in vocoder.modules() if parametrize.is_parametrized(module, "weight")]
    for module in folded:
        parametrize.remove_parametrizations(module, "weight")
        # What needs no gradient is left as a buffer.
        weight = module._buffers.pop("weight")
        module.register_parameter("weight", nn.Parameter(weight, requires_grad=False))
    for blocks in (vocoder.resblocks, vocoder.source_resblocks):
        for index, block in enumerate(blocks):
            blocks[index] = _ResBlock(block)
    vocoder.requires_grad_(False)
    if hold == torch.float16:
        for module in folded:
            # What was divided by a very small alpha can be more than 16 bits hold.
            if float(module.weight.abs().max()) < _MOST:
                hold_in_float16(module, torch.float32)
    return vocoder


def render(vocoder: Any, mel: torch.Tensor, source: torch.Tensor, start: int, end: int) -> torch.Tensor:
    """Compute the package's `HiFTGenerator.decode` for frames `start` to before `end`: samples (480 (end - start),).

    Log-mel frames (1, 80, n) and their source (1, 1, 480n) show what is around those, too. The finer stages, which are
    three quarters of the work, leave out what of it makes no difference.
    """
    spectrum = torch.cat(vocoder._stft(source[:, 0]), dim=1)
    frames = mel.shape[2]
    coarse = _stage(vocoder, 0, _Frames(vocoder.conv_pre(mel), 0, frames), spectrum, 0, frames)
    size = _piece(end - start) if mel.device.type == "cpu" else end - start
    pieces = []
    for first in range(start, end, size):
        part = coarse
        for stage, around in enumerate(_AROUND, 1):
            part = _stage(vocoder, stage, part, spectrum, *_window(first, size, around, frames))
        pieces.append(_samples(vocoder, part, first, min(end, first + size)))
    return torch.cat(pieces)


def _piece(frames: int) -> int:
    """Frames to compute at once, of that many: even pieces, and few different lengths of them."""
    if frames <= _PIECE:
        return frames
    pieces = -(-frames // _PIECE)
    return -(-frames // (pieces * _STEP)) * _STEP


def _window(first: int, size: int, around: int, frames: int) -> tuple[int, int]:
    """Where a window of `size` frames and `around` more on either side begins and ends, among `frames`.

    At an edge it has more on the other side, so that it is as long as any: other lengths need kernels of their own.
    """
    left = max(0, min(first - around, frames - size - 2 * around))
    return left, min(frames, left + size + 2 * around)


@dataclass(frozen=True)
class _Frames:
    """Features (1, channels, samples) of the frames from `first` to before `last`."""

    x: torch.Tensor
    first: int
    last: int


def _stage(vocoder: Any, stage: int, before: _Frames, spectrum: torch.Tensor, first: int, last: int) -> _Frames:
    """One stage's features of the frames from `first` to before `last`, of those that the stage before computed."""
    up, kernels, strides = vocoder.ups[stage], vocoder.num_kernels, [up.stride[0] for up in vocoder.ups]
    coarser, finest = math.prod(strides[:stage]), math.prod(strides)
    rate = coarser * strides[stage]
    x = before.x[..., (first - before.first) * coarser : (last - before.first) * coarser]
    x = up(functional.leaky_relu(x, vocoder.lrelu_slope))
    if rate == finest:
        x = vocoder.reflection_pad(x)
    left, right = _window(first, last - first, 1, spectrum.shape[2] // finest)
    excited = vocoder.source_downs[stage](spectrum[..., left * finest : right * finest + 1])
    excited = vocoder.source_resblocks[stage](excited)[..., (first - left) * rate :]
    x = x + excited[..., : x.shape[2]]
    block, *others = vocoder.resblocks[stage * kernels : (stage + 1) * kernels]
    total = block(x)
    for block in others:
        total += block(x)
    return _Frames(total.div_(kernels), first, last)


def _samples(vocoder: Any, fine: _Frames, start: int, end: int) -> torch.Tensor:
    """The sound of the frames from `start` to before `end`, of those that the last stage computed."""
    x = vocoder.conv_post(functional.leaky_relu(fine.x))
    bins = x.shape[1] // 2
    wave: torch.Tensor = vocoder._istft(torch.exp(x[:, :bins]), torch.sin(x[:, bins:]))[0]
    size = len(wave) // (fine.last - fine.first)
    limit = vocoder.audio_limit
    return wave[(start - fine.first) * size : (end - fine.first) * size].clamp(-limit, limit)


class _ResBlock(nn.Module):
    """HiFi-GAN's residual block (Kong et al. 2020) with Snakes; takes over the convolutions of the package's."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.convs1 = block.convs1
        self.convs2 = block.convs2
        on_cpu = block.convs1[0].weight.device.type == "cpu"
        self.layout = torch.channels_last if on_cpu else torch.contiguous_format
        """On a CPU, all channels of a sample lie side by side: oneDNN's convolutions take two thirds of the time."""
        self.margin = max(conv.padding[0] for conv in (*block.convs1, *block.convs2)) if on_cpu else 0
        """Zeros laid out around what a convolution sees: told to pad, oneDNN compiles twice as long for each length."""
        self.alphas = nn.ParameterList()
        for first, second, before, between in zip(
            block.convs1, block.convs2, block.activations1, block.activations2, strict=True
        ):
            alpha, inner = _alpha(before), _alpha(between)
            first.weight.data *= inner[:, None, None] / alpha[:, None]
            first.bias.data *= inner
            second.weight.data /= inner[:, None]
            self.alphas.append(nn.Parameter(alpha[:, None, None], requires_grad=False))
            for conv in (first, second):
                conv.weight.data = conv.weight.data[:, :, None].contiguous(memory_format=self.layout)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(1, channels, n) -> the same shape."""
        x = x[:, :, None].contiguous(memory_format=self.layout)
        room = functional.pad(x, (self.margin, self.margin)).contiguous(memory_format=self.layout)
        inner = room[..., self.margin : self.margin + x.shape[3]]
        for first, second, alpha in zip(self.convs1, self.convs2, self.alphas, strict=True):
            _wobble(torch.mul(x, alpha, out=inner), inner)
            _wobble(self._convolved(first, room), inner)
            x = self._convolved(second, room).add_(x)
        return x[:, :, 0]

    def _convolved(self, conv: Any, room: torch.Tensor) -> torch.Tensor:
        """A 1-d convolution, written as one of images of one row: (1, channels, 1, n), without `room`'s margins."""
        padding = conv.padding[0]
        if self.margin:
            surplus = self.margin - padding
            room = room[..., surplus : room.shape[3] - surplus]
            padding = 0
        return functional.conv2d(room, conv.weight, conv.bias, 1, (0, padding), (1, *conv.dilation))


def _alpha(snake: Any) -> torch.Tensor:
    alpha: torch.Tensor = snake.alpha.detach()
    return torch.where(alpha.abs() < _LEAST, torch.full_like(alpha, _LEAST).copysign(alpha), alpha)


def _wobble(z: torch.Tensor, out: torch.Tensor) -> None:
    """Write z + sin² z."""
    sine = torch.sin(z)
    torch.addcmul(z, sine, sine, out=out)
