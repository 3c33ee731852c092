"""From the options to an engine that speaks: choose, download, load. Runs in a thread of its own."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from ..config import Config
from ..errors import DeviceError
from . import Engine, Stage
from .files.download import Progress, fetch
from .files.families import FAMILIES, Family, recognise
from .gpu import missing, observe
from .precision import Precision, choose_device, choose_family, lower, request
from .upstream.preload import open_torch_libraries

if TYPE_CHECKING:
    from .voice.conditionals import ConditionalsCache

_LOGGER = logging.getLogger(__name__)


class Loader:
    """Makes the Chatterbox that the options ask for; each call starts from what is there by then."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._dtype = config.dtype
        self._quantization = config.quantization
        self._because: str | None = None
        self._chosen: Precision | None = None
        """What the latest call chose, or a call for less memory."""
        self._told: str | None = None
        """Why the latest call took its model, as the log has it."""
        self._prepared: ConditionalsCache | None = None
        self._prepared_with: Path | None = None

    def __call__(self, report: Callable[[Stage], None], cancelled: Callable[[], bool]) -> Engine:
        """Return a loaded engine.

        `DeviceError`, `DownloadError`, `CheckpointError` or `OutOfMemoryError` say why not.
        """
        config = self._config
        # Before gigabytes are downloaded for it.
        _check(config.device)
        family, directory = self._locate(report, cancelled)
        report(Stage("loading", f"the {family.name} model is being loaded from {directory}"))
        open_torch_libraries()
        from .chatterbox import Chatterbox

        return Chatterbox.load(
            directory,
            family,
            device=config.device,
            dtype=self._dtype,
            quantization=self._quantization,
            memory_limit_mb=config.memory_limit_mb,
            cuda_cache_clear_interval=config.cuda_cache_clear_interval,
            prompt_seconds=config.prompt_seconds,
            because=self._because,
            chosen=self._remember,
            prepared=self._voices_of(directory),
        )

    def lower(self) -> str | None:
        """From the next call on, load at the next lower precision: its name, or None where there is none lower."""
        if self._chosen is None:
            return None
        import torch

        from .devices import computes_in_bfloat16

        device = self._device(lambda _: None)
        following = lower(self._chosen, device, bfloat16=computes_in_bfloat16(torch.device(device)))
        if following is None:
            return None
        self._dtype, self._quantization = request(following.name)
        self._because, self._chosen = following.reason, following
        return following.name

    def _remember(self, chosen: Precision) -> None:
        self._chosen = chosen

    def _voices_of(self, directory: Path) -> ConditionalsCache:
        """The voices prepared with the checkpoint in `directory`: they outlive the engines that it is loaded for."""
        from .voice.conditionals import ConditionalsCache

        if self._prepared is None or self._prepared_with != directory:
            self._prepared, self._prepared_with = ConditionalsCache(), directory
        return self._prepared

    def _locate(self, report: Callable[[Stage], None], cancelled: Callable[[], bool]) -> tuple[Family, Path]:
        config = self._config
        name = config.model
        if name == "auto":
            name, reason = choose_family(name, self._device(report))
            if reason != self._told:
                _LOGGER.info("The model is %s", reason)
                self._told = reason
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

    def _device(self, report: Callable[[Stage], None]) -> str:
        if self._config.device != "auto":
            return self._config.device
        report(Stage("loading", "PyTorch is being imported"))
        open_torch_libraries()
        from .devices import available_devices

        return choose_device("auto", available_devices())[0]


def _check(device: str) -> None:
    """Raise `DeviceError` if something that `device` needs is seen to be missing."""
    if device in ("auto", "cpu"):
        return
    if lack := missing(device, observe()):
        raise DeviceError(f"--device {device} can't be used: {lack[0]}", lack[1])
