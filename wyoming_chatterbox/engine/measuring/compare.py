"""Measures one precision in a process of its own, for `python -m wyoming_chatterbox.compare`.

    python -m wyoming_chatterbox.engine.measuring.compare '{"precision": "int8", "family": "nano", ...}'

The reference draws the speech tokens, and writes them with its scores and its mel to a scratch file. Each other
precision gets these tokens and is compared with that file. The process prints one line of JSON, the last on stdout. If
it can't compare, it exits with code 2 and one line on stderr.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import chain, islice, repeat
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ...errors import ChatterboxError, EngineError
from ...families import recognise
from .. import SAMPLE_RATE, Block, Sampling
from ..chatterbox import CPU_PROMPT_SECONDS
from ..checkpoint import Networks, load
from ..devices import choose_precision
from ..heap import returning_at_once
from ..layers.sizes import bytes_by_format, size_of
from ..s3gen.flow import FRAMES_PER_TOKEN, cut_prompt, integrate
from ..s3gen.pacing import HOPS, Fixed
from ..s3gen.stream import FrameNoise, SoundStream, WaveStream, stream
from ..s3gen.watermark import WatermarkStream, load_marker
from ..t3.decoder import TokenDecoder, step
from ..t3.kv_cache import KVCache
from ..t3.sampling import resolve
from ..upstream import chatterbox_tts
from ..voice.conditionals import Conditionals
from ..voice.draft import Draft
from ..voice.reading import Reader
from .bench import WARM_UP_TOKENS, device_name, peak_memory
from .stopwatch import Stopwatch

_DECIBELS = 20 / math.log(10)
"""Decibels of one unit of a log-mel, which is the natural logarithm of an amplitude."""


@dataclass(frozen=True)
class Request:
    """A text to speak, with the model, voice and precision to speak it in."""

    family: str
    directory: str
    device: str
    precision: str
    text: str
    language: str
    voice: str | None
    """Path of a recording; None for the checkpoint's own voice."""
    seed: int
    tokens: int
    """The most speech tokens."""
    scratch: str
    """An .npz file to write: `sound` (n,), and the reference's `tokens`, `scores` and `mel`."""
    reference: str | None
    """The file that the reference wrote; None for the reference itself."""


class Subject:
    """A model in one precision, with a text and a voice to speak it in."""

    def __init__(self, wanted: Request) -> None:
        """Raises `ConfigError`, `CheckpointError` or `VoiceError`."""
        self.precision = choose_precision(wanted.family, wanted.precision, wanted.device)
        self.device = self.precision.device
        with returning_at_once():
            self.watermarker = load_marker()
            directory = Path(wanted.directory)
            self.networks = load(directory, recognise(directory), self.precision)
        self.voice = _voice(self.networks, wanted.voice, torch.device(self.device))
        self.decoder = TokenDecoder(self.networks.t3)
        self.settings = resolve(wanted.family, Sampling())
        self._text = self.networks.tokenizer(wanted.text, wanted.language)
        self._seed = wanted.seed

    @cached_property
    def prompt_seconds(self) -> float | None:
        """Seconds of the flow's prompt that the server uses on this device."""
        return CPU_PROMPT_SECONDS if self.device == "cpu" else None

    def draw(self, most: int) -> Iterator[int]:
        """Draw at most `most` speech tokens of the text, the same ones at each call."""
        generator = torch.Generator(self.networks.t3.device).manual_seed(self._seed)
        return self.decoder.stream(self._text, self.voice, self.settings, most, _never, generator)

    @torch.inference_mode()
    def scores(self, tokens: list[int]) -> tuple[npt.NDArray[np.float32], int]:
        """Compute T3's log-probabilities (n, vocabulary) for each of n tokens, given those before it.

        The second result is the bytes of the KV caches, this text's and the voice's.
        """
        t3 = self.networks.t3
        ids = self._text if t3.is_gpt else [t3.hp.start_text_token, *self._text, t3.hp.stop_text_token]
        guidance = 0.0 if t3.is_gpt else self.settings.cfg_weight
        state, logits = self.decoder.begin(ids, self.voice, self.settings, guidance, len(tokens))
        rows = [logits.log_softmax(1).cpu()]
        for token in tokens[:-1]:
            given = torch.tensor([[token]], device=t3.device)
            rows.append(step(t3, given, state, guidance).log_softmax(1).cpu())
        return torch.cat(rows).numpy(), KVCache.held()

    @torch.inference_mode()
    def sound(self, tokens: list[int]) -> tuple[npt.NDArray[np.float32], Block]:
        """Make the log-mel (1, 80, 2n) of n tokens, and their watermarked sound (960n,)."""
        here, device = self.networks, self.networks.t3.device
        draws = torch.Generator().manual_seed(self._seed)
        noise = FrameNoise(draws, here.flow.output_size)
        voice = cut_prompt(self.voice, self.prompt_seconds)
        frames = voice.prompt_mel.shape[1] + FRAMES_PER_TOKEN * len(tokens)
        mel = integrate(
            here.flow,
            torch.tensor(tokens, device=device),
            voice,
            noise(0, frames).T[None].contiguous().to(device),
            _never,
        )
        wave = WaveStream(here.vocoder, draws).feed(mel, mel.shape[2], last=True)
        marks = WatermarkStream(self.watermarker)
        return mel.float().cpu().numpy(), np.clip(np.concatenate([marks.feed(wave), marks.finish()]), -1.0, 1.0)

    def blocks(self, most: int) -> Iterator[Block]:
        """Speak the text as the server does, in blocks that are not empty."""
        here = self.networks
        sound = SoundStream(here.flow, here.vocoder, self.voice, self._seed, _never, prompt_seconds=self.prompt_seconds)
        marks = WatermarkStream(self.watermarker)
        for block in stream(sound, self.with_pause(self.draw(most)), Fixed(*HOPS)):
            marked = marks.feed(block)
            if len(marked):
                yield marked
        yield marks.finish()

    def with_pause(self, tokens: Iterator[int]) -> Iterator[int]:
        """Return the tokens that the flow gets: GPT-2's are followed by some silence."""
        return chain(tokens, repeat(chatterbox_tts.S3GEN_SIL, 3)) if self.networks.t3.is_gpt else tokens


def _voice(networks: Networks, recording: str | None, device: torch.device) -> Conditionals:
    if recording is None:
        return networks.conditionals
    t3, preparation = networks.t3, networks.preparation
    try:
        length = t3.hp.speech_cond_prompt_len
        return Draft(Path(recording), preparation, networks.family.prompt, length, device, Reader()).finish(_never)
    finally:
        preparation.release()


def _never() -> bool:
    return False


def run(wanted: Request) -> dict[str, Any]:
    """Speak, measure, and compare with the reference; return figures by name. Raises `ChatterboxError`."""
    subject = Subject(wanted)
    networks = subject.networks
    timed = _speed(subject, wanted.tokens)
    drawn = timed.pop("drawn")
    if wanted.reference is None:
        if not drawn:
            raise EngineError("The model found nothing to say to this text; try another.")
        tokens, given = drawn, None
    else:
        with np.load(wanted.reference) as file:
            given = dict(file)
        tokens = given["tokens"].tolist()
    mel, sound = subject.sound(list(subject.with_pause(iter(tokens))))
    # The peak is read before the comparison, which needs memory of its own.
    peak = peak_memory(subject.device)
    scores, cache = subject.scores(tokens)
    if not np.isfinite(sound).all():
        raise EngineError(f"The sound in {wanted.precision} is not numbers; leave that precision out.")
    if given is None:
        np.savez(wanted.scratch, sound=sound, tokens=np.array(tokens), scores=scores, mel=mel)
    else:
        np.savez(wanted.scratch, sound=sound)
    parts: dict[str, torch.nn.Module] = {"T3": networks.t3, "flow": networks.flow, "vocoder": networks.vocoder}
    parts["watermark"] = subject.watermarker.perth_net
    return {
        "precision": wanted.precision,
        "used": subject.precision.name,
        "reason": subject.precision.reason,
        "device": subject.device,
        "device_name": device_name(subject.device),
        "tokens": len(tokens),
        "audio_s": len(sound) / SAMPLE_RATE,
        **(differences(given["scores"], scores, given["mel"], mel) if given else {}),
        "same_draws": _alike(tokens, drawn),
        **timed,
        "parts": {name: size_of(part) for name, part in parts.items()} | {"keys and values": cache},
        "formats": {name: bytes_by_format(part) for name, part in parts.items()},
        "peak_memory": peak,
    }


def _speed(subject: Subject, most: int) -> dict[str, Any]:
    """Warm up, and measure tokens a second after the first and seconds to the first sound; also return the tokens."""
    watch = Stopwatch(torch.device(subject.device))
    warm = min(most, WARM_UP_TOKENS) if subject.device == "cpu" else most
    for _ in subject.blocks(warm):
        pass
    began = watch.now()
    next(subject.blocks(most), None)
    first = watch.now() - began
    tokens = subject.draw(most)
    drawn = list(islice(tokens, 1))
    began = watch.now()
    drawn += tokens
    seconds = watch.now() - began
    return {
        "tokens_per_s": (len(drawn) - 1) / seconds if len(drawn) > 1 else None,
        "first_audio_s": first,
        "drawn": drawn,
    }


def differences(
    wanted: npt.NDArray[np.float32],
    got: npt.NDArray[np.float32],
    wanted_mel: npt.NDArray[np.float32],
    got_mel: npt.NDArray[np.float32],
) -> dict[str, float]:
    """Measure how far log-probabilities (n, vocabulary) and a log-mel (1, 80, frames) are from the wanted ones.

    `top1` is the share of positions with the same likeliest token. `kl` is the mean Kullback-Leibler divergence from
    the wanted probabilities, in nats a token. `mel_db` is the mean absolute difference of the log-mels, in dB.
    """
    p, q = wanted.astype(np.float64), got.astype(np.float64)
    # A token with probability 0 in p adds nothing, whatever its probability in q.
    with np.errstate(invalid="ignore"):
        terms = np.where(np.isneginf(p), 0.0, np.exp(p) * (p - q))
    return {
        "top1": float((p.argmax(1) == q.argmax(1)).mean()),
        "kl": float(terms.sum(1).mean()),
        "mel_db": float(_DECIBELS * np.abs(wanted_mel.astype(np.float64) - got_mel).mean()),
    }


def _alike(tokens: list[int], others: list[int]) -> int:
    """Count the equal tokens before the first difference."""
    for count, (token, other) in enumerate(zip(tokens, others, strict=False)):
        if token != other:
            return count
    return min(len(tokens), len(others))


def main() -> int:
    """Read a request from the command line, and write its figures."""
    try:
        figures = run(Request(**json.loads(sys.argv[1])))
    except ChatterboxError as err:
        sys.stderr.write(f"{' '.join(str(err).split())}\n")
        return 2
    sys.stdout.write(json.dumps(figures) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
