"""Finding model files on this machine, in the model hub's cache or in a plain directory.

Every Hugging Face tool reads the cache's layout: `models--ORG--NAME/blobs/ETAG` holds the bytes of a file,
`snapshots/COMMIT/FILE` links to them, and `refs/main` names the newest commit.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ...families import Family


def find(family: Family, directories: Iterable[Path]) -> Path | None:
    """Find the first directory that holds all of a family's required files; None if there is none."""
    for directory in directories:
        for candidate in _candidates(family.repository, directory):
            if not family.missing(_names(candidate)):
                return candidate
    return None


def missing(family: Family, directories: Sequence[Path]) -> list[str]:
    """List the required files that the most complete candidate lacks."""
    candidates = [candidate for directory in directories for candidate in _candidates(family.repository, directory)]
    return min((family.missing(_names(candidate)) for candidate in candidates), key=len, default=family.missing(()))


def by_hand(repository: str, directory: Path) -> Path:
    """Directory for files that a person copies there by hand."""
    return directory / repository.rpartition("/")[2]


def size_of(path: Path) -> int:
    """Bytes of a file; 0 if it does not exist."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def _candidates(repository: str, directory: Path) -> list[Path]:
    """Directories that may hold a repository's files, best first."""
    cached = RepositoryCache(directory, repository)
    return [by_hand(repository, directory), *cached.snapshots()]


def _names(directory: Path) -> list[str]:
    """List the files that are not empty, without links to files that are gone."""
    try:
        return [path.name for path in directory.iterdir() if path.is_file() and path.stat().st_size > 0]
    except OSError:
        return []


class RepositoryCache:
    """A repository's part of a cache directory."""

    def __init__(self, directory: Path, repository: str) -> None:
        name = "models--" + repository.replace("/", "--")
        self._root = directory / name
        self.lock = directory / ".locks" / name / "fetch.lock"
        """Lock file, so that only one process downloads these files."""

    def create(self) -> None:
        """Make the directories; raises `OSError` if that fails."""
        (self._root / "blobs").mkdir(parents=True, exist_ok=True)
        self.lock.parent.mkdir(parents=True, exist_ok=True)

    def snapshots(self) -> list[Path]:
        """List the snapshots' directories: that of `refs/main` first, then the latest."""
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
        """Path of a file's bytes once they are complete and checked."""
        return self._root / "blobs" / etag

    def partial(self, etag: str) -> Path:
        """Path of a file's bytes while they are incomplete."""
        return self._root / "blobs" / f"{etag}.incomplete"

    def publish(self, commit: str, etags: Mapping[str, str]) -> Path:
        """Make a snapshot of the blobs whose ETags are given by file name; returns its directory.

        The files appear in the mapping's order: with a required file last, `find` never sees an incomplete snapshot.
        """
        snapshot = self._root / "snapshots" / commit
        snapshot.mkdir(parents=True, exist_ok=True)
        for name, etag in etags.items():
            link = snapshot / name
            link.unlink(missing_ok=True)
            try:
                link.symlink_to(os.path.relpath(self.blob(etag), snapshot))
            except OSError:
                # Some file systems have no links: exFAT, network shares.
                self.blob(etag).replace(link)
        refs = self._root / "refs"
        refs.mkdir(exist_ok=True)
        (refs / "main").write_text(commit, encoding="ascii")
        return snapshot
