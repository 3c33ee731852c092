"""A sound ends soon after its speech, whatever the model adds, and nothing of the speech is lost."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from wyoming_chatterbox.engine import SAMPLE_RATE
from wyoming_chatterbox.engine.s3gen.ending import KEPT_QUIET, LONGEST_PAUSE, Ending

Sound = npt.NDArray[np.float32]
FADE = SAMPLE_RATE // 50
HUM = 10 ** (-53 / 20)
"""The vocoder's floor, as a part of full scale."""


def noise(seconds: float, decibels: float = 0.0, seed: int = 0) -> Sound:
    """Noise whose level is that many dB of a tenth of full scale, as speech has on average."""
    draws = np.random.default_rng(seed)
    return (0.1 * 10 ** (decibels / 20) * draws.normal(size=round(seconds * SAMPLE_RATE))).astype(np.float32)


def speech(seconds: float, decibels: float = 0.0, seed: int = 0) -> Sound:
    """Noise with four syllables a second, which end in a closure."""
    sound = noise(seconds, decibels, seed)
    at = np.arange(len(sound)) / SAMPLE_RATE
    shape = np.maximum(0.05, np.abs(np.sin(4 * np.pi * at)))
    shape[-FADE:] = 1
    return (sound * shape).astype(np.float32)


def heard(ending: Ending, sound: Sound, sizes: Sequence[int] = (9600,)) -> Sound:
    """Feed a sound in blocks of these sizes, over and over, and return all that comes out."""
    out: list[Sound] = []
    at = turn = 0
    while len(sound) - at > (size := sizes[turn % len(sizes)]):
        out.append(ending.feed(sound[at : at + size]))
        at += size
        turn += 1
        if ending.over:
            return np.concatenate([*out, ending.finish()])
    return np.concatenate([*out, ending.finish(sound[at:])])


def is_beginning(part: Sound, whole: Sound) -> bool:
    """Whether `part` is the beginning of `whole`, but for a fade at its end."""
    sure = len(part) - FADE
    return np.array_equal(part[:sure], whole[:sure]) and bool((np.abs(part) <= np.abs(whole[: len(part)]) + 1e-9).all())


def test_speech_passes_as_it_is() -> None:
    sound = speech(3)
    assert np.array_equal(heard(Ending(), sound), sound)


@pytest.mark.parametrize("tail", [0.1, 0.29])
def test_a_natural_end_stays_as_it_is(tail: float) -> None:
    sound = np.concatenate([speech(1), noise(tail, -50)])
    assert np.array_equal(heard(Ending(), sound), sound)


@pytest.mark.parametrize("decibels", [-46.0, -60.0, -200.0])
@pytest.mark.parametrize("tail", [0.4, 1.5, 4.0])
def test_a_quiet_tail_is_dropped_after_a_moment(tail: float, decibels: float) -> None:
    spoken = speech(1)
    sound = np.concatenate([spoken, noise(tail, decibels, seed=1)])
    out = heard(Ending(), sound)
    assert len(out) == len(spoken) + round(KEPT_QUIET * SAMPLE_RATE)
    assert is_beginning(out, sound)
    assert abs(out[-1]) <= 0.01 * np.abs(sound).max() * 10 ** (decibels / 20) + 1e-6


@pytest.mark.parametrize("loudness", [6.0, 0.0])
def test_the_vocoders_floor_is_quiet_even_after_a_soft_voice(loudness: float) -> None:
    floor = (HUM * np.random.default_rng(5).normal(size=5 * SAMPLE_RATE)).astype(np.float32)
    closure = np.zeros(SAMPLE_RATE // 10, np.float32)
    spoken = np.concatenate([speech(0.6, loudness), closure, speech(0.6, loudness, seed=2)])
    sound = np.concatenate([spoken, np.zeros(3 * SAMPLE_RATE, np.float32)]) + floor[: len(spoken) + 3 * SAMPLE_RATE]
    out = heard(Ending(), sound)
    assert len(spoken) <= len(out) <= len(spoken) + round((KEPT_QUIET + 0.02) * SAMPLE_RATE)


def test_soft_speech_after_loud_speech_is_speech() -> None:
    sound = np.concatenate([speech(1), speech(2, -28, seed=3)])
    assert np.array_equal(heard(Ending(), sound), sound)


@pytest.mark.parametrize("pause", [0.5, 1.0, 1.5])
@pytest.mark.parametrize("decibels", [-46.0, -200.0])
def test_a_pause_stays_whole(pause: float, decibels: float) -> None:
    sound = np.concatenate([speech(1), noise(pause, decibels, seed=1), speech(1, seed=2)])
    for size in (480, 9600, 10**6):
        assert np.array_equal(heard(Ending(), sound, [size]), sound)


def test_what_is_held_back_comes_as_soon_as_speech_goes_on() -> None:
    ending = Ending()
    parts = [speech(1), noise(1, -60, seed=1), speech(0.02, seed=2)]
    given = [len(ending.feed(part)) for part in parts]
    kept = round(KEPT_QUIET * SAMPLE_RATE)
    assert given == [len(parts[0]), kept - FADE, len(parts[1]) - kept + FADE + len(parts[2])]


def test_it_says_what_it_holds_back() -> None:
    ending = Ending()
    ending.feed(speech(1))
    assert ending.held_seconds == 0
    ending.feed(noise(1, -60))
    assert ending.held_seconds == pytest.approx(1 - KEPT_QUIET + 0.02)


def test_it_is_over_after_a_long_quiet() -> None:
    ending = Ending()
    over = []
    for part in (speech(1), noise(LONGEST_PAUSE - 0.02, -60), noise(0.02, -60, seed=1)):
        ending.feed(part)
        over.append(ending.over)
    assert over == [False, False, True]
    assert not len(ending.feed(speech(1)))
    assert len(ending.finish()) == FADE


def test_it_is_not_over_before_the_text_can_have_been_said() -> None:
    ending = Ending(fewest=2 * SAMPLE_RATE)
    sound = np.concatenate([speech(1), noise(3, -60, seed=1), speech(1, seed=2)])
    assert np.array_equal(heard(ending, sound), sound)
    assert not ending.over
    dead = Ending(fewest=2 * SAMPLE_RATE)
    dead.feed(np.concatenate([speech(1), noise(9, -60)]))
    assert not dead.over


@pytest.mark.parametrize("before", [noise(2, -50), np.zeros(2 * SAMPLE_RATE, np.float32)])
def test_silence_before_the_first_word_passes_at_once(before: Sound) -> None:
    ending = Ending()
    assert len(ending.feed(before)) == len(before)
    assert len(ending.feed(speech(1))) == SAMPLE_RATE


def test_a_click_before_the_first_word_is_no_speech() -> None:
    sound = np.concatenate([noise(0.04), noise(3, -60, seed=1), speech(1, seed=2)])
    ending = Ending()
    assert np.array_equal(heard(ending, sound), sound)


def test_a_cut_fades_out_and_nothing_else_does() -> None:
    sound = noise(2)
    whole, cut = Ending(), Ending()
    assert np.array_equal(heard(whole, sound), sound)
    cut.cut()
    out = heard(cut, sound)
    assert len(out) == len(sound)
    fade = round(0.12 * SAMPLE_RATE)
    assert np.array_equal(out[:-fade], sound[:-fade])
    loudness = [float(np.abs(part).max()) for part in np.split(out[-fade:], 4)]
    assert loudness == sorted(loudness, reverse=True)
    assert np.abs(out[-24:]).max() < 0.001 * np.abs(sound).max()


def test_a_cut_in_quiet_ends_as_quiet_does() -> None:
    sound = np.concatenate([speech(1), noise(1, -60, seed=1)])
    cut, plain = Ending(), Ending()
    cut.cut()
    assert np.array_equal(heard(cut, sound), heard(plain, sound))


def test_what_nobody_is_to_hear_is_dropped_from_the_end() -> None:
    sound = speech(1)
    assert np.array_equal(heard(Ending(unplayed=960), sound), sound[:-960])
    # It is the last token that is dropped, and not the end of the quiet that stays.
    murmur = np.concatenate([sound, noise(1, -60, seed=1), noise(0.04, seed=2)])
    assert len(heard(Ending(unplayed=960), murmur)) == SAMPLE_RATE + round(KEPT_QUIET * SAMPLE_RATE)


def test_a_sound_of_nothing_else_is_heard() -> None:
    sound = speech(0.04)
    assert np.array_equal(Ending(unplayed=960).finish(sound), sound)


def test_nothing_comes_of_nothing() -> None:
    assert len(Ending(unplayed=960).finish()) == 0


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_samples_that_are_not_numbers_are_not_dropped_as_quiet(value: float) -> None:
    sound = np.concatenate([speech(1), np.full(SAMPLE_RATE, value, np.float32)])
    out = heard(Ending(), sound)
    assert len(out) == len(sound)
    assert not np.isfinite(out[SAMPLE_RATE:]).any()


SPOKEN = st.tuples(st.floats(0.15, 1.0), st.floats(-24, 0))
PAUSE = st.tuples(st.floats(0.0, 1.5), st.floats(-120, -46))


@pytest.mark.slow(3)
@examples(0.6)
@given(
    first=st.floats(0.15, 1.0),
    rest=st.lists(st.tuples(PAUSE, SPOKEN), max_size=3),
    lead=st.tuples(st.floats(0.0, 1.0), st.floats(-120, -46)),
    tail=st.tuples(st.floats(0.0, 5.0), st.floats(-120, -46)),
    volume=st.floats(-30, 10),
    sizes=st.lists(st.integers(1, 30_000), min_size=1, max_size=5),
)
def test_nothing_of_the_speech_is_lost_and_little_of_the_tail_stays(
    first: float,
    rest: list[tuple[tuple[float, float], tuple[float, float]]],
    lead: tuple[float, float],
    tail: tuple[float, float],
    volume: float,
    sizes: list[int],
) -> None:
    # The first speech is the loudest: what a voice's level is, is not known before.
    parts = [noise(*lead, seed=90), noise(first)]
    for number, (pause, spoken) in enumerate(rest):
        parts += [noise(*pause, seed=30 + number), noise(*spoken, seed=60 + number)]
    spoken_until = sum(map(len, parts))
    sound = np.concatenate([*parts, noise(*tail, seed=91)]) * np.float32(10 ** (volume / 20))
    out = heard(Ending(), sound, sizes)
    assert is_beginning(out, sound)
    # The frame in which speech ends may count as speech.
    assert min(spoken_until + FADE, len(sound)) - FADE <= len(out)
    assert len(out) <= spoken_until + round((KEPT_QUIET + 0.02) * SAMPLE_RATE)
    assert np.array_equal(out, heard(Ending(), sound, [10**7]))
