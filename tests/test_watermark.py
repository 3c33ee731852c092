"""The watermark goes into a stream unheard: found in the whole, no sample more or less, no step where windows meet."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from wyoming_chatterbox.engine import SAMPLE_RATE, Utterance, Voice
from wyoming_chatterbox.engine.s3gen.watermark import DELAY, WatermarkStream, load_watermarker
from wyoming_chatterbox.engine.standby import Standby
from wyoming_chatterbox.engine.upstream.chatterbox_tts import perth

Sound = npt.NDArray[np.float32]


@pytest.fixture(scope="module")
def watermarker() -> Any:
    return load_watermarker()


@pytest.fixture(scope="module")
def speech() -> Sound:
    """Some seconds of real speech."""
    text = "The weather is mild and a little cloudy today. In the evening it may rain, so take an umbrella with you."
    sound = np.concatenate(list(Standby().speak(Utterance(text, Voice("standby", "en"), seed=1), lambda: False)))
    assert len(sound) > 4 * SAMPLE_RATE
    return sound


def streamed(watermarker: Any, blocks: Sequence[Sound]) -> list[Sound]:
    marks = WatermarkStream(watermarker)
    return [*(marks.feed(block) for block in blocks), marks.finish()]


def cut(sound: Sound, size: int) -> list[Sound]:
    return [sound[start : start + size] for start in range(0, len(sound), size)]


def found(watermarker: Any, sound: Sound) -> float:
    """How sure the detector is, from 0 to 1."""
    detector = perth.PerthImplicitWatermarker(None, perth_net=watermarker.perth_net)
    return float(detector.get_watermark(sound, sample_rate=SAMPLE_RATE, round=False).mean())


@pytest.mark.slow(1)
@pytest.mark.parametrize("seconds", [0.1, 0.2, 0.36, 2.0])
def test_it_is_found_in_the_joined_blocks(watermarker: Any, speech: Sound, seconds: float) -> None:
    joined = np.concatenate(streamed(watermarker, cut(speech, round(seconds * SAMPLE_RATE))))
    assert found(watermarker, speech) < 0.1
    assert found(watermarker, joined) >= 0.95


@pytest.mark.parametrize("samples", [2400, 24_001, 50_000])
def test_it_is_the_mark_that_the_package_makes(watermarker: Any, speech: Sound, samples: int) -> None:
    theirs = perth.PerthImplicitWatermarker(None, perth_net=watermarker.perth_net)
    expected = theirs.apply_watermark(speech[:samples], sample_rate=SAMPLE_RATE)
    np.testing.assert_allclose(watermarker.mark(speech[:samples]), expected, atol=1e-6)


def test_it_is_the_mark_that_the_whole_would_have(watermarker: Any, speech: Sound) -> None:
    joined = np.concatenate(streamed(watermarker, cut(speech, SAMPLE_RATE // 5)))
    marked = watermarker.mark(speech)
    mark = marked - speech[: len(marked)]
    assert mark.std() > 1e-3
    assert (joined[: len(marked)] - marked).std() < 0.1 * mark.std()


@examples(0.25)
@given(sizes=st.lists(st.integers(0, 6000), max_size=12))
def test_as_many_samples_come_out_as_go_in(watermarker: Any, speech: Sound, sizes: list[int]) -> None:
    ends = np.cumsum([0, *sizes])
    blocks = [speech[start:end] for start, end in pairwise(ends)]
    marks = WatermarkStream(watermarker)
    given_out = taken = 0
    for block in blocks:
        taken += len(block)
        out = marks.feed(block)
        assert out.dtype == np.float32
        given_out += len(out)
        assert 0 <= taken - given_out < 0.153 * SAMPLE_RATE
        assert taken - given_out == DELAY or not len(out)
    assert given_out + len(marks.finish()) == taken


@pytest.mark.parametrize("size", [997, 2400, 4800, 8640])
def test_there_is_no_step_where_blocks_meet(watermarker: Any, speech: Sound, size: int) -> None:
    blocks = [block for block in streamed(watermarker, cut(speech, size)) if len(block)]
    joined = np.concatenate(blocks)
    seams = np.cumsum([len(block) for block in blocks])[:-1] - 1
    assert len(seams) > 5
    # In the mark alone, which is much smoother than the speech.
    for sound in (joined, joined - speech):
        steps = np.abs(np.diff(sound))
        assert steps[seams].max() <= np.delete(steps, seams).max()
    steps = np.abs(np.diff(joined - speech))
    assert steps[seams].mean() < 1.5 * np.delete(steps, seams).mean()


@pytest.mark.parametrize("samples", [0, 1, 100, 959, 960, 5000])
def test_something_very_short_keeps_its_length(watermarker: Any, speech: Sound, samples: int) -> None:
    joined = np.concatenate(streamed(watermarker, [speech[12000 : 12000 + samples]]))
    assert len(joined) == samples
    assert np.isfinite(joined).all()


def test_silence_stays_silent(watermarker: Any) -> None:
    blocks = cut(np.zeros(SAMPLE_RATE, dtype=np.float32), 4800)
    assert np.abs(np.concatenate(streamed(watermarker, blocks))).max() < 1e-4
