"""How long an engine may be silent follows from what it was seen to do."""

from __future__ import annotations

import pytest

from wyoming_chatterbox.watchdog import Stretch, Watchdog

STEP, START, UNHURRIED = Stretch.STEP, Stretch.START, Stretch.UNHURRIED


def silent(watchdog: Watchdog, sign: int, stretch: Stretch, most: float = 10_000) -> float:
    """Look again and again without a further sign of life; seconds until it counts as hung, or `most`."""
    watchdog.look(sign, stretch, watchdog.interval)
    passed = 0.0
    while passed < most:
        passed += watchdog.interval
        if watchdog.look(sign, stretch, watchdog.interval):
            break
    return passed


def steps(watchdog: Watchdog, seconds: float) -> None:
    """Two steps that take so long."""
    for sign in (-1, -2, -3):
        silent(watchdog, sign, STEP, seconds)


def test_an_engine_of_which_nothing_is_known_has_the_base() -> None:
    assert silent(Watchdog(100), 1, STEP) == pytest.approx(105)
    assert silent(Watchdog(100), 1, START) == pytest.approx(105)


def test_a_voice_may_take_long_to_be_prepared() -> None:
    assert silent(Watchdog(100), 1, UNHURRIED) == pytest.approx(505)


def test_a_fast_engine_has_half_of_it_and_the_whole_to_begin() -> None:
    watchdog = Watchdog(100)
    steps(watchdog, 0)
    assert (watchdog.bound(STEP), watchdog.bound(START), watchdog.bound(UNHURRIED)) == (50, 100, 500)


def test_a_slow_engine_has_twenty_times_its_longest_step_but_not_for_ever() -> None:
    watchdog = Watchdog(100)
    steps(watchdog, 10)
    assert watchdog.bound(STEP) == pytest.approx(200)
    steps(watchdog, 90)
    assert watchdog.bound(STEP) == pytest.approx(1000)
    steps(watchdog, 0)
    assert watchdog.bound(START) == pytest.approx(1000), "the longest is not forgotten"


def test_what_preparing_a_voice_took_says_nothing_about_steps() -> None:
    watchdog = Watchdog(100)
    silent(watchdog, 1, UNHURRIED, 300)
    watchdog.look(2, STEP, watchdog.interval)
    assert watchdog.bound(STEP) == 100


def test_a_process_that_was_stopped_is_not_hung() -> None:
    watchdog = Watchdog(100)
    watchdog.look(1, STEP, 5)
    assert not watchdog.look(1, STEP, 3600)
    assert watchdog.silence == 10
