"""The standby voice is beside Chatterbox for good: it holds little, and says the same as hibari does."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from hibari import Hibari

from wyoming_chatterbox.engine.packed_dictionary import PackedDictionary
from wyoming_chatterbox.engine.standby_memory import shrink

TEXTS = (
    "Ready at 1.",
    "I live to read what was read live on the record, and to record it; the U.S. lead is made of lead.",
    "Dr. Smith's 3rd appointment, on May 5th 2024 at 7:30 pm, cost $12.50 or 40% more.",
    "Xanthippe's qwzzrk is naïve, isn't it? NASA said so!",
)


@pytest.fixture(scope="module")
def pair() -> tuple[Hibari, Hibari]:
    """Hibari as it comes, and shrunk."""
    plain, small = Hibari(threads=1), Hibari(threads=1)
    shrink(small)
    return plain, small


@pytest.mark.parametrize("text", TEXTS)
def test_it_says_what_it_said(pair: tuple[Hibari, Hibari], text: str) -> None:
    plain, small = pair
    assert small.phonemize(text) == plain.phonemize(text)
    np.testing.assert_allclose(small(text, seed=1), plain(text, seed=1), atol=1e-6)


def test_it_knows_every_word_that_it_knew(pair: tuple[Hibari, Hibari]) -> None:
    plain, small = pair
    for lexicon in ("golds", "silvers"):
        theirs, ours = (getattr(speech.g2p.lexicon, lexicon) for speech in pair)
        assert isinstance(ours.d, PackedDictionary)
        assert len(ours.d) == len(theirs.d)
        for word in random.Random(1).sample(sorted(theirs.d), 1000):
            assert ours.get(word) == theirs.get(word)
    weights = plain.g2p.tagger.weights
    assert isinstance(small.g2p.tagger.weights, PackedDictionary)
    assert all(small.g2p.tagger.weights.get(name) == weights[name] for name in list(weights)[::50])


def test_a_packed_dictionary_answers_as_a_dictionary() -> None:
    entries = {"b": 1, "": "empty", "ä": {"x": 0.5}, "a": None, "aa": "ˈə", "\U0001f600": [], "\ud800": "half a pair"}
    packed = PackedDictionary(entries)
    assert {key: packed.get(key, "missing") for key in entries} == entries
    assert [packed.get(key) for key in ("A", "aaa", "c", "\uffff", " ")] == [None] * 5
    assert packed.get("c", 7) == 7
    assert PackedDictionary({}).get("a") is None


@pytest.mark.slow(2)
@pytest.mark.skipif(not Path("/proc/self/smaps_rollup").exists(), reason="Linux tells what is a process's own")
def test_it_takes_half_of_what_hibari_takes() -> None:
    """With imports, before and after a long sentence: 67 MB (hibari: 120 and 175, more with each longer sentence)."""
    program = """
import numpy
from wyoming_chatterbox.speech import memory
from wyoming_chatterbox.engine import Utterance, Voice
from wyoming_chatterbox.engine.standby import Standby
before = memory.anonymous_bytes()
standby = Standby()
list(standby.speak(Utterance("All is well, " * 20 + "and so on.", Voice("own", "en"), seed=1), lambda: False))
memory.collect()
print((memory.anonymous_bytes() - before) / 1e6)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert 20 < float(done.stdout) < 90
