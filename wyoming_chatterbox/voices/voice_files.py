"""The files of voices: added, changed, renamed, set aside and brought back. Each call takes as long as the file system.

A file is written under a hidden name and then gets its own, so that nobody sees a part of it. Links in the folder are
never followed: one may be moved or replaced, what it points at stays as it is.
"""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from secrets import token_hex
from typing import Any

from ..engine.voice.recording import content_of
from ..errors import ConflictError, VoiceError
from ..problem import Problem
from ..quoting import quoted
from .aside import Aside, is_older
from .catalogue import DEFAULT
from .finding import Finder, VoiceName, is_profile
from .moves import Move, check_inside, move, move_all, move_back
from .names import folded, listed
from .profile import Profile, profile_of, read_profile, write_profile
from .recordings import SUFFIXES as RECORDING_SUFFIXES
from .voice import STYLE_OPTIONS

LEFTOVER_SECONDS = 600.0
"""Seconds after which what nobody has written is a leftover: several servers may have the same folder."""
_UPLOAD = ".upload-"
_LEFTOVER = re.compile(rf"{re.escape(_UPLOAD)}[0-9a-f]{{16}}|\.[a-z0-9_]{{8}}\.part")
"""Names of files that were being written when a server ended; profiles are written as the second."""


class VoiceFiles:
    """The files in one voices folder; calls from several threads take turns."""

    def __init__(
        self,
        directory: Path,
        read: Callable[[Path], Profile] = read_profile,
        forget: Callable[[str], None] = lambda _: None,
    ) -> None:
        """`read` reads a profile as `read_profile` does, perhaps from memory.

        `forget` is called with the SHA-256 of a recording that was removed for good, and is nowhere else in the folder.
        """
        self.directory = directory
        self._forget = forget
        self._read_profile = read
        self._there = Finder(directory, read)
        self._aside = Aside(directory)
        self._left: dict[str, Collection[Path]] = {}
        """The files of the same names that stayed when a voice was set aside: they are not in its way back."""
        self._lock = threading.Lock()

    def temporary(self) -> Path:
        """Return a path for a file that is being written."""
        return self.directory / f"{_UPLOAD}{token_hex(8)}"

    def writable(self) -> bool:
        """Whether files can be put into the folder, or the folder be made."""
        there = next((path for path in (self.directory, *self.directory.parents) if path.exists()), None)
        return there is not None and there.is_dir() and os.access(there, os.W_OK | os.X_OK)

    def add(
        self,
        name: str,
        sound: Path | None,
        suffix: str,
        profile: Profile,
        *,
        instead: bool = False,
        replaces: str | None = None,
    ) -> str | None:
        """Add a voice: a recording that is moved here from `sound`, a profile that says something, or both.

        With `instead`, another recording of that name is set aside, and its profile is changed where `profile` says
        something; else `ConflictError` if there is one. `replaces` is a file that is no voice, by its name in the
        folder, and is set aside too. Each stays until the new one is there. Returns what they are kept under.
        """
        with self._lock:
            self.directory.mkdir(parents=True, exist_ok=True)
            there = self._there.files_of(name)
            recordings = [path for path in there if path.suffix.lower() in RECORDING_SUFFIXES]
            gone = [self._no_voice(replaces)] if replaces is not None else []
            in_the_way = recordings if set(gone).intersection(recordings) else there
            if not instead and (in_the_way := [path for path in in_the_way if path not in gone]):
                raise _taken(in_the_way)
            if sound is None and profile.recording is not None and recordings:
                self._check_same(name, recordings, profile.recording)
            target = self.directory / f"{name}{suffix}"
            path = next((path for path in there if path not in recordings), self.directory / f"{name}.yaml")
            old = self._read(path) if path in there else Profile()
            new = _over(profile, replace(old, recording=None) if sound is not None else old)
            if sound is not None:
                gone += [path for path in recordings if path not in gone]
            kept = self._aside.copy(gone) if gone else None
            try:
                written = self._put(sound, target, gone) if sound is not None else None
                try:
                    if new != old or (sound is None and path not in there):
                        self._keep_comments(path)
                        write_profile(path, new)
                    for one in gone:
                        if one != written:
                            one.unlink(missing_ok=True)
                except BaseException:
                    if written is not None and written not in gone:
                        with suppress(OSError):
                            written.unlink()
                    raise
            except BaseException:
                if kept is not None:
                    self._aside.take_back(kept)
                raise
            if kept is not None:
                self._left[kept] = ()
            return kept

    def change(self, voice: VoiceName, changes: Mapping[str, Any], name: str | None = None) -> Path | None:
        """Change what the profile says by key (None takes it back), and the voice's name if one is given.

        Returns where a profile that held comments is kept as it was. `VoiceError` says which value is wrong.
        """
        with self._lock:
            profiles = self._there.profiles_of(voice)
            path = profiles[0]
            old = self._read(path) if path.exists() else Profile()
            new = altered(old, changes)
            moves: list[Move] = []
            if name is not None and name != voice.name:
                moves = self._renaming(voice, profiles, name)
                path = path.with_name(name + path.suffix)
                if voice.owned is not None:
                    # The profile may name the recording beside it, which gets another name.
                    new = replace(new, recording=None)
            move_all(moves)
            try:
                if new == old:
                    return None
                kept = self._keep_comments(path)
                if new == Profile() and (voice.owned is not None or voice.name == DEFAULT):
                    path.unlink(missing_ok=True)
                else:
                    write_profile(path, new)
                return kept
            except BaseException:
                move_back(moves)
                raise

    def delete(self, voice: VoiceName, *, with_styles: bool = False) -> tuple[str, list[str]]:
        """Set a voice's files aside; return what they are kept under, and the names of those that are not hidden.

        `ConflictError` names the profiles that use the recording, unless they go too, `with_styles`.
        """
        with self._lock:
            profiles = self._there.profiles_of(voice)
            files = [path for path in (voice.owned, *profiles) if path is not None and os.path.lexists(path)]
            files += [path for path in self._there.profiles_for_languages(voice) if path not in files]
            if voice.owned is not None:
                styles = [path for path in self._there.styles_of(voice.owned) if path not in profiles]
                if styles and not with_styles:
                    raise ConflictError(
                        f"The recording {voice.owned.name} is used by {_names(styles)} too: delete them first, or "
                        "all of them at once with ?styles=true",
                        Problem("recording-used", {"file": voice.owned.name, "by": _names(styles)}),
                    )
                files += styles
            if not files:
                raise ConflictError(f"The files of {quoted(voice.name)} are gone already", Problem("files-changed"))
            copies = [copy for path in files if is_profile(path) and os.path.lexists(copy := _copy_of(path))]
            left = set(self._there.files_beside(files)).difference(files)
            key = self._aside.put([*files, *copies])
            self._left[key] = left
            return key, [self._shown(path) for path in files]

    def delete_file(self, name: str) -> tuple[str, list[str]]:
        """Set one file aside that is no voice, by its name in the folder, as `delete` does."""
        with self._lock:
            return self._aside.put([self._no_voice(name)]), [name]

    def restore(self, key: str) -> list[str]:
        """Bring the files back that were set aside as `key`, and return the names of those that are not hidden.

        `ConflictError` if another voice has the name now; a file that was no voice only needs its own place.
        """
        with self._lock:
            moves = self._aside.moves(key)
            if not moves:
                raise ConflictError("The files are gone for good", Problem("files-gone"))
            targets = [target for _, target in moves]
            for target in targets:
                check_inside(self.directory, target)
            if (left := self._left.get(key)) is not None:
                in_the_way = [path for path in self._there.files_beside(targets) if path not in left]
                if in_the_way:
                    raise _taken(in_the_way)
            move_all(moves)
            self._left.pop(key, None)
            self._aside.remove(key)
            return [self._shown(path) for path in targets if not path.name.startswith(".")]

    def remove(self, key: str) -> None:
        """Remove files that were set aside for good; another server of this folder may do so at the same moment."""
        kept = [path for path, _ in self._aside.moves(key) if path.suffix.lower() in RECORDING_SUFFIXES]
        contents = [content for content in map(content_of, kept) if content is not None]
        sizes = {size for size in map(_size_of, kept) if size is not None}
        with self._lock:
            self._left.pop(key, None)
            self._aside.remove(key)
        there = set(map(content_of, self._there.recordings(sizes)))
        for content in contents:
            if content not in there:
                self._forget(content)

    def remove_leftovers(self) -> None:
        """Remove what a server was writing when it ended, and what it had set aside."""
        with self._lock:
            for path in list(self.directory.iterdir()):
                if _LEFTOVER.fullmatch(path.name) and not path.is_dir() and is_older(path, LEFTOVER_SECONDS):
                    path.unlink(missing_ok=True)
        for key in self._aside.older(LEFTOVER_SECONDS):
            self.remove(key)

    def _no_voice(self, name: str) -> Path:
        path = self.directory / name
        if Path(name).is_absolute() or ".." in Path(name).parts or not os.path.lexists(path) or path.is_dir():
            message = f"{quoted(name)} is no file that can be deleted here: look into the folder itself"
            raise ConflictError(message, Problem("not-here", {"name": name}))
        return path

    def _put(self, sound: Path, target: Path, gone: Sequence[Path]) -> Path:
        """Move a recording to its place, in one step where one of those is that go; return where it is."""
        # On a file system that takes names of different case for one, that may have another name.
        there = next((path for path in gone if path == target or _is_same(path, target)), None)
        if there is None:
            move(sound, target)
            return target
        sound.replace(there)
        return there

    def _check_same(self, name: str, recordings: Sequence[Path], named: str) -> None:
        """Raise `ConflictError` if a profile is to name another recording than the one beside it."""
        wanted = folded(os.path.normpath(self.directory / named))
        if wanted not in (folded(str(path)) for path in recordings):
            raise ConflictError(
                f"{quoted(name)} has a recording of its own, {_names(recordings)}: delete it first, or choose "
                "another name"
            )

    def _read(self, path: Path) -> Profile:
        try:
            return self._read_profile(path)
        except VoiceError as err:
            wrong = Problem("profile-wrong", {"file": self._shown(path)})
            raise ConflictError(f"{self._shown(path)} must be mended by hand first: {err}", wrong) from err

    def _keep_comments(self, path: Path) -> Path | None:
        """Keep a copy of a profile in which a person wrote comments, as they get lost when it is written anew."""
        if not path.exists() or not re.search(rb"(^|\s)#", content := path.read_bytes()):
            return None
        copy, kept = self.temporary(), _copy_of(path)
        try:
            with copy.open("xb") as file:
                file.write(content)
            copy.replace(kept)
        except BaseException:
            copy.unlink(missing_ok=True)
            raise
        return kept

    def _renaming(self, voice: VoiceName, profiles: Sequence[Path], name: str) -> list[Move]:
        """List what is moved where when a voice gets another name; `ConflictError` if that can't be."""
        folder = profiles[0].parent
        if folded(name) != folded(voice.name) and (there := self._there.files_of(name, folder)):
            raise _taken(there)
        moves = [
            *((path, path.with_name(name + path.suffix)) for path in profiles),
            *(
                (path, path.with_name(f"{name}{path.stem[-3:]}{path.suffix}"))
                for path in self._there.profiles_for_languages(voice)
            ),
        ]
        moves += [(_copy_of(old), copy) for old, new in moves if not os.path.lexists(copy := _copy_of(new))]
        if (recording := voice.owned) is not None:
            check_inside(self.directory, recording)
            if styles := [path for path in self._there.styles_of(recording) if path not in profiles]:
                raise ConflictError(f"The recording {recording.name} is used by {_names(styles)} too, so it can't move")
            moves.insert(0, (recording, recording.with_name(name + recording.suffix)))
        return [(old, new) for old, new in moves if os.path.lexists(old)]

    def _shown(self, path: Path) -> str:
        return path.relative_to(self.directory).as_posix()


def altered(profile: Profile, changes: Mapping[str, Any]) -> Profile:
    """Return a profile with other values for some keys, None for none; `VoiceError` says which value is wrong."""
    checked = profile_of(changes)
    style = {key: getattr(checked.style, key) for key in changes if key in STYLE_OPTIONS}
    others = {key: getattr(checked, key) for key in changes if key not in STYLE_OPTIONS}
    return replace(profile, style=replace(profile.style, **style), **others)


def _is_same(path: Path, other: Path) -> bool:
    try:
        return os.path.samestat(path.lstat(), other.lstat())
    except OSError:
        return False


def _size_of(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None


def _over(profile: Profile, other: Profile) -> Profile:
    """Take each value from `profile` where it says something, else from `other`."""
    return Profile(
        label=profile.label or other.label,
        recording=profile.recording or other.recording,
        language=profile.language or other.language,
        style=profile.style.over(other.style),
        aliases=profile.aliases or other.aliases,
    )


def _copy_of(profile: Path) -> Path:
    """Return where a profile that held comments is kept as a person wrote it."""
    return profile.with_name(f".{profile.name}.bak")


def _taken(files: Sequence[Path]) -> ConflictError:
    name = files[0].stem
    taken = Problem("name-taken", {"voice": name})
    return ConflictError(f"There is a voice {quoted(name)} already: {_names(files)}", taken)


def _names(paths: Sequence[Path]) -> str:
    return listed([path.name for path in paths])
