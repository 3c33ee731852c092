"""The guard stops a model that wanders among a few tokens, and lets speech and its pauses pass."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from wyoming_chatterbox.engine.t3.tail_guard import FEW, HEARD_TOKENS, MOST_TOKENS, TailGuard

SILENCES = [4299, 4218, 2031, 17]
PAUSE = 38
"""Tokens of a pause of 1.5 s."""


def speech(count: int, seed: int = 1) -> list[int]:
    """Tokens of speech: any, of which 3 in 100 repeat the one before."""
    draws = random.Random(seed)
    tokens = [draws.randrange(6561)]
    while len(tokens) < count:
        tokens.append(tokens[-1] if draws.random() < 0.03 else draws.randrange(6561))
    return tokens


def wandering(count: int, seed: int = 1) -> list[int]:
    return random.Random(seed).choices(SILENCES, [10, 3, 2, 1], k=count)


def heard(tokens: list[int]) -> tuple[list[int], bool]:
    guard = TailGuard()
    heard = [out for token in tokens for out in guard.push(token)]
    return heard + guard.flush(), guard.tripped


def test_speech_passes_at_once() -> None:
    guard = TailGuard()
    for token in speech(1000):
        assert guard.push(token) == [token]


@pytest.mark.parametrize("pause", [[4299] * PAUSE, wandering(PAUSE)])
def test_a_pause_of_a_second_and_a_half_passes_whole(pause: list[int]) -> None:
    tokens = speech(30) + pause + speech(30, seed=2) + pause
    assert heard(tokens) == (tokens, False)


@pytest.mark.parametrize("tail", [[4299] * 400, [1, 2] * 200, wandering(400), list(range(FEW)) * 50])
def test_what_wanders_for_too_long_is_cut_before_it_is_heard(tail: list[int]) -> None:
    spoken = speech(20)
    out, tripped = heard(spoken + tail)
    assert tripped
    assert out[:20] == spoken
    assert 20 < len(out) <= 20 + HEARD_TOKENS
    assert out == (spoken + tail)[: len(out)]


def test_a_tail_with_a_stray_token_now_and_then_is_cut() -> None:
    draws = random.Random(3)
    for _ in range(20):
        tail = [draws.randrange(6561) if draws.random() < 0.1 else 4299 for _ in range(500)]
        out, tripped = heard(speech(20) + tail)
        assert tripped
        assert len(out) < 400


def test_it_trips_at_the_token_that_is_one_too_many() -> None:
    guard = TailGuard()
    tripped = []
    for token in [3] * MOST_TOKENS:
        guard.push(token)
        tripped.append(guard.tripped)
    assert tripped == [False] * (MOST_TOKENS - 1) + [True]


def test_a_longer_cycle_is_speech() -> None:
    tokens = list(range(FEW + 1)) * 20
    assert heard(tokens) == (tokens, False)


@examples(2)
@given(before=st.integers(0, 100), pause=st.integers(0, PAUSE), after=st.integers(0, 100), seed=st.integers(0, 10**6))
def test_no_speech_is_lost_around_a_pause(before: int, pause: int, after: int, seed: int) -> None:
    tokens = speech(before, seed) if before else []
    tokens = tokens + wandering(pause, seed) + (speech(after, seed + 1) if after else [])
    assert heard(tokens) == (tokens, False)
