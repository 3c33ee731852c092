"""The voices there are: the checkpoint's own, and every recording in the voices directory.

A recording `alice.wav` is the voice `alice` of a model with one language, and `alice-de`, `alice-en`, ... of one with
several; there, `alice-de.wav` is `alice-de` alone. Files are looked at when they are new or changed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import soundfile

from .engine import Voice
from .errors import UnknownVoiceError, VoiceError

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
        by_name = {voice.name: voice for voice in self.voices}
        wanted = name or self.preferred
        if voice := by_name.get(wanted):
            if language is None or name is not None or voice.language == language:
                return voice
            wanted = wanted.removesuffix(f"-{voice.language}")
        for code in (language, _FALLBACK_LANGUAGE):
            if code is not None and (voice := by_name.get(f"{wanted}-{code.lower()[:2]}")):
                return voice
        for file, reason in self.broken.items():
            if name is not None and Path(file).stem == name:
                raise VoiceError(f"The recording {file} of voice {name!r} can't be used: {reason}")
        if name is None and language is None:
            raise UnknownVoiceError(f"The server's own choice, --voice {wanted!r}, is not there; {self._listed()}")
        if name is None:
            raise UnknownVoiceError(f"There is no voice for the language {language!r}; {self._listed()}")
        raise UnknownVoiceError(f"There is no voice {name!r}; {self._listed()}")

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
        voices = self._named(DEFAULT, None, languages)
        broken: dict[str, str] = {}
        names = {DEFAULT}
        for path in self._recordings():
            reason = self._examine(path)
            if reason is None and path.stem in names:
                reason = f"there is another voice named {path.stem!r}"
            if reason is not None:
                broken[path.name] = reason
                self._tell(path.name, reason)
                continue
            names.add(path.stem)
            voices += self._named(path.stem, path, languages)
        return Catalogue(tuple(voices), broken, self._preferred)

    def _named(self, stem: str, recording: Path | None, languages: tuple[str, ...]) -> list[Voice]:
        if len(languages) == 1:
            return [Voice(stem, languages[0], recording)]
        _, dash, code = stem.rpartition("-")
        if dash and code in languages:
            return [Voice(stem, code, recording)]
        return [Voice(f"{stem}-{language}", language, recording) for language in sorted(languages)]

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


def _duration(path: Path) -> float | str:
    """Seconds of sound, or why it is none."""
    try:
        with path.open("rb") as file:
            return float(soundfile.info(file).duration)
    except OSError as err:
        return f"it can't be read: {err.strerror}"
    except soundfile.LibsndfileError as err:
        return f"it is no sound file: {err.error_string.rstrip('.')}"
