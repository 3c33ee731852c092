"""Chatterbox: one utterance end to end, text -> tokens -> mel -> wave."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Generator, Iterator
from contextlib import closing, suppress
from dataclasses import replace
from itertools import repeat
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from ..errors import Cancelled, EngineError, NotNumbersError
from ..families import Family
from ..precision import Precision
from . import SAMPLE_RATE, Block, Description, Utterance, Voice
from .checkpoint import Networks, load
from .devices import device_memory
from .failures import failures_named, give_back
from .heap import return_free_memory, returning_at_once
from .layers.sizes import bytes_by_format, size_of
from .s3gen.ending import Ending
from .s3gen.flow import SAMPLES_PER_TOKEN
from .s3gen.pacing import ALL_TOKENS, HOPS, Fixed, Pace, Paced, Plan
from .s3gen.stream import SoundStream, stream
from .s3gen.watermark import Watermarker, WatermarkStream, load_marker
from .t3.decoder import TokenDecoder
from .t3.kv_cache import KVCache
from .t3.sampling import resolve
from .t3.spoken_length import fewest_tokens, most_tokens
from .upstream import chatterbox_tts
from .voice.cloned import ClonedVoices, KeptVoices
from .voice.conditionals import Conditionals

CPU_PROMPT_SECONDS = 5.0
"""Seconds of a recording in the flow's prompt on a CPU, where its time grows with the prompt.

Turbo's real weights keep a voice's likeness with 5 s (0.75 of 0.76 with all of it), and lose some with 3 s (0.70).
"""

ALL_PROMPT_SECONDS = 10.0
"""Seconds of a recording that the flow takes at most."""

UNPLAYED_TOKENS = {"multilingual": 1}
"""Last speech tokens of an utterance whose sound nobody hears, by family: multilingual's last one is noise."""

_SLOW_HOPS = (HOPS[0], HOPS[2], HOPS[3])
"""Sizes of blocks on a device slower than speech: few blocks, because each window repeats the prompt."""

_WARM_UP = {"cpu": 10, "cuda": 60}
"""Speech tokens of the warm-up's utterance: few on a CPU, where they take time, and as many as a sentence's on a GPU,
whose graphs and kernels depend on lengths."""

PAUSE = 0.1
"""Seconds of silence that stand for a text without any sound."""


class Chatterbox:
    """An `Engine` that speaks with the networks of a Chatterbox checkpoint, of any family."""

    sample_rate = SAMPLE_RATE
    languages: tuple[str, ...]

    def __init__(
        self,
        networks: Networks,
        watermarker: Watermarker,
        description: Description,
        cache_clear_interval: int,
        prompt_seconds: float | None,
        blocks: bool | None,
        kept: KeptVoices | None = None,
    ) -> None:
        self.languages = networks.family.languages
        self._networks: Networks | None = networks
        self._decoder: TokenDecoder | None = TokenDecoder(networks.t3)
        self._watermarker: Watermarker | None = watermarker
        self._description = description
        length = networks.t3.hp.speech_cond_prompt_len
        self._cloned = ClonedVoices(
            networks.preparation, networks.family, length, torch.device(description.device), kept
        )
        self._cache_clear_interval = cache_clear_interval
        self._prompt_seconds = prompt_seconds
        self._blocks = blocks
        self._pace = Pace()
        self._spoken = 0

    @classmethod
    def load(
        cls,
        directory: Path,
        family: Family,
        precision: Precision,
        *,
        cuda_cache_clear_interval: int = 3,
        prompt_seconds: float | None = None,
        blocks: bool | None = None,
        warm_up: bool = True,
        kept: KeptVoices | None = None,
    ) -> Self:
        """Load a family's checkpoint from a directory in the official layout, onto the device of `precision`.

        The CUDA cache is emptied after every `cuda_cache_clear_interval` utterances; 0 never empties it.
        `prompt_seconds` limits how much of a voice's recording the flow is given; None means 5 s on a CPU, where each
        second costs time, and all 10 s elsewhere. `blocks` says whether an utterance is spoken while it is made; None
        decides by the measured speed, so that playback does not run dry. `warm_up` speaks an utterance that nobody
        hears, so that the first real one is as fast as the second. `kept` has the voices that were prepared before.
        Raises `CheckpointError`, `OutOfMemoryError` or `EngineError`: `NotNumbersError` if the warm-up's sound is none.
        """
        device = precision.device
        with failures_named(f"while the {family.name} model was loaded on {device}"), returning_at_once():
            watermarker = load_marker()
            networks = load(directory, family, precision)
        if prompt_seconds is None and device == "cpu":
            prompt_seconds = CPU_PROMPT_SECONDS
        description = Description(
            name=family.name,
            device=device,
            dtype=precision.dtype,
            quantization=precision.quantization,
            reason=precision.explanation,
            parts={**networks.bytes(), "watermark": size_of(watermarker.perth_net)},
            formats={
                "t3": bytes_by_format(networks.t3),
                "flow": bytes_by_format(networks.flow),
                "vocoder": bytes_by_format(networks.vocoder),
                "watermark": bytes_by_format(watermarker.perth_net),
            },
            why=precision.why,
            details=_details(networks)
            | {"computes_in": precision.compute, "prompt_seconds": prompt_seconds or ALL_PROMPT_SECONDS},
        )
        engine = cls(networks, watermarker, description, cuda_cache_clear_interval, prompt_seconds, blocks, kept)
        if warm_up:
            with failures_named("while the model was tried out"):
                try:
                    engine._warm_up(networks)
                except NotNumbersError as err:
                    # Another load follows, which needs the memory.
                    traceback.clear_frames(err.__traceback__)
                    del networks
                    engine.close()
                    raise
            # The first text may come hours later; until then the system can use the warm-up's memory, 100 MB on a CPU.
            return_free_memory()
        return engine

    @property
    def voices_kept(self) -> int:
        return self._cloned.capacity

    def describe(self) -> Description:
        """Describe this engine; the bytes are those held now."""
        networks = self._networks
        if networks is None:
            return replace(self._description, parts={}, formats={})
        held = networks.preparation.bytes
        parts = self._description.parts | ({"voice preparation": held} if held else {})
        return replace(self._description, parts=parts)

    def prepared(self, voice: Voice) -> bool:
        """Whether a voice is in memory; false if only the recording itself, or the disk, could tell."""
        return voice.recording is None or self._cloned.holds(voice)

    def prepare(self, voice: Voice, cancelled: Callable[[], bool]) -> bool:
        """Prepare a voice from its recording, unless memory or disk has it; returns whether it is ready.

        `cancelled()` is called before each stage and each layer of a network; a later call resumes the latest voice.
        Raises `VoiceError` if the recording can't be used, `OutOfMemoryError` or `EngineError`.
        """
        with failures_named(f"while the voice {voice.name} was prepared"), suppress(Cancelled):
            self._open()
            if voice.recording is not None:
                self._cloned.prepare(voice.recording, voice.version, cancelled)
            return True
        return False

    def keep_only(self, voices: Collection[Voice]) -> None:
        """Forget what is in memory, on the host and the device, of all recordings but those of `voices`."""
        self._cloned.keep_only(voices)

    def speak(self, utterance: Utterance, cancelled: Callable[[], bool]) -> Iterator[Block]:
        """Yield the utterance's sound as it is made, in blocks that are not empty; stops once it is cancelled.

        `cancelled()` is called before every token and every evaluation of the flow.
        """
        with failures_named("while a text was spoken"):
            try:
                for block in self._sound(self._open(), utterance, cancelled):
                    if len(block):
                        yield block
            except Cancelled:
                return
            finally:
                self._tidy()

    def memory(self) -> dict[str, int]:
        """Count the bytes on the GPU: allocated, reserved, peak, free, total; fewer on an Apple GPU, none on a CPU."""
        return device_memory(torch.device(self._description.device))

    def caches(self) -> dict[str, int]:
        """Count the bytes of KV caches, with those of voices, the prepared voices, and their bytes."""
        return {
            "kv_cache_bytes": KVCache.held(),
            "voices": self._cloned.held,
            "voices_bytes": self._cloned.bytes,
        }

    def clean(self) -> None:
        """Free the voices' copies on the device, their KV caches, and the allocators' free memory."""
        if self._networks is not None:
            self._decoder = TokenDecoder(self._networks.t3)
        self._cloned.clean()
        give_back()

    def close(self) -> None:
        """Free all memory of the device and the host; prepared voices stay with the loader, for its next engine."""
        self._networks = None
        self._decoder = None
        self._watermarker = None
        self._cloned.clean()
        give_back()

    def _open(self) -> Networks:
        if self._networks is None:
            raise EngineError("This engine was closed.")
        return self._networks

    def _warm_up(self, networks: Networks) -> None:
        most = _WARM_UP.get(torch.device(self._description.device).type, _WARM_UP["cpu"])
        voice = Voice("own", self.languages[0])
        utterance = Utterance("All is well, and all is ready.", voice, seed=0, repeatable=False)
        for _ in self._sound(networks, utterance, lambda: False, most):
            pass

    @torch.inference_mode()
    def _sound(
        self, networks: Networks, utterance: Utterance, cancelled: Callable[[], bool], most: int | None = None
    ) -> Iterator[Block]:
        """Yield the utterance's sound in blocks, of at most `most` tokens; None allows as many as its text can need."""
        text = networks.tokenizer(utterance.text, utterance.voice.language) if utterance.text.strip() else []
        if not text:
            # chatterbox-tts would say aloud that there is no text.
            yield _silence()
            return
        recording, version = utterance.voice.recording, utterance.voice.version
        voice = networks.conditionals if recording is None else self._cloned.get(recording, version, cancelled)
        limit = most_tokens(utterance.text) if most is None else most
        unplayed = UNPLAYED_TOKENS.get(networks.family.name, 0)
        ending = Ending(SAMPLES_PER_TOKEN * fewest_tokens(utterance.text), SAMPLES_PER_TOKEN * unplayed)
        sound = SoundStream(
            networks.flow, networks.vocoder, voice, utterance.seed, cancelled, prompt_seconds=self._prompt_seconds
        )
        if self._watermarker is None:
            raise EngineError("This engine was closed.")
        marks = WatermarkStream(self._watermarker)
        plan = self._plan(utterance, sound.window)
        samples = 0
        with closing(self._tokens(networks, utterance, text, voice, limit, cancelled, ending.cut)) as tokens:
            for block in stream(sound, tokens, plan, self._pace, ending=ending):
                if not np.isfinite(block).all():
                    raise NotNumbersError(
                        f"The model's sound is not numbers in {self._description.dtype}; a higher precision may help."
                    )
                samples += len(block)
                yield np.clip(marks.feed(block), -1.0, 1.0)
        if most is None:
            self._pace.spoke(utterance.text, samples // SAMPLES_PER_TOKEN)
        yield np.clip(marks.finish(), -1.0, 1.0) if samples else _silence()

    def _plan(self, utterance: Utterance, prompt: int) -> Plan:
        """Plan how much of the utterance is made before it is heard; each window has `prompt` tokens of the prompt."""
        fast = self._description.device.startswith("cuda")
        if self._blocks is None and not utterance.repeatable:
            return Paced(self._pace, utterance.text, prompt, HOPS[0] if fast else ALL_TOKENS)
        # A seed promises the same sound, but blocks sized by the clock would change it.
        blocks = fast if self._blocks is None else self._blocks
        return Fixed(*(HOPS if fast else _SLOW_HOPS)) if blocks else Fixed(ALL_TOKENS)

    def _tokens(
        self,
        networks: Networks,
        utterance: Utterance,
        text: list[int],
        voice: Conditionals,
        most: int,
        cancelled: Callable[[], bool],
        on_cut: Callable[[], None],
    ) -> Generator[int]:
        """Yield the utterance's speech tokens as they are drawn, with the silence that GPT-2's are followed by.

        `text` are its text tokens.
        """
        settings = resolve(networks.family.name, utterance.sampling)
        if self._decoder is None:
            raise EngineError("This engine was closed.")
        generator = torch.Generator(networks.t3.device).manual_seed(utterance.seed)
        yield from self._decoder.stream(text, voice, settings, most, cancelled, generator, on_cut)
        if networks.t3.is_gpt:
            yield from repeat(chatterbox_tts.S3GEN_SIL, 3)

    def _tidy(self) -> None:
        """Return an utterance's working memory: after every utterance on a CPU, after several on a GPU.

        The C library splits freed memory into pieces that the next utterance's tensors seldom fit, so that the process
        would grow with each utterance, to twice as much.
        """
        self._spoken += 1
        if self._description.device == "cpu":
            return_free_memory()
        on_cuda = self._description.device.startswith("cuda")
        if on_cuda and self._cache_clear_interval and self._spoken % self._cache_clear_interval == 0:
            torch.cuda.empty_cache()


def _silence() -> Block:
    return np.zeros(round(PAUSE * SAMPLE_RATE), dtype=np.float32)


def _details(networks: Networks) -> dict[str, Any]:
    t3, cfg = networks.t3, networks.t3.cfg
    return {
        "t3_file": networks.t3_file,
        "backbone": "gpt2" if t3.is_gpt else "llama",
        "layers": cfg.num_hidden_layers,
        "width": cfg.hidden_size,
        "text_vocabulary": t3.hp.text_tokens_dict_size,
        "meanflow": networks.flow.decoder.estimator.meanflow,
        "parameters": networks.parameters_by_format(),
    }
