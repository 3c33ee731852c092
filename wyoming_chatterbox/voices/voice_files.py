"""The files of voices: added, changed, renamed, set aside and brought back. Each call takes as long as the file system.

A file is written under a hidden name and then gets its own, so that nobody sees a part of it. Links in the folder are
never followed: one may be moved or replaced, what it points at stays as it is.
"""

from __future__ import annotations

import os
import re
import shutil
import threading
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from secrets import token_hex
from typing import Any

from ..errors import ConflictError, VoiceError
from ..families import MULTILINGUAL_LANGUAGES
from ..quoting import quoted
from .catalogue import DEFAULT
from .moves import move, move_all
from .names import folded
from .profile import SUFFIXES as PROFILE_SUFFIXES
from .profile import Profile, profile_of, read_profile, write_profile
from .recordings import SUFFIXES as RECORDING_SUFFIXES
from .voice import STYLE_OPTIONS

ASIDE = ".deleted"
"""Folder of the files that are deleted, each deletion in a folder of its own, until they are removed for good."""
_UPLOAD = ".upload-"
_LANGUAGE_CODES = (*MULTILINGUAL_LANGUAGES, "nb", "nn", "iw")
"""Languages as the names of profiles tell them."""
_LEFTOVER = re.compile(rf"{re.escape(_UPLOAD)}[0-9a-f]{{16}}|\.[a-z0-9_]{{8}}\.part")
"""Names of files that were being written when the server ended; profiles are written as the second."""


@dataclass(frozen=True)
class VoiceName:
    """A voice as its files know it."""

    name: str
    recording: Path | None = None
    """The recording, also where another voice's is used; None for the model's own voice."""

    @property
    def owned(self) -> Path | None:
        """The recording, if it is this voice's own: its name is the voice's."""
        return self.recording if self.recording is not None and self.recording.stem == Path(self.name).name else None


class VoiceFiles:
    """The files in one voices folder; calls from several threads take turns."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self._run = token_hex(4)
        """How names begin that this run of the server makes up, unlike those of an earlier one."""
        self._lock = threading.Lock()

    def temporary(self) -> Path:
        """Return a path for a file that is being written."""
        return self.directory / f"{_UPLOAD}{self._made_up()}"

    def writable(self) -> bool:
        """Whether files can be put into the folder, or the folder be made."""
        there = next((path for path in (self.directory, *self.directory.parents) if path.exists()), None)
        return there is not None and there.is_dir() and os.access(there, os.W_OK | os.X_OK)

    def add(self, name: str, sound: Path | None, suffix: str, profile: Profile, *, instead: bool = False) -> str | None:
        """Add a voice: a recording that is moved here from `sound`, a profile that says something, or both.

        With `instead`, another recording of that name is set aside, and its profile is changed where `profile` says
        something; returns what it is kept under then. Else `ConflictError` if there is one.
        """
        with self._lock:
            self.directory.mkdir(parents=True, exist_ok=True)
            there = self._files_of(name)
            if there and not instead:
                raise self._taken(there)
            recordings = [path for path in there if path.suffix.lower() in RECORDING_SUFFIXES]
            target = self.directory / f"{name}{suffix}"
            path = next((path for path in there if path not in recordings), self.directory / f"{name}.yaml")
            old = self._read(path) if path in there else Profile()
            new = _over(profile, replace(old, recording=None) if sound is not None else old)
            kept = self._set_aside(recordings) if recordings and sound is not None else None
            try:
                if sound is not None:
                    move(sound, target)
                try:
                    if new != old or (sound is None and path not in there):
                        self._keep_comments(path)
                        write_profile(path, new)
                except BaseException:
                    if sound is not None:
                        target.unlink()
                    raise
            except BaseException:
                if kept is not None:
                    self._bring_back(kept)
                raise
            return kept

    def change(self, voice: VoiceName, changes: Mapping[str, Any], name: str | None = None) -> Path | None:
        """Change what the profile says by key (None takes it back), and the voice's name if one is given.

        Returns where a profile that held comments is kept as it was. `VoiceError` says which value is wrong.
        """
        with self._lock:
            path = self._profile_of(voice)
            old = self._read(path) if path.exists() else Profile()
            new = altered(old, changes)
            moves = [] if name is None or name == voice.name else self._renaming(voice, path, name)
            kept = None
            if new != old:
                kept = self._keep_comments(path)
                if new == Profile() and (voice.owned is not None or voice.name == DEFAULT):
                    path.unlink(missing_ok=True)
                else:
                    write_profile(path, new)
            move_all([move for move in moves if move[0].exists()])
            return kept

    def delete(self, voice: VoiceName, *, with_styles: bool = False) -> tuple[str, list[str]]:
        """Set a voice's files aside; return what they are kept under, and their names.

        `ConflictError` names the profiles that use the recording, unless they go too, `with_styles`.
        """
        with self._lock:
            profile = self._profile_of(voice)
            files = [path for path in (voice.owned, profile) if path is not None and os.path.lexists(path)]
            files += [path for path in self._profiles_for_languages(voice) if path not in files]
            if voice.owned is not None:
                styles = [path for path in self._styles_of(voice.owned) if path != profile]
                if styles and not with_styles:
                    raise ConflictError(
                        f"The recording {voice.owned.name} is used by {_listed(styles)} too: delete them first, or "
                        "all of them at once with ?styles=true"
                    )
                files += styles
            if not files:
                raise ConflictError(f"The files of {quoted(voice.name)} are gone already")
            return self._set_aside(files), [self._shown(path) for path in files]

    def delete_file(self, name: str) -> tuple[str, list[str]]:
        """Set one file aside that is no voice, by its name in the folder, as `delete` does."""
        with self._lock:
            path = self.directory / name
            if Path(name).is_absolute() or ".." in Path(name).parts or not os.path.lexists(path) or path.is_dir():
                raise ConflictError(f"{quoted(name)} is no file that can be deleted here: look into the folder itself")
            return self._set_aside([path]), [name]

    def restore(self, key: str) -> list[str]:
        """Bring the files back that were set aside as `key`, and return their names.

        `ConflictError` if another voice has the name now.
        """
        with self._lock:
            return [self._shown(path) for path in self._bring_back(key)]

    def remove(self, key: str) -> None:
        """Remove files that were set aside for good."""
        with self._lock:
            if self._aside_is_ours():
                shutil.rmtree(self.directory / ASIDE / key, ignore_errors=True)
                with suppress(OSError):
                    (self.directory / ASIDE).rmdir()

    def remove_leftovers(self) -> None:
        """Remove what an earlier run of the server was writing when it ended, and all that was set aside."""
        with self._lock:
            for path in list(self.directory.iterdir()):
                ours = path.name.startswith(_UPLOAD + self._run)
                if _LEFTOVER.fullmatch(path.name) and not ours and not path.is_dir():
                    path.unlink(missing_ok=True)
            if self._aside_is_ours():
                aside = self.directory / ASIDE
                for path in list(aside.iterdir()):
                    if not path.name.startswith(self._run):
                        shutil.rmtree(path, ignore_errors=True)
                with suppress(OSError):
                    aside.rmdir()

    def _made_up(self) -> str:
        return self._run + token_hex(4)

    def _files_of(self, name: str) -> list[Path]:
        """List the folder's recordings and profiles of a name, in any case."""
        suffixes = PROFILE_SUFFIXES | RECORDING_SUFFIXES
        wanted = folded(name)
        return sorted(
            path
            for path in self.directory.iterdir()
            if path.suffix.lower() in suffixes and folded(path.stem) == wanted and not path.name.startswith(".")
        )

    def _taken(self, files: Sequence[Path]) -> ConflictError:
        return ConflictError(f"There is a voice {quoted(files[0].stem)} already: {_listed(files)}")

    def _profile_of(self, voice: VoiceName) -> Path:
        """Return the path of a voice's profile, whether or not there is one yet; `ConflictError` behind a link."""
        if voice.owned is not None:
            beside = voice.owned.with_suffix(".yaml")
            there = [path for path in beside.parent.iterdir() if _is_profile(path)]
        else:
            beside = self.directory / f"{voice.name}.yaml"
            there = self._profiles()
        named = [path for path in there if folded(path.stem) == folded(beside.stem)]
        path = min(named, key=lambda path: (path.stem != beside.stem, path), default=beside)
        self._check_inside(path)
        return path

    def _profiles_for_languages(self, voice: VoiceName) -> list[Path]:
        """List the profiles that say how a voice speaks in one language: `alice-de.yaml` for alice."""
        wanted = {folded(f"{Path(voice.name).name}-{code}") for code in _LANGUAGE_CODES}
        found = [path for path in self._profiles() if folded(path.stem) in wanted]
        return sorted(path for path in found if not self._has_recording(path) and _recording_named_in(path) is None)

    def _has_recording(self, profile: Path) -> bool:
        return any(
            path.suffix.lower() in RECORDING_SUFFIXES and folded(path.stem) == folded(profile.stem)
            for path in profile.parent.iterdir()
        )

    def _check_inside(self, path: Path) -> None:
        if not path.is_relative_to(self.directory) or ".." in path.parts:
            raise ConflictError(f"{quoted(path.name)} is not in the voices folder")
        for folder in path.relative_to(self.directory).parents:
            if folder.parts and (self.directory / folder).is_symlink():
                raise ConflictError(f"{self._shown(path)} is behind a link: change it where it is")

    def _read(self, path: Path) -> Profile:
        try:
            return read_profile(path)
        except VoiceError as err:
            raise ConflictError(f"{self._shown(path)} must be mended by hand first: {err}") from err

    def _keep_comments(self, path: Path) -> Path | None:
        """Keep a copy of a profile in which a person wrote comments, as they get lost when it is written anew."""
        if not path.exists() or not re.search(rb"(^|\s)#", content := path.read_bytes()):
            return None
        copy, kept = self.temporary(), path.with_name(f".{path.name}.bak")
        with copy.open("xb") as file:
            file.write(content)
        copy.replace(kept)
        return kept

    def _renaming(self, voice: VoiceName, profile: Path, name: str) -> list[tuple[Path, Path]]:
        """List what is moved where when a voice gets another name; `ConflictError` if that can't be."""
        if folded(name) != folded(voice.name) and (there := self._files_of(name)):
            raise self._taken(there)
        moves = [
            (profile, profile.with_name(name + profile.suffix)),
            *(
                (path, path.with_name(f"{name}{path.stem[-3:]}{path.suffix}"))
                for path in self._profiles_for_languages(voice)
            ),
        ]
        if (recording := voice.owned) is not None:
            self._check_inside(recording)
            if styles := [path for path in self._styles_of(recording) if path != profile]:
                raise ConflictError(
                    f"The recording {recording.name} is used by {_listed(styles)} too, so it can't move"
                )
            moves.insert(0, (recording, recording.with_name(name + recording.suffix)))
        return moves

    def _styles_of(self, recording: Path) -> list[Path]:
        """List the profiles that say they use a recording."""
        return sorted(path for path in self._profiles() if _recording_named_in(path) == recording)

    def _profiles(self) -> list[Path]:
        """List the profiles in the folder and in those inside it."""
        found: list[Path] = []
        for place, folders, files in os.walk(self.directory):
            folders[:] = [folder for folder in folders if not folder.startswith(".")]
            found += [path for path in map(Path(place).joinpath, files) if _is_profile(path)]
        return found

    def _set_aside(self, files: Sequence[Path]) -> str:
        for path in files:
            self._check_inside(path)
        key = self._made_up()
        if (self.directory / ASIDE).is_symlink():
            raise ConflictError(f"{ASIDE} in the voices folder is a link: remove it first")
        place = self.directory / ASIDE / key
        place.mkdir(parents=True)
        move_all([(path, place / path.relative_to(self.directory)) for path in files])
        return key

    def _bring_back(self, key: str) -> list[Path]:
        place = self.directory / ASIDE / key
        if not self._aside_is_ours() or not place.is_dir():
            raise ConflictError("The files are gone for good")
        files = sorted(path for path in place.rglob("*") if path.is_symlink() or not path.is_dir())
        targets = [self.directory / path.relative_to(place) for path in files]
        for target in targets:
            self._check_inside(target)
            if there := self._files_of(target.stem):
                raise self._taken(there)
        move_all(list(zip(files, targets, strict=True)))
        shutil.rmtree(place, ignore_errors=True)
        return targets

    def _aside_is_ours(self) -> bool:
        aside = self.directory / ASIDE
        return aside.is_dir() and not aside.is_symlink()

    def _shown(self, path: Path) -> str:
        return path.relative_to(self.directory).as_posix()


def altered(profile: Profile, changes: Mapping[str, Any]) -> Profile:
    """Return a profile with other values for some keys, None for none; `VoiceError` says which value is wrong."""
    checked = profile_of(changes)
    style = {key: getattr(checked.style, key) for key in changes if key in STYLE_OPTIONS}
    others = {key: getattr(checked, key) for key in changes if key not in STYLE_OPTIONS}
    return replace(profile, style=replace(profile.style, **style), **others)


def _over(profile: Profile, other: Profile) -> Profile:
    """Take each value from `profile` where it says something, else from `other`."""
    return Profile(
        label=profile.label or other.label,
        recording=profile.recording or other.recording,
        language=profile.language or other.language,
        style=profile.style.over(other.style),
        aliases=profile.aliases or other.aliases,
    )


def _is_profile(path: Path) -> bool:
    return path.suffix.lower() in PROFILE_SUFFIXES and not path.name.startswith(".")


def _recording_named_in(profile: Path) -> Path | None:
    try:
        named = read_profile(profile).recording
    except (VoiceError, OSError):
        return None
    return None if named is None else Path(os.path.normpath(profile.parent / named))


def _listed(paths: Iterable[Path]) -> str:
    return ", ".join(path.name for path in paths)
