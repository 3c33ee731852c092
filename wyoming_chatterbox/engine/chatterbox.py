"""Chatterbox: one utterance end to end, text -> tokens -> mel -> wave."""

from __future__ import annotations

import gc
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from itertools import chain, repeat
from pathlib import Path
from typing import Any, Self

import numpy as np
import torch

from ..errors import Cancelled, ChatterboxError, EngineError, OutOfMemoryError, VoiceError
from . import SAMPLE_RATE, Block, Description, Utterance, Voice, precision
from .checkpoint import Networks, load
from .devices import available_devices, computes_in_bfloat16, free_memory
from .failures import first_line, is_out_of_memory
from .files.families import Family
from .heap import returning_at_once, trim
from .layers.sizes import bytes_by_format, size_of
from .s3gen.flow import SAMPLES_PER_TOKEN
from .s3gen.pacing import ALL_TOKENS, HOPS, Fixed, Pace, Paced, Plan
from .s3gen.stream import SoundStream, stream
from .s3gen.watermark import WatermarkStream, load_marker
from .t3.decoder import TokenDecoder, most_tokens
from .t3.kv_cache import KVCache
from .t3.sampling import resolve
from .upstream import chatterbox_tts
from .voice.conditionals import Conditionals, ConditionalsCache, Key, key_of, prompt_rules
from .voice.draft import Draft
from .voice.recording import Reader

_HOST = torch.device("cpu")

CPU_PROMPT_SECONDS = 3.0
"""Of the flow's prompt: its time grows with the prompt, and 3 s of a voice are what speakers are commonly told by."""

_SLOW_HOPS = (HOPS[0], HOPS[2], HOPS[3])
"""Blocks where each is waited for anyway: few, as each window repeats the prompt."""

_WARM_UP = {"cpu": 10, "cuda": 60}
"""Speech tokens of an utterance that nobody hears: few where they take time, as many as a sentence's on a GPU, whose
graphs and kernels depend on lengths."""

PAUSE = 0.1
"""Seconds of silence for a text that the model finds nothing to say to."""


class Chatterbox:
    """An `Engine` that speaks with the networks of a Chatterbox checkpoint, of any family."""

    sample_rate = SAMPLE_RATE
    languages: tuple[str, ...]

    def __init__(
        self,
        networks: Networks,
        watermarker: Any,
        description: Description,
        cache_clear_interval: int,
        prompt_seconds: float | None,
        blocks: bool | None,
        prepared: ConditionalsCache | None = None,
    ) -> None:
        self.languages = networks.family.languages
        self._networks: Networks | None = networks
        self._decoder: TokenDecoder | None = TokenDecoder(networks.t3)
        self._watermarker = watermarker
        self._description = description
        self._prepared = ConditionalsCache() if prepared is None else prepared
        """On the host."""
        self._voices = ConditionalsCache()
        """On the device."""
        self._cache_clear_interval = cache_clear_interval
        self._prompt_seconds = prompt_seconds
        self._blocks = blocks
        self._pace = Pace()
        self._spoken = 0
        self._reader = Reader()
        self._draft: tuple[Key, Draft] | None = None
        """The voice whose preparation was interrupted."""

    @classmethod
    def load(
        cls,
        directory: Path,
        family: Family,
        *,
        device: str = "auto",
        dtype: str = "auto",
        quantization: str = "none",
        memory_limit_mb: int | None = None,
        cuda_cache_clear_interval: int = 3,
        prompt_seconds: float | None = None,
        blocks: bool | None = None,
        warm_up: bool = True,
        because: str | None = None,
        prepared: ConditionalsCache | None = None,
        chosen: Callable[[precision.Precision], None] | None = None,
    ) -> Self:
        """Load a family's checkpoint from a directory in the official layout.

        `device` is auto, cpu, cuda, cuda:1, mps; `dtype` auto, float32, float16, bfloat16; `quantization` none, int8,
        int4, which wins over it. The memory that is free, and `memory_limit_mb`, guide `auto`. The CUDA cache is
        emptied after every `cuda_cache_clear_interval` utterances, or never for 0. Of a voice's recording, the flow is
        given the first `prompt_seconds`; for None 3 on a CPU, where each costs time, else all 10. `blocks` says
        whether an utterance is spoken while it is made; None does so as early as playback won't run dry, by the speed
        measured: where making takes longer than speaking, one wait is better than one in every word. `warm_up` has it
        say something that nobody hears, so that the first utterance is as fast as the second. `because` says why this
        precision was chosen, where that was not by the one who asks; `chosen` is told it before anything is loaded.
        Voices `prepared` with this checkpoint need not be again.
        Raises `ConfigError`, `CheckpointError`, `OutOfMemoryError` or `EngineError`.
        """
        name, why_device = precision.choose_device(device, available_devices())
        where = torch.device(name)
        choice = precision.choose(
            dtype,
            quantization,
            family.name,
            name,
            free_mb=free_memory(where) / 1e6,
            limit_mb=memory_limit_mb,
            bfloat16=computes_in_bfloat16(where),
        )
        if chosen:
            chosen(choice)
        with _failures(f"while the {family.name} model was loaded on {name}"), returning_at_once():
            watermarker = load_marker()
            networks = load(directory, family, where, getattr(torch, choice.dtype), choice)
        description = Description(
            name=family.name,
            device=name,
            dtype=choice.dtype,
            quantization=choice.quantization,
            reason=f"{name}: {why_device}; {because or choice.reason}",
            parts={**networks.bytes(), "watermark": size_of(watermarker.perth_net)},
            formats={
                "t3": bytes_by_format(networks.t3),
                "flow": bytes_by_format(networks.flow),
                "vocoder": bytes_by_format(networks.vocoder),
                "watermark": bytes_by_format(watermarker.perth_net),
            },
            details=_details(networks) | {"computes_in": choice.compute},
        )
        if prompt_seconds is None and where.type == "cpu":
            prompt_seconds = CPU_PROMPT_SECONDS
        engine = cls(networks, watermarker, description, cuda_cache_clear_interval, prompt_seconds, blocks, prepared)
        if warm_up:
            with _failures("while the model was tried out"):
                engine._warm_up(networks)
            # What that worked in, a hundred megabytes on a CPU, may lie there for hours before the first text comes.
            trim()
        return engine

    def describe(self) -> Description:
        """Say what this engine is made of; the bytes are those held now."""
        networks = self._networks
        if networks is None:
            return replace(self._description, parts={}, formats={})
        held = networks.preparation.bytes
        parts = self._description.parts | ({"voice preparation": held} if held else {})
        return replace(self._description, parts=parts)

    def prepared(self, voice: Voice) -> bool:
        """Whether a voice's recording was made a voice before; false where only the file itself could tell."""
        if voice.recording is None:
            return True
        return voice.version is not None and self._prepared.holds((voice.recording, voice.version))

    def prepare(self, voice: Voice, cancelled: Callable[[], bool]) -> bool:
        """Make a voice of its recording, unless that was done before, and say whether it is one.

        `cancelled()` is asked before each stage and each layer of a network; a later call goes on with what is left of
        the latest voice. Raises `VoiceError` if the recording can't be used, `OutOfMemoryError` or `EngineError`.
        """
        with _failures(f"while the voice {voice.name} was prepared"), suppress(Cancelled):
            networks = self._open()
            if voice.recording is not None:
                self._cloned(networks, key_of(voice.recording, voice.version), cancelled)
            return True
        return False

    def speak(self, utterance: Utterance, cancelled: Callable[[], bool]) -> Iterator[Block]:
        """Yield the utterance's sound as it is made, in blocks of any length over 0; no more once it is cancelled.

        `cancelled()` is asked before every token and every evaluation of the flow.
        """
        with _failures("while a text was spoken"):
            try:
                for block in self._sound(self._open(), utterance, cancelled):
                    if len(block):
                        yield block
            except Cancelled:
                return
            finally:
                self._tidy()

    def memory(self) -> dict[str, int]:
        """Bytes on the GPU: allocated, reserved, peak, free, total; on an Apple GPU fewer of these, on a CPU none."""
        device = torch.device(self._description.device)
        if device.type == "mps":
            return {
                "allocated": torch.mps.current_allocated_memory(),
                "reserved": torch.mps.driver_allocated_memory(),
                "total": torch.mps.recommended_max_memory(),
            }
        if device.type != "cuda":
            return {}
        free, total = torch.cuda.mem_get_info(device)
        return {
            "allocated": torch.cuda.memory_allocated(device),
            "reserved": torch.cuda.memory_reserved(device),
            "peak": torch.cuda.max_memory_allocated(device),
            "free": free,
            "total": total,
        }

    def caches(self) -> dict[str, int]:
        """Bytes of KV caches, those of voices included, how many prepared voices are held, and their bytes."""
        on_device = self._voices.bytes if self._description.device != "cpu" else 0
        return {
            "kv_cache_bytes": KVCache.held(),
            "voices": len(self._prepared),
            "voices_bytes": self._prepared.bytes + on_device,
        }

    def clean(self) -> None:
        """Free the voices' copies on the device, their KV caches, and what the allocators keep."""
        if self._networks is not None:
            self._draft = None
            self._networks.preparation.release()
            self._decoder = TokenDecoder(self._networks.t3)
        self._voices.clear()
        _give_back()

    def close(self) -> None:
        """Give all memory back, the device's and the host's; prepared voices stay with who else holds them."""
        self._networks = None
        self._draft = None
        self._decoder = None
        self._watermarker = None
        self._voices.clear()
        _give_back()

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
        """The utterance's sound in blocks, of `most` tokens, or as many as its text can need."""
        if not utterance.text.strip():
            # The package would say that there is no text, aloud.
            yield _silence()
            return
        voice = self._conditionals(networks, utterance.voice, cancelled)
        limit = most_tokens(utterance.text) if most is None else most
        tokens = self._tokens(networks, utterance, voice, limit, cancelled)
        sound = SoundStream(
            networks.flow, networks.vocoder, voice, utterance.seed, cancelled, prompt_seconds=self._prompt_seconds
        )
        marks = WatermarkStream(self._watermarker)
        samples = 0
        for block in stream(sound, tokens, self._plan(utterance, sound.window), self._pace):
            if not np.isfinite(block).all():
                raise EngineError(
                    f"The model's sound is not numbers in {self._description.dtype}; a higher precision may help."
                )
            samples += len(block)
            yield np.clip(marks.feed(block), -1.0, 1.0)
        if most is None:
            self._pace.spoke(utterance.text, samples // SAMPLES_PER_TOKEN)
        yield np.clip(marks.finish(), -1.0, 1.0) if samples else _silence()

    def _plan(self, utterance: Utterance, prompt: int) -> Plan:
        """How much of the utterance is made before it is heard, with `prompt` tokens of the flow's in every window."""
        fast = self._description.device.startswith("cuda")
        if self._blocks is None and not utterance.repeatable:
            return Paced(self._pace, utterance.text, prompt, HOPS[0] if fast else ALL_TOKENS)
        # A seed promises the same sound, which blocks sized by the clock would not give.
        blocks = fast if self._blocks is None else self._blocks
        return Fixed(*(HOPS if fast else _SLOW_HOPS)) if blocks else Fixed(ALL_TOKENS)

    def _tokens(
        self,
        networks: Networks,
        utterance: Utterance,
        voice: Conditionals,
        most: int,
        cancelled: Callable[[], bool],
    ) -> Iterator[int]:
        """The utterance's speech tokens, as they are drawn."""
        settings = resolve(networks.family.name, utterance.sampling)
        text = networks.tokenizer(utterance.text, utterance.voice.language)
        if self._decoder is None:
            raise EngineError("This engine was closed.")
        generator = torch.Generator(networks.t3.device).manual_seed(utterance.seed)
        tokens = self._decoder.stream(text, voice, settings, most, cancelled, generator)
        return chain(tokens, repeat(chatterbox_tts.S3GEN_SIL, 3)) if networks.t3.is_gpt else tokens

    def _conditionals(self, networks: Networks, voice: Voice, cancelled: Callable[[], bool]) -> Conditionals:
        if voice.recording is None:
            return networks.conditionals
        key = key_of(voice.recording, voice.version)
        device = torch.device(self._description.device)
        return self._voices.get(key, lambda: self._cloned(networks, key, cancelled).to(device))

    def _cloned(self, networks: Networks, key: Key, cancelled: Callable[[], bool]) -> Conditionals:
        """The voice of a recording, on the host; `Cancelled` leaves a draft to go on with."""

        def make() -> Conditionals:
            draft = self._draft[1] if self._draft is not None and self._draft[0] == key else self._begin(networks, key)
            self._draft = None
            try:
                return draft.finish(cancelled).to(_HOST)
            except Cancelled:
                self._draft = key, draft
                raise
            except VoiceError:
                raise
            except Exception as err:
                if is_out_of_memory(err):
                    raise
                # Whatever is wrong, it is wrong with this voice, and the model's own can speak.
                raise VoiceError(f"{key[0]} can't be made a voice: {type(err).__name__} {first_line(err)}") from err
            finally:
                networks.preparation.release()
                _give_back()

        return self._prepared.get(key, make)

    def _begin(self, networks: Networks, key: Key) -> Draft:
        t3, device = networks.t3, torch.device(self._description.device)
        length = t3.hp.speech_cond_prompt_len
        return Draft(key[0], networks.preparation, prompt_rules(gpt2=t3.is_gpt), length, device, self._reader)

    def _tidy(self) -> None:
        """Give back what an utterance worked in: on a GPU every so many of them, on a CPU always.

        The C library cuts what is freed into pieces that the next utterance's tensors seldom fit into, and so would
        take more with each, to twice as much.
        """
        self._spoken += 1
        if self._description.device == "cpu":
            trim()
        on_cuda = self._description.device.startswith("cuda")
        if on_cuda and self._cache_clear_interval and self._spoken % self._cache_clear_interval == 0:
            torch.cuda.empty_cache()


def _give_back() -> None:
    """Give what was freed back to the device and to the system, for others."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if torch.backends.mps.is_available():
        torch.mps.empty_cache()
    trim()


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


@contextmanager
def _failures(when: str) -> Iterator[None]:
    """Give what goes wrong inside the networks this project's names; the boundary to torch and the package."""
    try:
        yield
    except (ChatterboxError, Cancelled):
        raise
    except Exception as err:
        if is_out_of_memory(err):
            # The frames that it went through would keep what they had made until nobody holds the error any more.
            traceback.clear_frames(err.__traceback__)
            _give_back()
            raise OutOfMemoryError(f"Memory ran out {when}: {first_line(err)}") from err
        raise EngineError(f"{type(err).__name__} {when}: {first_line(err)}") from err
