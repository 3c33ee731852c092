"""The engine's networks on a whole utterance at once, in chatterbox-tts's order of random numbers, for comparisons."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from wyoming_chatterbox.engine import Block
from wyoming_chatterbox.engine.layers.convert import Converter
from wyoming_chatterbox.engine.s3gen.estimator import Flow
from wyoming_chatterbox.engine.s3gen.flow import FRAMES_PER_TOKEN, fade_in, integrate
from wyoming_chatterbox.engine.s3gen.vocoder import Vocoder
from wyoming_chatterbox.engine.t3.decoder import TokenDecoder
from wyoming_chatterbox.engine.t3.model import T3
from wyoming_chatterbox.engine.t3.sampling import Settings
from wyoming_chatterbox.engine.voice.conditionals import Conditionals
from wyoming_chatterbox.precision import Precision


def generate(
    t3: T3 | TokenDecoder,
    text_tokens: list[int],
    voice: Conditionals,
    settings: Settings,
    max_tokens: int,
    cancelled: Callable[[], bool],
    generator: torch.Generator | None = None,
) -> torch.Tensor:
    """Draw all speech tokens of a text, with a new decoder if a T3 is given: (n,) int64 on the CPU."""
    decoder = t3 if isinstance(t3, TokenDecoder) else TokenDecoder(t3)
    tokens = list(decoder.stream(text_tokens, voice, settings, max_tokens, cancelled, generator))
    return torch.tensor(tokens, dtype=torch.long)


@torch.inference_mode()
def tokens_to_mel(flow: Flow, tokens: torch.Tensor, voice: Conditionals, cancelled: Callable[[], bool]) -> torch.Tensor:
    """Turn a whole utterance's speech tokens (n,) into log-mel frames (1, 80, about 2n), float32.

    The flow's noise comes from torch's global generator, in chatterbox-tts's order.
    """
    # chatterbox-tts draws meanflow's noise for the new frames first, and puts it over the noise for all frames.
    frames = FRAMES_PER_TOKEN * len(tokens)
    meanflow = flow.decoder.estimator.meanflow
    fresh = torch.randn(1, flow.output_size, frames, device=tokens.device) if meanflow else None
    all_frames = FRAMES_PER_TOKEN * voice.prompt_tokens.shape[1] + frames
    noise = torch.randn(1, flow.output_size, all_frames, device=tokens.device)
    if fresh is not None:
        noise[..., all_frames - frames :] = fresh
    return integrate(flow, tokens, voice, noise, cancelled)


@torch.inference_mode()
def mel_to_wave(vocoder: Vocoder, mel: torch.Tensor) -> Block:
    """Turn a whole utterance's log-mel frames (1, 80, n) into 480n samples, the first 40 ms faded in.

    The source's phase and noise come from torch's global generator.
    """
    wave, _ = vocoder.inference(speech_feat=mel, cache_source=mel.new_zeros(1, 1, 0))
    fade = fade_in(wave.device)
    wave = wave.clone()
    wave[:, : len(fade)] *= fade
    samples: Block = wave[0].float().cpu().numpy()
    return samples


def convert_all(module: nn.Module, precision: Precision) -> nn.Module:
    """Convert all layers inside a module with float32 weights, in place, one after another; returns it."""
    convert = Converter(precision)
    for name, child in list(module.named_children()):
        setattr(module, name, convert(convert_all(child, precision)))
    return module
