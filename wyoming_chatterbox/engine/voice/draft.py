"""Prepares a voice: from a recording to the input of T3 and the flow, in the steps of chatterbox-tts 0.1.7.

This takes seconds, on a small machine a minute. So it runs in stages: others can use the model in between, and a
finished stage stays finished.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from ...audio import Block
from ...audio.decoding import read_mono
from ...audio.judging import best_stretch, judge, too_short
from ...errors import Cancelled, VoiceError
from ...families import S3GEN_SECONDS, PromptRules
from ..upstream import chatterbox_tts
from ..upstream.signal_functions import resample
from .conditionals import Conditionals
from .preparation import VoicePreparation
from .reading import Reader, Reading

VERSION = 2
"""Raised when the same recording becomes another voice than before: voices on disk are made again then."""


class Draft:
    """One voice that is being prepared."""

    def __init__(
        self,
        path: Path,
        networks: VoicePreparation,
        rules: PromptRules,
        prompt_length: int,
        device: torch.device,
        reader: Reader,
    ) -> None:
        """`path` is the recording's; `prompt_length` is the tokens of T3's prompt."""
        self._path = path
        self._networks = networks
        self._rules = rules
        self._prompt_length = prompt_length
        self._device = device
        self._recording = Reading(reader, path, _heard)
        self._wave24 = self._wave16 = np.zeros(0, np.float32)
        self._made: dict[str, torch.Tensor] = {}
        self._stages: deque[Callable[[], None]] = deque(
            (
                *(self._read, self._take_best, self._level, self._resample),
                *(self._hear_prompt, self._hear_tokens, self._hear_speaker, self._draw_mel, self._hear_timbre),
            )
        )

    @torch.inference_mode()
    def finish(self, cancelled: Callable[[], bool]) -> Conditionals:
        """Do the remaining stages, and return the voice. Raises `VoiceError` if the recording holds none.

        `cancelled()` is called before each stage and each layer of a network; where it is true, `Cancelled` is raised,
        and the next call resumes the same stage.
        """

        def ask() -> None:
            if cancelled():
                raise Cancelled

        self._networks.ask = ask
        while self._stages:
            ask()
            self._stages[0]()
            self._stages.popleft()
        return Conditionals(**self._made)

    def _read(self) -> None:
        self._wave24 = self._recording.result(self._networks.ask)

    def _take_best(self) -> None:
        """Take the part of the recording in which somebody speaks, as long as T3 or the flow can use it."""
        wave, rules, rate = self._wave24, self._rules, chatterbox_tts.S3GEN_SR
        if (reason := too_short(judge(wave, rate), rules.shortest, rules.longest)) is not None:
            raise VoiceError(f"{self._path} can't be used: {reason}.")
        self._wave24 = wave[best_stretch(wave, rate, rules.longest)].copy()

    def _level(self) -> None:
        loudness = chatterbox_tts.Meter(chatterbox_tts.S3GEN_SR).integrated_loudness(self._wave24)
        lowest, highest = self._rules.loudness
        gain = 10.0 ** ((min(max(loudness, lowest), highest) - loudness) / 20.0)
        if math.isfinite(gain) and gain not in (0.0, 1.0):
            # With NumPy 2 a float64 gain would make the samples, and all that follows, float64.
            self._wave24 = (self._wave24 * gain).astype(np.float32)

    def _resample(self) -> None:
        self._wave16 = resample(self._wave24, orig_sr=chatterbox_tts.S3GEN_SR, target_sr=chatterbox_tts.S3_SR)

    def _hear_prompt(self) -> None:
        wave = self._wave16[: self._rules.t3_seconds * chatterbox_tts.S3_SR]
        prompt, _ = self._networks.s3_tokenizer().forward([wave], max_len=self._prompt_length)
        self._made["t3_prompt"] = prompt.to(self._device)

    def _hear_tokens(self) -> None:
        tokens, _ = self._networks.s3_tokenizer()(self._reference(chatterbox_tts.S3_SR))
        self._made["prompt_tokens"] = tokens
        self._networks.release()

    def _hear_speaker(self) -> None:
        partials = self._networks.voice_encoder().embeds_from_wavs([self._wave16], sample_rate=chatterbox_tts.S3_SR)
        self._keep("speaker", torch.from_numpy(partials).mean(dim=0, keepdim=True).to(self._device))
        self._networks.release()

    def _draw_mel(self) -> None:
        mel = chatterbox_tts.mel_spectrogram(self._reference(chatterbox_tts.S3GEN_SR)).transpose(1, 2)
        self._keep("prompt_mel", mel)
        # A recording whose length is no multiple of 40 ms has half a token more than mel frames.
        self._made["prompt_tokens"] = self._made["prompt_tokens"][:, : mel.shape[1] // 2]

    def _hear_timbre(self) -> None:
        self._keep("embedding", self._networks.speaker_encoder().inference(self._reference(chatterbox_tts.S3_SR)))
        self._networks.release()

    def _reference(self, rate: int) -> torch.Tensor:
        """Return the samples (1, n) that become the flow's prompt."""
        from torchaudio.transforms import Resample

        wave = torch.from_numpy(self._wave24[: S3GEN_SECONDS * chatterbox_tts.S3GEN_SR]).to(self._device)[None]
        if rate == chatterbox_tts.S3GEN_SR:
            return wave
        resampled: torch.Tensor = Resample(chatterbox_tts.S3GEN_SR, rate).to(self._device)(wave)
        return resampled

    def _keep(self, name: str, value: torch.Tensor) -> None:
        if not torch.isfinite(value).all():
            raise VoiceError(f"{self._path} can't be used: no voice is heard in it.")
        self._made[name] = value


def _heard(path: Path) -> Block:
    """Read a recording's samples at the flow's rate. Raises `VoiceError`."""
    try:
        return read_mono(path, chatterbox_tts.S3GEN_SR)
    except VoiceError as err:
        raise type(err)(f"{path} can't be used: {err}.") from err
    except OSError as err:
        raise VoiceError(f"{path} can't be read: {err.strerror}.") from err
