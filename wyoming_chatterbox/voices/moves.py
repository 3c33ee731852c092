"""Moving files to places where none is, so that nobody ever sees a part of one."""

from __future__ import annotations

import logging
import os
import shutil
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from ..errors import ConflictError
from ..problem import Problem
from ..quoting import quoted
from .names import folded

_LOGGER = logging.getLogger(__name__)

Move = tuple[Path, Path]
"""Where a file is, and where it goes."""


def move_all(moves: Sequence[Move]) -> None:
    """Move all files, or none."""
    for number, (source, target) in enumerate(moves):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            move(source, target)
        except BaseException:
            move_back(moves[:number])
            raise


def move_back(moves: Sequence[Move]) -> bool:
    """Take moves back after an error; return whether all could be, for the first error is the one to be told."""
    whole = True
    for source, target in reversed(moves):
        try:
            move(target, source)
        except (OSError, ConflictError) as err:
            whole = False
            _LOGGER.warning("%s can't be moved back to %s: %s", target, source, err)
    return whole


def move(source: Path, target: Path) -> None:
    """Move a file to a place where none is; `ConflictError` if there is one."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError as err:
        if folded(source.name) != folded(target.name) or source.parent != target.parent:
            raise _taken(target) from err
        # The file itself, on a file system that takes names of different case for one.
        source.rename(target)
    except OSError:
        # Not every file system has hard links.
        if os.path.lexists(target):
            raise _taken(target) from None
        source.rename(target)
    else:
        source.unlink()


def copy(source: Path, target: Path) -> None:
    """Make a file appear in a second place, where none is; a link stays a link. What can't be read is moved."""
    try:
        os.link(source, target, follow_symlinks=False)
        return
    except OSError:
        # Not every file system has hard links, and nobody may make one of a stranger's file that they can't read.
        pass
    try:
        shutil.copyfile(source, target, follow_symlinks=False)
    except PermissionError:
        target.unlink(missing_ok=True)
        source.rename(target)
    except BaseException:
        # A part of a file must not be taken for the whole.
        target.unlink(missing_ok=True)
        raise
    else:
        with suppress(OSError):
            shutil.copystat(source, target, follow_symlinks=False)


def check_inside(directory: Path, path: Path) -> None:
    """Raise `ConflictError` unless a file is in a folder, and not behind a link there."""
    if not path.is_relative_to(directory) or ".." in path.parts:
        raise ConflictError(f"{quoted(path.name)} is not in the voices folder")
    for folder in path.relative_to(directory).parents:
        if folder.parts and (directory / folder).is_symlink():
            file = path.relative_to(directory).as_posix()
            linked = Problem("behind-link", {"file": file})
            raise ConflictError(f"{file} is behind a link: change it where it is", linked)


def _taken(path: Path) -> ConflictError:
    return ConflictError(f"There is a file {path.name} already", Problem("file-taken", {"file": path.name}))
