"""Changing the voices folder: whole files or none, nothing behind a link, and a share that hangs holds nobody up."""

from __future__ import annotations

import asyncio
import errno
import os
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client import PATIENCE
from tests.serving import until
from tests.shares import SharedFolder
from tests.test_voices import look, names, record
from wyoming_chatterbox.errors import ConflictError, FolderError, RequestError, VoiceError
from wyoming_chatterbox.families import ENGLISH
from wyoming_chatterbox.voices.aside import ASIDE
from wyoming_chatterbox.voices.file_names import MAX_NAME_BYTES, checked_name, name_of_file, suffix_of
from wyoming_chatterbox.voices.finding import VoiceName
from wyoming_chatterbox.voices.folder import VoicesFolder
from wyoming_chatterbox.voices.library import Library
from wyoming_chatterbox.voices.profile import Profile
from wyoming_chatterbox.voices.voice import Style
from wyoming_chatterbox.voices.voice_files import LEFTOVER_SECONDS, VoiceFiles

SLOW = Profile(style=Style(speed=0.8))


def listed(folder: Path) -> list[str]:
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_symlink() or path.is_file()
    )


@pytest.mark.parametrize(
    ("given_name", "name"),
    [
        ("alice", "alice"),
        ("  Oma   Erna ", "Oma Erna"),
        ("山田\u3000太郎", "山田 太郎"),
        ("Zoe\u0308", "Zoë"),
        ("می\u200cخواهم", "می\u200cخواهم"),
        ("👩\u200d🚀", "👩\u200d🚀"),
        ("a.b", "a.b"),
        ("-rf", "-rf"),
        ("~", "~"),
    ],
)
def test_names_are_taken_in_one_form(given_name: str, name: str) -> None:
    assert checked_name(given_name) == name


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("", "empty"),
        ("   ", "empty"),
        (".hidden", "full stop"),
        ("..", "full stop"),
        ("end.", "full stop"),
        ("a/b", "leave / out"),
        ("a\\b", "leave \\ out"),
        ("a:b?", "leave : ? out"),
        ("two\nlines", "line breaks"),
        ("nul\0", "control characters"),
        ("drow\u202eover", "can't be shown"),
        ("stray\udcff", "can't be shown"),
        ("private\ue000", "can't be shown"),
        ("é" * 61, "122 bytes"),
        ("NUL", "device"),
        ("com1.alice", "device"),
        ("dEfAuLt", "model's own"),
        ("\u200d", "nothing of it can be seen"),
        ("\u200c \u200d", "nothing of it can be seen"),
    ],
)
def test_names_that_would_not_do_everywhere_are_refused(name: str, reason: str) -> None:
    with pytest.raises(RequestError) as caught:
        checked_name(name)
    assert reason in str(caught.value)
    assert str(caught.value).isprintable()


@given(st.text())
def test_a_name_that_is_taken_is_one_file_name_and_stays_as_it_is(text: str) -> None:
    try:
        name = checked_name(text)
    except RequestError:
        return
    assert (name, checked_name(name)) == (Path(f"/voices/{name}.wav").stem, name)
    assert Path(f"/voices/{name}.wav").parent == Path("/voices")
    assert not name.startswith(".")
    assert 0 < len(name.encode()) <= MAX_NAME_BYTES


def test_a_files_name_is_that_of_any_system() -> None:
    assert [name_of_file(name) for name in ("C:\\a\\b.m4a", "/x/y.tar.wav", "z", "", "..\\..\\e.mp3")] == [
        "b",
        "y.tar",
        "z",
        "",
        "e",
    ]


@pytest.mark.parametrize(
    ("head", "suffix"),
    [
        (b"RIFF\0\0\0\0WAVEfmt ", ".wav"),
        (b"RIFF\0\0\0\0AVI LIST", None),
        (b"RIFX\0\0\0\0WAVEfmt ", ".wav"),
        (b"RF64\0\0\0\0WAVEds64", ".wav"),
        (b"FORM\0\0\0\0AIFFCOMM", ".aiff"),
        (b"fLaC\0\0\0\x22        ", ".flac"),
        (b"OggS\0\x02          ", ".ogg"),
        (b"ID3\x04          ", ".mp3"),
        (b"\xff\xfb\x90\x00          ", ".mp3"),
        (b"\xff\xf1\x50\x80          ", ".aac"),
        (b"\0\0\0\x20ftypM4A \0\0", ".m4a"),
        (b"\x1aE\xdf\xa3            ", ".webm"),
        (b"caff\0\x01          ", ".caf"),
        (b"<!doctype html>", None),
        (b"RIFF", None),
        (b"", None),
    ],
)
def test_the_beginning_of_a_file_tells_its_suffix(head: bytes, suffix: str | None) -> None:
    assert suffix_of(head) == suffix


def test_a_voice_appears_whole(tmp_path: Path) -> None:
    files = VoiceFiles(tmp_path / "voices")
    files.directory.mkdir()
    sound = files.temporary()
    sound.write_bytes(b"sound")
    files.add("alice", sound, ".wav", SLOW)
    assert listed(files.directory) == ["alice.wav", "alice.yaml"]
    with pytest.raises(ConflictError, match=r"'alice' already: alice\.wav, alice\.yaml"):
        files.add("ALICE", None, "", SLOW)


def test_a_profile_that_cannot_be_written_leaves_no_recording(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = VoiceFiles(tmp_path)
    old = record(tmp_path / "alice.wav").read_bytes()
    sound = files.temporary()
    sound.write_bytes(b"sound")
    full_disk(monkeypatch)
    with pytest.raises(OSError, match="No space"):
        files.add("alice", sound, ".flac", SLOW, instead=True)
    assert listed(tmp_path) == ["alice.wav"]
    assert (tmp_path / "alice.wav").read_bytes() == old


def full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every file that is written out fail, as on a full disk."""

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fchmod", full)


def test_a_folder_without_hard_links_will_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_links(*_: Any, **__: Any) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", no_links)
    files = VoiceFiles(tmp_path)
    record(tmp_path / "alice.wav")
    alice = VoiceName("alice", tmp_path / "alice.wav")
    key, gone = files.delete(alice)
    assert gone == ["alice.wav"]
    files.restore(key)
    files.change(alice, {}, "bob")
    assert listed(tmp_path) == ["bob.wav"]
    (tmp_path / "carol.txt").touch()
    (tmp_path / "bob.yaml").write_text("speed: 0.9")
    (tmp_path / "carol.YML").write_text("speed: 0.9")
    with pytest.raises(ConflictError, match=r"'carol' already: carol\.YML"):
        files.change(VoiceName("bob", tmp_path / "bob.wav"), {}, "Carol")
    assert (tmp_path / "bob.wav").exists()


def test_all_files_of_a_voice_move_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    files = VoiceFiles(tmp_path)
    record(tmp_path / "alice.wav")
    (tmp_path / "alice.yaml").write_text("speed: 0.9\n")
    link = os.link

    def no_profiles(source: Path, target: Path, **options: Any) -> None:
        if Path(target).suffix == ".yaml":
            raise FileExistsError(errno.EEXIST, "in the way")
        link(source, target, **options)

    monkeypatch.setattr(os, "link", no_profiles)
    with pytest.raises(ConflictError):
        files.change(VoiceName("alice", tmp_path / "alice.wav"), {}, "bob")
    with pytest.raises(ConflictError):
        files.delete(VoiceName("alice", tmp_path / "alice.wav"))
    assert listed(tmp_path) == ["alice.wav", "alice.yaml"]


def test_links_are_moved_and_replaced_but_never_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    sound = record(outside / "alice.wav")
    (outside / "bob.yaml").write_text("speed: 0.5\n")
    folder = tmp_path / "voices"
    folder.mkdir()
    (folder / "alice.wav").symlink_to(sound)
    (folder / "alice.yaml").symlink_to(outside / "bob.yaml")
    (folder / "sub").symlink_to(outside)
    files = VoiceFiles(folder)
    alice = VoiceName("alice", folder / "alice.wav")
    files.change(alice, {"speed": 0.7})
    assert (folder / "alice.yaml").read_text() == "speed: 0.7\n"
    assert (outside / "bob.yaml").read_text() == "speed: 0.5\n"
    files.delete(alice)
    inner = VoiceName("alice", folder / "sub" / "alice.wav")
    for change in (lambda: files.change(inner, {"speed": 2}), lambda: files.delete(inner)):
        with pytest.raises(ConflictError, match="behind a link"):
            change()
    beyond = VoiceName("alice", folder / ".." / "outside" / "alice.wav")
    with pytest.raises(ConflictError, match="not in the voices folder"):
        files.delete(beyond)
    assert listed(outside) == ["alice.wav", "bob.yaml"]


def test_a_hidden_folder_that_is_a_link_is_left_alone(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    record(outside / "0123456789abcdef" / "alice.wav")
    folder = tmp_path / "voices"
    record(folder / "bob.wav")
    (folder / ASIDE).symlink_to(outside)
    files = VoiceFiles(folder)
    files.remove_leftovers()
    files.remove("0123456789abcdef")
    for change in (lambda: files.delete(VoiceName("bob", folder / "bob.wav")), lambda: files.restore("x")):
        with pytest.raises(ConflictError):
            change()
    assert listed(outside) == ["0123456789abcdef/alice.wav"]
    assert (folder / "bob.wav").exists()


@pytest.mark.parametrize("name", ["../secret", "/etc/passwd", "sub", "nobody", ""])
def test_only_files_of_the_folder_are_deleted_by_name(tmp_path: Path, name: str) -> None:
    (tmp_path / "secret").touch()
    (tmp_path / "voices" / "sub").mkdir(parents=True)
    with pytest.raises(ConflictError):
        VoiceFiles(tmp_path / "voices").delete_file(name)
    assert listed(tmp_path) == ["secret"]


def test_a_voice_in_a_folder_inside_keeps_its_place(tmp_path: Path) -> None:
    files = VoiceFiles(tmp_path)
    inner = VoiceName("inner", record(tmp_path / "sub" / "inner.wav"))
    files.change(inner, {"speed": 0.9})
    assert listed(tmp_path) == ["sub/inner.wav", "sub/inner.yaml"]
    key, gone = files.delete(inner)
    assert gone == ["sub/inner.wav", "sub/inner.yaml"]
    (tmp_path / "sub").rmdir()
    assert files.restore(key) == gone
    assert listed(tmp_path) == gone


def test_a_style_goes_alone_and_leaves_the_recording(tmp_path: Path) -> None:
    files = VoiceFiles(tmp_path)
    alice = record(tmp_path / "alice.wav")
    files.add("alice-calm", None, "", Profile(recording="alice.wav"))
    assert files.delete(VoiceName("alice-calm", alice))[1] == ["alice-calm.yaml"]
    assert [name for name in listed(tmp_path) if not name.startswith(ASIDE)] == ["alice.wav"]


def test_a_wrong_value_changes_nothing(tmp_path: Path) -> None:
    files = VoiceFiles(tmp_path)
    (tmp_path / "alice.yaml").write_text("speed: 0.9 # slow\n")
    with pytest.raises(VoiceError, match="speed can't be '99'"):
        files.change(VoiceName("alice", record(tmp_path / "alice.wav")), {"speed": 99, "seed": 1}, "bob")
    assert listed(tmp_path) == ["alice.wav", "alice.yaml"]


def test_leftovers_are_removed_once_nobody_can_be_writing_them(tmp_path: Path) -> None:
    files = VoiceFiles(tmp_path)
    upload = files.temporary()
    upload.write_bytes(b"half")
    key, _ = files.delete(VoiceName("alice", record(tmp_path / "alice.wav")))
    # Another server with the same folder starts.
    VoiceFiles(tmp_path).remove_leftovers()
    assert len(listed(tmp_path)) == 2
    for path in (upload, tmp_path / ASIDE / key):
        age(path)
    VoiceFiles(tmp_path).remove_leftovers()
    assert list(tmp_path.iterdir()) == []


def age(path: Path) -> None:
    """Make a file or folder as old as a leftover."""
    then = time.time() - LEFTOVER_SECONDS - 1
    os.utime(path, (then, then))


async def test_what_is_set_aside_is_no_voice(tmp_path: Path) -> None:
    record(tmp_path / "alice.wav")
    library = Library(tmp_path)
    await library.delete(VoiceName("alice", tmp_path / "alice.wav"))
    found = await look(VoicesFolder(tmp_path, lambda: ("en",), lambda: ENGLISH.prompt, "default"))
    assert (names(found), found.broken) == (["default"], {})
    library.close()


async def test_a_share_that_hangs_holds_nobody_up_and_takes_one_thread(tmp_path: Path) -> None:
    share = SharedFolder(tmp_path)
    library = Library(share, patience=0.05)
    share.answers.clear()
    for _ in range(5):
        with pytest.raises(FolderError, match=r"has not answered for 0\.05 s"):
            await library.add("alice", SLOW)
    assert share.looks == 1
    assert not await library.writable()
    share.answers.set()
    await until(lambda: (tmp_path / "alice.yaml").exists())
    await until_it_answers(library)
    # A busy machine may be late again, and add it all the same.
    with suppress(FolderError):
        await library.add("bob", SLOW)
    await until(lambda: listed(tmp_path) == ["alice.yaml", "bob.yaml"])


async def until_it_answers(library: Library) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await library.writable():
            await asyncio.sleep(0.002)


@pytest.mark.parametrize(
    ("number", "says", "full"),
    [
        (errno.EROFS, "mount it without :ro", False),
        (errno.EACCES, "let the server write there", False),
        (errno.ENOSPC, "free some space", True),
        (errno.EIO, "can't be changed: Input/output error", False),
    ],
)
async def test_trouble_with_the_folder_is_told_with_what_to_do(
    tmp_path: Path, number: int, says: str, full: bool
) -> None:
    class Broken(SharedFolder):
        def iterdir(self) -> Iterator[Path]:
            raise OSError(number, os.strerror(number))

    with pytest.raises(FolderError) as caught:
        await Library(Broken(tmp_path)).add("alice", SLOW)
    assert says in str(caught.value)
    assert str(tmp_path) in str(caught.value)
    assert caught.value.full == full


async def test_an_upload_that_is_given_up_while_it_is_written_leaves_nothing(tmp_path: Path) -> None:
    library = Library(tmp_path)
    written = asyncio.Event()

    async def upload() -> None:
        async with library.receive(0) as receiving:
            await library.write(receiving, bytes(1_000_000))
            written.set()
            while True:
                await library.write(receiving, bytes(100_000))

    task = asyncio.create_task(upload())
    await written.wait()
    assert len(listed(tmp_path)) == 1
    task.cancel()
    await asyncio.wait([task])
    assert listed(tmp_path) == []


async def test_pieces_are_written_as_they_came(tmp_path: Path) -> None:
    library = Library(tmp_path)
    pieces = [os.urandom(size) for size in (1, 10, 300_000, 7, 262_144, 0, 99)]
    read: list[bytes] = []
    examine: Callable[[Path], None] = lambda path: read.append(path.read_bytes())  # noqa: E731
    async with library.receive(0) as receiving:
        for piece in pieces:
            await library.write(receiving, piece)
        await library.finish(receiving, examine)
        assert receiving.head == b"".join(pieces)[:64]
        await library.add("alice", Profile(), receiving, ".wav")
    assert read == [b"".join(pieces)]
    assert listed(tmp_path) == ["alice.wav"]
    assert (tmp_path / "alice.wav").read_bytes() == read[0]


def test_profiles_for_one_language_go_with_the_voice_and_other_styles_stay(tmp_path: Path) -> None:
    files = VoiceFiles(tmp_path)
    alice = VoiceName("alice", record(tmp_path / "alice.wav"))
    record(tmp_path / "alice-fr.wav")
    for name in ("Alice", "alice-de", "alice-NB", "alice-fr", "alice-ok", "alice-calm"):
        (tmp_path / f"{name}.yaml").write_text("speed: 0.9\n")
    (tmp_path / "alice-sv.yaml").write_text("recording: alice-fr.wav\n")
    files.change(alice, {"speed": 1.1}, "bob")
    left = ["alice-calm.yaml", "alice-fr.wav", "alice-fr.yaml", "alice-ok.yaml", "alice-sv.yaml"]
    assert listed(tmp_path) == [*left, "bob-NB.yaml", "bob-de.yaml", "bob.wav", "bob.yaml"]
    assert (tmp_path / "bob.yaml").read_text() == "speed: 1.1\n"
    _, gone = files.delete(VoiceName("bob", tmp_path / "bob.wav"))
    assert gone == ["bob.wav", "bob.yaml", "bob-NB.yaml", "bob-de.yaml"]
    assert [name for name in listed(tmp_path) if not name.startswith(ASIDE)] == left


def test_a_style_in_a_folder_inside_is_found_by_its_name(tmp_path: Path) -> None:
    files = VoiceFiles(tmp_path)
    alice = record(tmp_path / "family" / "alice.wav")
    calm = tmp_path / "family" / "calm.yml"
    calm.write_text("recording: alice.wav\n")
    files.change(VoiceName("calm", alice), {"speed": 0.9})
    assert calm.read_text() == "recording: alice.wav\nspeed: 0.9\n"
    with pytest.raises(ConflictError, match=r"calm\.yml"):
        files.delete(VoiceName("alice", alice))
    assert files.delete(VoiceName("calm", alice))[1] == ["family/calm.yml"]
