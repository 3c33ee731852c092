"""chatterbox-tts's HiFT vocoder, rewritten in place to compute the same with fewer passes over its samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils import parametrize

from ..layers.stored import hold_in_float16
from ..upstream import chatterbox_tts

_MIN_ALPHA = 1e-6
"""Smallest magnitude of a Snake's alpha: 0 has no inverse, and smaller values make no audible difference."""

_FLOAT16_ERROR = 2.0**-10
"""The most that 16 bits may change a channel's weights by, as a part of them: rounding to 11 bits is half of it."""

_AROUND = (3, 1)
"""Frames around the wanted ones that the second and third stage compute, because later layers see them.

The first stage, of 8 samples a frame, computes all frames. The second stage's layers reach over 1.5 frames of 40
samples, the third's over half a frame of 120. The source, with layers of its own before, needs one frame more.
"""

_HOP = 4
"""Samples from one frame of the inverse STFT to the next."""

_LOUDEST = 100.0
"""The largest magnitude of a frequency, as chatterbox-tts limits it."""

_PIECE_FRAMES, _PIECE_STEP_FRAMES = 64, 4
"""The most frames that a CPU's finer stages compute at once, and the multiple that a piece's frames are rounded to.

A long sentence at once would take hundreds of megabytes. oneDNN compiles kernels for each new length, which take time
and memory. A GPU has the room, and computes all frames at once.
"""


class Vocoder(chatterbox_tts.HiFTGenerator):  # type: ignore[misc]
    """chatterbox-tts's HiFT generator, with types for the parts used here."""

    lrelu_slope: float
    audio_limit: float
    num_kernels: int
    """Residual blocks of each stage."""
    conv_pre: nn.Conv1d
    ups: Sequence[nn.ConvTranspose1d]
    source_downs: nn.ModuleList
    source_resblocks: nn.ModuleList
    resblocks: nn.ModuleList
    reflection_pad: nn.ReflectionPad1d
    conv_post: nn.Conv1d
    f0_predictor: nn.Module
    stft_window: torch.Tensor


def simplify(vocoder: Vocoder, hold: torch.dtype = torch.float32) -> Vocoder:
    """Fold a HiFT generator's weight norms, and its Snakes' factors, into its convolutions; returns it.

    With `hold` float16, weights are rounded to 11 bits, and all arithmetic is still float32.

    Snake is x + sin²(ax) / a (Liu et al. 2020). With z = ax it is (z + sin² z) / a. The factor a goes into the layer
    before, 1 / a into the layer after, and one pass over the samples is left of five.
    """
    folded = [module for module in vocoder.modules() if parametrize.is_parametrized(module, "weight")]
    for module in folded:
        parametrize.remove_parametrizations(module, "weight")
        # remove_parametrizations leaves a weight without gradient as a buffer.
        weight = module._buffers.pop("weight")
        module.register_parameter("weight", nn.Parameter(weight, requires_grad=False))
    for blocks in (vocoder.resblocks, vocoder.source_resblocks):
        for index, block in enumerate(blocks):
            blocks[index] = _ResBlock(block)
    vocoder.requires_grad_(False)
    if hold == torch.float16:
        for module in folded:
            # A weight divided by a very small or large alpha can be too large for 16 bits, or too small.
            if _fits_float16(module.weight):
                hold_in_float16(module, torch.float32)
    return vocoder


def _fits_float16(weight: torch.Tensor) -> bool:
    """Whether 16 bits hold the weights of each channel, in (axis 0 or 1) and out, to 11 bits."""
    error = weight.half().float() - weight
    for axis in (0, 1):
        others = [other for other in range(weight.ndim) if other != axis]
        lost, held = (torch.linalg.vector_norm(values, dim=others) for values in (error, weight))
        if not bool((lost <= _FLOAT16_ERROR * held).all()):
            return False
    return True


def render(vocoder: Vocoder, mel: torch.Tensor, source: torch.Tensor, start: int, end: int) -> torch.Tensor:
    """Compute chatterbox-tts's `HiFTGenerator.decode` for frames `start` to before `end`: samples (480 (end - start),).

    `mel` is log-mel frames (1, 80, n) and `source` is (1, 1, 480n); both include the frames around. The finer stages,
    three quarters of the work, skip the frames that make no difference.
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
    """Return how many of `frames` to compute at once: equal pieces, in few different lengths."""
    if frames <= _PIECE_FRAMES:
        return frames
    pieces = -(-frames // _PIECE_FRAMES)
    return -(-frames // (pieces * _PIECE_STEP_FRAMES)) * _PIECE_STEP_FRAMES


def _window(first: int, size: int, around: int, frames: int) -> tuple[int, int]:
    """Return where a window of `size` frames, and `around` more on either side, begins and ends among `frames`.

    At an edge the window has more frames on the other side, because another length would need kernels of its own.
    """
    left = max(0, min(first - around, frames - size - 2 * around))
    return left, min(frames, left + size + 2 * around)


@dataclass(frozen=True)
class _Frames:
    """Features (1, channels, samples) of the frames from `first` to before `last`."""

    x: torch.Tensor
    first: int
    last: int


def _stage(vocoder: Vocoder, stage: int, before: _Frames, spectrum: torch.Tensor, first: int, last: int) -> _Frames:
    """Compute one stage's features of frames `first` to before `last`, from those of the stage before."""
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


def _samples(vocoder: Vocoder, fine: _Frames, start: int, end: int) -> torch.Tensor:
    """Compute the sound of frames `start` to before `end`, from the last stage's features."""
    x = vocoder.conv_post(functional.leaky_relu(fine.x))
    bins = x.shape[1] // 2
    magnitudes = torch.exp(x[0, :bins]).clamp_max(_LOUDEST)
    wave = _inverse_stft(torch.polar(magnitudes, torch.sin(x[0, bins:])), vocoder.stft_window)
    size = len(wave) // (fine.last - fine.first)
    limit = vocoder.audio_limit
    return wave[(start - fine.first) * size : (end - fine.first) * size].clamp(-limit, limit)


def _inverse_stft(spectrum: torch.Tensor, window: torch.Tensor) -> torch.Tensor:
    """Compute what `torch.istft` does, from (bins, n) complex to samples, without its wait for the device.

    torch checks there that no sample's window is zero, and Hann windows with this hop overlap everywhere.
    """
    size, count = len(window), spectrum.shape[1]
    overlaps = size // _HOP

    def added(frames: torch.Tensor) -> torch.Tensor:
        """Add frames (size, n) where they overlap."""
        first, *others = frames.reshape(overlaps, _HOP, count)
        total = functional.pad(first, (0, overlaps - 1))
        for index, piece in enumerate(others, 1):
            total[:, index : index + count] += piece
        return total.t().flatten()

    window = window[:, None]
    wave = added(torch.fft.irfft(spectrum, n=size, dim=0) * window) / added((window**2).expand(-1, count))
    return wave[size // 2 : -(size // 2)]


class _ResBlock(nn.Module):
    """HiFi-GAN's residual block (Kong et al. 2020) with Snakes; it takes over chatterbox-tts's convolutions."""

    def __init__(self, block: Any) -> None:
        super().__init__()
        self.convs1 = block.convs1
        self.convs2 = block.convs2
        on_cpu = block.convs1[0].weight.device.type == "cpu"
        self.layout = torch.channels_last if on_cpu else torch.contiguous_format
        """Memory layout. On a CPU a sample's channels lie side by side: oneDNN takes two thirds of the time so."""
        self.margin = max(conv.padding[0] for conv in (*block.convs1, *block.convs2)) if on_cpu else 0
        """Zeros added on either side. If oneDNN pads itself, it compiles twice as long for each length."""
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
        if self.margin:
            room = functional.pad(x, (self.margin, self.margin)).contiguous(memory_format=self.layout)
        else:
            room = torch.empty_like(x)
        inner = room[..., self.margin : self.margin + x.shape[3]]
        for first, second, alpha in zip(self.convs1, self.convs2, self.alphas, strict=True):
            _wobble(torch.mul(x, alpha, out=inner), inner)
            _wobble(self._convolved(first, room), inner)
            x = self._convolved(second, room).add_(x)
        return x[:, :, 0]

    def _convolved(self, conv: Any, room: torch.Tensor) -> torch.Tensor:
        """Run a 1-d convolution as a 2-d one on (1, channels, 1, n), without `room`'s margins."""
        padding = conv.padding[0]
        if self.margin:
            surplus = self.margin - padding
            room = room[..., surplus : room.shape[3] - surplus]
            padding = 0
        return functional.conv2d(room, conv.weight, conv.bias, 1, (0, padding), (1, *conv.dilation))


def _alpha(snake: Any) -> torch.Tensor:
    alpha: torch.Tensor = snake.alpha.detach()
    return torch.where(alpha.abs() < _MIN_ALPHA, torch.full_like(alpha, _MIN_ALPHA).copysign(alpha), alpha)


def _wobble(z: torch.Tensor, out: torch.Tensor) -> None:
    """Write z + sin² z."""
    sine = torch.sin(z)
    torch.addcmul(z, sine, sine, out=out)
