"""A voice is made in stages: who interrupts it waits a moment, and what is done stays done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from tests import checkpoints
from tests.conftest import Tiny
from tests.shares import SharedFile
from wyoming_chatterbox.engine import Utterance, Voice
from wyoming_chatterbox.engine.chatterbox import Chatterbox
from wyoming_chatterbox.engine.voice import reading
from wyoming_chatterbox.engine.voice.conditionals import Conditionals, key_of
from wyoming_chatterbox.errors import VoiceError
from wyoming_chatterbox.families import FAMILIES

pytestmark = pytest.mark.slow(1)


@pytest.fixture(scope="module")
def nano(tiny: Tiny) -> Path:
    return tiny("nano")


@pytest.fixture
def engine(nano: Path) -> Chatterbox:
    return Chatterbox.load(nano, FAMILIES["nano"], checkpoints.FLOAT32, warm_up=False)


@pytest.fixture
def alice(tmp_path: Path) -> Voice:
    time = np.arange(6 * 24000) / 24000
    path = tmp_path / "alice.wav"
    soundfile.write(path, 0.2 * np.sign(np.sin(2 * np.pi * 140 * time)), 24000)
    return Voice("alice", "en", *key_of(path, None))


def never() -> bool:
    return False


class At:
    """Says stop at the question of that number, counted from the first, and from then on."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.asked = 0

    def __call__(self) -> bool:
        self.asked += 1
        return self.asked > self.number


def made(engine: Chatterbox, voice: Voice) -> Conditionals:
    """The voice that the engine has."""
    assert engine.prepared(voice)
    assert voice.recording is not None
    return engine._cloned.prepare(voice.recording, voice.version, lambda: pytest.fail("it isn't there"))


def same(one: Conditionals, other: Conditionals) -> bool:
    return all(torch.equal(value, vars(other)[name]) for name, value in vars(one).items())


def test_interrupted_again_and_again_it_becomes_the_same_voice(engine: Chatterbox, nano: Path, alice: Voice) -> None:
    whole = Chatterbox.load(nano, FAMILIES["nano"], checkpoints.FLOAT32, warm_up=False)
    count = At(10**9)
    assert whole.prepare(alice, count)
    assert count.asked > 200
    assert not engine.prepared(alice)
    # Between stages and inside the networks, the largest of which asks some hundred times.
    calls = 1
    while not engine.prepare(alice, At(12 * 3**calls)):
        assert "voice preparation" not in engine.describe().parts
        calls += 1
        assert calls < 20
    assert calls > 2
    assert same(made(engine, alice), made(whole, alice))


@pytest.mark.parametrize("then", ["prepared", "spoken in"])
def test_what_is_done_is_not_done_again(engine: Chatterbox, alice: Voice, then: str) -> None:
    assert not engine.prepare(alice, At(60))
    # By now it has been read.
    assert alice.recording is not None
    alice.recording.unlink()
    if then == "prepared":
        assert engine.prepare(alice, never)
    else:
        assert sum(map(len, engine.speak(Utterance("So.", alice, seed=1), never))) > 0
    assert engine.prepared(alice)


def test_who_leaves_while_the_voice_is_made_hears_nothing_and_frees_the_model(engine: Chatterbox, alice: Voice) -> None:
    assert list(engine.speak(Utterance("So.", alice, seed=1), At(60))) == []
    assert not engine.prepared(alice)


def test_cleaning_forgets_what_was_begun(engine: Chatterbox, alice: Voice) -> None:
    assert not engine.prepare(alice, At(60))
    engine.clean()
    assert alice.recording is not None
    alice.recording.unlink()
    with pytest.raises(VoiceError, match="can't be read"):
        engine.prepare(alice, never)


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[Callable[[str], Voice]]:
    """Makes voices whose recordings don't answer."""
    files: list[SharedFile] = []

    def make(name: str) -> Voice:
        files.append(SharedFile(tmp_path / f"{name}.wav"))
        files[-1].answers.clear()
        return Voice(name, "en", files[-1], (0, 0, 0))

    yield make
    for file in files:
        file.answers.set()


def test_a_recording_that_does_not_answer_can_be_interrupted(
    engine: Chatterbox, hanging: Callable[[str], Voice]
) -> None:
    voice = hanging("alice")
    for _ in range(3):
        assert not engine.prepare(voice, At(5))
    assert not engine.prepare(hanging("bob"), At(5))
    assert [thread.name for thread in threading.enumerate()].count("recording") == 1


def test_it_is_given_up_after_a_while_and_no_other_read_meanwhile(
    engine: Chatterbox, alice: Voice, hanging: Callable[[str], Voice], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "_PATIENCE_SECONDS", 0.3)
    for voice in (hanging("bob"), hanging("carl"), alice):
        with pytest.raises(VoiceError, match="has not answered"):
            engine.prepare(voice, never)
    assert [thread.name for thread in threading.enumerate()].count("recording") == 1
