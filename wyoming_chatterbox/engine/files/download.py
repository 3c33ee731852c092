"""Getting a family's files: from this machine if they are all there, else from the model hub."""

from __future__ import annotations

import errno
import logging
import os
import shutil
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from ...errors import Cancelled, DownloadError
from ...families import Family
from . import hub_cache
from .progress import DownloadTally, Progress, format_bytes

if TYPE_CHECKING:
    from .hub import Patience, RemoteFile, Repository

__all__ = ["Progress", "fetch", "never"]

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
    local_files_only: bool = False,
    progress: ReportProgress,
    cancelled: Callable[[], bool] = never,
    patience: Patience | None = None,
) -> Path:
    """Return a directory that holds the family's files under their official names.

    First the files are looked for in `search`, then in `download_dir`: in a cache of the model hub, or in a plain
    directory with the repository's name. If one of them is complete, the network is not used. Otherwise the files are
    downloaded into the cache in `download_dir`, resuming an earlier attempt. The environment may name another hub,
    `HF_ENDPOINT`, and a token for it, `HF_TOKEN`.

    `progress` and `cancelled` are called in the caller's thread, `cancelled` about ten times a second.
    Raises `DownloadError`, or `Cancelled` once `cancelled()` is true.
    """
    directories = [*search, download_dir]
    found = hub_cache.find(family, directories)
    if found is not None:
        return found
    if local_files_only:
        raise DownloadError(
            f"the {family.name} model isn't on this machine, and downloads are off: "
            f"{', '.join(hub_cache.missing(family, directories))} not found in {', '.join(map(str, directories))}",
            f"Put the files into {hub_cache.by_hand(family.repository, download_dir)}, or allow downloads.",
        )

    def job(report: ReportProgress, check: Callable[[], None]) -> Path:
        return _download(family, download_dir, patience, report, check)

    return _in_background(job, progress, cancelled)


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
    family: Family, download_dir: Path, patience: Patience | None, report: ReportProgress, check: Callable[[], None]
) -> Path:
    # Imported here, because a server that has all its files starts without it.
    from .hub import Patience, Repository

    repository = Repository(
        family.repository,
        os.environ.get("HF_ENDPOINT", "").rstrip("/") or None,
        patience or Patience(),
        f"put the files into {hub_cache.by_hand(family.repository, download_dir)} by hand, "
        "or name their directory with --model DIRECTORY",
    )
    target = hub_cache.RepositoryCache(download_dir, family.repository)
    try:
        target.create()
        with _locked(target.lock, check):
            found = hub_cache.find(family, [download_dir])
            if found is not None:
                return found
            files = _plan(family, repository, check)
            there = {file.name: _bytes_there(file, target) for file in files}
            tally = DownloadTally({file.name: file.size or 0 for file in files}, there, report)
            _require_space(tally.bytes_missing, download_dir)
            _LOGGER.info(
                "Downloading %s from %s to %s: %d files, %s, of which %s are here already",
                repository.name,
                repository.host,
                download_dir,
                len(files),
                format_bytes(tally.bytes_total),
                format_bytes(tally.resumed),
            )
            for file in files:
                tally.start(file.name)
                if not _is_complete(file, target):
                    _transfer(repository, file, target, tally, check)
                tally.finish()
            tally.log_end()
            return target.publish(files[0].commit, {file.name: file.etag for file in files})
    except OSError as err:
        raise _disk_error(err, download_dir) from err


def _plan(family: Family, repository: Repository, check: Callable[[], None]) -> list[RemoteFile]:
    """Ask the hub for the family's files, all of one commit; the last is a required one."""
    revision = "main"
    files: list[RemoteFile] = []

    def ask(names: Sequence[str], *, required: bool = True) -> None:
        """Add the first file in `names` that the hub has."""
        nonlocal revision
        for name in names:
            check()
            file = repository.describe(name, revision)
            if file is not None:
                files.append(file)
                revision = file.commit
                return
        if required:
            raise repository.failure(" or ".join(names), "it has no such file (HTTP 404)", "Check HF_ENDPOINT")

    for name in family.optional:
        ask([name], required=False)
    for name in (*family.tokenizer, family.conditionals, family.voice_encoder, family.s3gen):
        ask([name])
    ask(family.t3)
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
        repository.download(file, partial, tally.advance, check)
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
        )


def _disk_error(err: OSError, directory: Path) -> DownloadError:
    if err.errno in _DISK_FULL:
        return DownloadError(
            f"{directory} ran out of space while files were downloaded; the unfinished one was deleted",
            "Free some space, or choose another place with --download-dir.",
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
