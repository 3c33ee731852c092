"""The voices there are: the checkpoint's own, and every recording in the voices directory.

A recording `alice.wav` is the voice `alice` of a model with one language, and `alice-de`, `alice-en`, ... of one with
several; there, `alice-de.wav` is `alice-de` alone. Files are looked at when they are new or changed.
"""

from __future__ import annotations

import logging
import re
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import soundfile

from .engine import Voice
from .errors import UnknownVoiceError, VoiceError
from .quoting import quoted

_LOGGER = logging.getLogger(__name__)

DEFAULT = "default"
"""The checkpoint's own voice."""
SUFFIXES = frozenset({".wav", ".flac", ".mp3", ".ogg"})
_FALLBACK_LANGUAGE = "en"


@dataclass(frozen=True)
class Catalogue:
    """The voices at one moment, in a stable order: the default first, then by name."""

    voices: tuple[Voice, ...]
    broken: dict[str, str]
    """File name to the reason it is no voice."""
    preferred: str
    """Name of the voice for those who name none."""

    def find(self, name: str | None = None, language: str | None = None) -> Voice:
        """The voice of a request; a name without a language, or a language without a name, will do.

        `UnknownVoiceError` names the voices there are; `VoiceError` tells what is wrong with a broken recording.
        """
        spoken = language.lower()[:2] if language else None
        if name is None:
            voice = self._find(self.preferred, spoken) or self._find(DEFAULT, spoken)
            if voice is None:
                wanted = quoted(language or "")
                raise UnknownVoiceError(f"There is no voice for the language {wanted}; {self._listed()}")
            return voice
        if voice := self._find(name, spoken) or self._find(name, None):
            return voice
        for file, reason in self.broken.items():
            if Path(file).stem == name:
                raise VoiceError(f"The recording {quoted(file)} of voice {quoted(name)} can't be used: {reason}")
        raise UnknownVoiceError(f"There is no voice {quoted(name)}; {self._listed()}")

    def _find(self, name: str, language: str | None) -> Voice | None:
        """A voice by its whole name, or by its name and a language that one of them may lack."""
        by_name = {voice.name: voice for voice in self.voices}
        stem = re.sub(r"-[a-z]{2}$", "", name)
        wanted = (name, f"{name}-{language or _FALLBACK_LANGUAGE}", f"{stem}-{language}", stem)
        for candidate in wanted:
            voice = by_name.get(candidate)
            if voice is not None and language in (None, voice.language):
                return voice
        return None

    def _listed(self) -> str:
        names = [voice.name for voice in self.voices]
        shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
        return f"there are: {shown}"


class Voices:
    """Watches a directory of recordings."""

    def __init__(
        self, directory: Path, languages: Callable[[], tuple[str, ...]], shortest: Callable[[], float], preferred: str
    ) -> None:
        """`languages` of the model in use, and the `shortest` recording it takes, in seconds; both are asked anew."""
        self.directory = directory
        self._languages = languages
        self._shortest = shortest
        self._preferred = preferred
        self._durations: dict[Path, tuple[tuple[int, int], float | str]] = {}
        self._told: set[tuple[str, str]] = set()

    def scan(self) -> Catalogue:
        """Look at the directory. Reads only what is new or changed; never raises for what it finds."""
        languages = self._languages()
        broken: dict[str, str] = {}
        recordings: dict[str, Path] = {}
        for path in self._recordings():
            reason = self._examine(path)
            if reason is None and path.stem in (DEFAULT, *recordings):
                reason = f"there is another voice named {path.stem!r}"
            if reason is None:
                recordings[path.stem] = path
            else:
                name = path.name.encode("utf-8", "replace").decode()
                broken[name] = reason
                self._tell(name, reason)
        # A recording that says its language itself comes before one that speaks them all.
        voices = {voice.name: voice for voice in self._named(DEFAULT, None, languages)}
        for stem, path in sorted(recordings.items(), key=lambda item: not _says_language(item[0], languages)):
            for voice in self._named(stem, path, languages):
                voices.setdefault(voice.name, voice)
        catalogue = Catalogue(tuple(sorted(voices.values(), key=_order)), broken, self._preferred)
        if catalogue._find(self._preferred, None) is None:
            self._tell(f"--voice {self._preferred}", "there is no such voice; the model's own speaks instead")
        return catalogue

    def _named(self, stem: str, recording: Path | None, languages: tuple[str, ...]) -> list[Voice]:
        if len(languages) == 1:
            return [Voice(stem, languages[0], recording)]
        if _says_language(stem, languages):
            return [Voice(stem, stem.rpartition("-")[2], recording)]
        return [Voice(f"{stem}-{language}", language, recording) for language in languages]

    def _recordings(self) -> list[Path]:
        try:
            return sorted(
                path
                for path in self.directory.iterdir()
                if path.suffix.lower() in SUFFIXES and not path.name.startswith(".")
            )
        except FileNotFoundError:
            return []
        except OSError as err:
            self._tell(str(self.directory), f"the directory can't be read: {err.strerror}")
            return []

    def _examine(self, path: Path) -> str | None:
        try:
            status = path.stat()
        except OSError as err:
            return f"it can't be read: {err.strerror}"
        if not stat.S_ISREG(status.st_mode):
            return "it is no file"
        try:
            path.name.encode()
        except UnicodeEncodeError:
            return "its name is not UTF-8"
        state = (status.st_mtime_ns, status.st_size)
        known = self._durations.get(path)
        if known is None or known[0] != state:
            known = (state, _duration(path))
            self._durations[path] = known
        duration = known[1]
        if isinstance(duration, str):
            return duration
        shortest = self._shortest()
        if duration <= shortest:
            return f"it is {duration:.1f} s long, and must be over {shortest:g} s"
        return None

    def _tell(self, name: str, reason: str) -> None:
        if (name, reason) not in self._told:
            self._told.add((name, reason))
            _LOGGER.warning("No voice from %s: %s", name, reason)


def _says_language(stem: str, languages: tuple[str, ...]) -> bool:
    return len(languages) > 1 and "-" in stem and stem.rpartition("-")[2] in languages


def _order(voice: Voice) -> tuple[bool, str]:
    """The model's own first, then by name."""
    return voice.recording is not None, voice.name


def _duration(path: Path) -> float | str:
    """Seconds of sound, or why it is none."""
    try:
        with path.open("rb") as file:
            return float(soundfile.info(file).duration)
    except OSError as err:
        return f"it can't be read: {err.strerror}"
    except soundfile.LibsndfileError as err:
        return f"it is no sound file: {err.error_string.rstrip('.')}"
