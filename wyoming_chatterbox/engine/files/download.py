"""Getting a family's files: from this machine if they are all there, else from the model hub."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Self

from ...errors import Cancelled, DownloadError
from ...families import TWINS, Family
from ...problem import Problem
from . import hub_cache
from .progress import DownloadTally, Progress, format_bytes

if TYPE_CHECKING:
    from .hub import Patience, RemoteFile, Repository

__all__ = ["Progress", "Wanted", "fetch", "never", "plan"]

_LOGGER = logging.getLogger(__name__)
_POLL_SECONDS = 0.1
"""Seconds between two calls of `cancelled`."""
_DISK_FULL = (errno.ENOSPC, errno.EDQUOT)

ReportProgress = Callable[[Progress], None]


def never() -> bool:
    """A `cancelled` for callers that never cancel."""
    return False


def fetch(
    family: Family,
    download_dir: Path,
    *,
    search: Sequence[Path] = (),
    revision: str | None = None,
    have: Collection[str] = (),
    local_files_only: bool = False,
    progress: ReportProgress,
    cancelled: Callable[[], bool] = never,
    patience: Patience | None = None,
) -> Path:
    """Return a directory that holds the family's files under their official names.

    First the files are looked for in `search`, then in `download_dir`: in a plain directory with the repository's name,
    or in a cache of the model hub. If one of them is complete, the network is not used. Otherwise the files are
    downloaded into the cache in `download_dir`, resuming an earlier attempt; what other repositories' caches hold of
    the same content is not downloaded again. The environment may name another hub, `HF_ENDPOINT`, and a token for it,
    `HF_TOKEN`.

    A cache has to hold `revision`, a commit, branch or tag. Where it is None, that is the family's own, and a cache of
    another serves if that one can't be had. The files that are named in `have` or that the family borrows are left out.

    `progress` and `cancelled` are called in the caller's thread, `cancelled` about ten times a second.
    Raises `DownloadError`, or `Cancelled` once `cancelled()` is true.
    """
    wanted = Wanted.of(family, revision, have)
    directories = [*search, download_dir]
    found = wanted.find(directories)
    if found is not None:
        return found
    other = hub_cache.find(family, directories, have=wanted.have) if revision is None else None
    if local_files_only:
        if other is not None:
            _warn_of_other(wanted, other, "Downloads are off")
            return other
        lacking = hub_cache.missing(family, directories, wanted.revision, wanted.have)
        place = hub_cache.by_hand(family.repository, download_dir)
        asked = f" at revision {revision}" if revision else ""
        raise DownloadError(
            f"the {family.label} model isn't on this machine{asked}, and downloads are off: "
            f"{', '.join(lacking)} not found in {', '.join(map(str, directories))}",
            f"Put the files into {place}, or allow downloads.",
            Problem("offline", {"place": str(place), "files": lacking, "model": family.label}),
        )

    def job(report: ReportProgress, check: Callable[[], None]) -> Path:
        return _download(wanted, directories, patience, report, check)

    try:
        return _in_background(job, progress, cancelled)
    except DownloadError as err:
        if other is None:
            raise
        _warn_of_other(wanted, other, str(err))
        return other


@dataclass(frozen=True)
class Wanted:
    """The files to fetch: a family's of one revision, but for those named in `have`."""

    family: Family
    revision: str
    have: frozenset[str]

    @classmethod
    def of(cls, family: Family, revision: str | None, have: Collection[str] = ()) -> Self:
        """Take all files of the family's own revision, or of another, but for those in `have` and the borrowed."""
        left_out = {*have, *family.borrowed}
        left_out.update([TWINS[name] for name in left_out if name in TWINS])
        return cls(family, revision or family.revision, frozenset(left_out))

    def find(self, directories: Sequence[Path]) -> Path | None:
        return hub_cache.find(self.family, directories, self.revision, self.have)


def _warn_of_other(wanted: Wanted, other: Path, why: str) -> None:
    _LOGGER.warning(
        "%s. The %s model's files of another revision are used: %s, not %s",
        why.rstrip("."),
        wanted.family.label,
        other,
        wanted.revision,
    )


def _in_background(
    job: Callable[[ReportProgress, Callable[[], None]], Path], progress: ReportProgress, cancelled: Callable[[], bool]
) -> Path:
    """Run a job in a thread that can be abandoned, because a DNS query or a silent server can't be interrupted."""
    stop = threading.Event()
    events: SimpleQueue[Progress | Future[Path]] = SimpleQueue()

    def check() -> None:
        if stop.is_set():
            raise Cancelled

    def run() -> None:
        outcome: Future[Path] = Future()
        try:
            outcome.set_result(job(events.put, check))
        except BaseException as err:
            outcome.set_exception(err)
        events.put(outcome)

    threading.Thread(target=run, name="download", daemon=True).start()
    try:
        while True:
            if cancelled():
                raise Cancelled
            try:
                event = events.get(timeout=_POLL_SECONDS)
            except Empty:
                continue
            if isinstance(event, Future):
                return event.result()
            progress(event)
    finally:
        stop.set()


def _download(
    wanted: Wanted,
    directories: Sequence[Path],
    patience: Patience | None,
    report: ReportProgress,
    check: Callable[[], None],
) -> Path:
    # Imported here, because a server that has all its files starts without it.
    from .hub import Patience, Repository

    name, download_dir = wanted.family.repository, directories[-1]
    place = hub_cache.by_hand(name, download_dir)
    repository = Repository(
        name,
        os.environ.get("HF_ENDPOINT", "").rstrip("/") or None,
        patience or Patience(),
        f"put the files into {place} by hand, or name their directory with --model DIRECTORY",
        place,
    )
    target = hub_cache.RepositoryCache(download_dir, name)
    try:
        target.create()
        with _locked(target.lock, check):
            found = wanted.find([download_dir])
            if found is not None:
                return found
            files = plan(wanted, repository, lambda file: _is_here(file, target, directories), check)
            there = {file.name: _bytes_there(file, target) for file in files}
            tally = DownloadTally({file.name: file.size or 0 for file in files}, there, report)
            _require_space(tally.bytes_missing, download_dir)
            _LOGGER.info(
                "%s of %s are downloaded from %s to %s: %d files%s. This happens once; the model is loaded next",
                format_bytes(tally.bytes_missing),
                repository.name,
                repository.host,
                download_dir,
                len(files),
                f", of whose bytes {format_bytes(tally.resumed)} are here already" if tally.resumed else "",
            )
            for file in files:
                tally.start(file.name)
                if not _is_complete(file, target):
                    _transfer(repository, file, target, tally, check)
                tally.finish()
            tally.log_end()
            return target.publish(files[-1].commit, {file.name: file.etag for file in files}, wanted.revision)
    except OSError as err:
        raise _disk_error(err, download_dir) from err


def plan(
    wanted: Wanted, repository: Repository, is_here: Callable[[RemoteFile], bool], check: Callable[[], None]
) -> list[RemoteFile]:
    """Ask the hub for the wanted files, all of one commit; the last is a required one."""
    family, revision = wanted.family, wanted.revision
    files: list[RemoteFile] = []

    def describe(name: str) -> RemoteFile | None:
        nonlocal revision
        check()
        file = repository.describe(name, revision)
        if file is not None:
            revision = file.commit
        return file

    def twin_of(name: str, file: RemoteFile | None) -> RemoteFile | None:
        """Describe the same tensors in another container, where that is here already or the hub has no other."""
        if name not in TWINS or (file is not None and is_here(file)):
            return None
        twin = describe(TWINS[name])
        return twin if twin is not None and (file is None or is_here(twin)) else None

    def ask(*names: str, required: bool = True) -> None:
        """Add the first file in `names` that the hub has."""
        if wanted.have.intersection(names):
            return
        for name in names:
            file = describe(name)
            file = twin_of(name, file) or file
            if file is not None:
                is_here(file)
                files.append(file)
                return
        if required:
            hint = "Check HF_ENDPOINT and --model-revision"
            raise repository.failure(" or ".join(names), "it has no such file (HTTP 404)", hint, "not-found")

    for name in family.optional:
        ask(name, required=False)
    for name in (*family.tokenizer, family.conditionals, family.voice_encoder, family.s3gen):
        ask(name)
    ask(*family.t3)
    return files


def _transfer(
    repository: Repository,
    file: RemoteFile,
    target: hub_cache.RepositoryCache,
    tally: DownloadTally,
    check: Callable[[], None],
) -> None:
    partial = target.partial(file.etag)
    try:
        repository.download(file, partial, tally.advance, check, tally.break_off)
    except OSError as err:
        if err.errno in _DISK_FULL:
            # Other programs on this machine need the space more.
            partial.unlink(missing_ok=True)
        raise
    # A file gets its final name only after its check, so that a restart need not check it again.
    partial.replace(target.blob(file.etag))


def _is_complete(file: RemoteFile, target: hub_cache.RepositoryCache) -> bool:
    blob = target.blob(file.etag)
    return blob.is_file() and file.size in (None, blob.stat().st_size)


def _is_here(file: RemoteFile, target: hub_cache.RepositoryCache, directories: Sequence[Path]) -> bool:
    """Whether all bytes of a file are here; those in another repository's cache become this one's, too."""
    if _is_complete(file, target):
        return True
    copy = hub_cache.find_copy(file.etag, file.size, directories)
    if copy is None:
        return False
    with suppress(OSError):
        target.share(file.etag, copy)
        _LOGGER.info("%s isn't downloaded: %s has the same content", file.name, copy)
    return _is_complete(file, target)


def _bytes_there(file: RemoteFile, target: hub_cache.RepositoryCache) -> int:
    if file.size is None:
        return 0
    if _is_complete(file, target):
        return file.size
    partial = hub_cache.size_of(target.partial(file.etag))
    return partial if partial <= file.size else 0


def _require_space(needed: int, directory: Path) -> None:
    free = shutil.disk_usage(directory).free
    if needed > free:
        raise DownloadError(
            f"{directory} has too little space: {format_bytes(needed)} are needed, {format_bytes(free)} are free",
            f"Free {format_bytes(needed - free)}, or choose another place with --download-dir.",
            Problem("no-space", {"place": str(directory), "bytes_needed": needed, "bytes_free": free}),
        )


def _disk_error(err: OSError, directory: Path) -> DownloadError:
    if err.errno in _DISK_FULL:
        return DownloadError(
            f"{directory} ran out of space while files were downloaded; the unfinished one was deleted",
            "Free some space, or choose another place with --download-dir.",
            Problem("disk-full", {"place": str(directory)}),
        )
    return DownloadError(
        f"files can't be written to {directory}: {err.strerror or err} ({err.filename or directory})",
        "Make it a directory that this process may write to, or choose another with --download-dir.",
    )


@contextmanager
def _locked(lock: Path, check: Callable[[], None]) -> Iterator[None]:
    """Hold the lock of a repository's files; waits while another process or thread downloads them."""
    from huggingface_hub.utils import WeakFileLock

    waited = False
    with ExitStack() as held:
        while True:
            check()
            try:
                held.enter_context(WeakFileLock(lock, timeout=1.0))
                break
            except TimeoutError:
                if not waited:
                    _LOGGER.info("Something else downloads the same files already; waiting for it")
                waited = True
        yield
