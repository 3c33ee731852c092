"""A reply ends when its speech ends, however long the model goes on, and what was spoken is heard whole."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from functools import cache
from itertools import chain, islice, repeat
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch

from tests.conftest import Tiny
from tests.examples import parameters
from wyoming_chatterbox.engine import SAMPLE_RATE, Utterance, Voice
from wyoming_chatterbox.engine.chatterbox import Chatterbox
from wyoming_chatterbox.engine.s3gen.stream import SoundStream, stream
from wyoming_chatterbox.engine.t3.spoken_length import most_tokens
from wyoming_chatterbox.errors import EngineError

from .loud_and_quiet import SILENCES, ScriptedT3, load_by_hand, load_scripted

pytestmark = pytest.mark.slow(1)

Sound = npt.NDArray[np.float32]
FAMILIES = parameters("english", "multilingual", "nano", full=["turbo"])
TOKEN = SAMPLE_RATE // 25
SENTENCE = "The light in the kitchen is on."
UNHEARD = {"multilingual": -1, "turbo": 3, "nano": 3}
"""Tokens that a family's sound has more than were spoken: multilingual's last is noise, and GPT-2's get silence."""


def never() -> bool:
    return False


def speech(count: int, seed: int = 1) -> list[int]:
    loud = [token for token in range(6561) if token not in SILENCES and not 6000 <= token < 6100]
    return random.Random(seed).choices(loud, k=count)


def wandering(among: tuple[int, ...] = SILENCES, seed: int = 1) -> Iterator[int]:
    draws = random.Random(seed)
    while True:
        yield draws.choice(among)


def say(speaker: Chatterbox, text: str = SENTENCE) -> Sound:
    return np.concatenate(list(speaker.speak(Utterance(text, Voice("own", "en"), seed=1), never)))


Scripted = Callable[..., tuple[Chatterbox, ScriptedT3]]


@pytest.fixture(scope="module")
def scripted(tiny: Tiny) -> Scripted:
    """Family, whether it speaks in blocks, and which tokens are quiet -> an engine, and the T3 that it is to follow."""

    @cache
    def get(family: str, blocks: bool = True, quiet: tuple[int, ...] = SILENCES) -> tuple[Chatterbox, ScriptedT3]:
        return load_scripted(family, tiny(family), quiet, blocks)

    return get


@pytest.mark.parametrize("blocks", [True, False])
@pytest.mark.parametrize("text", ["Hi.", SENTENCE, "Milk, eggs, bread and a pound of butter."])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_model_that_wanders_among_silences_is_not_heard_wandering(
    scripted: Scripted, family: str, text: str, blocks: bool
) -> None:
    speaker, t3 = scripted(family, blocks)
    t3.follow(chain(speech(20), wandering()))
    assert 0.8 <= len(say(speaker, text)) / SAMPLE_RATE <= 0.8 + 0.5
    # Two and a half seconds of it tell.
    assert t3.drawn <= 20 + 60


@pytest.mark.parametrize("family", ["english", "nano"])
def test_quiet_of_many_different_tokens_ends_it_too_and_no_more_are_drawn(scripted: Scripted, family: str) -> None:
    murmur = tuple(range(6000, 6100))
    text = SENTENCE * 2
    for blocks in (True, False):
        speaker, t3 = scripted(family, blocks, (*murmur, *SILENCES))
        t3.follow(chain(speech(60), wandering(murmur)))
        assert 2.4 <= len(say(speaker, text)) / SAMPLE_RATE <= 2.4 + 0.5
        # Blocks of 10, 50 and 100 tokens, and the look-ahead: where a sound is made whole, its level comes too late.
        assert t3.drawn == (10 + 50 + 100 + 3 + 1 if blocks else most_tokens(text))


@pytest.mark.parametrize("blocks", [True, False])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_pause_of_a_second_and_a_half_stays(scripted: Scripted, family: str, blocks: bool) -> None:
    speaker, t3 = scripted(family, blocks)
    t3.follow([*speech(15), *repeat(SILENCES[0], 20), *islice(wandering(), 18), *speech(15, seed=2)])
    assert len(say(speaker)) == TOKEN * (15 + 38 + 15 + UNHEARD.get(family, 0))


@pytest.mark.parametrize("blocks", [True, False])
@pytest.mark.parametrize("count", [2, 13, 14, 70])
@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_has_as_many_samples_as_upstream(scripted: Scripted, family: str, count: int, blocks: bool) -> None:
    speaker, t3 = scripted(family, blocks)
    t3.follow(speech(count))
    assert len(say(speaker)) == TOKEN * (count + UNHEARD.get(family, 0))


def test_a_single_token_of_multilingual_is_heard(scripted: Scripted) -> None:
    speaker, t3 = scripted("multilingual")
    t3.follow(speech(1))
    assert len(say(speaker)) == TOKEN


@pytest.mark.parametrize("blocks", [True, False])
@pytest.mark.parametrize("family", FAMILIES)
def test_babble_is_cut_at_the_most_that_the_text_can_take_and_fades(
    scripted: Scripted, family: str, blocks: bool
) -> None:
    speaker, t3 = scripted(family, blocks)
    t3.follow(speech(2000))
    sound = say(speaker)
    assert t3.drawn == most_tokens(SENTENCE)
    assert len(sound) == TOKEN * (most_tokens(SENTENCE) + UNHEARD.get(family, 0))
    whole = float(np.abs(sound[TOKEN:-TOKEN]).max())
    levels = [float(np.abs(part).max()) for part in np.split(sound[-3 * TOKEN :], 6)]
    assert levels[-1] < 0.1 * whole
    assert sorted(levels, reverse=True) == pytest.approx(levels, abs=0.02)
    # The step at the end, which would be the click.
    assert abs(sound[-1]) < 0.005 * whole


def test_speech_that_the_model_ends_does_not_fade(scripted: Scripted) -> None:
    speaker, t3 = scripted("english")
    t3.follow(speech(30))
    sound = say(speaker)
    assert np.abs(sound[-TOKEN // 2 :]).max() > 0.7 * np.abs(sound).max()


def test_a_model_whose_sound_is_not_numbers_is_not_taken_for_a_quiet_one(scripted: Scripted) -> None:
    speaker, t3 = scripted("english", quiet=(0,))
    networks: Any = speaker._networks
    networks.flow.input_embedding.weight[0] = torch.nan
    t3.follow([*speech(30), 0, 0, 0])
    with pytest.raises(EngineError, match="not numbers"):
        say(speaker)


class Asking:
    """A plan of small blocks that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[float] = []

    def first(self) -> int:
        return 10

    def then(self, made: int, ahead: float) -> int:
        self.told.append(ahead)
        return 10


def test_a_pause_that_is_held_back_is_not_counted_as_what_the_listener_has(tiny: Tiny) -> None:
    networks, _ = load_by_hand("nano", tiny("nano"))
    sound = SoundStream(networks.flow, networks.vocoder, networks.conditionals, 1, never)
    tokens = [*speech(40), *islice(wandering(), 38), *speech(40, seed=2)]
    plan = Asking()
    blocks = stream(sound, iter(tokens), plan, clock=lambda: 0.0)
    given = [len(next(blocks)) / SAMPLE_RATE]
    for block in blocks:
        given.append(given[-1] + len(block) / SAMPLE_RATE)
    assert given[-1] == pytest.approx(118 / 25)
    # What the vocoder and the watermark hold back is counted as 0.1 s, of which the vocoder's 40 ms are seen here.
    assert plan.told == pytest.approx([seconds - 0.06 for seconds in given[:-1]])
    assert max(plan.told[:6]) < 40 / 25 + 0.3
