"""Which recording a profile is for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..errors import VoiceError
from ..problem import Problem
from ..quoting import quoted
from .names import folded, listed, shown
from .profile import SUFFIXES
from .profiles import FoundProfile
from .recordings import Recording


class Beside:
    """Finds recordings by profiles: exactly, else without regard to case."""

    def __init__(self, recordings: Iterable[Recording], broken: Mapping[str, str]) -> None:
        """`broken` maps the files that are no recordings to the reasons."""
        self._by_path = {str(recording.path): recording for recording in recordings}
        self._by_folded_path = {folded(path): recording for path, recording in self._by_path.items()}
        self._by_base = {_base(path): recording for path, recording in self._by_path.items()}
        self._by_folded_base = {folded(base): recording for base, recording in self._by_base.items()}
        self._broken = {folded(file): file for file in broken if Path(file).suffix.lower() not in SUFFIXES}
        self._broken_by_base = {folded(_base(file)): file for file in self._broken.values()}
        self._reasons = broken

    def has(self, profile: FoundProfile) -> bool:
        """Whether a profile is for one of the recordings."""
        name = profile.profile.recording
        return self._beside(profile) is not None or (name is not None and self._named(profile, name) is not None)

    def exactly(self, profile: FoundProfile) -> bool:
        """Whether there is a recording whose name is the profile's in each letter."""
        return _base(str(profile.path)) in self._by_base

    def of(self, profile: FoundProfile) -> Recording | None:
        """Return the recording with the profile's name, None if there is none; `VoiceError` if it can't be used."""
        recording = self._beside(profile)
        if recording is None and (file := self._broken_by_base.get(folded(_base(profile.file)))):
            raise unusable(file)
        return recording

    def named(self, profile: FoundProfile, name: str) -> Recording:
        """Return the recording that a profile names; `VoiceError` says what is wrong with it, or which there are."""
        if recording := self._named(profile, name):
            return recording
        file = os.path.normpath(Path(profile.file).parent / name)
        if known := self._broken.get(folded(file)):
            raise unusable(known, f": {self._reasons[known]}")
        files = sorted(shown(recording.file) for recording in self._by_path.values())
        there = f"there are: {listed(files)}" if files else "there are none in the folder"
        raise VoiceError(f"there is no recording {quoted(name)}; {there}", Problem("recording-missing", {"name": name}))

    def _beside(self, profile: FoundProfile) -> Recording | None:
        base = _base(str(profile.path))
        return self._by_base.get(base) or self._by_folded_base.get(folded(base))

    def _named(self, profile: FoundProfile, name: str) -> Recording | None:
        path = os.path.normpath(profile.path.parent / name)
        return self._by_path.get(path) or self._by_folded_path.get(folded(path))


def unusable(file: str, why: str = "") -> VoiceError:
    """Make the error for a profile whose recording can't be used."""
    return VoiceError(f"its recording {file} can't be used{why}", Problem("recording-broken", {"file": file}))


def _base(file: str) -> str:
    return str(Path(file).with_suffix(""))
