"""Which recording a profile is for."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from ..errors import VoiceError
from ..quoting import quoted
from .names import folded, shown
from .profile import SUFFIXES
from .recordings import Recording

_LISTED = 12
"""Recordings that are named where another is missing."""


class Beside:
    """Finds recordings by profiles: exactly, else without regard to case."""

    def __init__(self, recordings: Iterable[Recording], broken: Mapping[str, str]) -> None:
        """`broken` maps the files that are no recordings to the reasons."""
        self._by_path = {str(recording.path): recording for recording in recordings}
        self._by_folded_path = {folded(path): recording for path, recording in self._by_path.items()}
        self._by_base = {_base(recording.path): recording for recording in self._by_path.values()}
        self._by_folded_base = {folded(base): recording for base, recording in self._by_base.items()}
        self._broken = {folded(file): (file, reason) for file, reason in broken.items() if not _is_profile(file)}
        self._broken_by_base = {folded(Path(file).stem): file for file, _ in self._broken.values()}

    def exactly(self, profile: Path) -> bool:
        """Whether there is a recording whose name is the profile's in each letter."""
        return _base(profile) in self._by_base

    def of(self, profile: Path) -> Recording | None:
        """Return the recording with the profile's name, None if there is none; `VoiceError` if it can't be used."""
        base = _base(profile)
        if recording := self._by_base.get(base) or self._by_folded_base.get(folded(base)):
            return recording
        if file := self._broken_by_base.get(folded(profile.stem)):
            raise VoiceError(f"its recording {file} can't be used")
        return None

    def named(self, profile: Path, name: str) -> Recording:
        """Return the recording that a profile names; `VoiceError` says what is wrong with it, or which there are."""
        path = os.path.normpath(profile.parent / name)
        if recording := self._by_path.get(path) or self._by_folded_path.get(folded(path)):
            return recording
        if known := self._broken.get(folded(Path(name).name)):
            raise VoiceError(f"its recording {known[0]} can't be used: {known[1]}")
        names = sorted(shown(recording.path.name) for recording in self._by_path.values())
        more = f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
        there = f"there are: {', '.join(names[:_LISTED])}{more}" if names else "there are none in the folder"
        raise VoiceError(f"there is no recording {quoted(name)}; {there}")


def _base(path: Path) -> str:
    return str(path.with_suffix(""))


def _is_profile(file: str) -> bool:
    return Path(file).suffix.lower() in SUFFIXES
