"""Checks that the server may write where it has to."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryFile

from .findings import Finding, Machine, problem, warning


def nearest(path: Path) -> Path:
    """Return `path`, or the nearest folder above it that exists; raises `OSError` if a file is in the way."""
    place = next(place for place in (path, *path.absolute().parents) if place.exists())
    if not place.is_dir():
        raise NotADirectoryError(20, "it is a file, not a directory", str(place))
    return place


def folders(machine: Machine) -> list[Finding]:
    """Say which of the server's folders can be written to."""
    config = machine.config
    data, models, voices = config.data_dir[0], config.models_directory, config.voices_directory
    found = machine.outlook
    lacks = found is not None and found.directory is None and not config.local_files_only
    good: list[Path] = []
    bad: list[Path] = []
    findings: list[Finding] = []
    kept = "prepared voices can't be kept there, and are prepared again after each start"
    for path, flag, what, level in (
        (data, "--data-dir", kept, warning),
        (data / "cache", "--data-dir", kept, warning),
        (models, "--download-dir", "models can't be downloaded", problem if lacks else warning),
        (voices, "--voices-dir", "no voice can be added over the page or HTTP", warning),
    ):
        trouble = _trouble(path)
        if trouble is None:
            good.append(path)
        elif level is problem or not any(path.is_relative_to(other) for other in bad):
            bad.append(path)
            advice = f"Make it a directory that this process may write to, or choose another with {flag}."
            findings.append(level(f"{path} can't be written to ({trouble}): {what}", advice))
    if good:
        findings.insert(0, Finding(f"can be written to: {', '.join(map(str, good))}"))
    return findings


def _trouble(path: Path) -> str | None:
    """Say why nothing can be written to a directory, which may have to be made first; None if it can."""
    try:
        with TemporaryFile(dir=nearest(path)):
            return None
    except OSError as err:
        return err.strerror or str(err)
