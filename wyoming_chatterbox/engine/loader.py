"""From the options to an engine that speaks: choose, download, load. Runs in a thread of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

from ..config import Config
from . import Engine, Stage
from .download import Progress, fetch
from .families import FAMILIES, Family, recognise
from .precision import choose_device, choose_family
from .preload import open_torch_libraries

_LOGGER = logging.getLogger(__name__)


class Loader:
    """Makes the Chatterbox that the options ask for; each call starts from what is there by then."""

    def __init__(self, config: Config) -> None:
        self._config = config

    def __call__(self, report: Callable[[Stage], None], cancelled: Callable[[], bool]) -> Engine:
        """Return a loaded engine; `DownloadError`, `CheckpointError` or `OutOfMemoryError` say why not."""
        config = self._config
        report(Stage("loading", "PyTorch is being imported"))
        open_torch_libraries()
        from .chatterbox import Chatterbox, available_devices

        device, _ = choose_device(config.device, available_devices())
        family, directory = self._locate(device, report, cancelled)
        report(Stage("loading", f"the {family.name} model is being loaded from {directory}"))
        return Chatterbox.load(
            directory,
            family,
            device=config.device,
            dtype=config.dtype,
            int8=config.quantization == "int8",
            cuda_cache_clear_interval=config.cuda_cache_clear_interval,
        )

    def _locate(
        self, device: str, report: Callable[[Stage], None], cancelled: Callable[[], bool]
    ) -> tuple[Family, Path]:
        config = self._config
        name = config.model
        if name == "auto":
            name, reason = choose_family(name, device)
            _LOGGER.info("The model is %s", reason)
        if name not in FAMILIES:
            directory = Path(name)
            return recognise(directory), directory
        family = FAMILIES[name]

        def downloading(progress: Progress) -> None:
            report(Stage("downloading", f"the {family.name} model is being downloaded", asdict(progress)))

        directory = fetch(
            family,
            config.models_directory,
            search=config.data_dir,
            local_files_only=config.local_files_only,
            progress=downloading,
            cancelled=cancelled,
        )
        return family, directory
