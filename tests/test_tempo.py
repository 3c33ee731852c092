"""Speed changes the length and leaves the pitch; the stream is the same whatever blocks it is cut into."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from av.filter import Graph
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from tests.tones import FUNDAMENTAL, cut, pitch, pitches, speech_like, voiced
from wyoming_chatterbox.audio.tempo import Tempo
from wyoming_chatterbox.engine import SAMPLE_RATE, Block, Utterance, Voice
from wyoming_chatterbox.engine.standby import Standby

SPEEDS = [0.25, 0.4, 0.5, 0.8, 0.99, 1.01, 1.25, 2.0, 3.0, 4.0]
SPEECH = speech_like(3.0)


def played(blocks: Sequence[Block], speed: float) -> Block:
    tempo = Tempo(speed)
    return np.concatenate([*(tempo.feed(block) for block in blocks), tempo.finish()])


@pytest.mark.parametrize("speed", SPEEDS)
def test_the_length_changes_and_the_pitch_stays(speed: float) -> None:
    sound = voiced(4.0)
    faster = played([sound], speed)
    assert len(faster) == round(len(sound) / speed)
    assert faster.dtype == np.float32
    assert pitch(sound) == pytest.approx(FUNDAMENTAL, rel=0.001)
    assert pitch(faster) == pytest.approx(FUNDAMENTAL, rel=0.01)
    assert np.sqrt(np.mean(faster**2)) == pytest.approx(np.sqrt(np.mean(sound**2)), rel=0.05)


@pytest.mark.slow(2)
@pytest.mark.parametrize("speed", [0.5, 0.8, 1.25, 2.0])
def test_so_it_is_with_real_speech(speech: Block, speed: float) -> None:
    faster = played(cut(speech, 9600), speed)
    assert len(faster) == pytest.approx(len(speech) / speed, rel=0.001)
    times = np.arange(0.1, len(speech) / SAMPLE_RATE, 0.02)
    ratios = pitches(faster, times / speed) / pitches(speech, times)
    assert np.isfinite(ratios).sum() > 30
    assert np.nanmedian(ratios) == pytest.approx(1, abs=0.01)


@pytest.fixture(name="speech", scope="module")
def speech_fixture() -> Block:
    text = "The weather is mild and a little cloudy today. In the evening it may rain, so take an umbrella with you."
    return np.concatenate(list(Standby().speak(Utterance(text, Voice("standby", "en"), seed=1), lambda: False)))


def test_at_its_own_speed_every_block_is_the_very_same() -> None:
    tempo = Tempo(1.0)
    for block in (SPEECH[:0], SPEECH[:1], SPEECH):
        assert tempo.feed(block) is block
    assert len(tempo.finish()) == 0


@examples(0.5)
@given(speed=st.sampled_from(SPEEDS), ends=st.lists(st.integers(0, SAMPLE_RATE), max_size=12))
def test_it_is_the_same_whatever_blocks_it_is_cut_into(speed: float, ends: list[int]) -> None:
    sound = SPEECH[:SAMPLE_RATE]
    blocks = [sound[start:end] for start, end in pairwise([0, *sorted(ends), len(sound)])]
    assert sum(map(len, blocks)) == len(sound)
    np.testing.assert_allclose(played(blocks, speed), played([sound], speed), atol=1e-6)


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("samples", [0, 1, 2, 47, 48, 49, 500, 5000])
def test_something_very_short_has_its_length_too(speed: float, samples: int) -> None:
    assert len(played(cut(SPEECH[:samples], 7), speed)) == round(samples / speed)


# Milliseconds of speech that go in before the first comes out.
@pytest.mark.parametrize(
    ("speed", "longest"),
    [(0.25, 80), (0.5, 51), (0.8, 55), (0.99, 55), (1.01, 55), (1.25, 58), (1.5, 60), (2.0, 60), (3.0, 71), (4.0, 80)],
)
def test_the_first_sound_comes_soon(speech: Block, speed: float, longest: int) -> None:
    for start in range(0, 5 * SAMPLE_RATE, SAMPLE_RATE // 4):
        tempo = Tempo(speed)
        fed = 0
        for block in cut(speech[start:], 24):
            fed += len(block)
            if len(tempo.feed(block)):
                break
        assert 1000 * fed <= longest * SAMPLE_RATE


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("size", [2400, 9600, 48_000])
def test_nothing_that_went_in_stays_there_for_long(speed: float, size: int) -> None:
    tempo = Tempo(speed)
    fed = given_out = 0
    for block in cut(SPEECH, size):
        fed += len(block)
        given_out += len(tempo.feed(block))
        assert fed - given_out * speed < 0.14 * SAMPLE_RATE


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.25, 2.0])
def test_there_is_no_step_where_blocks_meet(speed: float) -> None:
    tempo = Tempo(speed)
    blocks = [tempo.feed(block) for block in cut(SPEECH, 997, 2400, 4800)] + [tempo.finish()]
    blocks = [block for block in blocks if len(block)]
    seams = np.cumsum([len(block) for block in blocks])[:-1] - 1
    steps = np.abs(np.diff(np.concatenate(blocks)))
    assert len(seams) > 5
    assert steps[seams].max() <= np.delete(steps, seams).max()
    assert steps.max() <= 1.2 * np.abs(np.diff(SPEECH)).max(), "nor anywhere else"


@pytest.mark.parametrize("speed", [0.0, 0.24, 4.1, -1.0, float("nan")])
def test_other_speeds_are_refused(speed: float) -> None:
    with pytest.raises(ValueError, match=r"speed must be from 0\.25 to 4, not"):
        Tempo(speed)


def graphs() -> list[Graph]:
    gc.collect()
    return [found for found in gc.get_objects() if type(found) is Graph]


def test_nothing_is_left_of_a_stream_that_was_left() -> None:
    # An error that another test keeps has its graph in its traceback.
    before = graphs()
    for speed in SPEEDS:
        Tempo(speed).feed(SPEECH)
    assert [found for found in graphs() if all(found is not old for old in before)] == []
