"""Speech tokens -> mel -> wave -> watermark, with the package's networks and an integration loop of our own."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import torch

from ..errors import Cancelled, EngineError
from . import SAMPLE_RATE, Block, package
from .conditionals import Conditionals

STEPS = 10
MEANFLOW_STEPS = 2
FRAMES_PER_TOKEN = 2
SAMPLES_PER_TOKEN = 960


@torch.inference_mode()
def tokens_to_mel(flow: Any, tokens: torch.Tensor, voice: Conditionals, cancelled: Callable[[], bool]) -> torch.Tensor:
    """Turn speech tokens (n,) into log-mel frames (1, 80, about 2n), float32.

    The flow's noise comes from torch's global generator, in float32 whatever the flow's dtype. `cancelled()` is asked
    before every evaluation of the estimator, and `Cancelled` raised when it is true.
    """
    estimator = flow.decoder.estimator
    # The package draws meanflow's noise for the new frames before, and over, that for all of them.
    fresh = _noise((1, flow.output_size, FRAMES_PER_TOKEN * len(tokens)), tokens.device) if estimator.meanflow else None
    mu, speaker = _encode(flow, tokens, voice)
    prompt_frames = voice.prompt_mel.shape[1]
    prompt = torch.zeros_like(mu)
    prompt[..., :prompt_frames] = voice.prompt_mel.transpose(1, 2)
    noise = _noise(tuple(mu.shape), mu.device)
    if fresh is not None:
        noise[..., mu.shape[2] - fresh.shape[2] :] = fresh
        mel = _meanflow(estimator, noise, mu, speaker, prompt, cancelled)
    else:
        mel = _guided(estimator, noise, mu, speaker, prompt, flow.decoder.inference_cfg_rate, cancelled)
    return mel[..., prompt_frames:]


def _encode(flow: Any, tokens: torch.Tensor, voice: Conditionals) -> tuple[torch.Tensor, torch.Tensor]:
    """Prompt and tokens through the encoder: (1, 80, frames), and the speaker (1, 80), in the flow's dtype."""
    dtype = flow.input_embedding.weight.dtype
    speaker = flow.spk_embed_affine_layer(torch.nn.functional.normalize(voice.embedding, dim=1).to(dtype))
    whole = torch.cat([voice.prompt_tokens, tokens[None]], dim=1)
    hidden, _ = flow.encoder(flow.input_embedding(whole), torch.tensor([whole.shape[1]], device=whole.device))
    return flow.encoder_proj(hidden).transpose(1, 2).contiguous(), speaker


def _noise(shape: tuple[int, ...], device: torch.device) -> torch.Tensor:
    return torch.randn(shape, dtype=torch.float32, device=device)


def _guided(
    estimator: Any,
    x: torch.Tensor,
    mu: torch.Tensor,
    speaker: torch.Tensor,
    prompt: torch.Tensor,
    guidance: float,
    cancelled: Callable[[], bool],
) -> torch.Tensor:
    """Euler steps on a cosine schedule, each with a conditioned and a bare row; the state stays float32."""
    times = 1 - torch.cos(torch.linspace(0, 1, STEPS + 1, device=x.device) * 0.5 * torch.pi)
    mask = torch.ones(2, 1, x.shape[2], dtype=mu.dtype, device=x.device)
    mu, speaker, prompt = (torch.cat([value, torch.zeros_like(value)]) for value in (mu, speaker, prompt))
    for t, r in pairwise(times.tolist()):
        if cancelled():
            raise Cancelled
        slope = estimator(
            x.to(mu.dtype).expand(2, -1, -1), mask=mask, mu=mu, t=times.new_full((2,), t), spks=speaker, cond=prompt
        ).float()
        x = x + (r - t) * ((1.0 + guidance) * slope[:1] - guidance * slope[1:])
    return x


def _meanflow(
    estimator: Any,
    x: torch.Tensor,
    mu: torch.Tensor,
    speaker: torch.Tensor,
    prompt: torch.Tensor,
    cancelled: Callable[[], bool],
) -> torch.Tensor:
    """Two even steps of the distilled flow, which needs no guidance; the state stays float32."""
    times = torch.linspace(0, 1, MEANFLOW_STEPS + 1, device=x.device)
    mask = torch.ones(1, 1, x.shape[2], dtype=mu.dtype, device=x.device)
    for t, r in pairwise(times.tolist()):
        if cancelled():
            raise Cancelled
        slope = estimator(
            x.to(mu.dtype),
            mask=mask,
            mu=mu,
            t=times.new_full((1,), t),
            spks=speaker,
            cond=prompt,
            r=times.new_full((1,), r),
        )
        x = x + (r - t) * slope.float()
    return x


@torch.inference_mode()
def mel_to_wave(vocoder: Any, mel: torch.Tensor) -> Block:
    """Turn log-mel frames (1, 80, n) into 480n samples; the first 40 ms are 20 of silence and 20 of fade-in,
    as what they hold is the recording's echo. The source's phase and noise come from torch's global generator."""
    wave, _ = vocoder.inference(speech_feat=mel, cache_source=mel.new_zeros(1, 1, 0))
    half = SAMPLE_RATE // 50
    fade = torch.zeros(2 * half, device=wave.device)
    fade[half:] = (torch.cos(torch.linspace(torch.pi, 0, half, device=wave.device)) + 1) / 2
    wave = wave.clone()
    wave[:, : len(fade)] *= fade
    samples: Block = wave[0].float().cpu().numpy()
    return samples


def load_watermarker() -> Any:
    """Load PerTh, on the CPU; `EngineError` where its own imports failed."""
    if package.perth.PerthImplicitWatermarker is None:
        raise EngineError(
            "The watermarker (resemble-perth) can't be used: it needs pkg_resources. Install setuptools below 81."
        )
    # It prints which of its checkpoints it has loaded.
    with contextlib.redirect_stdout(io.StringIO()):
        watermarker = package.perth.PerthImplicitWatermarker()
    # What resamples for it is compiled at first use, which takes seconds: not while someone waits for a word.
    watermark(watermarker, np.zeros(SAMPLE_RATE // 10, dtype=np.float32))
    return watermarker


@torch.inference_mode()
def watermark(watermarker: Any, samples: Block) -> Block:
    """Mark samples as synthetic speech, inaudibly; the result is up to 20 ms shorter."""
    marked: Block = np.asarray(watermarker.apply_watermark(samples, sample_rate=SAMPLE_RATE), dtype=np.float32)
    return marked
