"""A copy of this tree in which script/build makes a release with this environment's Python."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent


def tracked(*paths: str) -> list[str]:
    """The files below `paths`, or all, that git knows or would take."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", *paths]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split("\0")
    return [name for name in names if name and (ROOT / name).is_file()]


def copy_tree(tree: Path) -> None:
    for name in tracked():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(ROOT / name, tree / name)
    (tree / "script" / "python").write_text(f'#!/usr/bin/env bash\nexec "{sys.executable}" "$@"\n')


def build(tree: Path, *arguments: str) -> None:
    """Run script/build there, which fills `tree/dist`."""
    command = [str(tree / "script" / "build"), "--offline", *arguments]
    subprocess.run(command, check=True, capture_output=True, timeout=280)
