"""Holds the networks that prepare a voice, only while they are needed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

import torch

from ...families import Family
from ..layers.sizes import size_of
from ..weights.fingerprint import fingerprint
from ..weights.tensor_file import TensorFile
from .build import (
    S3Tokenizer,
    SpeakerEncoder,
    VoiceEncoder,
    build_s3_tokenizer,
    build_speaker_encoder,
    build_voice_encoder,
)

_LOGGER = logging.getLogger(__name__)

Network = TypeVar("Network")


class VoicePreparation:
    """The networks that turn a recording into a voice, float32, each loaded at first use.

    A checkpoint's own voice needs none of them. Each method raises `CheckpointError` if the network's file is broken.
    """

    def __init__(self, directory: Path, family: Family, device: torch.device) -> None:
        self._s3gen = family.path(directory, family.s3gen)
        self._voice_encoder = family.path(directory, family.voice_encoder)
        self._device = device
        self._loaded: dict[str, torch.nn.Module] = {}
        self.ask: Callable[[], None] = _go_on
        """Called before each layer of a network; an exception from it ends the network's work."""

    def fingerprint(self) -> str:
        """Tell these networks from others by their files. Raises `CheckpointError` if one can't be read."""
        return fingerprint(self._s3gen, self._voice_encoder)

    def s3_tokenizer(self) -> S3Tokenizer:
        """Return the network that turns a recording into speech tokens."""
        return self._load("s3_tokenizer", self._s3gen, build_s3_tokenizer)

    def speaker_encoder(self) -> SpeakerEncoder:
        """Return the network that makes the flow's speaker embedding."""
        return self._load("speaker_encoder", self._s3gen, build_speaker_encoder)

    def voice_encoder(self) -> VoiceEncoder:
        """Return the network that makes T3's speaker embedding."""
        return self._load("voice_encoder", self._voice_encoder, build_voice_encoder)

    def release(self) -> None:
        """Free the networks; the next use loads them again."""
        self._loaded.clear()

    @property
    def bytes(self) -> int:
        """Bytes of the weights held now."""
        return size_of(*self._loaded.copy().values())

    def _load(self, name: str, path: Path, build: Callable[[TensorFile, torch.device], Network]) -> Network:
        if name not in self._loaded:
            with TensorFile(path) as file:
                network: Any = build(file, self._device)
            for layer in network.modules():
                layer.register_forward_pre_hook(lambda *_: self.ask())
            self._loaded[name] = network
            _LOGGER.debug("Loaded the %s, to prepare a voice", name)
        loaded: Any = self._loaded[name]
        return cast(Network, loaded)


def _go_on() -> None:
    pass
