"""The standby voice is as loud as a voice assistant, never clips, says what is spelled out as it is, and no tags."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pyloudnorm
import pytest
from hibari import Hibari
from hibari.g2p.normalize import normalize
from hypothesis import given
from hypothesis import strategies as st

from tests.client import plain
from tests.serving import serving, until
from wyoming_chatterbox.engine import SAMPLE_RATE, Block, Utterance, Voice
from wyoming_chatterbox.engine.standby import Standby
from wyoming_chatterbox.engine.standby_text import without_sounds

VOICE = Voice("default", "en")
TARGET = -18.0
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
async def test_it_is_as_loud_as_a_voice_assistant_and_never_clips(standby: Standby, tmp_path: Path) -> None:
    meter = pyloudnorm.Meter(SAMPLE_RATE)
    async with serving(tmp_path, "--loudness", str(TARGET), load=lambda *_: standby) as running:
        await until(lambda: running.service.lifecycle.chatterbox is standby)
        heard = [await plain(running.uri, sentence) for sentence in SENTENCES]
    said = [np.frombuffer(each.audio, "<i2") / 32768 for each in heard]
    loudness = [meter.integrated_loudness(wave) for wave in said]
    assert np.mean(loudness) == pytest.approx(TARGET, abs=0.5)
    assert max(loudness) - min(loudness) < 3, "no sentence stands out"
    assert max(float(np.abs(wave).max()) for wave in said) < 10 ** (-1 / 20)


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
    without = say(standby, "Oh, well.")
    assert np.array_equal(say(standby, f"{tag} Oh, {tag} well {tag}."), without)


@given(st.text("ab [] laughsi", max_size=40))
def test_nothing_else_in_brackets_is_lost(text: str) -> None:
    # The sounds whose names these letters can write.
    kept = "".join(re.sub(r"\[(laugh|shush|sigh)\]", "", text).split())
    assert "".join(without_sounds(text).split()) == kept
