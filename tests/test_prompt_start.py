"""The flow's prompt begins with the first speech of a recording; tokens and mel stay two frames a token."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from wyoming_chatterbox.engine.s3gen.flow import cut_prompt
from wyoming_chatterbox.engine.upstream import chatterbox_tts
from wyoming_chatterbox.engine.voice.conditionals import Conditionals

RATE = 24000
BEFORE = 0.12
"""Seconds before the first loud frame that may belong to the speech: 100 ms, and half a token."""


def recording(seconds: float, silence: float, hiss: float = -60.0) -> torch.Tensor:
    """Noise with a syllable's rhythm after some silence, which hisses that many dB below: (1, n)."""
    draws = np.random.default_rng(1)
    at = np.arange(int(seconds * RATE)) / RATE
    sound = 0.1 * draws.normal(size=len(at)) * (0.6 + 0.4 * np.sin(8 * np.pi * at)) * (at >= silence)
    sound += 0.1 * 10 ** (hiss / 20) * draws.normal(size=len(at))
    return torch.from_numpy(sound.astype(np.float32))[None]


def voice_of(wave: torch.Tensor) -> Conditionals:
    """A voice whose tokens are numbered, with the mel of a recording."""
    mel = chatterbox_tts.mel_spectrogram(wave).transpose(1, 2)
    numbers = torch.arange(mel.shape[1] // 2)[None]
    nothing = torch.zeros(1, 1)
    return Conditionals(nothing, torch.zeros(1, 3, dtype=torch.long), numbers, mel, nothing)


@pytest.mark.parametrize("hiss", [-60.0, -35.0])
@pytest.mark.parametrize("silence", [0.0, 0.05, 0.5, 1.3, 3.0])
def test_it_begins_shortly_before_the_first_speech(silence: float, hiss: float) -> None:
    voice = voice_of(recording(10, silence, hiss))
    cut = cut_prompt(voice, 5.0)
    assert cut.prompt_tokens.shape[1] == 125
    first = int(cut.prompt_tokens[0, 0])
    assert max(0.0, silence - BEFORE - 0.08) <= first / 25 <= silence
    assert cut.prompt_tokens[0].tolist() == list(range(first, first + 125))
    assert torch.equal(cut.prompt_mel, voice.prompt_mel[:, 2 * first : 2 * first + 250])
    assert cut.t3_prompt is voice.t3_prompt
    assert cut.speaker is voice.speaker


@pytest.mark.parametrize("loudness", [0.3, 0.99])
def test_a_click_is_not_the_first_speech(loudness: float) -> None:
    wave = recording(10, 2.0)
    wave[0, RATE // 2 : RATE // 2 + 120] = loudness
    assert int(cut_prompt(voice_of(wave), 5.0).prompt_tokens[0, 0]) >= 25 * 1.8


def test_it_is_as_long_as_wanted_though_speech_begins_late() -> None:
    cut = cut_prompt(voice_of(recording(10, 8.0)), 5.0)
    assert cut.prompt_tokens[0].tolist() == list(range(125, 250))


def test_a_prompt_that_is_not_cut_begins_where_the_recording_does() -> None:
    voice = voice_of(recording(4, 1.0))
    for seconds in (None, 4.0, 10.0):
        assert cut_prompt(voice, seconds).prompt_tokens[0].tolist() == list(range(100))


@given(frames=st.integers(2, 60), tokens=st.integers(1, 30), seconds=st.floats(0.01, 3))
def test_of_any_length_it_has_two_frames_a_token(frames: int, tokens: int, seconds: float) -> None:
    voice = Conditionals(
        torch.zeros(1, 1),
        None,
        torch.arange(tokens)[None],
        torch.randn(1, frames, 80, generator=torch.Generator().manual_seed(frames)),
        torch.zeros(1, 1),
    )
    cut = cut_prompt(voice, seconds)
    assert 1 <= cut.prompt_tokens.shape[1] <= min(tokens, frames // 2)
    assert cut.prompt_mel.shape[1] == 2 * cut.prompt_tokens.shape[1]
    first = int(cut.prompt_tokens[0, 0])
    assert torch.equal(cut.prompt_mel, voice.prompt_mel[:, 2 * first :][:, : cut.prompt_mel.shape[1]])
