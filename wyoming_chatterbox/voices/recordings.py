"""The recordings in the voices folder and its sub-folders, and why another file there is no recording."""

from __future__ import annotations

import math
import os
import stat
import time
import unicodedata
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path

from ..audio import SAMPLE_RATE
from ..audio.decoding import read_mono
from ..audio.judging import Judgement, judge, too_short
from ..audio.peaks import peaks
from ..engine import Version
from ..engine.voice.recording import version_of
from ..errors import SlowRecordingError, VoiceError
from ..families import PromptRules
from ..problem import Problem, Reason
from ..quoting import quoted
from .names import can_be_shown, is_hidden, shown
from .profile import SUFFIXES as PROFILE_SUFFIXES

SUFFIXES = frozenset(
    f".{suffix}"
    for suffix in (
        *("3g2", "3ga", "3gp", "aac", "ac3", "adts", "aif", "aifc", "aiff", "alac", "amr", "ape", "asf", "au", "avi"),
        *("awb", "caf", "dsf", "eac3", "f4a", "flac", "flv", "m4a", "m4b", "m4r", "m4v", "mka", "mkv", "mov", "mp2"),
        *("mp3", "mp4", "mpc", "mpeg", "mpg", "mpga", "mts", "oga", "ogg", "ogv", "oma", "opus", "ra", "rm", "snd"),
        *("spx", "tak", "ts", "tta", "voc", "w64", "wav", "wave", "weba", "webm", "wma", "wmv", "wv"),
    )
)
"""Suffixes of files that are meant to be recordings; what is in a file decides whether it is one."""
MAX_FILES = 10_000
"""Files that are considered: folder by folder, the first by name."""
MAX_FOLDERS = 1_000
MAX_DEPTH = 8
"""Folders inside each other that are looked into."""
_LOOK_SECONDS = 1.0
"""Seconds after which a look judges no more recordings; the next look goes on."""

_AGAIN_SECONDS = 300.0
"""Seconds after which a recording that took too long to read is tried again."""


@dataclass(frozen=True)
class Recording:
    """A file that a voice is cloned from."""

    path: Path
    version: Version
    judgement: Judgement | None = None
    """The findings about it; None if nobody listened."""
    file: str = ""
    """Its path inside the voices folder, as people are told it: `alice.wav`, `family/bob.m4a`."""


@dataclass(frozen=True)
class Found:
    """The result of one scan."""

    recordings: dict[str, Recording] = field(default_factory=dict)
    """Recordings by the file's name without its suffix."""
    broken: dict[str, str] = field(default_factory=dict)
    """Maps a file, by its path inside the folder, to the reason why it is no recording."""
    profiles: tuple[Path, ...] = ()
    """Files that say how voices speak, by path."""
    unheard: tuple[Path, ...] = ()
    """Files that nobody has listened to yet, as a look must end."""


def listen(path: Path) -> Judgement:
    """Read a recording, judge it and draw it. Raises `OSError` or `VoiceError`, which says why there is no sound."""
    wave = read_mono(path, SAMPLE_RATE)
    return replace(judge(wave, SAMPLE_RATE), peaks=peaks(wave))


class Recordings:
    """Scans a folder for recordings; listens only to files that are new or changed since it last did."""

    def __init__(
        self,
        directory: Path,
        judged: Callable[[Path], Judgement] = listen,
        seconds: float = _LOOK_SECONDS,
        again: float = _AGAIN_SECONDS,
    ) -> None:
        """`judged` listens to a file; in one look, none begins after `seconds`, except the first.

        A file that takes too long to read is tried again after `again` seconds.
        """
        self._directory = directory
        self._listen = judged
        self._look_seconds = seconds
        self._again_seconds = again
        self._judged: dict[Path, tuple[Version, Judgement | str]] = {}
        """Each file's version when it was opened, and what was found in it or the reason why it is no recording."""
        self._again: dict[Path, float] = {}
        """When files that took too long are tried again, by `time.monotonic()`."""

    def look(self, taken: frozenset[str], rules: PromptRules, first: str = "") -> Found:
        """Find recordings that hold as much speech as `rules` want, and whose names are not `taken`.

        The voice named `first` is listened to before the others. This takes as long as the file system does. Raises
        `OSError` if there is no folder.
        """
        until = time.monotonic() + self._look_seconds
        broken: dict[str, str] = {}
        entries = list(islice(entries_in(self._directory, broken), MAX_FILES + 1))
        recordings: dict[str, Recording] = {}
        names = set(taken)
        profiles: list[Path] = []
        unheard: list[Path] = []
        listened = False
        for entry in sorted(entries[:MAX_FILES], key=lambda entry: not first.startswith(entry.path.stem)):
            path, file = entry.path, entry.file
            if path.suffix.lower() in PROFILE_SUFFIXES:
                profiles.append(path)
                continue
            try:
                version = _version(entry)
                known, judgement = self._judged.get(path, (None, ""))
                if known != version or self._again.get(path, math.inf) < time.monotonic():
                    if listened and time.monotonic() > until:
                        unheard.append(path)
                        continue
                    judgement = self._verdict(path)
                    self._judged[path] = version, judgement
                    listened = True
                if isinstance(judgement, str):
                    raise VoiceError(judgement)
                check_speech(judgement, rules)
                # Systems compose the letters of a name differently, and people see no difference.
                name = unicodedata.normalize("NFC", path.stem)
                if name in names:
                    other = Problem("name-taken", {"voice": path.stem})
                    raise VoiceError(f"there is another voice named {quoted(path.stem)}", other)
                names.add(name)
            except OSError as err:
                gone = isinstance(err, FileNotFoundError) and path.is_symlink()
                nowhere = Reason("it is a link to a file that isn't there", Problem("link-broken"))
                broken[shown(file)] = nowhere if gone else unreadable(err)
            except VoiceError as err:
                broken[shown(file)] = err.reason
            else:
                recordings[path.stem] = Recording(path, version, judgement, file)
        for entry in entries[MAX_FILES:]:
            too_many = Problem("too-many-files", {"most": MAX_FILES})
            why = Reason(f"only the first {MAX_FILES} files are looked at", too_many)
            broken[f"{shown(entry.file)} and those after it"] = why
        self._judged = {entry.path: self._judged[entry.path] for entry in entries if entry.path in self._judged}
        self._again = {path: when for path, when in self._again.items() if path in self._judged}
        return Found(recordings, broken, tuple(profiles), tuple(unheard))

    def _verdict(self, path: Path) -> Judgement | str:
        self._again.pop(path, None)
        try:
            return self._listen(path)
        except SlowRecordingError as err:
            self._again[path] = time.monotonic() + self._again_seconds
            return err.reason
        except VoiceError as err:
            return err.reason
        except OSError:
            raise
        except Exception as err:
            # A file that is too much for its decoder is no reason to pass over the others.
            return Reason(f"it can't be listened to: {type(err).__name__}", Problem("recording-damaged"))


@dataclass(frozen=True)
class Entry:
    """A file, or something else that is no folder."""

    path: Path
    file: str
    """The path as it is seen from the voices folder."""
    status: os.stat_result | OSError


def entries_in(directory: Path, broken: dict[str, str]) -> Iterator[Entry]:
    """Yield all that is not hidden, nor a system's own, folder by folder; name in `broken` what can't be looked into.

    No folder is entered twice, so that links can't make a circle.
    """
    entered = {_identity(directory.stat())}
    waiting = deque([(directory, "", 0)])
    while waiting:
        folder, prefix, depth = waiting.popleft()
        try:
            inside = sorted(folder.iterdir(), key=lambda path: path.name)
        except OSError as err:
            if folder is directory:
                raise
            broken[shown(prefix)] = unreadable(err)
            continue
        for path in inside:
            if is_hidden(path.name):
                continue
            file = prefix + path.name
            status = _status(path)
            if isinstance(status, OSError) or not stat.S_ISDIR(status.st_mode):
                yield Entry(path, file, status)
            elif depth >= MAX_DEPTH or len(entered) >= MAX_FOLDERS:
                limits = f"only {MAX_FOLDERS} folders are looked into, at most {MAX_DEPTH} inside each other"
                most = Problem("too-many-folders", {"most": MAX_FOLDERS, "depth": MAX_DEPTH})
                broken[shown(file)] = Reason(limits, most)
            elif _identity(status) not in entered:
                entered.add(_identity(status))
                waiting.append((path, f"{file}/", depth + 1))
                if path.suffix.lower() in SUFFIXES:
                    why = "it is a folder, no file; the recordings inside it are voices"
                    broken[shown(file)] = Reason(why, Problem("folder-no-file"))


def unreadable(err: OSError) -> Reason:
    """Say that a file can't be read, and what the system says of it."""
    return Reason(f"it can't be read: {err.strerror}", Problem("file-unreadable", {"error": err.strerror}))


def _status(path: Path) -> os.stat_result | OSError:
    try:
        return path.stat()
    except OSError as err:
        return err


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino


def _version(entry: Entry) -> Version:
    if entry.path.suffix.lower() not in SUFFIXES:
        message = "it is no recording: its name doesn't end in .wav, .mp3, .m4a or the like"
        raise VoiceError(message, Problem("no-recording"))
    if isinstance(entry.status, OSError):
        raise entry.status
    if not stat.S_ISREG(entry.status.st_mode):
        raise VoiceError("it is no file", Problem("no-file"))
    if not can_be_shown(entry.file):
        raise VoiceError("its name has characters that can't be shown", Problem("name-hidden"))
    return version_of(entry.status)


def check_speech(judgement: Judgement, rules: PromptRules) -> None:
    """Raise `VoiceError` unless a recording holds enough speech."""
    if (reason := too_short(judgement, rules.shortest, rules.longest)) is not None:
        raise VoiceError(reason)
