"""Sounds to test with, and what can be measured of a sound."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from wyoming_chatterbox.engine import SAMPLE_RATE, Block

FUNDAMENTAL = 150.0
"""Hz, of `voiced`."""


def voiced(seconds: float, fundamental: float = FUNDAMENTAL) -> Block:
    """A tone with harmonics, as a vowel has them."""
    times = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
    partials = [0.2 / k * np.sin(2 * np.pi * k * fundamental * times + k) for k in range(1, 9)]
    return np.asarray(np.sum(partials, axis=0), np.float32)


def speech_like(seconds: float, seed: int = 0) -> Block:
    """Syllables of tone and noise with gaps between them; its peaks are about 15 dB over its mean."""
    rng = np.random.default_rng(seed)
    parts: list[npt.NDArray[np.float64]] = []
    while sum(map(len, parts)) < seconds * SAMPLE_RATE:
        length = rng.uniform(0.1, 0.25)
        vowel = voiced(length, rng.uniform(90, 240))
        hiss = 0.05 * rng.standard_normal(len(vowel))
        envelope = np.hanning(len(vowel)) * rng.uniform(0.3, 1.0)
        parts += [(vowel + hiss) * envelope, np.zeros(round(rng.uniform(0.02, 0.12) * SAMPLE_RATE))]
    return np.concatenate(parts)[: round(seconds * SAMPLE_RATE)].astype(np.float32)


def pitch(sound: Block) -> float:
    """Hz of a steady tone with harmonics: the mean frequency over the whole, by the strongest line of its spectrum."""
    size = 1 << 20
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound)), size))
    return float(spectrum.argmax() * SAMPLE_RATE / size)


def pitches(sound: Block, times: Iterable[float]) -> npt.NDArray[np.float64]:
    """Hz at these times in seconds, by autocorrelation over 80 ms; NaN where there is no clear pitch."""
    window = 1920
    found = []
    for seconds in times:
        start = round(seconds * SAMPLE_RATE) - window // 2
        part = sound[max(0, start) : start + window].astype(np.float64)
        found.append(np.nan)
        if len(part) < window or np.sqrt(np.mean(part**2)) < 0.3 * np.sqrt(np.mean(sound**2)):
            continue
        correlation = np.fft.irfft(np.abs(np.fft.rfft(part - part.mean(), 4096)) ** 2)
        correlation = correlation[:window] / np.arange(window, 0, -1)
        lags = np.arange(SAMPLE_RATE // 400, SAMPLE_RATE // 70)
        best = int(lags[correlation[lags].argmax()])
        if correlation[best] > 0.8 * correlation[0]:
            before, at, after = correlation[best - 1 : best + 2]
            found[-1] = SAMPLE_RATE / (best + 0.5 * (before - after) / (before - 2 * at + after))
    return np.array(found)


def cut(sound: Block, *sizes: int) -> list[Block]:
    """Cut into blocks of these sizes, again and again."""
    blocks: list[Block] = []
    start = 0
    while start < len(sound):
        size = sizes[len(blocks) % len(sizes)]
        blocks.append(sound[start : start + size])
        start += size
    return blocks
