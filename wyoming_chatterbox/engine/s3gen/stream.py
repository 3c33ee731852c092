"""Speech tokens -> sound while tokens are still being drawn: the flow and the vocoder run in windows.

Three things hide the seams. A frame has the same noise in every window that decodes it. The vocoder sees the mel and
the source of the frames before. Two renderings are cross-faded on the samples they share.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import torch

from ...errors import Cancelled
from .. import Block
from ..voice.conditionals import Conditionals
from .ending import Ending
from .estimator import Flow
from .flow import FRAMES_PER_TOKEN, SAMPLES_PER_FRAME, TOKENS_PER_SECOND, cut_prompt, fade_in, integrate
from .pacing import CONTEXT, HELD_BACK, LOOK_AHEAD, Pace, Plan
from .vocoder import Vocoder, render

_PAST = 12
"""Frames before the new ones that the vocoder sees."""
_FADE = 2 * SAMPLES_PER_FRAME
"""Samples that two renderings share at a seam: 40 ms, held back until the second rendering."""


def stream(
    sound: SoundStream,
    tokens: Iterator[int],
    plan: Plan,
    pace: Pace | None = None,
    clock: Callable[[], float] = time.monotonic,
    ending: Ending | None = None,
) -> Iterator[Block]:
    """Turn the tokens of one utterance, as they come, into blocks of sound: 960 samples a token, less a quiet tail.

    `plan` chooses the blocks' sizes. `pace` learns how long the blocks took by `clock`, in seconds. `ending` says what
    is heard of them, and when no further token is to be drawn. `Cancelled` comes from the tokens' source or the sound
    stream.
    """
    ending = ending or Ending()
    hop = plan.first()
    wanted = hop + LOOK_AHEAD
    taken = list(islice(tokens, 1))
    made, begun, playing = 0, clock(), math.inf
    # The first token includes the prefill, so it is not measured. One token more than wanted tells whether any are
    # left, so that no window is spent on the look-ahead alone.
    fresh = list(islice(tokens, wanted))
    taken += fresh
    while len(taken) > wanted:
        drawn, window = clock(), sound.window + wanted
        block = sound.feed(taken[:wanted])
        ready = clock()
        playing = min(playing, ready)
        made += hop
        if pace:
            pace.drew(len(fresh), drawn - begun)
            pace.rendered(window, ready - drawn)
        yield ending.feed(block)
        if ending.over:
            yield ending.finish()
            return
        # Time that the consumer spent is not measured.
        begun = clock()
        given = made / TOKENS_PER_SECOND - HELD_BACK - ending.held_seconds
        hop = plan.then(made, given - (begun - playing))
        fresh = list(islice(tokens, hop))
        taken = taken[wanted:] + fresh
        wanted = hop
    drawn, window = clock(), sound.window + len(taken)
    block = sound.finish(taken)
    if pace and len(block):
        pace.drew(len(fresh), drawn - begun)
        pace.rendered(window, clock() - drawn)
    yield ending.finish(block)


class SoundStream:
    """Decodes one utterance's tokens to sound. `feed` and `finish` return 960 samples a token in all.

    The flow decodes windows of [prompt | context | new | look-ahead], and keeps the mel of the new tokens only. All
    random numbers are drawn on the CPU, from the seed alone: the sound is the same on every device, and torch's global
    generator is left alone.
    """

    def __init__(
        self,
        flow: Flow,
        vocoder: Vocoder,
        voice: Conditionals,
        seed: int,
        cancelled: Callable[[], bool],
        *,
        context: int = CONTEXT,
        prompt_seconds: float | None = None,
    ) -> None:
        """`cancelled()` is called before every evaluation of the flow's estimator, and before the vocoder."""
        self._flow = flow
        self._voice = cut_prompt(voice, prompt_seconds)
        self._cancelled = cancelled
        self._context = context
        draws = torch.Generator().manual_seed(seed)
        self._noise = FrameNoise(draws, flow.output_size)
        self._wave = WaveStream(vocoder, draws)
        self._tokens: list[int] = []
        """The context and all tokens after it."""
        self._done = 0
        """Number of these tokens whose mel was made."""
        self._forgotten = 0
        """Number of tokens dropped before these."""

    @property
    def window(self) -> int:
        """Tokens that the next window decodes besides the new ones."""
        return self._voice.prompt_tokens.shape[1] + len(self._tokens)

    def feed(self, tokens: Sequence[int]) -> Block:
        """Take the next tokens; return the sound up to three tokens before their end, less 40 ms."""
        self._tokens += tokens
        return self._decode(LOOK_AHEAD)

    def finish(self, tokens: Sequence[int] = ()) -> Block:
        """Take the last tokens, and return all sound that is left."""
        self._tokens += tokens
        return self._decode(0)

    @torch.inference_mode()
    def _decode(self, look_ahead: int) -> Block:
        """Decode all tokens but the last `look_ahead`."""
        new = len(self._tokens) - look_ahead - self._done
        if new <= 0:
            return np.zeros(0, dtype=np.float32)
        device = self._voice.prompt_tokens.device
        mel = integrate(
            self._flow,
            torch.tensor(self._tokens, dtype=torch.long).to(device),
            self._voice,
            self._window_noise().to(device),
            self._cancelled,
        )
        if self._cancelled():
            raise Cancelled
        first = FRAMES_PER_TOKEN * self._done
        block = self._wave.feed(mel[..., first:], FRAMES_PER_TOKEN * new, last=look_ahead == 0)
        self._done += new
        surplus = max(0, self._done - self._context)
        del self._tokens[:surplus]
        self._done -= surplus
        self._forgotten += surplus
        return block

    def _window_noise(self) -> torch.Tensor:
        """Return noise (1, 80, frames) for the prompt and the tokens held."""
        prompt = self._voice.prompt_mel.shape[1]
        start = prompt + FRAMES_PER_TOKEN * self._forgotten
        rows = [self._noise(0, prompt), self._noise(start, start + FRAMES_PER_TOKEN * len(self._tokens))]
        return torch.cat(rows).T[None].contiguous()


class WaveStream:
    """Renders one utterance's mel to sound, with a source that continues across calls."""

    def __init__(self, vocoder: Vocoder, draws: torch.Generator) -> None:
        self._vocoder = vocoder
        device = next(vocoder.parameters()).device
        self._source = Source(vocoder.m_source, draws)
        self._past_mel: torch.Tensor | None = None
        self._past_source = torch.zeros(1, 1, 0, device=device)
        self._overlap = torch.zeros(0, device=device)
        """The previous rendering of the samples that come out next."""
        self._fade = 0.5 - 0.5 * torch.cos(torch.pi * (torch.arange(_FADE, device=device) + 0.5) / _FADE)

    def feed(self, mel: torch.Tensor, new: int, *, last: bool) -> Block:
        """Take log-mel frames (1, 80, n), of which the first `new` are rendered; return samples (m,).

        40 ms are held back until the next call, unless this call is the `last`.
        """
        past = 0 if self._past_mel is None else self._past_mel.shape[2]
        if self._past_mel is not None:
            mel = torch.cat([self._past_mel, mel], dim=2)
        pitch = self._vocoder.f0_predictor(mel)[0, past:]
        source = torch.cat([self._past_source, self._source(pitch, new)], dim=2)
        wave = render(self._vocoder, mel, source, past - len(self._overlap) // SAMPLES_PER_FRAME, past + new)
        if len(self._overlap):
            shared = wave[:_FADE]
            shared.copy_(self._overlap + self._fade * (shared - self._overlap))
        else:
            fade = fade_in(wave.device)
            wave[: len(fade)] *= fade
        if not last:
            wave, self._overlap = wave[:-_FADE], wave[-_FADE:].clone()
        kept = max(0, past + new - _PAST)
        self._past_mel = mel[..., kept : past + new]
        self._past_source = source[..., kept * SAMPLES_PER_FRAME : (past + new) * SAMPLES_PER_FRAME]
        samples: Block = wave.float().cpu().numpy()
        return samples


class Source:
    """The vocoder's source, as chatterbox-tts's SourceModuleHnNSF makes it, but in pieces.

    It is nine harmonics of the pitch, whose phase continues from the frames before, and noise.
    """

    def __init__(self, module: Any, draws: torch.Generator) -> None:
        self._linear = module.l_linear
        self._sines = module.l_sin_gen
        device = module.l_linear.weight.device
        self._harmonics = torch.arange(1, self._sines.harmonic_num + 2, device=device)
        phases = (2 * torch.rand(len(self._harmonics), generator=draws) - 1) * torch.pi
        phases[0] = 0
        self._phases = phases.to(device)
        # The sum of independent noises with these weights is one noise of this loudness.
        self._loudness = torch.linalg.vector_norm(self._linear.weight)
        self._noise = FrameNoise(draws, SAMPLES_PER_FRAME)
        self._frames = 0
        self._cycles = torch.zeros((), device=device)
        """Phase of the fundamental after those frames, in cycles from 0 to 1."""

    def __call__(self, pitch: torch.Tensor, new: int) -> torch.Tensor:
        """Turn the pitch (n,) of frames, in Hz, into the source (1, 1, 480n). The next call follows frame `new`."""
        rate = self._sines.sampling_rate
        ends = self._cycles + torch.cumsum(pitch * (SAMPLES_PER_FRAME / rate), dim=0)
        starts = torch.cat([self._cycles[None], ends[:-1]])
        within = torch.arange(1, SAMPLES_PER_FRAME + 1, device=pitch.device)
        cycles = (starts[:, None] + pitch[:, None] * within / rate) % 1
        noise = self._noise(self._frames, self._frames + len(pitch)).to(pitch.device)
        self._frames += new
        self._cycles = ends[new - 1] % 1
        return self._excitation(pitch, cycles, noise)

    def _excitation(self, pitch: torch.Tensor, cycles: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Mix pitch (n,), cycles and noise (n, 480): harmonics in voiced frames, and louder noise in others."""
        voiced = (pitch > self._sines.voiced_threshold)[:, None]
        amplitude = self._sines.sine_amp
        angles = 2 * torch.pi * (cycles[..., None] * self._harmonics % 1) + self._phases
        sines = amplitude * torch.sin(angles) * voiced[..., None]
        hiss = torch.where(voiced, self._sines.noise_std, amplitude / 3) * self._loudness * noise
        return torch.tanh(self._linear(sines)[..., 0] + hiss).reshape(1, 1, -1)


class FrameNoise:
    """Gaussian noise by frame. A frame's noise is the same in every call, whichever other frames the call asks for."""

    _PIECE_FRAMES = 64

    def __init__(self, draws: torch.Generator, width: int) -> None:
        seed = int(torch.randint(2**62, (), generator=draws))
        self._generator = torch.Generator().manual_seed(seed)
        self._rows = torch.zeros(0, width)

    def __call__(self, start: int, stop: int) -> torch.Tensor:
        """Return the noise of frames `start` to before `stop`: (stop - start, width), on the CPU."""
        while len(self._rows) < stop:
            piece = torch.randn(self._PIECE_FRAMES, self._rows.shape[1], generator=self._generator)
            self._rows = torch.cat([self._rows, piece])
        return self._rows[start:stop]
