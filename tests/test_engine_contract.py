"""Promises of every engine: the standby voice, Chatterbox and the tests' fake keep to `Engine` alike."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile

from tests import checkpoints
from tests.conftest import Tiny
from tests.examples import parameters
from tests.fakes import FakeEngine
from wyoming_chatterbox.engine import SAMPLE_RATE, Block, Engine, Utterance, Voice
from wyoming_chatterbox.engine.standby import Standby
from wyoming_chatterbox.engine.voice.recording import version_of

pytestmark = pytest.mark.slow(1)

OWN = Voice("own", "en")
TEXT = "Yes, it is on."
LONG = " ".join(["7" * 60] * 2)
"""The standby voice takes breath in it, and it is two words to the fake; Chatterbox asks at every token."""


def never() -> bool:
    return False


class CancelledAt:
    """A `cancelled` that says yes from the given question on, and counts them."""

    def __init__(self, question: int) -> None:
        self.question = question
        self.asked = 0

    def __call__(self) -> bool:
        self.asked += 1
        return self.asked >= self.question


def make(kind: str, tiny: Tiny) -> Engine:
    if kind == "fake":
        return FakeEngine()
    if kind == "standby":
        return Standby()
    from wyoming_chatterbox.engine.chatterbox import Chatterbox
    from wyoming_chatterbox.families import FAMILIES

    return Chatterbox.load(tiny(kind), FAMILIES[kind], checkpoints.FLOAT32, blocks=True, warm_up=False)


@pytest.fixture(scope="module", params=parameters("fake", "standby", "nano", full=["english"]))
def kind(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture(scope="module")
def engine(kind: str, tiny: Tiny) -> Iterator[Engine]:
    engine = make(kind, tiny)
    yield engine
    engine.close()


@pytest.fixture
def alice(tmp_path: Path) -> Voice:
    """A voice as the server finds it: with its version."""
    path = tmp_path / "alice.wav"
    seconds = np.arange(6 * SAMPLE_RATE) / SAMPLE_RATE
    soundfile.write(path, 0.2 * np.sign(np.sin(2 * np.pi * 140 * seconds)), SAMPLE_RATE)
    return Voice("alice", "en", path, version_of(path.stat()))


def say(engine: Engine, text: str = TEXT, voice: Voice = OWN) -> list[npt.NDArray[np.float32]]:
    return list(engine.speak(Utterance(text, voice, seed=1), never))


def test_blocks_are_mono_float32_between_minus_one_and_one_and_none_is_empty(engine: Engine) -> None:
    blocks = say(engine)
    assert blocks
    for block in blocks:
        assert (block.dtype.name, block.ndim) == ("float32", 1)
        assert len(block)
        assert np.isfinite(block).all()
        assert np.abs(block).max() <= 1


def test_the_same_seed_gives_the_same_sound_in_the_same_blocks(engine: Engine) -> None:
    first, second = say(engine), say(engine)
    assert [len(block) for block in first] == [len(block) for block in second]
    assert np.array_equal(np.concatenate(first), np.concatenate(second))


@pytest.mark.parametrize("text", ["", " \n"])
def test_an_empty_text_is_no_error_and_nothing_is_heard(engine: Engine, text: str) -> None:
    assert not any(block.any() for block in say(engine, text))


def test_a_cancelled_utterance_ends_at_the_very_question(engine: Engine, kind: str) -> None:
    text = LONG if kind in ("fake", "standby") else TEXT
    whole = sum(map(len, say(engine, text)))
    for question in (1, 2):
        cancelled = CancelledAt(question)
        heard = sum(map(len, engine.speak(Utterance(text, OWN, seed=1), cancelled)))
        assert cancelled.asked == question
        assert heard < whole
        if question == 1:
            assert heard == 0
        assert say(engine), "and the engine goes on"


def test_a_closed_iterator_leaves_the_engine_free(engine: Engine) -> None:
    blocks = engine.speak(Utterance(TEXT, OWN, seed=1), never)
    next(blocks)
    blocks.close()  # type: ignore[attr-defined]
    assert say(engine)


def test_two_utterances_in_turns_sound_as_each_does_alone(engine: Engine) -> None:
    texts = (LONG, TEXT)
    alone = [say(engine, text) for text in texts]
    begun = [engine.speak(Utterance(text, OWN, seed=1), never) for text in texts]
    together: list[list[Block]] = [[], []]
    left = {0, 1}
    while left:
        for number in sorted(left):
            block = next(begun[number], None)
            if block is None:
                left.remove(number)
            else:
                together[number].append(block)
    for apart, mixed in zip(alone, together, strict=True):
        assert np.array_equal(np.concatenate(apart), np.concatenate(mixed))


def test_its_own_voice_is_prepared_from_the_start(engine: Engine) -> None:
    assert engine.prepared(OWN)
    assert engine.prepare(OWN, never)


def test_a_prepared_recording_can_speak_and_need_not_be_prepared_again(engine: Engine, alice: Voice) -> None:
    assert engine.prepare(alice, never)
    assert engine.prepared(alice)
    assert engine.prepare(alice, never)
    assert say(engine, voice=alice)


def test_memory_and_caches_have_the_keys_that_the_protocol_names(engine: Engine) -> None:
    say(engine)
    assert engine.memory().keys() <= {"allocated", "reserved", "peak", "free", "total"}
    assert engine.caches().keys() <= {"kv_cache_bytes", "voices", "voices_bytes"}
    for value in (*engine.memory().values(), *engine.caches().values()):
        assert isinstance(value, int)
        assert value >= 0


def test_it_tells_all_that_it_is_made_of_and_takes_no_time_for_that(engine: Engine) -> None:
    begun = time.process_time()
    for _ in range(100):
        about = engine.describe()
    assert time.process_time() - begun < 0.5
    assert about.name
    assert about.device == "cpu"
    assert about.dtype in ("float32", "float16", "bfloat16")
    assert about.quantization in ("none", "int8", "int4")
    assert about.precision in (about.dtype, about.quantization)
    assert about.reason
    assert all(size > 0 for size in about.parts.values())
    assert {part: sum(sizes.values()) for part, sizes in about.formats.items()}.items() <= about.parts.items()


def test_rate_and_languages_are_those_of_every_reply(engine: Engine) -> None:
    assert engine.sample_rate == SAMPLE_RATE
    assert "en" in engine.languages
    assert all(len(code) == 2 for code in engine.languages)


def test_cleaned_it_speaks_as_before(engine: Engine) -> None:
    before = say(engine)
    engine.clean()
    assert np.array_equal(np.concatenate(before), np.concatenate(say(engine)))


def test_it_can_be_closed_twice_and_described_after_that(kind: str, tiny: Tiny) -> None:
    engine = make(kind, tiny)
    engine.close()
    engine.close()
    engine.describe()
    engine.memory()
    engine.caches()
