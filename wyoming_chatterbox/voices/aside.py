"""The folder of files that are deleted, until they are removed for good: each deletion is in a folder of its own."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from secrets import token_hex

from ..errors import ConflictError
from .moves import Move, check_inside, copy, move_all

_LOGGER = logging.getLogger(__name__)

ASIDE = ".deleted"
"""Name of the folder."""


class Aside:
    """Sets files of a voices folder aside, and brings them back."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._place = directory / ASIDE

    def put(self, files: Sequence[Path]) -> str:
        """Set files aside, all or none; return what they are kept under."""
        key, moves = self._places(files)
        move_all(moves)
        return key

    def copy(self, files: Sequence[Path]) -> str:
        """Keep copies of files aside, all or none, as `moves.copy` makes them; return what the copies are under."""
        key, moves = self._places(files)
        try:
            for source, target in moves:
                target.parent.mkdir(parents=True, exist_ok=True)
                copy(source, target)
        except BaseException:
            self.take_back(key)
            raise
        return key

    def _places(self, files: Sequence[Path]) -> tuple[str, list[Move]]:
        """Make a place for files; return what they will be kept under, and where each goes."""
        for path in files:
            check_inside(self._directory, path)
        if self._place.is_symlink():
            raise ConflictError(f"{ASIDE} in the voices folder is a link: remove it first")
        key = token_hex(8)
        place = self._place / key
        place.mkdir(parents=True)
        return key, [(path, place / path.relative_to(self._directory)) for path in files]

    def moves(self, key: str) -> list[Move]:
        """List which files are kept under a key, each with its place in the voices folder; none if they are gone.

        Raises `OSError` if the folder can't be read: those that were not seen would be removed as if they were back.
        """
        place = self._place / key
        if not self._is_ours():
            return []
        files: list[Path] = []
        for place_inside, folders, names in os.walk(place, onerror=_unless_gone):
            inside = Path(place_inside)
            files += [inside / name for name in names]
            files += [inside / name for name in folders if (inside / name).is_symlink()]
        return [(path, self._directory / path.relative_to(place)) for path in sorted(files)]

    def take_back(self, key: str) -> None:
        """Put copies back after an error, which is the one to be told, in place of whatever is there by now."""
        try:
            for source, target in self.moves(key):
                source.replace(target)
        except OSError as err:
            _LOGGER.warning("%s can't be moved back: %s", self._place / key, err)
        else:
            self.remove(key)

    def remove(self, key: str) -> None:
        """Remove for good what is kept under a key."""
        if self._is_ours():
            shutil.rmtree(self._place / key, ignore_errors=True)
            with suppress(OSError):
                self._place.rmdir()

    def older(self, seconds: float) -> list[str]:
        """List under which keys files have been kept for longer than some seconds."""
        there: list[Path] = []
        with suppress(FileNotFoundError):
            there = list(self._place.iterdir()) if self._is_ours() else []
        return [path.name for path in there if is_older(path, seconds)]

    def _is_ours(self) -> bool:
        return self._place.is_dir() and not self._place.is_symlink()


def is_older(path: Path, seconds: float) -> bool:
    """Whether a file or folder has not been written for some seconds; false if it is gone."""
    try:
        return path.lstat().st_mtime < time.time() - seconds
    except FileNotFoundError:
        return False


def _unless_gone(err: OSError) -> None:
    if not isinstance(err, FileNotFoundError):
        raise err
