"""Where model files lie on this machine: in the model hub's cache layout, or in a plain directory.

The layout is the one every Hugging Face tool reads: `models--ORG--NAME/blobs/ETAG` holds the bytes,
`snapshots/COMMIT/FILE` points at them, `refs/main` names the newest commit.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from .families import Family


def find(family: Family, directories: Iterable[Path]) -> Path | None:
    """The first directory that holds all of a family's required files; None if there is none."""
    for directory in directories:
        for candidate in _candidates(family.repository, directory):
            if not family.missing(_names(candidate)):
                return candidate
    return None


def missing(family: Family, directories: Sequence[Path]) -> list[str]:
    """The required files that the most complete of all candidates lacks."""
    candidates = [candidate for directory in directories for candidate in _candidates(family.repository, directory)]
    return min((family.missing(_names(candidate)) for candidate in candidates), key=len, default=family.missing(()))


def by_hand(repository: str, directory: Path) -> Path:
    """Where a person would put the files themselves."""
    return directory / repository.rpartition("/")[2]


def size_of(path: Path) -> int:
    """Bytes in a file; 0 if it isn't there."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _candidates(repository: str, directory: Path) -> list[Path]:
    """Directories that may hold a repository's files, best first."""
    cached = RepositoryCache(directory, repository)
    return [by_hand(repository, directory), *cached.snapshots()]


def _names(directory: Path) -> list[str]:
    """Files with something in them; a link to a file that is gone doesn't count."""
    try:
        return [path.name for path in directory.iterdir() if path.is_file() and path.stat().st_size > 0]
    except OSError:
        return []


class RepositoryCache:
    """One repository's part of a cache directory."""

    def __init__(self, directory: Path, repository: str) -> None:
        name = "models--" + repository.replace("/", "--")
        self._root = directory / name
        self.lock = directory / ".locks" / name / "fetch.lock"
        """Held while files are fetched, so that only one process does."""

    def create(self) -> None:
        """Make the directories; `OSError` where that can't be."""
        (self._root / "blobs").mkdir(parents=True, exist_ok=True)
        self.lock.parent.mkdir(parents=True, exist_ok=True)

    def snapshots(self) -> list[Path]:
        """The commits that are here, that of `refs/main` first, then the latest."""
        directory = self._root / "snapshots"
        try:
            found = sorted(directory.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        except OSError:
            return []
        try:
            main = (self._root / "refs" / "main").read_text(encoding="ascii").strip()
        except (OSError, ValueError):
            return found
        return sorted(found, key=lambda path: path.name != main)

    def blob(self, etag: str) -> Path:
        """Where a file's bytes are once they are all there and checked."""
        return self._root / "blobs" / etag

    def partial(self, etag: str) -> Path:
        """Where a file's bytes are until then."""
        return self._root / "blobs" / f"{etag}.incomplete"

    def publish(self, commit: str, etags: Mapping[str, str]) -> Path:
        """Make a snapshot of blobs, given as file name to ETag; returns its directory.

        The files appear in the mapping's order: with a required file last, `find` never sees a part of the set.
        """
        snapshot = self._root / "snapshots" / commit
        snapshot.mkdir(parents=True, exist_ok=True)
        for name, etag in etags.items():
            link = snapshot / name
            link.unlink(missing_ok=True)
            try:
                link.symlink_to(os.path.relpath(self.blob(etag), snapshot))
            except OSError:
                # Some file systems have no links (exFAT, network shares).
                self.blob(etag).replace(link)
        refs = self._root / "refs"
        refs.mkdir(exist_ok=True)
        (refs / "main").write_text(commit, encoding="ascii")
        return snapshot
