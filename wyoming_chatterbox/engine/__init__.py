"""The interface of an engine: text in, blocks of sound out. Nothing here needs torch, or more than Python itself.

The standby voice, Chatterbox and the tests' fake are three ordinary implementations of `Engine`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from ..audio import SAMPLE_RATE, Block
from ..precision import Why

__all__ = [
    "SAMPLE_RATE",
    "VOICES_KEPT",
    "Block",
    "Description",
    "Engine",
    "Sampling",
    "Stage",
    "Utterance",
    "Version",
    "Voice",
]

Version = tuple[int, int, int]
"""A file at one moment: when its content and its entry changed last, in ns, and its bytes."""

VOICES_KEPT = 64
"""Prepared voices that an engine keeps in memory."""


@dataclass(frozen=True)
class Voice:
    """A voice as a client names it: one language, and the recording it is cloned from."""

    name: str
    """As shown and sent by Home Assistant: `alice`, or `alice-de` where a model has several languages."""
    language: str
    """ISO 639-1."""
    recording: Path | None = None
    """Audio file to clone; None for the checkpoint's own voice."""
    version: Version | None = None
    """The recording as it was found; None has the file itself asked, which can take as long as a file system does."""


@dataclass(frozen=True)
class Sampling:
    """How tokens are drawn; None leaves a setting to the model family."""

    temperature: float | None = None
    top_p: float | None = None
    min_p: float | None = None
    top_k: int | None = None
    repetition_penalty: float | None = None
    cfg_weight: float | None = None
    exaggeration: float | None = None


@dataclass(frozen=True)
class Utterance:
    """One stretch of text to be spoken in one breath: a sentence or a part of one."""

    text: str
    voice: Voice
    seed: int
    """The same seed gives the same sound."""
    sampling: Sampling = field(default_factory=Sampling)
    repeatable: bool = True
    """Whether the sound is cut into the same blocks each time. Blocks sized by the clock change it a little."""


@dataclass(frozen=True)
class Description:
    """The model, device and precision of an engine, for `/info` and `/config`."""

    name: str
    """`standby` or the model family: english, multilingual, turbo, nano."""
    device: str
    dtype: str
    """Arithmetic of the large networks: float32, float16 or bfloat16."""
    quantization: str
    """none, int8 or int4."""
    reason: str
    """Why this device and precision were chosen, in a sentence for the log."""
    parts: dict[str, int] = field(default_factory=dict)
    """Bytes of weights by part: t3, flow, vocoder, ..."""
    formats: dict[str, dict[str, int]] = field(default_factory=dict)
    """The same by part and format: float32, float16, int8, ..."""
    details: dict[str, Any] = field(default_factory=dict)
    why: Why | None = None
    """The same as `reason`, for a program to put into words; None if nobody had to choose."""

    @property
    def precision(self) -> str:
        """The quantization where there is one, else the dtype."""
        return self.dtype if self.quantization == "none" else self.quantization


@dataclass(frozen=True)
class Stage:
    """The stage that a loader has reached: shown in the log and in `/info`."""

    state: str
    """starting, downloading or loading."""
    detail: str
    progress: dict[str, Any] | None = None
    """Progress of a download: file, bytes_done, bytes_total, ..."""


class Engine(Protocol):
    """Something that speaks. All calls come from one thread at a time, never the event loop's."""

    sample_rate: int
    """Hz."""
    languages: tuple[str, ...]
    """ISO 639-1 codes it can speak."""

    @property
    def voices_kept(self) -> int:
        """Prepared voices that are kept, so that none of them is made twice. Cheap, and safe from any thread."""

    def describe(self) -> Description:
        """Say what this engine is made of. Cheap, and safe from any thread."""

    def prepared(self, voice: Voice) -> bool:
        """Whether a voice can speak without being prepared before. Cheap, and safe from any thread."""

    def prepare(self, voice: Voice, cancelled: Callable[[], bool]) -> bool:
        """Do what a voice needs before it can speak, and say whether it can; a later call goes on from there.

        `cancelled()` is asked every moment; when true, the call ends early and the model is free. Raises `VoiceError`
        if the recording can't be used, `OutOfMemoryError` or `EngineError`.
        """

    def keep_only(self, voices: Collection[Voice]) -> None:
        """Forget what is in memory of all recordings but those of `voices`: the others are deleted or changed."""

    def speak(self, utterance: Utterance, cancelled: Callable[[], bool]) -> Iterator[Block]:
        """Yield the utterance's sound in blocks; other utterances may be advanced between two of them.

        `cancelled()` is asked at least once a decoding step; when true, the iterator ends early and
        the model is free. Raises `VoiceError`, `OutOfMemoryError` or `EngineError`.
        """

    def memory(self) -> dict[str, int]:
        """Bytes on the device: allocated, reserved, peak, free, total; empty where there is none of its own."""

    def caches(self) -> dict[str, int]:
        """Count what is cached besides weights: kv_cache_bytes, voices, voices_bytes; safe from any thread."""

    def clean(self) -> None:
        """Free what can be made again and what the device's allocator keeps; never in the middle of an utterance."""

    def close(self) -> None:
        """Give all device memory back. The engine is of no use afterwards."""
