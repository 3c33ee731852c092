"""The recordings in the voices folder, and why another file there is no recording."""

from __future__ import annotations

import stat
import unicodedata
from dataclasses import dataclass, field
from pathlib import Path

from ..engine import Version
from ..engine.voice.recording import examine, version_of
from ..errors import VoiceError
from ..quoting import quoted
from .profile import SUFFIXES as PROFILE_SUFFIXES

SUFFIXES = frozenset({".wav", ".flac", ".mp3", ".ogg"})
MAX_FILES = 10_000
"""Files of the folder that are considered, the first by name."""
_JOINERS = "\u200c\u200d"
"""Format characters that are part of words in some languages, and of some emoji."""


@dataclass(frozen=True)
class Recording:
    """A file that a voice is cloned from."""

    path: Path
    version: Version


@dataclass(frozen=True)
class Found:
    """The result of one scan."""

    recordings: dict[str, Recording] = field(default_factory=dict)
    """Recordings by the file's name without its suffix."""
    broken: dict[str, str] = field(default_factory=dict)
    """Maps a file's name to the reason why it is no recording."""
    profiles: tuple[Path, ...] = ()
    """Files that say how voices speak, by name."""


class Recordings:
    """Scans a folder for recordings; opens only files that are new or changed since the last scan."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._judged: dict[Path, tuple[Version, float | str]] = {}
        """Each file's version when it was opened, and its seconds of sound or the reason why it has none."""

    def look(self, taken: frozenset[str], shortest: float) -> Found:
        """Find recordings longer than `shortest` seconds whose names are not `taken`; `OSError` if there is no folder.

        This takes as long as the file system does.
        """
        inside = sorted(self._directory.iterdir(), key=lambda path: path.name)
        files = list(filter(_is_meant, inside))
        found = Found(profiles=tuple(path for path in inside if path.suffix.lower() in PROFILE_SUFFIXES))
        for path in files[:MAX_FILES]:
            try:
                version = _version(path)
                seconds = self._seconds(path, version)
                check_length(seconds, shortest)
                if path.stem in taken or path.stem in found.recordings:
                    raise VoiceError(f"there is another voice named {quoted(path.stem)}")
            except OSError as err:
                found.broken[_shown(path.name)] = f"it can't be read: {err.strerror}"
            except VoiceError as err:
                found.broken[_shown(path.name)] = str(err)
            else:
                found.recordings[path.stem] = Recording(path, version)
        if left := files[MAX_FILES:]:
            more = f" and {len(left) - 1} more" if left[1:] else ""
            found.broken[_shown(left[0].name) + more] = f"only the first {MAX_FILES} files by name are looked at"
        self._judged = {path: self._judged[path] for path in files if path in self._judged}
        return found

    def _seconds(self, path: Path, version: Version) -> float:
        known, verdict = self._judged.get(path, (None, ""))
        if known != version:
            try:
                verdict = examine(path)
            except VoiceError as err:
                verdict = str(err)
            self._judged[path] = (version, verdict)
        if isinstance(verdict, str):
            raise VoiceError(verdict)
        return verdict


def check_length(seconds: float, shortest: float) -> None:
    """Raise `VoiceError` unless a recording is long enough."""
    if seconds <= shortest:
        raise VoiceError(f"it is {seconds:.1f} s long, and must be over {shortest:g} s")


def _version(path: Path) -> Version:
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise VoiceError("it is no file")
    if not all(map(_can_be_shown, path.name)):
        raise VoiceError("its name has characters that can't be shown")
    return version_of(status)


def _is_meant(path: Path) -> bool:
    return path.suffix.lower() in SUFFIXES and not path.name.startswith(".")


def _can_be_shown(character: str) -> bool:
    """Whether a character is visible, no stray byte, and leaves the order of the others as it is."""
    return character in _JOINERS or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


def _shown(name: str) -> str:
    return name if all(map(_can_be_shown, name)) else quoted(name)
