"""Moving files to places where none is, so that nobody ever sees a part of one."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from ..errors import ConflictError
from .names import folded


def move_all(moves: Sequence[tuple[Path, Path]]) -> None:
    """Move all files, or none."""
    for number, (source, target) in enumerate(moves):
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            move(source, target)
        except BaseException:
            for moved_from, moved_to in reversed(moves[:number]):
                moved_to.rename(moved_from)
            raise


def move(source: Path, target: Path) -> None:
    """Move a file to a place where none is; `ConflictError` if there is one."""
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError as err:
        if folded(source.name) != folded(target.name) or source.parent != target.parent:
            raise ConflictError(f"There is a file {target.name} already") from err
        # The file itself, on a file system that takes names of different case for one.
        source.rename(target)
    except OSError:
        # Not every file system has hard links.
        if os.path.lexists(target):
            raise ConflictError(f"There is a file {target.name} already") from None
        source.rename(target)
    else:
        source.unlink()
