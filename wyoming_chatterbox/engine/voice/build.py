"""Builds the networks that turn a recording into a voice, at the sizes of a checkpoint's tensors, and fills them."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from ..upstream import chatterbox_tts
from ..upstream.signal_functions import mel
from ..weights.fill import fill
from ..weights.meta import building
from ..weights.tensor_file import TensorFile

HEAD = 64
"""Width of an attention head of the S3 tokenizer. The tensors' shapes don't tell."""


class S3Tokenizer(Protocol):
    """Turns recordings at 16 kHz into speech tokens and their number."""

    def forward(
        self, wavs: list[npt.NDArray[np.float32]], max_len: int | None = None
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Recordings (n,), at most `max_len` tokens of each -> (rows, tokens), (rows,)."""

    def __call__(self, wavs: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Recordings (rows, n) -> (rows, tokens), (rows,)."""


class SpeakerEncoder(Protocol):
    """Turns a recording into the speaker embedding that the flow needs."""

    def inference(self, audio: torch.Tensor) -> torch.Tensor:
        """A recording (1, n) at 16 kHz -> (1, 192)."""


class VoiceEncoder(Protocol):
    """Turns a recording into the speaker embeddings that T3 needs."""

    def embeds_from_wavs(self, wavs: list[npt.NDArray[np.float32]], sample_rate: int) -> npt.NDArray[np.float32]:
        """Recordings (n,) -> an embedding for each, (rows, 256)."""


def build_s3_tokenizer(file: TensorFile, device: torch.device) -> S3Tokenizer:
    """Build the S3 tokenizer, a recording to speech tokens, float32."""
    prefix = "tokenizer."
    state, mels, _ = (file.size(prefix + "encoder.conv1.weight", axis) for axis in range(3))
    with building(file):
        tokenizer: Any = chatterbox_tts.S3Tokenizer()
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
    built: S3Tokenizer = tokenizer
    return built


def _compute_filters(tokenizer: Any, mels: int, device: torch.device) -> None:
    filters = mel(sr=chatterbox_tts.S3_SR, n_fft=tokenizer.n_fft, n_mels=mels)
    tokenizer._mel_filters = torch.from_numpy(filters).to(device, torch.float32)
    tokenizer.window = torch.hann_window(tokenizer.n_fft, device=device)


def build_speaker_encoder(file: TensorFile, device: torch.device) -> SpeakerEncoder:
    """Build CAMPPlus, a recording to a speaker embedding of 192 numbers, float32."""
    with building(file):
        encoder: Any = chatterbox_tts.CAMPPlus(memory_efficient=False)
    fill(encoder, file, "speaker_encoder.", device, torch.float32)
    built: SpeakerEncoder = encoder
    return built


def build_voice_encoder(file: TensorFile, device: torch.device) -> VoiceEncoder:
    """Build the voice encoder, a recording to a speaker embedding of 256 numbers, float32."""
    with building(file):
        encoder: Any = chatterbox_tts.VoiceEncoder()
    fill(encoder, file, "", device, torch.float32)
    built: VoiceEncoder = encoder
    return built
