"""Random checkpoints in the official file layouts, made of the package's own networks at tiny or full size.

`build` makes the networks, `make` writes their files; the same layout, size and seed give the same weights.
Nothing here uses this project's own loading code, so that tests can hold one against the other.
"""

from __future__ import annotations

import copy
from functools import cache
from pathlib import Path
from typing import Any, Literal

import torch
from librosa.filters import mel
from torch import nn

from wyoming_chatterbox.engine.measuring import random_checkpoint
from wyoming_chatterbox.engine.measuring.random_checkpoint import LAYOUTS, Built, is_gpt2
from wyoming_chatterbox.engine.upstream import chatterbox_tts
from wyoming_chatterbox.engine.upstream.chatterbox_tts import T3, Perceiver, T3Config, VoiceEncoder
from wyoming_chatterbox.precision import Precision

__all__ = ["FLOAT32", "LAYOUTS", "TEXT", "Built", "build", "computing_in", "family_of", "is_gpt2", "make", "pass_on"]

Size = Literal["tiny", "full"]

TEXT = "Hello there, this is a test."


def computing_in(dtype: str, device: str = "cpu") -> Precision:
    """Hold and compute T3 and the flow in one dtype, whatever would be chosen for the device."""
    return Precision(dtype, f"{dtype} was asked for", compute=dtype, device=device)


FLOAT32 = computing_in("float32")


def family_of(layout: str) -> str:
    return layout.removesuffix("-v3")


def make(layout: str, directory: Path, seed: int = 0, size: Size = "tiny") -> Path:
    """Write a random checkpoint of a layout of `LAYOUTS` into `directory`, which is made if need be."""
    return random_checkpoint.write(build(layout, seed, size), layout, directory)


def build(layout: str, seed: int = 0, size: Size = "tiny") -> Built:
    """Make the networks of a layout with random weights, in eval mode on the CPU."""
    if size == "full":
        return random_checkpoint.build(layout, seed)
    with torch.random.fork_rng(devices=[]):
        _empty_s3gen(is_gpt2(layout))  # Made once, which must not shift the random numbers of the first.
        torch.manual_seed(seed)
        t3 = _tiny_t3(layout)
        s3gen = _tiny_s3gen(meanflow=is_gpt2(layout))
        voice_encoder = VoiceEncoder()
        conditionals = random_checkpoint.conditionals(20, 12)
    for network in (t3, s3gen, voice_encoder):
        network.requires_grad_(False).eval()
    return Built(t3, s3gen, voice_encoder, conditionals)


def pass_on(vocoder: Any) -> None:
    """Make an untrained vocoder's layers, which hardly do, pass on what is around a frame."""
    for name, weight in vocoder.named_parameters():
        if name.endswith("weight") and ("convs" in name or name.startswith(("conv_", "ups"))):
            weight *= 1.5


def _tiny_t3(layout: str) -> Any:
    vocabulary = {"english": 300, "turbo": 320, "nano": 320}.get(layout, 400)
    if is_gpt2(layout):
        hp = random_checkpoint.gpt2_config(2, 128, vocabulary, positions=2048)
    else:
        hp = T3Config(text_tokens_dict_size=vocabulary)
        hp.llama_config_name = random_checkpoint.register(
            chatterbox_tts.LLAMA_520M_CONFIG_DICT
            | {"num_hidden_layers": 2, "hidden_size": 128, "intermediate_size": 256}
            | {"num_attention_heads": 2, "num_key_value_heads": 2}
        )
        hp.speech_tokens_dict_size = 8194 if layout == "english" else 6563
        hp.max_text_tokens = 256
        hp.max_speech_tokens = 1024
    t3 = T3(hp)
    if hp.use_perceiver_resampler:
        t3.cond_enc.perceiver = Perceiver(8, 128, 128)
    # So narrow and untrained, layers add next to nothing to what passes them by: no test would see a wrong prefix.
    for weight in t3.tfmr.parameters():
        if weight.ndim == 2:
            weight.data *= 6
    # Untrained heads are so flat that every draw is noise; real ones have preferences.
    t3.speech_head.weight.data *= 4
    return t3


@cache
def _empty_s3gen(meanflow: bool) -> Any:
    """The package's S3Gen with none of its networks: making them, even on `meta`, is what takes the time."""
    with torch.device("meta"):
        s3gen = chatterbox_tts.tts.S3Gen(meanflow=meanflow)
    del s3gen.tokenizer, s3gen.speaker_encoder, s3gen.flow, s3gen.mel2wav
    return s3gen


def _tiny_s3gen(meanflow: bool) -> Any:
    """The package's S3Gen, whose sizes are fixed, with every network in it exchanged for a small one."""
    s3gen = copy.deepcopy(_empty_s3gen(meanflow))
    encoder = _tiny_conformer(blocks=2)
    encoder.up_encoders = _tiny_conformer(blocks=1).encoders
    encoder.pre_lookahead_layer = chatterbox_tts.PreLookaheadLayer(channels=64, pre_lookahead_len=3)
    encoder.up_layer = chatterbox_tts.Upsample1D(channels=64, out_channels=64, stride=2)
    estimator = chatterbox_tts.ConditionalDecoder(
        channels=[64], n_blocks=1, num_mid_blocks=2, num_heads=2, meanflow=meanflow
    )
    if meanflow:
        # As it starts out in training, its second half is zero, and the end time would not matter.
        nn.init.normal_(estimator.time_embed_mixer.weight, std=0.1)
    s3gen.flow = chatterbox_tts.CausalMaskedDiffWithXvec(
        input_size=64,
        encoder=encoder,
        decoder=chatterbox_tts.CausalConditionalCFM(cfm_params=chatterbox_tts.CFM_PARAMS, estimator=estimator),
    )
    s3gen.mel2wav = chatterbox_tts.HiFTGenerator(
        base_channels=64,
        sampling_rate=24000,
        upsample_rates=[8, 5, 3],
        upsample_kernel_sizes=[16, 11, 7],
        source_resblock_kernel_sizes=[7, 7, 11],
        source_resblock_dilation_sizes=[[1, 3, 5], [1, 3, 5], [1, 3, 5]],
        f0_predictor=chatterbox_tts.ConvRNNF0Predictor(cond_channels=64),
    )
    s3gen.speaker_encoder = chatterbox_tts.CAMPPlus(memory_efficient=False)
    s3gen.tokenizer = _tiny_s3_tokenizer()
    n_trim = 480
    fade = torch.zeros(2 * n_trim)
    fade[n_trim:] = (torch.cos(torch.linspace(torch.pi, 0, n_trim)) + 1) / 2
    s3gen.register_buffer("trim_fade", fade, persistent=False)
    return s3gen


def _tiny_conformer(blocks: int) -> Any:
    return chatterbox_tts.UpsampleConformerEncoder(
        input_size=64, output_size=64, attention_heads=2, linear_units=128, num_blocks=blocks, macaron_style=False
    )


def _tiny_s3_tokenizer() -> Any:
    with torch.device("meta"):
        tokenizer = chatterbox_tts.S3Tokenizer()
    tokenizer.encoder = chatterbox_tts.AudioEncoderV2(128, 64, 1, 1, 2, False)
    tokenizer.quantizer = chatterbox_tts.FSQVectorQuantization(64, 6561)
    filters = mel(sr=16000, n_fft=400, n_mels=128)
    tokenizer._mel_filters = torch.from_numpy(filters)
    tokenizer.window = torch.hann_window(400)
    return tokenizer
