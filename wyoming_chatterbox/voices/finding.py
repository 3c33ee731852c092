"""Finding the files of voices in a folder, at one moment. Each call takes as long as the file system."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from ..errors import VoiceError
from ..families import MULTILINGUAL_LANGUAGES
from .moves import check_inside
from .names import folded, is_hidden
from .profile import SUFFIXES as PROFILE_SUFFIXES
from .profile import Profile
from .recordings import SUFFIXES as RECORDING_SUFFIXES
from .recordings import entries_in

_LANGUAGE_CODES = (*MULTILINGUAL_LANGUAGES, "nb", "nn", "iw")
"""Languages as the names of profiles tell them."""


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


class Finder:
    """Finds the files of voices, broken ones too."""

    def __init__(self, directory: Path, read: Callable[[Path], Profile]) -> None:
        self._directory = directory
        self._read = read

    def files_of(self, name: str, folder: Path | None = None) -> list[Path]:
        """List the recordings and profiles of a name, in any case, in one folder."""
        wanted = folded(name)
        return sorted(path for path in _voice_files(folder or self._directory) if folded(path.stem) == wanted)

    def files_beside(self, files: Iterable[Path]) -> list[Path]:
        """List the recordings and profiles that have the names of others, in any case, in the folders of those."""
        names: dict[Path, set[str]] = {}
        for path in files:
            names.setdefault(path.parent, set()).add(folded(path.stem))
        return sorted(
            path
            for folder, wanted in names.items()
            if folder.is_dir()
            for path in _voice_files(folder)
            if folded(path.stem) in wanted
        )

    def profiles_of(self, voice: VoiceName) -> list[Path]:
        """Return the paths of a voice's profiles: first the one that is used, or where it would be if there is none.

        `ConflictError` behind a link.
        """
        if voice.owned is not None:
            beside = voice.owned.with_suffix(".yaml")
            there = [path for path in beside.parent.iterdir() if is_profile(path)]
        else:
            beside = self._directory / f"{voice.name}.yaml"
            there = self._profiles()
        named = [
            path
            for path in there
            if path.stem == beside.stem
            or (folded(path.stem) == folded(beside.stem) and not self._has_recording(path, exactly=True))
        ]
        named.sort(key=lambda path: (path.stem != beside.stem, path))
        first = named[0] if named else beside
        check_inside(self._directory, first)
        return [first, *(path for path in named[1:] if path.parent == first.parent)]

    def profiles_for_languages(self, voice: VoiceName) -> list[Path]:
        """List the profiles that say how a voice speaks in one language: `alice-de.yaml` for alice."""
        wanted = {folded(f"{Path(voice.name).name}-{code}") for code in _LANGUAGE_CODES}
        found = [path for path in self._profiles() if folded(path.stem) in wanted]
        return sorted(
            path for path in found if not self._has_recording(path) and self._recording_named_in(path) is None
        )

    def _has_recording(self, profile: Path, *, exactly: bool = False) -> bool:
        """Whether a recording has the name of a profile, in any case or `exactly`."""
        return any(
            path.suffix.lower() in RECORDING_SUFFIXES
            and (path.stem == profile.stem or (not exactly and folded(path.stem) == folded(profile.stem)))
            for path in profile.parent.iterdir()
        )

    def styles_of(self, recording: Path) -> list[Path]:
        """List the profiles that say they use a recording: exactly, or in another case if there is none that is so."""
        wanted = folded(str(recording))
        found: list[Path] = []
        for path in self._profiles():
            named = self._recording_named_in(path)
            if named == recording or (named is not None and folded(str(named)) == wanted and not named.exists()):
                found.append(path)
        return sorted(found)

    def _recording_named_in(self, profile: Path) -> Path | None:
        try:
            named = self._read(profile).recording
        except (VoiceError, OSError):
            return None
        return None if named is None else Path(os.path.normpath(profile.parent / named))

    def recordings(self, sizes: Collection[int]) -> list[Path]:
        """List the recordings that have one of these sizes in bytes, wherever a look at the voices finds them."""
        return [
            entry.path
            for entry in (entries_in(self._directory, {}) if sizes else ())
            if entry.path.suffix.lower() in RECORDING_SUFFIXES
            and not isinstance(entry.status, OSError)
            and entry.status.st_size in sizes
        ]

    def _profiles(self) -> list[Path]:
        """List the profiles in the folder and in those inside it."""
        found: list[Path] = []
        for place, folders, files in os.walk(self._directory):
            folders[:] = [folder for folder in folders if not is_hidden(folder)]
            found += [path for path in map(Path(place).joinpath, files) if is_profile(path)]
        return found


def is_profile(path: Path) -> bool:
    return path.suffix.lower() in PROFILE_SUFFIXES and not path.name.startswith(".")


def _voice_files(folder: Path) -> list[Path]:
    """List the recordings and profiles in a folder, broken ones too."""
    suffixes = PROFILE_SUFFIXES | RECORDING_SUFFIXES
    return [path for path in folder.iterdir() if path.suffix.lower() in suffixes and not path.name.startswith(".")]
