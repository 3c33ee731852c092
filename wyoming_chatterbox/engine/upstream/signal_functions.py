"""Does what chatterbox-tts and pyloudnorm ask of librosa and SciPy, without these packages.

With numba and scikit-learn, they take 0.4 GB of disk, 0.2 GB of memory and seconds to import. Names and parameters are
theirs.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import soxr
import torch

from .. import Block

_FRAME = 2048
_HOP = 512
_LINEAR_HZ = 200.0 / 3.0
"""Hz from one mel to the next, up to `_BREAK_HZ`."""
_BREAK_HZ = 1000.0
_BREAK = _BREAK_HZ / _LINEAR_HZ
_LOG_STEP = math.log(6.4) / 27.0
"""From one mel to the next above, in logarithms of the frequency."""


def get_window(window: str, length: int, fftbins: bool = True) -> npt.NDArray[np.float64]:
    """Return a periodic Hann window (length,). Raises `ValueError` for any other."""
    if window != "hann" or not fftbins:
        raise ValueError(f"{window!r} is no window of the vocoder")
    return np.sin(np.pi * np.arange(length) / length) ** 2


def lfilter(b: npt.ArrayLike, a: npt.ArrayLike, x: Block) -> npt.NDArray[np.float64]:
    """Filter samples (n,) by the recursive filter with coefficients b over a, from a state of rest."""
    from torchaudio.functional import lfilter as recursive

    numerator, denominator, samples = (torch.from_numpy(np.array(values, np.float64)) for values in (b, a, x))
    return np.asarray(recursive(samples, denominator, numerator, clamp=False).numpy())


def resample(y: Block, *, orig_sr: int, target_sr: int) -> Block:
    """Resample (n,) from one rate in Hz to another, with soxr's high quality; the length is rounded up."""
    wanted = math.ceil(len(y) * (target_sr / orig_sr))
    made = np.asarray(soxr.resample(y, orig_sr, target_sr, quality="soxr_hq"), dtype=np.float32)[:wanted]
    return np.pad(made, (0, wanted - len(made)))


def stft(
    y: Block, *, n_fft: int, hop_length: int, win_length: int, center: bool, pad_mode: str
) -> npt.NDArray[np.complex64]:
    """Return the spectrum (n_fft // 2 + 1, frames) of samples (n,) in Hann windows."""
    window, samples = torch.hann_window(win_length), torch.from_numpy(np.ascontiguousarray(y))
    spectrum = torch.stft(samples, n_fft, hop_length, win_length, window, center, pad_mode, return_complex=True)
    return np.asarray(spectrum.numpy())


def mel(*, sr: int, n_fft: int, n_mels: int, fmin: float = 0.0, fmax: float | None = None) -> Block:
    """Return triangular filters (n_mels, n_fft // 2 + 1) of equal area; `sr`, `fmin` and `fmax` are in Hz.

    They are even on the scale of Slaney's Auditory Toolbox (1998), linear up to 1 kHz and logarithmic above.
    """
    bins = np.linspace(0.0, sr / 2, n_fft // 2 + 1)
    corners = _hertz(np.linspace(_mels(fmin), _mels(sr / 2 if fmax is None else fmax), n_mels + 2))
    filters = np.zeros((n_mels, len(bins)), np.float32)
    for row, (low, middle, high) in zip(filters, np.lib.stride_tricks.sliding_window_view(corners, 3), strict=True):
        row[:] = np.interp(bins, (low, middle, high), (0.0, 2.0 / (high - low), 0.0))
    return filters


def _mels(hertz: float) -> float:
    return hertz / _LINEAR_HZ if hertz < _BREAK_HZ else _BREAK + math.log(hertz / _BREAK_HZ) / _LOG_STEP


def _hertz(mels: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.where(mels < _BREAK, mels * _LINEAR_HZ, _BREAK_HZ * np.exp((mels - _BREAK) * _LOG_STEP))


def trim(y: Block, *, top_db: float) -> tuple[Block, npt.NDArray[np.int64]]:
    """Cut silence off both ends of samples (n,); returns what is left, and where it began and ended.

    A frame is silent if its power is more than `top_db` dB under the loudest one's.
    """
    frames = np.lib.stride_tricks.sliding_window_view(np.pad(y, _FRAME // 2), _FRAME)[::_HOP]
    power = np.maximum(np.square(frames).mean(axis=1), 1e-10)
    heard = np.flatnonzero(power > power.max() * 10.0 ** (-top_db / 10.0))
    start, end = int(heard[0]) * _HOP, min(len(y), (int(heard[-1]) + 1) * _HOP)
    return y[start:end], np.array([start, end])
