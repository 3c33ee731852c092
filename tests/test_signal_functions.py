"""The functions that stand in for librosa's and SciPy's do what those do."""

from __future__ import annotations

import librosa
import numpy as np
import pytest
import scipy.signal
from hypothesis import given
from hypothesis import strategies as st
from librosa.effects import trim
from librosa.filters import mel

from wyoming_chatterbox.engine.upstream import signal_functions

RATE = 16000


@st.composite
def sounds(draw: st.DrawFn) -> np.ndarray[tuple[int], np.dtype[np.float32]]:
    """Noise of up to two seconds whose loudness changes now and then, by up to 80 dB."""
    decibels = draw(st.lists(st.integers(-80, 0), min_size=1, max_size=12))
    length = draw(st.integers(1024, 2 * RATE))
    noise = np.random.default_rng(length).uniform(-1.0, 1.0, length)
    loudness = np.repeat(decibels, -(-length // len(decibels)))[:length]
    return (noise * 10.0 ** (loudness / 20.0)).astype(np.float32)


@pytest.mark.parametrize(
    ("rate", "size", "mels", "lowest", "highest"),
    [
        (16000, 400, 128, 0.0, None),
        (16000, 400, 40, 0, 8000),
        (24000, 1920, 80, 0, 8000),
        (22050, 512, 20, 1200.0, 9e3),
    ],
)
def test_mel_filters(rate: int, size: int, mels: int, lowest: float, highest: float | None) -> None:
    ours = signal_functions.mel(sr=rate, n_fft=size, n_mels=mels, fmin=lowest, fmax=highest)
    theirs = mel(sr=rate, n_fft=size, n_mels=mels, fmin=lowest, fmax=highest)
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6 * theirs.max())


@given(sounds())
def test_spectrum(sound: np.ndarray[tuple[int], np.dtype[np.float32]]) -> None:
    parameters = {"n_fft": 400, "hop_length": 160, "win_length": 400, "center": True, "pad_mode": "reflect"}
    ours, theirs = signal_functions.stft(sound, **parameters), librosa.stft(sound, **parameters)  # type: ignore[arg-type]
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, atol=1e-6 * np.abs(theirs).max())


@given(sounds(), st.sampled_from([10, 20, 60]))
def test_silence_at_the_ends(sound: np.ndarray[tuple[int], np.dtype[np.float32]], decibels: int) -> None:
    ours, ends = signal_functions.trim(sound, top_db=decibels)
    theirs, their_ends = trim(sound, top_db=decibels)
    assert ends.tolist() == their_ends.tolist()
    np.testing.assert_array_equal(ours, theirs)


def test_nothing_is_cut_off_silence() -> None:
    silence = np.zeros(RATE, np.float32)
    assert signal_functions.trim(silence, top_db=20)[1].tolist() == trim(silence, top_db=20)[1].tolist()


@given(sounds(), st.sampled_from([(24000, 16000), (24000, 32000), (32000, 24000)]))
def test_resampling(sound: np.ndarray[tuple[int], np.dtype[np.float32]], rates: tuple[int, int]) -> None:
    ours = signal_functions.resample(sound, orig_sr=rates[0], target_sr=rates[1])
    theirs = librosa.resample(sound, orig_sr=rates[0], target_sr=rates[1])
    assert ours.dtype == theirs.dtype
    np.testing.assert_array_equal(ours, theirs)


@given(sounds())
def test_filter(sound: np.ndarray[tuple[int], np.dtype[np.float32]]) -> None:
    numerator, denominator = scipy.signal.butter(2, 100, "highpass", fs=RATE)
    ours = signal_functions.lfilter(numerator, denominator, sound)
    theirs = scipy.signal.lfilter(numerator, denominator, sound)
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(ours, theirs, atol=1e-10)


def test_window() -> None:
    np.testing.assert_allclose(signal_functions.get_window("hann", 16), scipy.signal.get_window("hann", 16), atol=1e-15)
    with pytest.raises(ValueError, match="hamming"):
        signal_functions.get_window("hamming", 16)
