"""Finding model files on this machine, in the model hub's cache or in a plain directory.

Every Hugging Face tool reads the cache's layout: `models--ORG--NAME/blobs/ETAG` holds the bytes of a file,
`snapshots/COMMIT/FILE` links to them, and `refs/BRANCH` names the commit that a branch was when it was downloaded.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

from ...families import Family


def find(
    family: Family, directories: Iterable[Path], revision: str | None = None, have: Collection[str] = ()
) -> Path | None:
    """Find the first directory that holds all of a family's required files; None if there is none.

    It is one that was filled by hand, or the cache's snapshot of `revision`; None takes any snapshot. The files named
    in `have` need not be there.
    """
    for directory in directories:
        for candidate in _candidates(family.repository, directory, revision):
            if not family.missing([*_names(candidate), *have]):
                return candidate
    return None


def missing(
    family: Family, directories: Sequence[Path], revision: str | None = None, have: Collection[str] = ()
) -> list[str]:
    """List the required files that the most complete candidate lacks."""
    places = [place for directory in directories for place in _candidates(family.repository, directory, revision)]
    lists = (family.missing([*_names(place), *have]) for place in places)
    return min(lists, key=len, default=family.missing(have))


def is_commit(revision: str) -> bool:
    """Whether a revision is a commit's id, and no branch or tag."""
    return re.fullmatch("[0-9a-f]{40}", revision) is not None


def by_hand(repository: str, directory: Path) -> Path:
    """Directory for files that a person copies there by hand."""
    return directory / repository.rpartition("/")[2]


def size_of(path: Path) -> int:
    """Bytes of a file; 0 if it does not exist."""
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def find_copy(etag: str, size: int | None, directories: Iterable[Path]) -> Path | None:
    """Find a whole file of that content in any repository's part of the caches in `directories`."""
    for directory in directories:
        for blob in directory.glob(f"models--*/blobs/{etag}"):
            if size in (None, size_of(blob)) and _etag(blob, etag) == etag:
                return blob
    return None


def _etag(path: Path, like: str) -> str | None:
    """Compute a file's ETag on the hub, of the same kind as another: SHA-256, or a git blob's SHA-1."""
    try:
        with path.open("rb") as content:
            if len(like) == 64:
                return hashlib.file_digest(content, "sha256").hexdigest()
            return hashlib.sha1(b"blob %d\0" % size_of(path) + content.read(), usedforsecurity=False).hexdigest()
    except OSError:
        return None


def _candidates(repository: str, directory: Path, revision: str | None) -> list[Path]:
    """Directories that may hold a repository's files, best first."""
    cached = RepositoryCache(directory, repository)
    return [by_hand(repository, directory), *cached.snapshots(revision)]


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

    def snapshots(self, revision: str | None = None) -> list[Path]:
        """List the directories of a revision's snapshot, or of all snapshots: the latest first."""
        directory = self._root / "snapshots"
        if revision is not None:
            return [directory / commit] if (commit := self._commit(revision)) else []
        try:
            return sorted(directory.iterdir(), key=lambda path: path.stat().st_mtime, reverse=True)
        except OSError:
            return []

    def _commit(self, revision: str) -> str | None:
        """Return the commit that a revision was when it was downloaded; None if it never was."""
        if is_commit(revision):
            return revision
        try:
            return (self._root / "refs" / revision).read_text(encoding="ascii").strip() or None
        except (OSError, ValueError):
            return None

    def blob(self, etag: str) -> Path:
        """Path of a file's bytes once they are complete and checked."""
        return self._root / "blobs" / etag

    def partial(self, etag: str) -> Path:
        """Path of a file's bytes while they are incomplete."""
        return self._root / "blobs" / f"{etag}.incomplete"

    def share(self, etag: str, copy: Path) -> None:
        """Take over a file's bytes from `copy`, without a second copy of them; raises `OSError` where that fails."""
        blob = self.blob(etag)
        try:
            os.link(copy, blob)
        except OSError:
            # Another disk, or one without hard links.
            blob.symlink_to(copy.resolve())

    def publish(self, commit: str, etags: Mapping[str, str], revision: str) -> Path:
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
        if not is_commit(revision):
            ref = self._root / "refs" / revision
            ref.parent.mkdir(parents=True, exist_ok=True)
            ref.write_text(commit, encoding="ascii")
        return snapshot
