"""PerTh, the inaudible watermark of synthetic speech, for whole recordings and for a stream of blocks."""

from __future__ import annotations

import contextlib
import io
from typing import Any

import numpy as np
import torch

from .. import SAMPLE_RATE, Block
from ..upstream import chatterbox_tts
from ..upstream.signal_functions import resample

_FRAME = 240
"""Samples of one step of PerTh's spectrum (320 at its 32 kHz). Windows begin on this grid, so that they agree."""
_EDGE = 768
"""Samples at a window's end that its mirrored edge affects: half of PerTh's spectral window of 64 ms."""
_FADE = 480
_CONTEXT = 10 * _FRAME
_SHORTEST = 10 * _FRAME

DELAY = _EDGE + _FADE
"""Samples held back after each marked block: 52 ms."""


class Watermarker:
    """PerTh's network and its resampling; `perth_net` is the one of the perth package, on the CPU."""

    def __init__(self, perth_net: Any) -> None:
        self.perth_net = perth_net
        self._rate = int(perth_net.hp.sample_rate)

    @torch.inference_mode()
    def mark(self, samples: Block) -> Block:
        """Mark samples (n,) as synthetic speech, as the perth package does; the result is up to 20 ms shorter."""
        net = self.perth_net
        magnitudes, phases = net.ap.signal_to_magphase(
            torch.from_numpy(resample(samples, orig_sr=SAMPLE_RATE, target_sr=self._rate))
        )
        marked, _ = net.encoder(magnitudes[None])
        wave = net.ap.magphase_to_signal(marked[0], phases)
        return resample(wave.numpy(), orig_sr=self._rate, target_sr=SAMPLE_RATE)


def load_watermarker() -> Watermarker:
    """Load PerTh on the CPU."""
    # PerTh prints which of its checkpoints it has loaded.
    with contextlib.redirect_stdout(io.StringIO()):
        network = chatterbox_tts.PerthNet.load("implicit", chatterbox_tts.PERTH_WEIGHTS)
    return Watermarker(network.requires_grad_(False).eval())


def load_marker() -> Watermarker:
    """Load the part of PerTh that makes marks; three quarters of it only find them."""
    watermarker = load_watermarker()
    watermarker.perth_net.decoder = None
    return watermarker


class WatermarkStream:
    """Marks a stream of blocks: as many samples come out as went in, up to 0.15 s later.

    Each window marks new samples together with some before them. Two windows overlap where the earlier one's edge has
    no effect, and are cross-faded there on the same samples.
    """

    def __init__(self, watermarker: Watermarker) -> None:
        self._watermarker = watermarker
        self._window = np.zeros(0, dtype=np.float32)
        """Unmarked samples: a context, the samples to return next, and all after."""
        self._done = 0
        """Samples of the window that were returned."""
        self._overlap = np.zeros(0, dtype=np.float32)
        """The earlier window's marked samples that follow the returned ones."""

    def feed(self, block: Block) -> Block:
        """Take samples (n,), of any number; return those that are ready, (m,)."""
        self._window = np.concatenate([self._window, block])
        if len(self._window) - self._done < _SHORTEST + DELAY:
            return self._window[:0]
        marked = self._marked()
        ready = len(marked) - DELAY
        sound = marked[self._done : ready]
        self._overlap = marked[ready : ready + _FADE].copy()
        start = max(0, (ready - _CONTEXT) // _FRAME * _FRAME)
        self._window = self._window[start:]
        self._done = ready - start
        return sound

    def finish(self) -> Block:
        """Return the samples held back; the stream is over."""
        if len(self._window) == self._done:
            return self._window[:0]
        return self._marked()[self._done :]

    def _marked(self) -> Block:
        """Mark the window, and cross-fade it with the window before."""
        length = len(self._window)
        # PerTh drops an incomplete step, and its mirrored edge needs more than half a spectral window.
        padding = max(2 * _EDGE - length, -length % _FRAME)
        marked = self._watermarker.mark(np.pad(self._window, (0, padding)))[:length].copy()
        fade = _rise(len(self._overlap))
        part = slice(self._done, self._done + len(fade))
        marked[part] = self._overlap * (1 - fade) + marked[part] * fade
        return marked


def _rise(length: int) -> Block:
    """Return a raised cosine from 0 to 1, (length,)."""
    return (0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / max(1, length))).astype(np.float32)
