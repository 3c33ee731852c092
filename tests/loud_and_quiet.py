"""A tiny checkpoint whose weights are set by hand: T3 follows a script, and a token is loud or quiet as it is chosen.

Random weights make noise of any level. Here the flow's encoder tells quiet tokens from others, its estimator goes where
the encoder points, and the vocoder makes a tone as loud as the mel.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import chain, repeat
from pathlib import Path
from typing import Any

import torch
from torch import nn

from wyoming_chatterbox.engine import Description
from wyoming_chatterbox.engine.chatterbox import Chatterbox
from wyoming_chatterbox.engine.checkpoint import Networks, load
from wyoming_chatterbox.engine.s3gen.watermark import load_marker
from wyoming_chatterbox.families import FAMILIES

from . import checkpoints

STOP = 6562
LOUD, QUIET = 0.0, -7.0
"""Log-mel of loud and of quiet tokens: 61 dB apart."""
SILENCES = (4299, 4218, 2031, 17)


class ScriptedT3(nn.Module):
    """Stands in for T3's head: whatever the hidden state is, the script's next token is drawn."""

    def __init__(self, vocabulary: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(vocabulary, 1), requires_grad=False)
        self._tokens: Iterator[int] = repeat(STOP)
        self.drawn = 0
        """Tokens of the script so far."""

    def follow(self, script: Iterable[int]) -> None:
        """Take what the next utterance says; the stop token follows."""
        self._tokens, self.drawn = chain(script, repeat(STOP)), 0

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """(rows, width) -> (rows, vocabulary)."""
        self.drawn += 1
        logits = torch.zeros(len(hidden), len(self.weight))
        logits[:, next(self._tokens)] = 1e4
        return logits


class DirectEstimator(nn.Module):
    """Stands in for the flow's estimator: from wherever it is, it goes straight to the encoder's mel."""

    def __init__(self, meanflow: bool, mels: int, guidance: float) -> None:
        super().__init__()
        self.meanflow = meanflow
        self.time_embeddings = self.time_mlp = nn.Identity()
        self.time_embed_mixer = None
        self.down_blocks = self.mid_blocks = self.up_blocks = nn.ModuleList()
        self.final_block = nn.Module()
        self.final_block.block = nn.Identity()
        # Meanflow's steps are of a half; guidance amplifies what the two rows differ by.
        self.final_proj = _Slope(mels, 2.0, 1.0) if meanflow else _Slope(mels, 6.0, 1 + guidance)


class _Slope(nn.Module):
    def __init__(self, mels: int, speed: float, amplified: float) -> None:
        super().__init__()
        self._mels, self._speed, self._amplified = mels, speed, amplified

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """(rows, [mel | mu | speaker | prompt], n) -> (rows, mel, n)."""
        mel, mu = x[:, : self._mels], x[:, self._mels : 2 * self._mels]
        return self._speed * (mu / self._amplified - mel)


def load_by_hand(layout: str, directory: Path, quiet: Iterable[int] = SILENCES) -> tuple[Networks, ScriptedT3]:
    """Load a tiny checkpoint's networks, and set their weights; only the `quiet` tokens are quiet."""
    networks = load(directory, FAMILIES[layout], checkpoints.FLOAT32)
    t3: Any = networks.t3
    t3.speech_head = ScriptedT3(t3.hp.speech_tokens_dict_size)
    _set_flow(networks.flow, list(quiet))
    _set_vocoder(networks.vocoder)
    return networks, t3.speech_head


def load_scripted(
    layout: str, directory: Path, quiet: Iterable[int] = SILENCES, blocks: bool = True
) -> tuple[Chatterbox, ScriptedT3]:
    """Make an engine of such networks."""
    networks, t3 = load_by_hand(layout, directory, quiet)
    description = Description(layout, "cpu", "float32", "none", "a test asked for it")
    return Chatterbox(networks, load_marker(), description, 0, None, blocks), t3


def _set_flow(flow: Any, quiet: list[int]) -> None:
    width = flow.input_embedding.weight.shape[1]
    pattern = torch.ones(width)
    pattern[::2] = -1
    flow.input_embedding.weight[:] = pattern
    flow.input_embedding.weight[quiet] = -pattern
    encoder = flow.encoder
    encoder.encoders = encoder.up_encoders = nn.ModuleList()
    _clear(encoder.pre_lookahead_layer.conv2)
    for embed in (encoder.embed, encoder.up_embed):
        _clear(embed.out[0])
        embed.out[0].weight[:] = torch.eye(width)
    _clear(encoder.up_layer.conv)
    encoder.up_layer.conv.weight[..., -1] = torch.eye(width)
    flow.encoder_proj.weight[:] = pattern / width * (LOUD - QUIET) / 2
    flow.encoder_proj.bias[:] = (LOUD + QUIET) / 2
    meanflow = flow.decoder.estimator.meanflow
    flow.decoder.estimator = DirectEstimator(meanflow, flow.output_size, flow.decoder.inference_cfg_rate)


def _set_vocoder(vocoder: Any) -> None:
    """Have feature 0 carry the mel's mean, raised above zero, to the middle bin of each spectrum."""
    raised = 12.0
    _clear(vocoder.conv_pre)
    vocoder.conv_pre.weight[0, :, 3] = 1 / vocoder.conv_pre.weight.shape[1]
    vocoder.conv_pre.bias[0] = raised
    for up in vocoder.ups:
        _clear(up)
        rate, taps = up.stride[0], up.weight.shape[2]
        up.weight[0, 0, (taps - rate) // 2 :][:rate] = 1
    for block in (*vocoder.resblocks, *vocoder.source_resblocks):
        for conv in block.convs2:
            _clear(conv)
    for down in vocoder.source_downs:
        _clear(down)
    _clear(vocoder.conv_post)
    bins = vocoder.conv_post.weight.shape[0] // 2
    vocoder.conv_post.bias[:bins] = -50
    vocoder.conv_post.bias[bins // 2] = math.log(2) - raised
    vocoder.conv_post.weight[bins // 2, 0, 3] = 1


def _clear(layer: Any) -> None:
    layer.weight.data.zero_()
    layer.bias.data.zero_()
