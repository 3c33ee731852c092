"""The picture of a recording: the largest amplitude of each of its parts, which /v1/voices tells."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from tests.http_serving import http
from tests.sounds import Wave, speech
from wyoming_chatterbox.audio import SAMPLE_RATE
from wyoming_chatterbox.audio.peaks import PARTS, peaks


@given(arrays(np.float32, st.integers(PARTS, 500), elements=st.floats(-1.5, 1.5, width=32)))
def test_a_peak_is_the_largest_amplitude_of_its_part(wave: Wave) -> None:
    bounds = [i * len(wave) // PARTS for i in range(PARTS + 1)]
    loudest = [np.abs(wave[start:end]).max() for start, end in itertools.pairwise(bounds)]
    assert list(peaks(wave)) == pytest.approx(255 * np.minimum(loudest, 1), abs=0.501)


@given(arrays(np.float32, st.integers(0, PARTS), elements=st.floats(-1, 1, width=32)))
def test_a_sound_of_a_few_samples_has_a_picture_too(wave: Wave) -> None:
    assert len(peaks(wave)) == (PARTS if len(wave) else 0)


async def test_a_voice_has_the_picture_of_its_recording(tmp_path: Path) -> None:
    (tmp_path / "voices").mkdir()
    wave = np.concatenate([np.zeros(9 * SAMPLE_RATE, np.float32), speech(9)])
    soundfile.write(tmp_path / "voices" / "alice.wav", wave, SAMPLE_RATE)
    async with http(tmp_path) as server:
        _, answer = await server.get("/v1/voices")
        default, alice = answer["voices"]
        assert default["peaks"] is None
        told = np.frombuffer(bytes.fromhex(alice["peaks"]), np.uint8)
        assert not told[: PARTS // 2].any()
        assert told.max() == pytest.approx(255 * np.abs(wave).max(), abs=1)
        assert "peaks" not in (await server.get("/info"))[1]["voices"][1]["judgement"]
