"""The standby voice is as loud as a voice assistant, never clips, says what is spelled out as it is, and no tags."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pyloudnorm
import pytest
from hibari import Hibari
from hibari.g2p.normalize import normalize
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from wyoming_chatterbox.engine import SAMPLE_RATE, Block, Utterance, Voice
from wyoming_chatterbox.engine.standby import Standby
from wyoming_chatterbox.engine.standby_loudness import GAIN, PEAK, louder
from wyoming_chatterbox.engine.standby_text import without_sounds

VOICE = Voice("default", "en")
TARGET = -20.0
"""LUFS"""

SENTENCES = """
The kitchen light is on, and the front door is locked.
It is twenty one point five degrees Celsius outside.
The timer for the pasta ends in three minutes.
Good morning! Today it will be sunny with a light breeze from the west.
Sorry, I could not find a device called garage heater.
The washing machine has finished its program.
Your next appointment is at three oh five PM with Doctor Miller.
The battery of the front door lock is at fifteen percent.
There is a package at the front door.
Should I close the blinds as well?
""".strip().splitlines()

SPELLED = """
minus four degrees Celsius in the freezer
The timer ends at three oh five PM.
one thousand two hundred thirty four dollars and fifty cents
twenty five kilometers per hour
ten micrograms per cubic meter
three point five kilowatt hours
ten to fifteen percent
two days and three hours
November twenty fifth, twenty twenty six
the first, second and twenty seventh
version twenty twenty six point eleven
one nine two dot one six eight dot one dot ten
CO two is at eight hundred parts per million
plus or minus two degrees Celsius, at least five
in nineteen ninety nine and two thousand five
Henry the Fourth
""".strip().splitlines()


@pytest.fixture(name="standby", scope="module")
def standby_fixture() -> Standby:
    return Standby()


def say(standby: Standby, text: str) -> Block:
    blocks = list(standby.speak(Utterance(text, VOICE, seed=1), lambda: False))
    return np.concatenate([np.zeros(0, np.float32), *blocks])


@pytest.mark.slow(3)
def test_it_is_as_loud_as_a_voice_assistant_and_never_clips(standby: Standby) -> None:
    meter = pyloudnorm.Meter(SAMPLE_RATE)
    said = [say(standby, sentence) for sentence in SENTENCES]
    loudness = [meter.integrated_loudness(wave) for wave in said]
    assert np.mean(loudness) == pytest.approx(TARGET, abs=0.5)
    assert max(loudness) - min(loudness) < 3, "no sentence stands out"
    assert max(float(np.abs(wave).max()) for wave in said) <= np.float32(PEAK)


WAVES = arrays.arrays(
    np.float32, st.integers(0, 3000), elements=st.floats(-4, 4, width=32), fill=st.floats(-0.5, 0.5, width=32)
)


@given(wave=WAVES)
def test_no_sample_is_over_the_peak_and_none_changes_its_sign(wave: npt.NDArray[np.float32]) -> None:
    limited = louder(wave)
    assert limited.shape == wave.shape
    assert limited.dtype == np.float32
    assert np.abs(limited).max(initial=0.0) <= np.float32(PEAK)
    assert (limited * wave >= 0).all()
    assert (np.abs(limited) <= np.abs(wave) * np.float32(GAIN)).all()
    assert np.array_equal(limited, louder(wave)), "it knows nothing of what came before"


def test_only_what_is_near_a_peak_becomes_quieter() -> None:
    wave = np.full(SAMPLE_RATE, 0.1, np.float32)
    wave[12_000] = 1.0
    gain = louder(wave) / (wave * np.float32(GAIN))
    near = np.abs(np.arange(SAMPLE_RATE) - 12_000) < 0.012 * SAMPLE_RATE
    assert np.allclose(gain[~near], 1, atol=1e-6)
    assert gain[12_000] == pytest.approx(PEAK / GAIN)
    assert np.abs(np.diff(gain)).max() < 0.01, "the gain makes no step, which would be heard as a click"


@pytest.fixture(name="reader", scope="module")
def reader_fixture() -> Hibari:
    return Hibari(threads=1)


@pytest.mark.parametrize("text", SPELLED)
def test_its_own_reader_leaves_alone_what_is_spelled_out_and_reads_every_word(reader: Hibari, text: str) -> None:
    assert normalize(text) == text
    read = " ".join(reader.phonemize(text)).split()
    assert len(read) == len(text.split())


TAGS = ["[laugh]", "[sigh]", "[clear throat]", "[Laugh]"]


@pytest.mark.parametrize("tag", TAGS)
def test_tags_of_sounds_are_never_said(standby: Standby, tag: str) -> None:
    assert len(say(standby, tag)) == 0, "there is nothing to say"
    assert len(say(standby, f"{tag} {tag}.")) == 0
    plain = say(standby, "Oh, well.")
    assert np.array_equal(say(standby, f"{tag} Oh, {tag} well {tag}."), plain)


@given(st.text("ab [] laughsi", max_size=40))
def test_nothing_else_in_brackets_is_lost(text: str) -> None:
    # The sounds whose names these letters can write.
    kept = "".join(re.sub(r"\[(laugh|shush|sigh)\]", "", text).split())
    assert "".join(without_sounds(text).split()) == kept
