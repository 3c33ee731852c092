"""The files that a start would have to download, found out without downloading anything."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ...config import Config
from ...errors import DownloadError
from ...families import MODELS, Family
from . import hub_cache
from .download import Wanted, never, plan
from .hub import Patience, RemoteFile, Repository
from .model_files import ModelFiles

DOWNLOAD_BYTES = {
    "english": 3_190_000_000,
    "multilingual": 3_210_000_000,
    "turbo": 2_990_000_000,
    "nano": 1_940_000_000,
}
"""Bytes of each family's official files, to 10 MB; for a hub that doesn't answer."""


@dataclass(frozen=True)
class Lacking:
    """Files of one repository that a start would download."""

    wanted: Wanted
    directories: tuple[Path, ...]
    """The places that were looked in; files are downloaded into the last."""
    other: Path | None
    """The same files of another revision, which serve if these can't be had."""


@dataclass(frozen=True)
class Outlook:
    """The files of a model, as far as they are here."""

    family: Family
    directory: Path | None
    """The directory with the files; None if none are here."""
    lacking: Lacking | None = None
    source: Lacking | None = None
    """Where they come from, whether they are here or not; None for a directory that a person filled."""


def look(config: Config, model: str) -> Outlook:
    """Look for the files of `model`, a name or a directory. Raises `CheckpointError` or `OSError`."""
    lacking: list[Lacking] = []

    def find(
        family: Family,
        download_dir: Path,
        *,
        search: Sequence[Path],
        revision: str | None,
        have: Collection[str],
        **_: object,
    ) -> Path:
        wanted = Wanted.of(family, revision, have)
        directories = (*search, download_dir)
        found = wanted.find(directories)
        if found is not None:
            return found
        other = hub_cache.find(family, directories, have=wanted.have) if revision is None else None
        lacking.append(Lacking(wanted, directories, other))
        if other is None:
            raise DownloadError(f"the {family.label} model isn't on this machine")
        return other

    if model in MODELS:
        directories = (*config.data_dir, config.models_directory)
        whole = Lacking(Wanted.of(MODELS[model], config.model_revision), directories, None)
    else:
        whole = None
    try:
        family, directory = ModelFiles(config, find).locate(model, lambda _: None, never)
    except DownloadError:
        return Outlook(lacking[0].wanted.family, None, lacking[0], lacking[0])
    missed = lacking[0] if lacking else None
    return Outlook(family, directory, missed, missed or whole)


def host() -> str:
    """Name the hub that files would be downloaded from."""
    return _repository("", Path(), 0).host


def ask(lacking: Lacking, seconds: float) -> None:
    """Ask the hub for one file, at most `seconds` for each step. Raises `DownloadError` if it doesn't answer."""
    repository = _repository(lacking.wanted.family.repository, lacking.directories[-1], seconds)
    repository.describe(lacking.wanted.family.t3[0], lacking.wanted.revision)


def bytes_to_come(lacking: Lacking, seconds: float, check: Callable[[], None] = lambda: None) -> int:
    """Count the bytes that are still to be downloaded, as the hub has them. Raises `DownloadError`.

    `check` is called before each question, and may raise.
    """
    directory = lacking.directories[-1]
    repository = _repository(lacking.wanted.family.repository, directory, seconds)
    cache = hub_cache.RepositoryCache(directory, lacking.wanted.family.repository)

    def there(file: RemoteFile) -> int:
        if any(_copies(lacking.directories, file)):
            return file.size or 0
        return min(hub_cache.size_of(cache.partial(file.etag)), file.size or 0)

    files = plan(lacking.wanted, repository, lambda file: there(file) == (file.size or 0), check)
    return sum((file.size or 0) - there(file) for file in files)


def bytes_expected(lacking: Lacking) -> int | None:
    """Estimate the bytes of all files without the hub; None for a model whose files are not known."""
    return DOWNLOAD_BYTES.get(lacking.wanted.family.name) if not lacking.wanted.have else None


def _copies(directories: Sequence[Path], file: RemoteFile) -> list[Path]:
    """Whole files of that content, in any repository's cache; their bytes are not read."""
    found = [path for directory in directories for path in directory.glob(f"models--*/blobs/{file.etag}")]
    return [path for path in found if file.size in (None, hub_cache.size_of(path))]


def _repository(name: str, directory: Path, seconds: float) -> Repository:
    place = hub_cache.by_hand(name, directory)
    endpoint = os.environ.get("HF_ENDPOINT", "").rstrip("/") or None
    patience = replace(Patience(), stall=seconds, retries=0)
    return Repository(name, endpoint, patience, f"put the files into {place} by hand", place)
