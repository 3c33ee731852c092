"""Speech tokens -> mel: runs the flow's encoder and estimator, and integrates the estimator's slope.

An utterance is alone in its batch, and has no padding. So the networks run here without chatterbox-tts's masks, which
would hide nothing, and would wait for the device in every layer.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import torch
from torch import nn

from ...errors import Cancelled
from .. import SAMPLE_RATE
from ..voice.conditionals import Conditionals
from .estimator import Estimator, Flow

STEPS = 10
MEANFLOW_STEPS = 2
TOKENS_PER_SECOND = 25
FRAMES_PER_TOKEN = 2
SAMPLES_PER_FRAME = 480
SAMPLES_PER_TOKEN = FRAMES_PER_TOKEN * SAMPLES_PER_FRAME

_LOUD, _WITHIN = 0.9, math.log(10)
"""Speech is within 20 dB of the level that nine of ten log-mel frames stay below, however loud a click may be."""
_SPEECH_FRAMES = 10
"""Frames, 200 ms, of which most are loud where speech begins. A click is as loud, but shorter."""
_BEFORE_SPEECH = 5
"""Frames before the first loud one that belong to the speech: 100 ms."""

_NO_MASK = torch.ones((0, 0, 0), dtype=torch.bool)
"""An empty mask: the conformer's layers take it as no mask."""


def cut_prompt(voice: Conditionals, seconds: float | None = None) -> Conditionals:
    """Return the voice with only `seconds` of its flow prompt (None: all), at exactly two frames a token.

    They begin with the recording's first speech, or so early that they are as long as wanted. The flow takes longer
    with a longer prompt, because every window repeats the prompt. The speaker embedding and T3's prompt, made from the
    whole recording, stay.
    """
    most = min(voice.prompt_tokens.shape[1], voice.prompt_mel.shape[1] // FRAMES_PER_TOKEN)
    tokens = most if seconds is None else min(most, max(1, round(seconds * TOKENS_PER_SECOND)))
    first = min(_first_speech(voice.prompt_mel), most - tokens) if tokens < most else 0
    return replace(
        voice,
        prompt_tokens=voice.prompt_tokens[:, first : first + tokens],
        prompt_mel=voice.prompt_mel[:, FRAMES_PER_TOKEN * first : FRAMES_PER_TOKEN * (first + tokens)],
    )


def _first_speech(mel: torch.Tensor) -> int:
    """Return the token at which speech begins in log-mel frames (1, n, 80)."""
    levels = torch.logsumexp(mel[0].float(), dim=1)
    loud = (levels > levels.quantile(_LOUD) - _WITHIN).float()
    mostly = torch.nn.functional.avg_pool1d(loud[None], min(_SPEECH_FRAMES, len(loud)), stride=1)[0] > 0.5
    begin = int(mostly.int().argmax())
    first = begin + int(loud[begin:].argmax())
    return max(0, first - _BEFORE_SPEECH) // FRAMES_PER_TOKEN


@torch.inference_mode()
def integrate(
    flow: Flow, tokens: torch.Tensor, voice: Conditionals, noise: torch.Tensor, cancelled: Callable[[], bool]
) -> torch.Tensor:
    """Turn speech tokens (n,) into log-mel frames (1, 80, 2n), float32, starting from noise.

    `noise` is (1, 80, frames of prompt and tokens), float32. `cancelled()` is called before every evaluation of the
    estimator; where it is true, `Cancelled` is raised.
    """
    estimator = flow.decoder.estimator
    dtype = flow.input_embedding.weight.dtype
    speaker = flow.spk_embed_affine_layer(torch.nn.functional.normalize(voice.embedding, dim=1).to(dtype))
    mu = _encode(flow, torch.cat([voice.prompt_tokens, tokens[None]], dim=1))
    prompt_frames = voice.prompt_mel.shape[1]
    prompt = torch.zeros_like(mu)
    prompt[..., :prompt_frames] = voice.prompt_mel.transpose(1, 2)
    if estimator.meanflow:
        mel = _meanflow(estimator, noise, mu, speaker, prompt, cancelled)
    else:
        mel = _guided(estimator, noise, mu, speaker, prompt, flow.decoder.inference_cfg_rate, cancelled)
    return mel[..., prompt_frames:]


def _encode(flow: Flow, tokens: torch.Tensor) -> torch.Tensor:
    """Encode tokens (1, n): (1, 80, 2n), in the flow's dtype."""
    encoder = flow.encoder
    x, positions, _ = encoder.embed(flow.input_embedding(tokens), _NO_MASK)
    x = encoder.pre_lookahead_layer(x)
    for layer in encoder.encoders:
        x = layer(x, _NO_MASK, positions)[0]
    x, _ = encoder.up_layer(x.transpose(1, 2).contiguous(), tokens.shape[1])
    x, positions, _ = encoder.up_embed(x.transpose(1, 2).contiguous(), _NO_MASK)
    for layer in encoder.up_encoders:
        x = layer(x, _NO_MASK, positions)[0]
    if encoder.normalize_before:
        x = encoder.after_norm(x)
    mu: torch.Tensor = flow.encoder_proj(x).transpose(1, 2).contiguous()
    return mu


def _guided(
    estimator: Estimator,
    x: torch.Tensor,
    mu: torch.Tensor,
    speaker: torch.Tensor,
    prompt: torch.Tensor,
    guidance: float,
    cancelled: Callable[[], bool],
) -> torch.Tensor:
    """Take Euler steps on a cosine schedule, each with a conditioned and an unconditioned row; the state is float32."""
    times = 1 - torch.cos(torch.linspace(0, 1, STEPS + 1) * 0.5 * torch.pi)
    mu, speaker, prompt = (torch.cat([value, torch.zeros_like(value)]) for value in (mu, speaker, prompt))
    for t, r in pairwise(times.tolist()):
        if cancelled():
            raise Cancelled
        slope = _slope(estimator, x.to(mu.dtype).expand(2, -1, -1), mu, speaker, prompt, x.new_full((2,), t))
        x = x + (r - t) * ((1.0 + guidance) * slope[:1] - guidance * slope[1:])
    return x


def _meanflow(
    estimator: Estimator,
    x: torch.Tensor,
    mu: torch.Tensor,
    speaker: torch.Tensor,
    prompt: torch.Tensor,
    cancelled: Callable[[], bool],
) -> torch.Tensor:
    """Take two equal steps of the distilled flow, which needs no guidance; the state is float32."""
    times = torch.linspace(0, 1, MEANFLOW_STEPS + 1)
    for t, r in pairwise(times.tolist()):
        if cancelled():
            raise Cancelled
        slope = _slope(estimator, x.to(mu.dtype), mu, speaker, prompt, x.new_full((1,), t), x.new_full((1,), r))
        x = x + (r - t) * slope
    return x


def _slope(
    estimator: Estimator,
    x: torch.Tensor,
    mu: torch.Tensor,
    speaker: torch.Tensor,
    prompt: torch.Tensor,
    t: torch.Tensor,
    r: torch.Tensor | None = None,
) -> torch.Tensor:
    """Evaluate the estimator once: (rows, 80, frames), float32. Times `t` and `r` are (rows,) float32."""
    time = estimator.time_mlp(estimator.time_embeddings(t))
    if r is not None and estimator.time_embed_mixer is not None:
        time = estimator.time_embed_mixer(torch.cat([time, estimator.time_mlp(estimator.time_embeddings(r))], dim=1))
    time = nn.functional.mish(time)  # All residual blocks begin with it.
    x = torch.cat([x, mu, speaker[..., None].expand(-1, -1, x.shape[2]), prompt], dim=1)
    skipped = []
    for block in estimator.down_blocks:
        resnet, transformers, downsample = block.children()
        x = _transformed(transformers, _residual(resnet, x, time))
        skipped.append(x)
        x = downsample(x)
    for block in estimator.mid_blocks:
        resnet, transformers = block.children()
        x = _transformed(transformers, _residual(resnet, x, time))
    for block in estimator.up_blocks:
        resnet, transformers, upsample = block.children()
        skip = skipped.pop()
        x = torch.cat([x[..., : skip.shape[2]], skip], dim=1)
        x = upsample(_transformed(transformers, _residual(resnet, x, time)))
    slope: torch.Tensor = estimator.final_proj(estimator.final_block.block(x))
    return slope.float()


def _residual(resnet: Any, x: torch.Tensor, time: torch.Tensor) -> torch.Tensor:
    _, project = resnet.mlp
    hidden = resnet.block1.block(x) + project(time)[..., None]
    result: torch.Tensor = resnet.block2.block(hidden) + resnet.res_conv(x)
    return result


def _transformed(transformers: nn.Module, x: torch.Tensor) -> torch.Tensor:
    x = x.transpose(1, 2).contiguous()
    for transformer in transformers.children():
        x = transformer(x)
    return x.transpose(1, 2).contiguous()


def fade_in(device: torch.device) -> torch.Tensor:
    """Return the gain of an utterance's first 40 ms, (960,): 20 ms of silence, then 20 ms of fade-in.

    Those first samples hold an echo of the recording.
    """
    half = SAMPLE_RATE // 50
    fade = torch.zeros(2 * half, device=device)
    fade[half:] = (torch.cos(torch.linspace(torch.pi, 0, half, device=device)) + 1) / 2
    return fade
