"""A voice in the form that T3 and the flow need, and a cache of voices made from recordings."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from ...errors import CheckpointError, VoiceError
from .. import VOICES_KEPT, Version
from ..failures import download_again, first_line
from ..weights.tensor_file import load_pickled
from .recording import version_of


@dataclass(frozen=True)
class Conditionals:
    """A voice in the form that the networks need. Floats are float32, tokens int64; nobody changes them in place."""

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
        """Copy the voice to a device; tensors that are there already are shared."""
        return replace(self, **{name: value.to(device) for name, value in vars(self).items() if value is not None})

    @property
    def bytes(self) -> int:
        return sum(value.nbytes for value in vars(self).values() if value is not None)


def load_conditionals(path: Path, device: torch.device) -> Conditionals:
    """Read a checkpoint's own voice, `conds.pt`. Raises `CheckpointError` if it is broken."""
    content = load_pickled(path)

    def floats(part: str, name: str, dimensions: int) -> torch.Tensor:
        value = content[part][name].to(device=device, dtype=torch.float32, copy=True)
        return _dimensioned(value, dimensions)

    def tokens(part: str, name: str) -> torch.Tensor:
        value = content[part][name]
        # chatterbox-tts makes its tokens floats where it speaks, and some save their voices after that.
        if value.is_floating_point() and not (value.isfinite() & (value == value.round())).all():
            raise ValueError(f"{name} holds {value.dtype} numbers that are not whole")
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


Key = tuple[Path, Version]


class ConditionalsCache:
    """Prepared voices by recording; the least recently used is dropped first. A changed file is another recording.

    A voice takes a quarter of a megabyte, and seconds to prepare.
    """

    def __init__(self, capacity: int = VOICES_KEPT, most_bytes: int = 32_000_000) -> None:
        """Holds at most `capacity` voices and `most_bytes`, but always the latest voice."""
        self._capacity = capacity
        self._most_bytes = most_bytes
        self._voices: OrderedDict[Key, Conditionals] = OrderedDict()
        self._made_by = ""
        self.bytes = 0
        """Bytes of the voices held."""

    def __len__(self) -> int:
        return len(self._voices)

    def holds(self, key: Key) -> bool:
        """Whether the voice of a recording is held; safe from any thread."""
        return key in self._voices

    def get(self, key: Key, make: Callable[[], Conditionals]) -> Conditionals:
        """Return the voice of a recording, calling `make` if it isn't held."""
        if key not in self._voices:
            voice = self._voices[key] = make()
            self.bytes += voice.bytes
            while len(self._voices) > max(1, self._capacity) or (self.bytes > self._most_bytes and len(self) > 1):
                _, forgotten = self._voices.popitem(last=False)
                self.bytes -= forgotten.bytes
        self._voices.move_to_end(key)
        return self._voices[key]

    def drop(self, unwanted: Callable[[Key], bool]) -> None:
        """Forget the voices of recordings that are unwanted."""
        for key in list(filter(unwanted, self._voices)):
            self.bytes -= self._voices.pop(key).bytes

    def keep_only(self, made_by: str) -> None:
        """Forget the voices unless they were made as `made_by` says, and expect such voices from now on."""
        if made_by != self._made_by:
            self.clear()
        self._made_by = made_by

    def clear(self) -> None:
        self._voices.clear()
        self.bytes = 0


def key_of(path: Path, version: Version | None) -> Key:
    """Return the key of a recording as it was found, or as it is now. Raises `VoiceError` if there is no file."""
    try:
        return path, version or version_of(path.stat())
    except OSError as err:
        raise VoiceError(f"{path} can't be read: {err.strerror}") from err
