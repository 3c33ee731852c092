"""The networks that turn a recording into a voice, built at the sizes of a checkpoint's tensors, and filled."""

from __future__ import annotations

from typing import Any

import torch

from ..upstream import chatterbox_tts
from ..weights.fill import fill
from ..weights.meta import building
from ..weights.tensor_file import TensorFile

HEAD = 64
"""Width of an attention head: the shapes don't tell."""


def build_s3_tokenizer(file: TensorFile, device: torch.device) -> Any:
    """S3 tokenizer, a recording to speech tokens, float32."""
    prefix = "tokenizer."
    state, mels, _ = (file.size(prefix + "encoder.conv1.weight", axis) for axis in range(3))
    with building(file):
        tokenizer = chatterbox_tts.S3Tokenizer()
        tokenizer.encoder = chatterbox_tts.AudioEncoderV2(
            n_mels=mels,
            n_state=state,
            n_head=max(1, state // HEAD),
            n_layer=file.count(prefix + "encoder.blocks."),
            stride=2,
            use_sdpa=False,
        )
        tokenizer.quantizer = chatterbox_tts.FSQVectorQuantization(state, chatterbox_tts.SPEECH_VOCAB_SIZE)
    _compute_filters(tokenizer, mels, device)
    fill(
        tokenizer, file, prefix, device, torch.float32,
        unneeded=r"encoder\.freqs_cis$", computed=frozenset({"_mel_filters", "window"}),
    )  # fmt: skip
    tokenizer.encoder.freqs_cis = chatterbox_tts.precompute_freqs_cis(HEAD, 1024 * 2).to(device)
    return tokenizer


def _compute_filters(tokenizer: Any, mels: int, device: torch.device) -> None:
    from librosa.filters import mel

    filters = mel(sr=chatterbox_tts.S3_SR, n_fft=tokenizer.n_fft, n_mels=mels)
    tokenizer._mel_filters = torch.from_numpy(filters).to(device, torch.float32)
    tokenizer.window = torch.hann_window(tokenizer.n_fft, device=device)


def build_speaker_encoder(file: TensorFile, device: torch.device) -> Any:
    """CAMPPlus, a recording to a speaker embedding of 192 numbers, float32."""
    with building(file):
        encoder = chatterbox_tts.CAMPPlus(memory_efficient=False)
    fill(encoder, file, "speaker_encoder.", device, torch.float32)
    return encoder


def build_voice_encoder(file: TensorFile, device: torch.device) -> Any:
    """Voice encoder, a recording to a speaker embedding of 256 numbers, float32."""
    with building(file):
        encoder = chatterbox_tts.VoiceEncoder()
    fill(encoder, file, "", device, torch.float32)
    return encoder
