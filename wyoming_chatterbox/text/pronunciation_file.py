"""Watches a user's file of pronunciations.

The file may lie on a network share that hangs: it is read in the background, in a thread that nobody waits for, and
texts use the latest good entries.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from pathlib import Path

from ..daemon_thread import watched
from ..errors import ConfigError
from ..problem import Problem, Reason
from .pronunciation_yaml import content_of, parse
from .pronunciations import Pronunciations

_LOGGER = logging.getLogger(__name__)

_POLL_SECONDS = 2.0
_PATIENCE_SECONDS = 10.0
"""Seconds that reading the file may take before the log says so."""
_START_SECONDS = 1.0
"""Seconds that the server's start waits for the file."""

_Version = tuple[int, ...]


class PronunciationFile:
    """Reads a file again whenever it has changed."""

    def __init__(
        self, path: Path | None, *, poll_seconds: float = _POLL_SECONDS, patience: float = _PATIENCE_SECONDS
    ) -> None:
        """Without a `path` there are no pronunciations. The log names a file that hasn't answered for `patience`."""
        self.path = path
        self.latest = Pronunciations()
        """The entries of the latest good version."""
        self.trouble: str | None = None
        """Why the file is not used as it is now, in a sentence, perhaps a `Reason`; None if it is, or there is none."""
        self._poll_seconds = poll_seconds
        self._patience = patience
        self._version: _Version | None = ()
        """The version that was read last, good or not; None if there was no file."""
        self._fault: str | None = None
        """The fault of that version, in a sentence."""
        self._looked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to watch, and wait a short time for the file."""
        if self.path is None:
            return
        self._task = asyncio.create_task(self._watch(self.path), name="pronunciations")
        with suppress(TimeoutError):
            async with asyncio.timeout(_START_SECONDS):
                await self._looked.wait()

    async def close(self) -> None:
        """Stop watching; a look that hangs is left behind."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _watch(self, path: Path) -> None:
        while True:
            await self._look(path)
            self._looked.set()
            await asyncio.sleep(self._poll_seconds)

    async def _look(self, path: Path) -> None:
        def late() -> None:
            silent = Problem("pronunciations-silent", {"file": str(path), "seconds": self._patience})
            self._in_trouble(Reason(f"The pronunciations in {path} have not answered for {self._patience:g} s", silent))

        try:
            found = await watched(lambda: self._changed(path), "pronunciations", self._patience, late)
        except OSError as err:
            self._in_trouble(_unreadable(path, err.strerror))
        except Exception as err:
            _LOGGER.debug("Reading the pronunciations failed", exc_info=True)
            self._in_trouble(_unreadable(path, f"{type(err).__name__}: {err}"))
        else:
            if found is not None:
                self.latest = found
            if self._fault is not None:
                self._in_trouble(self._fault)
            else:
                if found is not None and self._version is None:
                    _LOGGER.info("There are no pronunciations: %s is read as soon as it is there", path)
                elif found is not None or self.trouble is not None:
                    _LOGGER.info("Pronunciations in %s: %d", path, len(self.latest.entries))
                self.trouble = None

    def _changed(self, path: Path) -> Pronunciations | None:
        """Return the entries if the file has changed and is good, however long that takes; none where there is none."""
        try:
            status = path.stat()
        except FileNotFoundError:
            version = None
        else:
            version = (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
        if version == self._version:
            return None
        try:
            found = Pronunciations() if version is None else parse(content_of(path), path)
        except ConfigError as err:
            self._version, self._fault = version, err.reason
            return None
        self._version, self._fault = version, None
        return found

    def _in_trouble(self, trouble: str) -> None:
        if trouble != self.trouble:
            self.trouble = trouble
            _LOGGER.warning("%s. The %d pronunciations from before are used", trouble, len(self.latest.entries))


def _unreadable(path: Path, why: str | None) -> Reason:
    problem = Problem("pronunciations-unreadable", {"file": str(path), "error": why})
    return Reason(f"The pronunciations in {path} can't be read: {why}", problem)
