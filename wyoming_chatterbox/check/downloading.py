"""Checks the model's files, the hub that they come from, and the room for them."""

from __future__ import annotations

import os
import shutil
import time
import urllib.request
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ..errors import CheckpointError, DownloadError
from .findings import Finding, Machine, problem, warning
from .folders import nearest

if TYPE_CHECKING:
    from ..engine.files.outlook import Lacking

HUB_SECONDS = 5.0
"""Seconds that the hub has to answer, and again to tell how large the files are."""
_LITTLE_BYTES = 100_000_000
"""Bytes of free disk that prepared voices soon fill."""


def files(machine: Machine) -> list[Finding]:
    """Say whether the model's files are here and whole."""
    from ..engine.files import outlook

    if machine.model is None:
        return []
    try:
        found = outlook.look(machine.config, machine.model)
    except CheckpointError as err:
        return [problem(str(err), err.hint)]
    except OSError as err:
        return [problem(f"{err.filename} can't be read: {err.strerror}", "Check its permissions.")]
    machine.outlook = found
    config, lacking = machine.config, found.lacking
    if found.directory is None and lacking is not None:
        family, places = lacking.wanted.family, ", ".join(map(str, lacking.directories))
        if config.local_files_only:
            put = config.models_directory / family.repository.rpartition("/")[2]
            told = f"the {family.label} model isn't in {places}, and downloads are off (--local-files-only)"
            return [problem(told, f"Put the files into {put}, or allow downloads.")]
        machine.to_come = outlook.bytes_expected(lacking)
        size = f" (about {_size(machine.to_come)})" if machine.to_come is not None else ""
        return [
            Finding(
                f"the {family.label} model{size} isn't here yet; it is downloaded once, to {config.models_directory}"
            )
        ]
    assert found.directory is not None
    try:
        from ..engine.examining import examine
    except ImportError as err:
        return [problem(f"{found.directory} can't be examined: {err}")]
    try:
        size = _size(examine(found.directory, found.family))
    except CheckpointError as err:
        return [problem(str(err), err.hint)]
    if lacking is not None:
        told = f"{found.directory} has another revision than {lacking.wanted.revision}"
        if config.local_files_only:
            return [warning(f"{told}; it is used, as downloads are off")]
        return [warning(f"{told}, which is downloaded if the hub has it", "Say --local-files-only to keep this one.")]
    return [Finding(f"{size} in {found.directory}, and whole as far as can be seen without loading them")]


def hub(machine: Machine) -> list[Finding]:
    """Say whether the hub answers, and through which proxy."""
    from ..engine.files import outlook

    found = machine.outlook
    if machine.config.local_files_only:
        return [Finding("not needed: downloads are off (--local-files-only)")]
    if found is None:
        return []
    if found.source is None:
        return [Finding("not needed for this model")]
    name = outlook.host()
    through = _proxy(name)
    via = f" through the proxy {through}" if through else ""
    try:
        outlook.ask(found.source, HUB_SECONDS - 0.5)
    except DownloadError as err:
        return [_silent(found.directory is None, f"{str(err).rstrip('.')}{via}", err.hint)]
    return [Finding(f"{name} answers{via}")]


def hub_is_late(machine: Machine) -> list[Finding]:
    """Say that the hub doesn't answer in time."""
    found = machine.outlook
    advice = "Check the network, its DNS and HTTPS_PROXY."
    needed = found is not None and found.directory is None
    return [_silent(needed, f"the hub does not answer within {HUB_SECONDS:g} s", advice)]


def disk(machine: Machine) -> list[Finding]:
    """Say whether there is room for what is still to be downloaded."""
    place = machine.config.models_directory
    try:
        free = shutil.disk_usage(nearest(place)).free
    except OSError:
        # The check of the folders says why.
        return []
    lacking = machine.outlook.lacking if machine.outlook is not None else None
    told = ""
    if lacking is not None and not machine.config.local_files_only:
        machine.to_come = _to_come(lacking)
        if machine.to_come:
            told = f"{_size(machine.to_come)} are still to be downloaded, and "
    told += f"{_size(free)} are free in {place}"
    needed = machine.to_come or 0
    if needed > free:
        told_what = f"Free {_size(needed - free)}, or choose another place with --download-dir."
        has_files = machine.outlook is not None and machine.outlook.directory is not None
        return [(warning if has_files else problem)(told, told_what)]
    if free - needed < _LITTLE_BYTES:
        return [warning(f"{told}, which is little", "Free some space: prepared voices are kept on the disk.")]
    return [Finding(told)]


def _to_come(lacking: Lacking) -> int | None:
    """Count the bytes that are still to come, as the hub or, where it is silent, the table has them."""
    from ..engine.files import outlook

    until = time.monotonic() + HUB_SECONDS

    def check() -> None:
        if time.monotonic() > until:
            raise DownloadError("the hub takes long")

    try:
        return outlook.bytes_to_come(lacking, HUB_SECONDS, check)
    except DownloadError:
        return outlook.bytes_expected(lacking)


def _silent(needed: bool, words: str, advice: str) -> Finding:
    """Say that the hub doesn't answer, which matters only if files are to come from it."""
    if needed:
        return problem(words, advice)
    return warning(f"{words}; the files are here already", "Say --local-files-only if it is meant to be so.")


def _proxy(host: str) -> str | None:
    """Name the proxy that requests to `host` go through, without its password."""
    kind = urlsplit(os.environ.get("HF_ENDPOINT") or "https://").scheme
    proxies = urllib.request.getproxies()
    address = proxies.get(kind) or proxies.get("all")
    if address is None or urllib.request.proxy_bypass(host.rpartition(":")[0] or host):
        return None
    return urlsplit(address if "//" in address else f"//{address}").netloc.rpartition("@")[2]


def _size(count: int) -> str:
    from ..engine.files.progress import format_bytes

    return format_bytes(count)
