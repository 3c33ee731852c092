"""Loading Chatterbox as the options ask: device, family and precision are chosen here, and only here.

All of it runs in a thread of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from ..config import Config
from ..errors import DeviceError, NotNumbersError
from ..families import Family
from ..precision import Precision, choose_device, choose_family, name_of
from ..problem import Problem
from . import Engine, Stage
from .files.model_files import ModelFiles
from .gpu import missing, observe
from .upstream.preload import open_torch_libraries

if TYPE_CHECKING:
    from .voice.cloned import KeptVoices

_LOGGER = logging.getLogger(__name__)


class Loader:
    """Loads the Chatterbox that the options ask for. Each call looks anew at the files and the free memory."""

    def __init__(self, config: Config) -> None:
        self._config = config
        self._precision: Precision | None = None
        """The precision of the latest call, or the lower one for the next."""
        self._is_settled = False
        """Whether an earlier load or reply showed what precision it must be, so that it stays."""
        self._unfit: set[tuple[str, str]] = set()
        """The precisions whose sound was not numbers, by name and arithmetic."""
        self._files = ModelFiles(config)
        self._family_reason: str | None = None
        """The latest reason for the family, as logged."""
        self._kept: KeptVoices | None = None

    def __call__(self, report: Callable[[Stage], None], cancelled: Callable[[], bool]) -> Engine:
        """Return a loaded engine.

        Raises `ConfigError`, `DownloadError`, `CheckpointError`, `OutOfMemoryError` or `EngineError`.
        """
        config = self._config
        # Before gigabytes are downloaded for the device.
        _check(config.device)
        family, directory = self._locate(report, cancelled)
        report(Stage("loading", f"the {family.label} model is being loaded from {directory}"))
        open_torch_libraries()
        from .chatterbox import Chatterbox

        precision = self._choose_precision(family)
        while True:
            try:
                return Chatterbox.load(
                    directory,
                    family,
                    precision,
                    cuda_cache_clear_interval=config.cuda_cache_clear_interval,
                    prompt_seconds=config.prompt_seconds,
                    kept=self._voices(),
                )
            except NotNumbersError as err:
                wider = self._widen(family, precision)
                if wider is None:
                    raise
                _LOGGER.warning("%s It is loaded again: %s", err, wider.reason)
                report(Stage("loading", f"the {family.label} model is being loaded again: {wider.reason}"))
                precision = wider

    def lower(self) -> str | None:
        """From the next call on, load at the next lower precision; returns its name, or None if there is none."""
        if self._precision is None:
            return None
        from . import devices

        lower = devices.lower_precision(self._precision)
        while lower is not None and (lower.name, lower.compute) in self._unfit:
            lower = devices.lower_precision(lower)
        if lower is None:
            return None
        self._precision, self._is_settled = lower, True
        return lower.name

    def _choose_precision(self, family: Family) -> Precision:
        if self._precision is None or not self._is_settled:
            from . import devices

            config = self._config
            wanted = name_of(config.dtype, config.quantization)
            self._precision = devices.choose_precision(family.name, wanted, config.device, config.memory_limit_mb)
        return self._precision

    def _widen(self, family: Family, precision: Precision) -> Precision | None:
        """Choose the precision for all further loads, where the sound of this one is not numbers; None without one."""
        from . import devices

        self._unfit.add((precision.name, precision.compute))
        wider = devices.wider_precision(precision, family.name, self._config.memory_limit_mb)
        if wider is None or (wider.name, wider.compute) in self._unfit:
            return None
        self._precision, self._is_settled = wider, True
        return wider

    def _voices(self) -> KeptVoices:
        """Return the voices that were prepared before; they outlive engines, and on disk the process."""
        from .voice.cloned import KeptVoices
        from .voice.store import VoiceStore

        if self._kept is None:
            self._kept = KeptVoices(store=VoiceStore(self._config.prepared_voices_directory))
        return self._kept

    def _locate(self, report: Callable[[Stage], None], cancelled: Callable[[], bool]) -> tuple[Family, Path]:
        name = self._config.model
        if name == "auto":
            name, reason = choose_family(name, self._device(report))
            if reason != self._family_reason:
                _LOGGER.info("The model is %s", reason)
                self._family_reason = reason
        return self._files.locate(name, report, cancelled)

    def _device(self, report: Callable[[Stage], None]) -> str:
        if self._config.device != "auto":
            return self._config.device
        report(Stage("loading", "PyTorch is being imported"))
        open_torch_libraries()
        from .devices import available_devices

        return choose_device("auto", available_devices())[0]


def _check(device: str) -> None:
    """Raise `DeviceError` if something that `device` needs is missing."""
    if device in ("auto", "cpu"):
        return
    if lack := missing(device, observe()):
        problem = Problem("no-device", {"device": device})
        raise DeviceError(f"--device {device} can't be used: {lack[0]}", lack[1], problem)
