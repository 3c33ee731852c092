"""Loudness by ITU-R BS.1770-4: K-weighted, in gated blocks of 400 ms, of a stream of 24 kHz mono."""

from __future__ import annotations

from functools import lru_cache
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from . import SAMPLE_RATE, Block

Spectrum: TypeAlias = "npt.NDArray[np.complex128]"

_OFFSET = -0.691
"""LU that make a full-scale sine of 1 kHz in one channel -3.01 LUFS."""
_SILENCE = -70.0
"""LUFS at or under which a block never counts."""
_RELATIVE_GATE = -10.0
"""LU below the mean of the blocks that are no silence, under which a block doesn't count."""
_HOP = SAMPLE_RATE // 10
"""Samples from one gating block to the next: a quarter of its 400 ms."""
_HOPS = 4
_HISTORY = SAMPLE_RATE // 5
"""Samples after which nothing is left of the K filter's response: its slowest part, at 38 Hz, has fallen by 400 dB."""


class LoudnessMeter:
    """Measures a stream: feed it, and ask at any time."""

    def __init__(self) -> None:
        self._history = np.zeros(_HISTORY, np.float32)
        self._waiting = np.zeros(0, np.float32)
        self._energies: list[float] = []
        """Mean square of each hop, K-weighted."""

    def feed(self, block: Block) -> None:
        """Take samples (n,), of any number."""
        self._waiting = np.concatenate([self._waiting, block])
        whole = len(self._waiting) // _HOP * _HOP
        if not whole:
            return
        window = np.concatenate([self._history, self._waiting[:whole]])
        weighted = _k_weighted(window)[_HISTORY:]
        self._energies += np.square(weighted).reshape(-1, _HOP).mean(axis=1).tolist()
        self._history, self._waiting = window[-_HISTORY:], self._waiting[whole:]

    def measure(self) -> tuple[float, float] | None:
        """Return the integrated loudness in LUFS, and how many seconds count; None for silence and under 0.4 s."""
        if len(self._energies) < _HOPS:
            return None
        blocks = np.lib.stride_tricks.sliding_window_view(np.array(self._energies), _HOPS).mean(axis=1)
        blocks = blocks[blocks > _energy(_SILENCE)]
        if not len(blocks):
            return None
        # Never empty, as the loudest block is above the mean of all.
        blocks = blocks[blocks > blocks.mean() * 10.0 ** (_RELATIVE_GATE / 10.0)]
        loudness = _OFFSET + 10.0 * float(np.log10(blocks.mean()))
        return loudness, (len(blocks) + _HOPS - 1) * _HOP / SAMPLE_RATE


def _energy(loudness: float) -> float:
    return float(10.0 ** ((loudness - _OFFSET) / 10.0))


def _k_weighted(samples: Block) -> npt.NDArray[np.float64]:
    """Filter samples (n,) -> (n,); the first `_HISTORY` are not valid, as the end of the response falls upon them."""
    size = 1 << (len(samples) - 1).bit_length()
    filtered: npt.NDArray[np.float64] = np.fft.irfft(np.fft.rfft(samples, size) * _k_response(size), size)
    return filtered[: len(samples)]


@lru_cache(maxsize=16)
def _k_response(size: int) -> Spectrum:
    """Response of the K filter at the frequencies of a real FFT of `size` samples.

    BS.1770 gives coefficients for 48 kHz. These are the analogue filters behind them, as libebur128 has them, so that
    they hold at any rate.
    """
    z = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    shelf = np.tan(np.pi * 1681.974450955533 / SAMPLE_RATE)
    shelf_q = 0.7071752369554196
    high = 10.0 ** (3.999843853973347 / 20.0)
    band = high**0.4996667741545416
    pass_ = np.tan(np.pi * 38.13547087602444 / SAMPLE_RATE)
    pass_q = 0.5003270373238773
    shelving = (
        (high + band * shelf / shelf_q + shelf**2)
        + 2.0 * (shelf**2 - high) * z
        + (high - band * shelf / shelf_q + shelf**2) * z**2
    ) / _poles(shelf, shelf_q, z)
    # BS.1770 leaves the numerator of the high-pass as 1, -2, 1, without the factor that would make it 1 at the top.
    passing = (1.0 - z) ** 2 * (1.0 + pass_ / pass_q + pass_**2) / _poles(pass_, pass_q, z)
    return np.asarray(shelving * passing, np.complex128)


def _poles(k: float, q: float, z: Spectrum) -> Spectrum:
    return np.asarray((1.0 + k / q + k**2) + 2.0 * (k**2 - 1.0) * z + (1.0 - k / q + k**2) * z**2, np.complex128)
