"""The profiles in the voices folder, and why a file that should be one is none."""

from __future__ import annotations

import stat
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ..engine import Version
from ..engine.voice.recording import version_of
from ..errors import VoiceError
from ..problem import Problem, Reason
from .names import can_be_shown, shown
from .profile import Profile, read_profile
from .recordings import unreadable

MAX_PROFILES = 10_000
"""Profiles that are read, the first by name."""


@dataclass(frozen=True)
class FoundProfile:
    """A profile, and where it is."""

    path: Path
    file: str
    """The path inside the folder, as it is shown."""
    profile: Profile

    @property
    def stem(self) -> str:
        """The name of the voice that it is for, unless that voice has another name already."""
        return self.path.stem


@dataclass(frozen=True)
class FoundProfiles:
    """The result of one look."""

    good: tuple[FoundProfile, ...] = ()
    """By path."""
    broken: dict[str, str] = field(default_factory=dict)
    """Maps a file to the reason why it is no profile."""


class Profiles:
    """Reads the profiles of a folder; opens only files that are new or changed since the last look."""

    def __init__(self, directory: Path, others: Collection[Path] = ()) -> None:
        """`others` are files of the folder that are no profiles, such as the list of pronunciations."""
        self._directory = directory
        self._others = frozenset(path.absolute() for path in others)
        self._read: dict[Path, tuple[Version, FoundProfile | str]] = {}
        """Each file's version when it was read, and what it says or the reason why it is no profile."""

    def look(self, paths: Iterable[Path]) -> FoundProfiles:
        """Read the profiles among `paths`. This takes as long as the file system does."""
        files = sorted(filter(self._is_meant, paths), key=str)
        good: list[FoundProfile] = []
        broken: dict[str, str] = {}
        for path in files[:MAX_PROFILES]:
            try:
                good.append(self._profile(path))
            except OSError as err:
                broken[self._shown(path)] = unreadable(err)
            except VoiceError as err:
                broken[self._shown(path)] = err.reason
        if left := files[MAX_PROFILES:]:
            more = f" and {len(left) - 1} more" if left[1:] else ""
            too_many = Problem("too-many-files", {"most": MAX_PROFILES})
            why = Reason(f"only the first {MAX_PROFILES} profiles by name are read", too_many)
            broken[self._shown(left[0]) + more] = why
        self._read = {path: self._read[path] for path in files if path in self._read}
        return FoundProfiles(tuple(good), broken)

    def read(self, path: Path) -> Profile:
        """Read one profile, at any time and from any thread; the latest look knows it unless it has changed since.

        `VoiceError` says why it is none. Raises `OSError` too.
        """
        known, found = self._read.get(path, (None, ""))
        if known is None or known != version_of(path.stat()):
            return read_profile(path)
        if isinstance(found, str):
            raise VoiceError(found)
        return found.profile

    def _is_meant(self, path: Path) -> bool:
        return not path.name.startswith(".") and not (self._others and path.absolute() in self._others)

    def _profile(self, path: Path) -> FoundProfile:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise VoiceError("it is no file", Problem("no-file"))
        known, found = self._read.get(path, (None, ""))
        if known != (version := version_of(status)):
            try:
                if not can_be_shown(path.name):
                    raise VoiceError("its name has characters that can't be shown", Problem("name-hidden"))
                found = FoundProfile(path, self._shown(path), read_profile(path))
            except VoiceError as err:
                found = err.reason
            self._read[path] = (version, found)
        if isinstance(found, str):
            raise VoiceError(found)
        return found

    def _shown(self, path: Path) -> str:
        return shown(path.relative_to(self._directory).as_posix())
