"""A recording is prepared once: what it became is there after a start, and anything else is made anew."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
from wyoming.tts import SynthesizeVoice

from tests import checkpoints
from tests.client import plain
from tests.conftest import Tiny
from tests.serving import serving, until
from tests.shares import SharedFile
from tests.test_draft import At, never
from wyoming_chatterbox import config
from wyoming_chatterbox.engine import VOICES_KEPT, Engine, Utterance, Voice
from wyoming_chatterbox.engine.loader import Loader
from wyoming_chatterbox.engine.voice.recording import version_of

pytestmark = pytest.mark.slow(2)


def loader(model: Path, data: Path) -> Loader:
    """The loader of a new process."""
    flags = ["--model", str(model), "--device", "cpu", "--dtype", "float32", "--data-dir", str(data)]
    return Loader(config.load(flags, {}, data))


def start(model: Path, data: Path) -> Engine:
    return loader(model, data)(lambda _: None, never)


def record(path: Path, pitch: float = 140, seconds: float = 6) -> Voice:
    time = np.arange(round(seconds * 24000)) / 24000
    soundfile.write(path, 0.2 * np.sign(np.sin(2 * np.pi * pitch * time)), 24000)
    return found(path)


def found(path: Path) -> Voice:
    """A voice as the server finds it: with its version."""
    return Voice(path.stem, "en", path, version_of(path.stat()))


def kept(data: Path) -> list[Path]:
    """All files in the store, unfinished ones too."""
    return sorted((data / "cache" / "voices").iterdir())


def sound(engine: Engine, voice: Voice) -> npt.NDArray[np.float32]:
    return np.concatenate(list(engine.speak(Utterance("So.", voice, seed=1), never)))


@pytest.fixture(scope="module")
def nano(tiny: Tiny) -> Path:
    return tiny("nano")


@pytest.fixture
def alice(tmp_path: Path) -> Voice:
    return record(tmp_path / "alice.wav")


class Log:
    """How often recordings were prepared and read from disk since the last look, as the log tells."""

    def __init__(self, caplog: pytest.LogCaptureFixture) -> None:
        caplog.set_level("DEBUG", "wyoming_chatterbox")
        self._caplog = caplog

    def look(self) -> tuple[int, int]:
        text = self._caplog.text
        self._caplog.clear()
        networks = text.count("Loaded the s3_tokenizer")
        made = text.count("was prepared from it")
        assert networks >= made
        return made, text.count("was read from disk")


@pytest.fixture
def log(caplog: pytest.LogCaptureFixture) -> Log:
    return Log(caplog)


MADE, READ, NEITHER = (1, 0), (0, 1), (0, 0)


def test_a_new_process_prepares_nothing_again_and_speaks_in_the_same_voice(
    nano: Path, tmp_path: Path, alice: Voice, log: Log
) -> None:
    first = start(nano, tmp_path)
    assert first.voices_kept > VOICES_KEPT
    assert first.prepare(alice, never)
    assert log.look() == MADE
    before = sound(first, alice)
    second = start(nano, tmp_path)
    assert not second.prepared(alice)
    assert second.prepare(alice, never)
    assert second.prepared(alice)
    assert np.array_equal(sound(second, alice), before)
    assert log.look() == READ
    # Without having been prepared ahead, too.
    assert np.array_equal(sound(start(nano, tmp_path), alice), before)
    assert log.look() == READ


def test_the_name_of_a_recording_does_not_matter(nano: Path, tmp_path: Path, alice: Voice, log: Log) -> None:
    engine = start(nano, tmp_path)
    engine.prepare(alice, never)
    assert alice.recording is not None
    bob = tmp_path / "bob.wav"
    bob.write_bytes(alice.recording.read_bytes())
    assert log.look() == MADE
    engine.prepare(found(bob), never)
    assert log.look() == READ
    os.utime(bob, (1, 1))
    engine.prepare(found(bob.rename(tmp_path / "carl.wav")), never)
    assert log.look() == READ
    assert len(kept(tmp_path)) == 1


def test_another_recording_at_the_same_path_is_prepared(nano: Path, tmp_path: Path, alice: Voice, log: Log) -> None:
    engine = start(nano, tmp_path)
    engine.prepare(alice, never)
    engine.prepare(record(tmp_path / "alice.wav", 200), never)
    assert log.look() == (2, 0)
    # And the first one again.
    engine.prepare(record(tmp_path / "alice.wav"), never)
    assert log.look() == READ
    assert len(kept(tmp_path)) == 2


def test_another_family_and_other_weights_prepare_it_anew(
    nano: Path, tiny: Tiny, tmp_path: Path, alice: Voice, log: Log
) -> None:
    other = checkpoints.make("nano", tmp_path / "other", seed=1)
    for model in (nano, tiny("english"), other):
        start(model, tmp_path).prepare(alice, never)
        assert log.look() == MADE
    start(nano, tmp_path).prepare(alice, never)
    assert log.look() == READ
    assert len(kept(tmp_path)) == 3


def test_weights_that_change_where_they_lie_are_other_weights(
    nano: Path, tmp_path: Path, alice: Voice, log: Log
) -> None:
    model, other = tmp_path / "model", checkpoints.make("nano", tmp_path / "other", seed=1)
    model.mkdir()
    for path in nano.iterdir():
        (model / path.name).symlink_to(path)
    load = loader(model, tmp_path)
    load(lambda _: None, never).prepare(alice, never)
    again = load(lambda _: None, never)
    assert again.prepared(alice)
    for path in model.iterdir():
        path.unlink()
        path.symlink_to(other / path.name)
    changed = load(lambda _: None, never)
    assert not changed.prepared(alice)
    changed.prepare(alice, never)
    assert log.look() == (2, 0)


def test_a_damaged_voice_is_prepared_anew_and_kept(nano: Path, tmp_path: Path, alice: Voice, log: Log) -> None:
    start(nano, tmp_path).prepare(alice, never)
    (path,) = kept(tmp_path)
    whole = path.read_bytes()
    for damaged in (whole[:1000], whole[:-1] + bytes([whole[-1] ^ 1])):
        path.write_bytes(damaged)
        log.look()
        start(nano, tmp_path).prepare(alice, never)
        assert log.look() == MADE
        start(nano, tmp_path).prepare(alice, never)
        assert log.look() == READ


def test_where_nothing_can_be_kept_voices_are_made_as_ever(
    nano: Path, tmp_path: Path, alice: Voice, log: Log, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "cache").write_text("A file where the folder should be.")
    bob = record(tmp_path / "bob.wav", 200)
    for _ in range(2):
        engine = start(nano, tmp_path)
        assert engine.voices_kept == VOICES_KEPT
        for voice in (alice, bob):
            engine.prepare(voice, never)
        assert len(sound(engine, alice))
        assert caplog.text.count("can't be kept") == 1
        assert log.look() == (2, 0)


def test_wherever_it_is_interrupted_a_voice_is_kept_whole_or_not_at_all(
    nano: Path, tmp_path: Path, alice: Voice, log: Log
) -> None:
    engine = start(nano, tmp_path)
    calls = 1
    while not engine.prepare(alice, At(2 * 3**calls)):
        assert kept(tmp_path) == []
        calls += 1
        assert calls < 20
    assert calls > 3
    assert len(kept(tmp_path)) == 1
    assert start(nano, tmp_path).prepare(alice, never)
    assert log.look() == (1, 1)


def test_a_recording_that_changes_while_it_is_prepared_is_not_taken_for_the_one_before(
    nano: Path, tmp_path: Path, alice: Voice, log: Log
) -> None:
    engine = start(nano, tmp_path)
    # Its content is known, and it has not been heard yet.
    assert not engine.prepare(alice, At(6))
    changed = record(tmp_path / "alice.wav", 200)
    assert engine.prepare(alice, never)
    assert kept(tmp_path) == []
    assert engine.prepare(changed, never)
    assert len(kept(tmp_path)) == 1
    assert log.look() == (2, 0)


def test_two_servers_prepare_the_same_voice_at_the_same_time(
    nano: Path, tmp_path: Path, alice: Voice, log: Log
) -> None:
    engines = [start(nano, tmp_path) for _ in range(2)]
    threads = [threading.Thread(target=engine.prepare, args=(alice, never)) for engine in engines]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(engine.prepared(alice) for engine in engines)
    assert len(kept(tmp_path)) == 1
    log.look()
    assert np.array_equal(sound(start(nano, tmp_path), alice), sound(engines[0], alice))
    assert log.look() == READ


def test_more_voices_than_memory_keeps_are_all_at_hand(nano: Path, tmp_path: Path, log: Log) -> None:
    """The same content under many names, so that only the first is prepared."""
    voice = record(tmp_path / "00.wav")
    assert voice.recording is not None
    content = voice.recording.read_bytes()
    voices = [voice]
    for number in range(1, VOICES_KEPT + 6):
        path = tmp_path / f"{number:02}.wav"
        path.write_bytes(content)
        voices.append(found(path))
    engine = start(nano, tmp_path)
    for each in voices:
        assert engine.prepare(each, never)
    assert log.look() == (1, VOICES_KEPT + 5)
    assert engine.caches()["voices"] == VOICES_KEPT
    assert [engine.prepared(each) for each in voices[:7]] == [False] * 6 + [True]


def test_a_recording_whose_content_is_not_told_can_be_interrupted(nano: Path, tmp_path: Path, alice: Voice) -> None:
    engine = start(nano, tmp_path)
    path = SharedFile(alice.recording)
    path.answers.clear()
    voice = replace(alice, recording=path)
    try:
        for _ in range(3):
            assert not engine.prepare(voice, At(3))
        assert not engine.prepare(alice, At(3))
        assert [thread.name for thread in threading.enumerate()].count("recording") == 1
    finally:
        path.answers.set()
    assert engine.prepare(voice, never)
    assert len(kept(tmp_path)) == 1


async def test_the_first_reply_in_a_voice_prepares_nothing_nor_does_a_new_server(
    nano: Path, tmp_path: Path, log: Log
) -> None:
    (tmp_path / "voices").mkdir()
    for number, name in enumerate(("alice", "bob")):
        record(tmp_path / "voices" / f"{name}.wav", 120 + 60 * number)
    for expected in ((2, 0), (0, 2)):
        log.look()
        async with serving(tmp_path, load=loader(nano, tmp_path)) as running:
            service = running.service
            await until(lambda service=service: service.lifecycle.chatterbox is not None)  # type: ignore[misc]
            running.preparation.start()
            await until(lambda running=running: running.preparation.snapshot()["ready"] == 2)  # type: ignore[misc]
            assert log.look() == expected
            for name in ("alice", "bob"):
                assert (await plain(running.uri, "So.", SynthesizeVoice(name=name))).seconds > 0
                assert service.replies.records[-1].engine == "nano"
            assert log.look() == NEITHER
