"""The networks that prepare a voice, in memory only while they are needed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from ...families import Family
from ..layers.sizes import size_of
from ..weights.tensor_file import TensorFile
from .build import build_s3_tokenizer, build_speaker_encoder, build_voice_encoder

_LOGGER = logging.getLogger(__name__)


class VoicePreparation:
    """The networks that a recording is made a voice with, float32, each loaded at first need.

    A checkpoint's own voice can do without them. All raise `CheckpointError` if their file is broken.
    """

    def __init__(self, directory: Path, family: Family, device: torch.device) -> None:
        self._s3gen = directory / family.s3gen
        self._voice_encoder = directory / family.voice_encoder
        self._device = device
        self._loaded: dict[str, torch.nn.Module] = {}
        self.ask: Callable[[], None] = _go_on
        """Called before each of their layers; what it raises ends a network's work."""

    def s3_tokenizer(self) -> Any:
        """A recording to speech tokens."""
        return self._load("s3_tokenizer", self._s3gen, build_s3_tokenizer)

    def speaker_encoder(self) -> Any:
        """A recording to what the flow knows a speaker by."""
        return self._load("speaker_encoder", self._s3gen, build_speaker_encoder)

    def voice_encoder(self) -> Any:
        """A recording to what T3 knows a speaker by."""
        return self._load("voice_encoder", self._voice_encoder, build_voice_encoder)

    def release(self) -> None:
        """Give their memory back; the next need loads them again."""
        self._loaded.clear()

    @property
    def bytes(self) -> int:
        """Bytes of weights held now."""
        return size_of(*self._loaded.copy().values())

    def _load(self, name: str, path: Path, build: Callable[[TensorFile, torch.device], Any]) -> Any:
        if name not in self._loaded:
            with TensorFile(path) as file:
                network = build(file, self._device)
            for layer in network.modules():
                layer.register_forward_pre_hook(lambda *_: self.ask())
            self._loaded[name] = network
            _LOGGER.debug("Loaded the %s, to prepare a voice", name)
        return self._loaded[name]


def _go_on() -> None:
    pass
