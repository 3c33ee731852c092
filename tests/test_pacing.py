"""Blocks are as small as they can be at first, and large enough that playback never waits, by the machine's speed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyoming_chatterbox.engine.s3gen.pacing import ALL_TOKENS, CONTEXT, HELD_BACK, HOPS, LOOK_AHEAD, Fixed, Pace, Paced

TEXT = "x" * 100
PROMPT = 75


def plan(pace: Pace, text: str = TEXT, unknown: int = ALL_TOKENS) -> Paced:
    return Paced(pace, text, PROMPT, unknown)


def gaps(pace: Pace, tokens: int) -> tuple[int, float]:
    """Play an utterance that a machine of just that pace makes: the first block, and seconds of silence after it."""
    assert pace.token is not None
    assert pace.window is not None
    sizes = plan(pace)
    first = hop = sizes.first()
    now = silent = made = 0.0
    ends = None
    while made < tokens:
        last = made + hop + LOOK_AHEAD > tokens
        hop = int(tokens - made) if last else hop
        # The look-ahead's tokens are drawn with the first block, and are there for all others.
        drawn = hop + (LOOK_AHEAD if ends is None and not last else 0)
        now += drawn * pace.token + (PROMPT + min(made, CONTEXT) + hop + LOOK_AHEAD) * pace.window
        if ends is None:
            ends = now
        silent += max(0.0, now - ends)
        ends = max(now, ends) + hop / 25 - (HELD_BACK if made == 0 and not last else 0)
        made += hop
        hop = sizes.then(int(made), ends - now)
    return first, silent


speeds = st.builds(Pace, st.floats(1e-4, 0.2), st.floats(1e-5, 0.05))


@given(speeds, st.integers(20, 190))
def test_playback_never_waits_for_an_utterance_as_long_as_expected(pace: Pace, tokens: int) -> None:
    assert gaps(pace, tokens)[1] == 0.0


def test_a_fast_machine_begins_after_the_smallest_block() -> None:
    assert gaps(Pace(0.001, 0.0002), 160)[0] == HOPS[0]


def test_a_machine_slower_than_speech_makes_all_before_it_is_heard() -> None:
    assert gaps(Pace(0.1, 0.02), 160)[0] == ALL_TOKENS


def test_between_the_two_it_makes_a_part() -> None:
    first, silent = gaps(Pace(0.018, 0.004), 160)
    assert HOPS[0] < first <= HOPS[-1]
    assert silent == 0


def test_blocks_grow_with_what_there_is_to_hear() -> None:
    sizes = plan(Pace(0.005, 0.001))
    chosen = [sizes.then(20, ahead) for ahead in (0.3, 0.5, 1.0, 3.0)]
    assert chosen == sorted(chosen)
    assert chosen[0] < chosen[-1] == HOPS[-1]


def test_a_machine_that_fell_behind_makes_few_gaps_rather_than_short_ones() -> None:
    assert plan(Pace(0.1, 0.02)).then(20, 0.0) == HOPS[-1]
    assert plan(Pace(0.001, 0.0005)).then(20, 0.0) == HOPS[0]


def test_a_machine_that_was_never_measured_does_what_it_was_told() -> None:
    assert plan(Pace(), unknown=10).first() == 10
    assert plan(Pace(), unknown=ALL_TOKENS).first() == ALL_TOKENS


def test_a_short_text_is_not_waited_for_longer_than_it_is() -> None:
    assert plan(Pace(0.03, 0.004), "Yes.").first() == HOPS[0]


def test_speeds_are_learnt_and_the_latest_count_most() -> None:
    pace = Pace()
    pace.drew(10, 1.0)
    pace.rendered(100, 0.5)
    assert (pace.token, pace.window) == (0.1, 0.005)
    for _ in range(20):
        pace.drew(10, 2.0)
    assert pace.token == pytest.approx(0.2, rel=0.01)
    pace.drew(0, 3.0)
    assert pace.token == pytest.approx(0.2, rel=0.01)


def test_the_length_of_speech_is_learnt() -> None:
    pace = Pace()
    for _ in range(20):
        pace.spoke("x" * 10, 50)
    assert pace.tokens_per_byte == pytest.approx(5, rel=0.01)


def test_fixed_sizes_go_on_with_the_last() -> None:
    sizes = Fixed(10, 25)
    assert [sizes.first(), sizes.then(10, 0.0), sizes.then(35, 9.0)] == [10, 25, 25]
