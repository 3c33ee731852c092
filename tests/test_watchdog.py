"""How long an engine may be silent follows from what it was seen to do."""

from __future__ import annotations

import pytest

from wyoming_chatterbox.speech.watchdog import Watchdog


def silent(watchdog: Watchdog, sign: int, seconds: float = 10_000, *, unhurried: bool = False) -> float:
    """Look again and again without a further sign of life; seconds until it counts as hung, or all of them."""
    watchdog.look(sign, watchdog.interval, unhurried=unhurried)
    passed = 0.0
    while passed < seconds:
        passed += watchdog.interval
        if watchdog.look(sign, watchdog.interval, unhurried=unhurried):
            break
    return passed


def test_an_engine_may_be_silent_for_the_base() -> None:
    assert silent(Watchdog(100), 1) == pytest.approx(105)


def test_a_voice_may_take_long_to_be_prepared() -> None:
    assert silent(Watchdog(100), 1, unhurried=True) == pytest.approx(505)


def test_quick_steps_change_nothing() -> None:
    watchdog = Watchdog(100)
    for sign in range(100):
        assert not watchdog.look(sign, watchdog.interval)
    assert watchdog.bound() == 100


def test_a_slow_engine_has_twenty_times_its_longest_step_but_not_for_ever() -> None:
    watchdog = Watchdog(100)
    silent(watchdog, 1, 10)
    watchdog.look(2, watchdog.interval)
    assert watchdog.bound() == pytest.approx(200)
    silent(watchdog, 3, 90)
    watchdog.look(4, watchdog.interval)
    assert watchdog.bound() == pytest.approx(1000)
    for sign in range(5, 50):
        watchdog.look(sign, watchdog.interval)
    assert watchdog.bound() == pytest.approx(1000), "the longest is not forgotten"


def test_what_preparing_a_voice_took_says_nothing_about_steps() -> None:
    watchdog = Watchdog(100)
    silent(watchdog, 1, 300, unhurried=True)
    watchdog.look(2, watchdog.interval)
    assert watchdog.bound() == 100


def test_a_process_that_was_stopped_is_not_hung() -> None:
    watchdog = Watchdog(100)
    watchdog.look(1, 5)
    assert not watchdog.look(1, 3600)
    assert watchdog.silence == 10
