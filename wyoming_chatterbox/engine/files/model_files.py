"""The files of one model: of a family, a single-language pack, or a directory that a person names."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

from ...config import Config
from ...errors import DownloadError
from ...families import FAMILIES, MODELS, Family, recognise
from .. import Stage
from .download import Progress, fetch

_LOGGER = logging.getLogger(__name__)

Report = Callable[[Stage], None]
Cancelled = Callable[[], bool]


class ModelFiles:
    """Finds a model's files, and downloads those that are not on this machine."""

    def __init__(self, config: Config, fetch: Callable[..., Path] = fetch) -> None:
        """`fetch` finds or downloads a family's files, as `download.fetch` does."""
        self._config = config
        self._fetch = fetch
        self._found: dict[str, Path] = {}
        """The directory with the files of each repository."""

    def locate(self, model: str, report: Report, cancelled: Cancelled) -> tuple[Family, Path]:
        """Return the family of `model`, a name or a directory, and the directory with its files.

        The family knows the paths of files that are elsewhere. Raises `CheckpointError`, `DownloadError` or
        `Cancelled`.
        """
        if model in MODELS:
            family = MODELS[model]
            directory = self._fetched(family, self._config.model_revision, report, cancelled)
        else:
            directory = Path(model)
            family = recognise(directory, whole=False)
        return self._completed(family, directory, report, cancelled), directory

    def _completed(self, family: Family, directory: Path, report: Report, cancelled: Cancelled) -> Family:
        """Take what a pack or a fine-tune lacks from the files of the family that it was trained from."""
        names = {path.name for path in directory.iterdir()}
        lacking = family.missing(names)
        if not lacking:
            return family
        _LOGGER.info("%s lacks %s, which the %s model's files have", directory, ", ".join(lacking), family.name)
        source = replace(FAMILIES[family.name], s3gen=family.s3gen, tokenizer=family.tokenizer)
        wanted = {*source.required, *source.optional}
        taken = {name for name in wanted if not family.path(directory, name).exists()}
        if taken.intersection(source.tokenizer) and not family.borrowed:
            # A tokenizer's files belong together.
            taken.update(source.tokenizer, source.optional)
        have = (*(wanted - taken), *source.t3)
        revision = None if family.borrowed else self._config.model_revision
        try:
            base = self._fetched(source, revision, report, cancelled, have)
        except DownloadError as err:
            raise DownloadError(f"{directory} lacks {', '.join(lacking)}, and {err}", err.hint, err.problem) from err
        paths = {name: source.path(base, name) for name in taken}
        return replace(family, elsewhere={name: path for name, path in paths.items() if path.exists()})

    def _fetched(
        self,
        family: Family,
        revision: str | None,
        report: Report,
        cancelled: Cancelled,
        have: tuple[str, ...] = (),
    ) -> Path:
        """Return the directory with a family's files, other than those named in `have`.

        What was found before is not looked for again as long as it is whole.
        """
        before = self._found.get(family.repository)
        if before is not None and before.is_dir():
            there = [path.name for path in before.iterdir() if path.exists()]
            if not family.missing([*there, *have, *family.borrowed]):
                return before
        config = self._config

        def downloading(progress: Progress) -> None:
            report(Stage("downloading", f"the {family.label} model is being downloaded", asdict(progress)))

        directory = self._found[family.repository] = self._fetch(
            family,
            config.models_directory,
            search=config.data_dir,
            revision=revision,
            have=have,
            local_files_only=config.local_files_only,
            progress=downloading,
            cancelled=cancelled,
        )
        return directory
