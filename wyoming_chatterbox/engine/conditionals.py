"""A recording -> what T3 and the flow need to speak in its voice; the steps are chatterbox-tts 0.1.7's.

The libraries for that are imported by the functions that use them: a checkpoint's own voice needs none.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
import torch

from ..errors import CheckpointError, VoiceError
from . import package
from .tensors import download_again, first_line, load_pickled

S3GEN_SECONDS = 10
"""Of a recording, what the flow is given."""

LONGEST_SECONDS = 300
"""Of a recording, what is read at all."""

SILENCE = 1e-4
"""Peak amplitude, of 1, under which a recording counts as silent: -80 dB."""


@dataclass(frozen=True)
class VoiceNetworks:
    """What turns a recording into conditionals; float32."""

    s3_tokenizer: Any
    speaker_encoder: Any
    voice_encoder: Any


@dataclass(frozen=True)
class PromptRules:
    """What a model family makes of a recording."""

    t3_seconds: int
    """Of the recording, what T3's prompt is made of."""
    shortest: float
    """Seconds a recording must be longer than."""
    loudness: float | None
    """LUFS it is levelled to."""


LLAMA_RULES = PromptRules(t3_seconds=6, shortest=1.0, loudness=None)
GPT2_RULES = PromptRules(t3_seconds=15, shortest=5.0, loudness=-27.0)


@dataclass(frozen=True)
class Conditionals:
    """A voice, as the networks take it. Floats are float32, tokens int64; nobody changes them in place."""

    speaker: torch.Tensor
    """(1, 256) from the voice encoder, for T3."""
    t3_prompt: torch.Tensor | None
    """(1, up to 150 or 375) speech tokens, for T3."""
    prompt_tokens: torch.Tensor
    """(1, n) speech tokens, for the flow."""
    prompt_mel: torch.Tensor
    """(1, about 2n, 80) log-mel frames, for the flow."""
    embedding: torch.Tensor
    """(1, 192) from CAMPPlus, for the flow."""

    def to(self, device: torch.device) -> Conditionals:
        """The same voice on a device; tensors that are there already are shared."""
        return replace(self, **{name: value.to(device) for name, value in vars(self).items() if value is not None})

    @property
    def bytes(self) -> int:
        return sum(value.nbytes for value in vars(self).values() if value is not None)


def load_conditionals(path: Path, device: torch.device) -> Conditionals:
    """Read a checkpoint's own voice, `conds.pt`; `CheckpointError` if it is broken."""
    content = load_pickled(path)

    def floats(part: str, name: str, dimensions: int) -> torch.Tensor:
        value = content[part][name].to(device=device, dtype=torch.float32, copy=True)
        return _dimensioned(value, dimensions)

    def tokens(part: str, name: str) -> torch.Tensor:
        value = content[part][name]
        if value.is_floating_point():
            raise ValueError(f"{name} holds {value.dtype} instead of whole numbers")
        return _dimensioned(value.to(device=device, dtype=torch.long, copy=True), 2)

    try:
        prompt_tokens = tokens("gen", "prompt_token")
        length = content["gen"].get("prompt_token_len")
        prompt_tokens = prompt_tokens[:, : int(length)] if length is not None else prompt_tokens
        return Conditionals(
            speaker=floats("t3", "speaker_emb", 2),
            t3_prompt=None
            if content["t3"].get("cond_prompt_speech_tokens") is None
            else tokens("t3", "cond_prompt_speech_tokens"),
            prompt_tokens=prompt_tokens,
            prompt_mel=floats("gen", "prompt_feat", 3),
            embedding=floats("gen", "embedding", 2),
        )
    except (KeyError, AttributeError, TypeError, ValueError, IndexError) as err:
        what = f"{type(err).__name__} {first_line(err)}"
        raise CheckpointError(f"{path} holds no voice: {what}", download_again(path)) from err


def _dimensioned(value: torch.Tensor, dimensions: int) -> torch.Tensor:
    while value.ndim < dimensions:
        value = value[None]
    if value.ndim != dimensions:
        raise ValueError(f"a tensor has the shape {list(value.shape)} where {dimensions} dimensions are wanted")
    return value


def read_recording(path: Path, rules: PromptRules) -> npt.NDArray[np.float32]:
    """Read a recording (WAV, FLAC, MP3, OGG) as mono float32 at 24 kHz, levelled if the rules say so.

    Raises `VoiceError` that says why a recording can't be used.
    """
    import librosa

    try:
        with soundfile.SoundFile(path) as file:
            rate = file.samplerate
            samples = file.read(rate * LONGEST_SECONDS, dtype="float32", always_2d=True).T
    except (OSError, soundfile.SoundFileError) as err:
        raise VoiceError(f"{path} can't be read as audio: {first_line(err)}") from err
    if not samples.size:
        raise VoiceError(f"{path} is empty: it holds no samples.")
    if not np.isfinite(samples).all():
        raise VoiceError(f"{path} is broken: it holds samples that are not numbers.")
    mono = librosa.to_mono(samples)
    seconds = len(mono) / rate
    if seconds <= rules.shortest:
        raise VoiceError(f"{path} is too short: {seconds:.1f} s, but over {rules.shortest:g} s of speech are needed.")
    if np.abs(mono).max() < SILENCE:
        raise VoiceError(f"{path} is silent.")
    mono = librosa.resample(mono, orig_sr=rate, target_sr=package.S3GEN_SR)
    return mono if rules.loudness is None else _levelled(mono, rules.loudness)


def _levelled(mono: npt.NDArray[np.float32], target: float) -> npt.NDArray[np.float32]:
    import pyloudnorm

    loudness = pyloudnorm.Meter(package.S3GEN_SR).integrated_loudness(mono)
    gain = 10.0 ** ((target - loudness) / 20.0)
    # NumPy 2 would make the samples float64 for a float64 gain, and all that follows with them.
    return (mono * gain).astype(np.float32) if math.isfinite(gain) and gain > 0.0 else mono


@torch.inference_mode()
def prepare(
    path: Path, networks: VoiceNetworks, rules: PromptRules, prompt_length: int, device: torch.device
) -> Conditionals:
    """Make a voice of a recording; `prompt_length` is in tokens, of T3's prompt. `VoiceError` if it can't be used."""
    import librosa

    wave24 = read_recording(path, rules)
    wave16 = librosa.resample(wave24, orig_sr=package.S3GEN_SR, target_sr=package.S3_SR)
    prompt, _ = networks.s3_tokenizer.forward([wave16[: rules.t3_seconds * package.S3_SR]], max_len=prompt_length)
    speaker = torch.from_numpy(networks.voice_encoder.embeds_from_wavs([wave16], sample_rate=package.S3_SR))
    tokens, mel, embedding = _reference(wave24[: S3GEN_SECONDS * package.S3GEN_SR], networks, device)
    conditionals = Conditionals(
        speaker=speaker.mean(dim=0, keepdim=True).to(device),
        t3_prompt=prompt.to(device),
        prompt_tokens=tokens,
        prompt_mel=mel,
        embedding=embedding,
    )
    if not all(torch.isfinite(value).all() for value in (conditionals.speaker, mel, embedding)):
        raise VoiceError(f"{path} can't be used: no voice is heard in it.")
    return conditionals


def _reference(
    wave: npt.NDArray[np.float32], networks: VoiceNetworks, device: torch.device
) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """What the flow is given: speech tokens (1, n), mel (1, about 2n, 80), speaker embedding (1, 192)."""
    from torchaudio.transforms import Resample

    wave24 = torch.from_numpy(wave).to(device)[None]
    mel = package.mel_spectrogram(wave24).transpose(1, 2)
    wave16 = Resample(package.S3GEN_SR, package.S3_SR).to(device)(wave24)
    embedding = networks.speaker_encoder.inference(wave16)
    tokens, _ = networks.s3_tokenizer(wave16)
    # A recording that is no multiple of 40 ms has half a token more than mel frames.
    return tokens[:, : mel.shape[1] // 2], mel, embedding


Key = tuple[Path, int, int]


class ConditionalsCache:
    """Prepared voices by recording, the least recently used forgotten first; a changed file is another recording.

    A voice is a quarter of a megabyte, and took seconds to prepare.
    """

    def __init__(self, capacity: int = 64, most_bytes: int = 32_000_000) -> None:
        """At most `capacity` voices and `most_bytes` are held, but always the latest voice."""
        self._capacity = capacity
        self._most_bytes = most_bytes
        self._voices: OrderedDict[Key, Conditionals] = OrderedDict()
        self.bytes = 0
        """Of the voices held."""

    def __len__(self) -> int:
        return len(self._voices)

    def get(self, path: Path, make: Callable[[], Conditionals]) -> Conditionals:
        """The voice of the recording at `path`, made with `make` if it isn't here; `VoiceError` if there is no file."""
        try:
            stat = path.stat()
        except OSError as err:
            raise VoiceError(f"{path} can't be read: {err.strerror}") from err
        key = (path, stat.st_mtime_ns, stat.st_size)
        if key not in self._voices:
            voice = self._voices[key] = make()
            self.bytes += voice.bytes
            while len(self._voices) > max(1, self._capacity) or (self.bytes > self._most_bytes and len(self) > 1):
                _, forgotten = self._voices.popitem(last=False)
                self.bytes -= forgotten.bytes
        self._voices.move_to_end(key)
        return self._voices[key]

    def clear(self) -> None:
        self._voices.clear()
        self.bytes = 0


def rules_of(t3: Any) -> PromptRules:
    """The rules of the family that a T3 belongs to."""
    return GPT2_RULES if t3.is_gpt else LLAMA_RULES
