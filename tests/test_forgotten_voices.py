"""Whoever deletes a voice for good deletes what was prepared of its recording too."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import Tiny
from tests.http_serving import http
from tests.serving import until
from tests.test_draft import At, never
from tests.test_kept_voices import kept, start
from tests.test_kept_voices import record as record_voice
from tests.test_voices import record
from tests.voices_http import VOICES, send
from wyoming_chatterbox.engine.voice import kept_files
from wyoming_chatterbox.engine.voice.recording import content_of
from wyoming_chatterbox.errors import VoiceError
from wyoming_chatterbox.voices.aside import ASIDE, Aside
from wyoming_chatterbox.voices.finding import VoiceName
from wyoming_chatterbox.voices.library import Library
from wyoming_chatterbox.voices.voice_files import LEFTOVER_SECONDS, VoiceFiles


def content(path: Path) -> str:
    found = content_of(path)
    assert found is not None
    return found


def prepared(folder: Path, recording: Path, *recipes: str) -> list[Path]:
    """Return what models have made of a recording."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / f"{kept_files.name_of(content(recording), recipe)}.safetensors" for recipe in recipes]
    for path in paths:
        path.touch()
    return paths


async def test_what_was_prepared_of_a_recording_goes_with_it(tmp_path: Path) -> None:
    folder, cache = tmp_path / "voices", tmp_path / "cache" / "voices"
    alice, bob = record(folder / "alice.wav", 2), record(folder / "bob.wav", 3)
    gone = prepared(cache, alice, "english", "turbo")
    left = prepared(cache, bob, "english")
    library = Library(folder, forget=lambda content: kept_files.forget(cache, content), undo_seconds=0.0)
    async with http(tmp_path, library=library) as server:
        assert (await send(server, method="DELETE", path=f"{VOICES}/alice"))[0] == 200
        await until(lambda: not any(path.exists() for path in gone))
        assert left[0].exists()


async def test_it_goes_too_if_the_server_ended_before(tmp_path: Path) -> None:
    folder, cache = tmp_path / "voices", tmp_path / "cache" / "voices"
    alice = record(folder / "alice.wav")
    gone = prepared(cache, alice, "english")
    key, _ = VoiceFiles(folder).delete(VoiceName("alice", alice))
    os.utime(folder / ASIDE / key, (1, 1))
    async with http(tmp_path):
        await until(lambda: not gone[0].exists())


async def test_it_stays_as_long_as_the_deletion_can_be_undone(tmp_path: Path) -> None:
    folder, cache = tmp_path / "voices", tmp_path / "cache" / "voices"
    kept_until = prepared(cache, record(folder / "alice.wav"), "english")
    async with http(tmp_path) as server:
        assert (await send(server, method="DELETE", path=f"{VOICES}/alice"))[0] == 200
        assert (await send(server, path=f"{VOICES}/alice/undelete"))[0] == 200
        assert kept_until[0].exists()


@pytest.mark.parametrize("name", ["copy.wav", "sub/alice.wav", "other.m4a"])
def test_a_recording_with_two_names_is_forgotten_with_the_last(tmp_path: Path, name: str) -> None:
    forgotten: list[str] = []
    files = VoiceFiles(tmp_path, forget=forgotten.append)
    alice, copy = record(tmp_path / "alice.wav"), tmp_path / name
    copy.parent.mkdir(exist_ok=True)
    copy.write_bytes(alice.read_bytes())
    wanted = content(alice)
    # As long as the others, and no copy.
    (tmp_path / "bob.wav").write_bytes(alice.read_bytes()[:-1] + b"x")
    for path, told in ((alice, []), (copy, [wanted])):
        key, _ = files.delete(VoiceName(path.stem, path))
        files.remove(key)
        assert forgotten == told


def test_a_copy_in_a_linked_folder_is_a_voice_too(tmp_path: Path) -> None:
    forgotten: list[str] = []
    alice = record(tmp_path / "voices" / "alice.wav")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere" / "bob.wav").write_bytes(alice.read_bytes())
    (alice.parent / "family").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "elsewhere" / "round").symlink_to(alice.parent)
    files = VoiceFiles(alice.parent, forget=forgotten.append)
    key, _ = files.delete(VoiceName("alice", alice))
    files.remove(key)
    assert forgotten == []


def test_leftovers_are_forgotten_once(tmp_path: Path) -> None:
    forgotten: list[str] = []
    alice = record(tmp_path / "alice.wav")
    wanted = content(alice)
    key, _ = VoiceFiles(tmp_path).delete(VoiceName("alice", alice))
    files = VoiceFiles(tmp_path, forget=forgotten.append)
    files.remove_leftovers()
    assert forgotten == []
    age = (tmp_path / ASIDE / key).stat().st_mtime - LEFTOVER_SECONDS - 1
    os.utime(tmp_path / ASIDE / key, (age, age))
    for _ in range(2):
        files.remove_leftovers()
        assert forgotten == [wanted]
    assert list(tmp_path.iterdir()) == []


async def test_a_voice_that_is_deleted_leaves_the_memory_too(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    alice, _ = record(folder / "alice.wav", 2), record(folder / "bob.wav", 3)
    async with http(tmp_path) as server:
        engine = server.running.chatterbox
        server.running.preparation.start()
        await until(lambda: len(engine.voices) == 2)
        assert (await send(server, method="DELETE", path=f"{VOICES}/alice"))[0] == 200
        await until(lambda: [voice.name for voice in engine.voices] == ["bob"])
        # The same name with another recording is another voice.
        record(alice, 4)
        await until(lambda: [voice.name for voice in engine.voices] == ["bob", "alice"])


async def test_a_recording_that_is_replaced_leaves_the_memory(tmp_path: Path) -> None:
    alice = record(tmp_path / "voices" / "alice.wav", 2)
    async with http(tmp_path) as server:
        engine = server.running.chatterbox
        server.running.preparation.start()
        await until(lambda: len(engine.voices) == 1)
        (before,) = engine.voices
        record(alice, 3)
        await until(lambda: len(engine.voices) == 1 and engine.voices[0].version != before.version)


@pytest.mark.parametrize("what", ["the memory", "what was begun"])
@pytest.mark.slow(2)
def test_an_engine_forgets_the_voices_that_are_gone(tiny: Tiny, tmp_path: Path, what: str) -> None:
    alice, bob = (record_voice(tmp_path / f"{name}.wav", pitch) for name, pitch in (("alice", 140), ("bob", 200)))
    engine = start(tiny("nano"), tmp_path)
    assert engine.prepare(bob, never)
    assert engine.prepare(alice, never) if what == "the memory" else not engine.prepare(alice, At(20))
    engine.keep_only([bob])
    assert engine.caches()["voices"] == 1
    assert engine.prepared(bob)
    assert not engine.prepared(alice)
    assert alice.recording is not None
    alice.recording.unlink()
    (tmp_path / "cache" / "voices").rename(tmp_path / "elsewhere")
    with pytest.raises(VoiceError):
        engine.prepare(alice, never)


def test_two_servers_may_remove_the_same_files(tmp_path: Path) -> None:
    """Each deletion is removed by two servers of one folder at the same moment, and both must end well."""
    servers = [VoiceFiles(tmp_path) for _ in range(2)]
    faults: list[BaseException] = []
    together = threading.Barrier(2)

    def remove(files: VoiceFiles, key: str) -> None:
        together.wait()
        try:
            files.remove(key)
        except OSError as err:
            faults.append(err)

    for _ in range(150):
        for number in range(3):
            (tmp_path / f"alice-{number}.wav").write_bytes(b"sound")
        key = Aside(tmp_path).put(sorted(tmp_path.glob("*.wav")))
        threads = [threading.Thread(target=remove, args=(files, key)) for files in servers]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert faults == []
    assert list(tmp_path.iterdir()) == []


def test_files_that_cant_be_seen_now_stay_until_all_of_them_can_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, other = record(tmp_path / "alice.wav"), record(tmp_path / "more" / "alice-de.wav")
    key = Aside(tmp_path).put([alice, other])
    unseen, listed = tmp_path / ASIDE / key / "more", os.scandir

    def hidden(place: str | int) -> Iterator[os.DirEntry[str]]:
        if place == str(unseen):
            raise OSError(errno.EIO, os.strerror(errno.EIO), place)
        return listed(place)

    with monkeypatch.context() as patched:
        patched.setattr(os, "scandir", hidden)
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            VoiceFiles(tmp_path).restore(key)
    assert len(VoiceFiles(tmp_path).restore(key)) == 2
    assert alice.exists() and other.exists()


@pytest.mark.slow(4)
def test_an_engine_keeps_voices_where_they_are_forgotten(tiny: Tiny, tmp_path: Path) -> None:
    alice, bob = (record_voice(tmp_path / f"{name}.wav", pitch) for name, pitch in (("alice", 140), ("bob", 200)))
    for model in ("nano", "turbo"):
        engine = start(tiny(model), tmp_path)
        for voice in (alice, bob):
            assert engine.prepare(voice, never)
    assert len(kept(tmp_path)) == 4
    assert alice.recording is not None and bob.recording is not None
    kept_files.forget(tmp_path / "cache" / "voices", content(alice.recording))
    left = kept(tmp_path)
    assert len(left) == 2
    assert all(path.name.startswith(content(bob.recording)[:32]) for path in left)
