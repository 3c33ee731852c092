"""Changing the voices folder, from the event loop: voices are added, changed, deleted, and brought back for a minute.

The folder may lie on a network share that hangs: all that touches it runs in threads that nobody has to wait for, and
while one of them hangs no other is started.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from ..daemon_thread import in_daemon_thread
from ..errors import ConflictError, FolderError, OverloadedError
from ..problem import Problem
from ..quoting import quoted
from .finding import VoiceName
from .names import folded
from .profile import Profile, read_profile
from .upload import Upload
from .voice_files import LEFTOVER_SECONDS, VoiceFiles

_LOGGER = logging.getLogger(__name__)

UNDO_SECONDS = 60.0
"""Seconds in which a deletion can be undone."""
_PATIENCE_SECONDS = 10.0
"""Seconds that the folder may take for one step."""
_ASK_SECONDS = 1.0
"""Seconds that a list of voices waits to learn whether the folder can be written."""
_EXAMINE_SECONDS = 60.0
"""Seconds that a recording may take to be examined."""
_MOST_UPLOADS = 4
"""Recordings that are received at once."""
_SPARE_BYTES = 16_000_000
"""Bytes of the disk that an upload leaves free."""

T = TypeVar("T")


@dataclass(frozen=True)
class Deletion:
    """Files that were deleted, and can be brought back until `ends`, by `time.monotonic()`."""

    id: str
    name: str
    files: tuple[str, ...]
    ends: float


class Library:
    """Changes the files of a voices folder."""

    def __init__(
        self,
        directory: Path,
        read: Callable[[Path], Profile] = read_profile,
        forget: Callable[[str], None] = lambda _: None,
        *,
        undo_seconds: float = UNDO_SECONDS,
        patience: float = _PATIENCE_SECONDS,
        spare: int = _SPARE_BYTES,
    ) -> None:
        """`read` and `forget` are as those of `VoiceFiles`, and called in any thread.

        Tests shorten `undo_seconds` and `patience`; `spare` is how many bytes of the disk an upload leaves free.
        """
        self.directory = directory
        self.undo_seconds = undo_seconds
        self._files = VoiceFiles(directory, read, forget)
        self._patience = patience
        self._spare = spare
        self._late = 0
        """Threads that the folder hasn't answered in time, and not yet."""
        self._asking: asyncio.Future[bool] | None = None
        """The latest question whether the folder can be written."""
        self._uploads = 0
        self._deletions: dict[str, tuple[Deletion, asyncio.TimerHandle]] = {}
        self._clearing: asyncio.TimerHandle | None = None

    def start(self) -> None:
        """Remove in the background what an earlier run left behind: parts of files, and deleted ones.

        What is young may be another server's, so that it has to wait.
        """
        self._clear()
        self._clearing = asyncio.get_running_loop().call_later(2 * LEFTOVER_SECONDS, self._clear)

    def _clear(self) -> None:
        def clear() -> None:
            with suppress(FileNotFoundError, NotADirectoryError):
                try:
                    self._files.remove_leftovers()
                except OSError as err:
                    _LOGGER.debug("Leftovers in %s are not removed: %s", self.directory, err)

        in_daemon_thread(clear, "voices library")

    def close(self) -> None:
        """Keep what is deleted where it is: the next start removes it."""
        if self._clearing is not None:
            self._clearing.cancel()
        for _, timer in self._deletions.values():
            timer.cancel()
        self._deletions.clear()

    async def writable(self) -> bool:
        """Whether voices can be put into the folder; False too if it doesn't answer."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.wrap_future(in_daemon_thread(self._files.writable, "voices library"))
            self._asking.add_done_callback(_taken)
        done, _ = await asyncio.wait([self._asking], timeout=min(self._patience, _ASK_SECONDS))
        return bool(done) and not self._late and self._asking.exception() is None and self._asking.result()

    @asynccontextmanager
    async def receive(self, expected: int) -> AsyncIterator[Upload]:
        """Begin to receive a file of perhaps `expected` bytes; in the end it is removed if no voice was made of it.

        `OverloadedError` if as many are being received as there may be; `FolderError` as all else that writes.
        """
        if self._uploads >= _MOST_UPLOADS:
            message = f"{self._uploads} recordings are being received at once, which is the limit"
            raise OverloadedError(message, Problem("too-many-uploads"))
        upload = Upload(self._files.temporary(), self._spare)
        self._uploads += 1
        try:
            await self._call(partial(upload.begin, expected))
            yield upload
        finally:
            self._uploads -= 1
            discarding = asyncio.wrap_future(in_daemon_thread(upload.discard, "voices library"))
            await asyncio.wait([discarding], timeout=self._patience)

    async def write(self, upload: Upload, data: bytes) -> None:
        """Write data that was received, when there is enough of it."""
        if (piece := upload.take(data)) is not None:
            await self._call(partial(upload.write, piece))

    async def finish(self, upload: Upload, examine: Callable[[Path], None]) -> None:
        """Write the rest, and examine the whole; raises what `examine` raises, which runs in a thread."""
        if rest := upload.rest():
            await self._call(partial(upload.write, rest))
        await self._call(upload.end)
        await self._call(partial(examine, upload.path), max(self._patience, _EXAMINE_SECONDS))

    async def add(
        self,
        name: str,
        profile: Profile,
        upload: Upload | None = None,
        suffix: str = "",
        *,
        instead: bool = False,
        replaces: str | None = None,
    ) -> None:
        """Add a voice, as `VoiceFiles.add` does. What it replaces can be brought back once its name is free again."""
        path = upload.path if upload is not None else None

        def added(key: str | None) -> None:
            _LOGGER.info("The voice %s is added", quoted(name))
            if key is not None:
                self._remember(key, name, ())

        adding = partial(self._files.add, name, path, suffix, profile, instead=instead, replaces=replaces)
        await self._call(adding, done=added)

    async def change(self, voice: VoiceName, changes: Mapping[str, Any], name: str | None = None) -> None:
        """Change a profile and a name, as `VoiceFiles.change` does."""
        kept = await self._call(partial(self._files.change, voice, changes, name))
        if kept is not None:
            _LOGGER.info("The profile of %s loses its comments; %s keeps it as it was", quoted(voice.name), kept.name)
        if name not in (None, voice.name):
            _LOGGER.info("The voice %s is called %s now", quoted(voice.name), quoted(name or ""))

    async def delete(self, voice: VoiceName, *, with_styles: bool = False) -> Deletion:
        """Delete a voice, as `VoiceFiles.delete` does, and for good after a minute."""
        return await self._delete(voice.name, "voice", partial(self._files.delete, voice, with_styles=with_styles))

    async def delete_file(self, name: str) -> Deletion:
        """Delete a file that is no voice."""
        return await self._delete(name, "file", partial(self._files.delete_file, name))

    async def _delete(self, name: str, what: str, function: Callable[[], tuple[str, list[str]]]) -> Deletion:
        deletions: list[Deletion] = []

        def deleted(kept: tuple[str, list[str]]) -> None:
            key, files = kept
            deletions.append(self._remember(key, name, tuple(files)))
            _LOGGER.info("The %s %s is deleted; for %g s it can be brought back", what, quoted(name), self.undo_seconds)

        await self._call(function, done=deleted)
        return deletions[0]

    async def restore(self, name: str, key: str | None = None) -> Deletion | None:
        """Bring the latest deletion of a name back, or the one whose id is `key`; None if there is none any more.

        `ConflictError` if another voice has the name now.
        """
        now = time.monotonic()
        found = [
            deletion
            for deletion, _ in self._deletions.values()
            if folded(deletion.name) == folded(name) and key in (None, deletion.id) and deletion.ends > now
        ]
        if not found:
            return None
        deletion = found[-1]

        def restored(_: list[str]) -> None:
            _LOGGER.info("The voice %s is back", quoted(name))
            if (known := self._deletions.pop(deletion.id, None)) is not None:
                known[1].cancel()

        files = await self._call(partial(self._files.restore, deletion.id), done=restored)
        return replace(deletion, files=tuple(files))

    async def read(self, function: Callable[[], T]) -> T:
        """Run a function that reads a file of the folder."""
        return await self._call(function, reads=True)

    def _remember(self, key: str, name: str, files: tuple[str, ...]) -> Deletion:
        deletion = Deletion(key, name, files, time.monotonic() + self.undo_seconds)
        timer = asyncio.get_running_loop().call_later(self.undo_seconds, self._forget, key)
        self._deletions[key] = deletion, timer
        return deletion

    def _forget(self, key: str) -> None:
        self._deletions.pop(key, None)
        in_daemon_thread(partial(self._files.remove, key), "voices library")

    async def _call(
        self,
        function: Callable[[], T],
        patience: float | None = None,
        *,
        done: Callable[[T], None] | None = None,
        reads: bool = False,
    ) -> T:
        """Run a function that touches the folder, or only `reads` a file.

        `done` gets its result, even if nobody waits for that any more. `FolderError` says what is wrong with the
        folder, and what to do.
        """
        patience = self._patience if patience is None else patience
        if self._late:
            raise self._silent(self._patience)
        future = asyncio.wrap_future(in_daemon_thread(function, "voices library"))
        future.add_done_callback(partial(_taken, done=done))
        ended, _ = await asyncio.wait([future], timeout=patience)
        if not ended:
            self._late += 1
            future.add_done_callback(self._back)
            raise self._silent(patience)
        try:
            return future.result()
        except FileNotFoundError as err:
            message = "The voice's files have changed meanwhile: look at the voices again"
            raise ConflictError(message, Problem("files-changed")) from err
        except OSError as err:
            raise self._trouble(err, reads=reads) from err

    def _back(self, _: asyncio.Future[Any]) -> None:
        self._late -= 1

    def _silent(self, seconds: float) -> FolderError:
        return FolderError(
            f"The voices folder {self.directory} has not answered for {seconds:g} s: see whether its disk or network "
            "share is there",
            Problem("folder-silent", {"folder": str(self.directory), "seconds": seconds}),
        )

    def _trouble(self, err: OSError, *, reads: bool) -> FolderError:
        folder = f"The voices folder {self.directory}"
        place = {"folder": str(self.directory)}
        if reads:
            message = f"A file in {self.directory} can't be read ({err.strerror}): let the server read it"
            return FolderError(message, Problem("file-unreadable", {"error": err.strerror}))
        match err.errno:
            case errno.ENOSPC | errno.EDQUOT:
                message = f"{folder} has no room left: free some space on its disk, and try again"
                return FolderError(message, Problem("folder-full", place), full=True)
            case errno.EROFS | errno.EACCES | errno.EPERM:
                return FolderError(
                    f"{folder} can't be written ({err.strerror}): let the server write there (in Docker, mount it "
                    "without :ro), or name another folder with --voices-dir",
                    Problem("folder-read-only", place),
                )
            case errno.ENOTDIR | errno.EEXIST:
                return FolderError(f"{folder} is no folder: name one with --voices-dir", Problem("no-folder", place))
        why = err.strerror or str(err)
        return FolderError(f"{folder} can't be changed: {why}", Problem("folder-error", {**place, "error": why}))


def _taken(future: asyncio.Future[T], *, done: Callable[[T], None] | None = None) -> None:
    """Take the result of a call, or the error, for which nobody may wait any more."""
    if not future.cancelled() and future.exception() is None and done is not None:
        done(future.result())
