"""The voices that a request can name, at one moment.

A recording `alice.wav` is the voice `alice` of a model with one language, and `alice-de`, `alice-en`, ... of one with
several; there, `alice-de.wav` is `alice-de` alone.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..errors import UnknownVoiceError, VoiceError
from ..quoting import quoted
from .recordings import Recording
from .voice import NamedVoice

DEFAULT = "default"
"""Name of the checkpoint's own voice."""
MAX_VOICES = 10_000
"""The most voices that a catalogue has: Home Assistant asks for all of them twice a minute."""
_FALLBACK_LANGUAGE = "en"


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Voices in a stable order: the default first, then by name. A catalogue is only equal to itself."""

    voices: tuple[NamedVoice, ...]
    broken: Mapping[str, str] = field(default_factory=dict)
    """Maps a file's name to the reason why it is no voice, or can't be cloned."""
    preferred: str = DEFAULT
    """Name of the voice for requests that name none."""

    def find(self, name: str | None = None, language: str | None = None) -> NamedVoice:
        """Find the voice of a request, by name, by language, or by both.

        `UnknownVoiceError` lists the voices; `VoiceError` says what is wrong with a broken recording.
        """
        spoken = language.lower()[:2] if language else None
        if name is None:
            voice = self._find(self.preferred, spoken) or self._find(DEFAULT, spoken)
            if voice is None:
                raise UnknownVoiceError(f"There is no voice for the language {quoted(language or '')}; {self._listed}")
            return voice
        if voice := self._find(name, spoken) or self._find(name, None):
            return voice
        if file := self._broken_by_stem.get(name):
            raise VoiceError(f"The recording {file} of voice {quoted(name)} can't be used: {self.broken[file]}")
        raise UnknownVoiceError(f"There is no voice {quoted(name)}; {self._listed}")

    @property
    def has_preferred(self) -> bool:
        """Whether the preferred voice exists, in any language."""
        return self._find(self.preferred, None) is not None

    def _find(self, name: str, language: str | None) -> NamedVoice | None:
        """Find a voice by its whole name, or by a name and language, with or without the language in the name."""
        stem = re.sub(r"-[a-z]{2}$", "", name)
        wanted = (name, f"{name}-{language or _FALLBACK_LANGUAGE}", f"{stem}-{language}", stem)
        for candidate in wanted:
            voice = self._by_name.get(candidate)
            if voice is not None and language in (None, voice.language):
                return voice
        return None

    @cached_property
    def _by_name(self) -> dict[str, NamedVoice]:
        return {voice.name: voice for voice in self.voices}

    @cached_property
    def _broken_by_stem(self) -> dict[str, str]:
        return {Path(file).stem: file for file in self.broken}

    @cached_property
    def _listed(self) -> str:
        names = [voice.name for voice in self.voices]
        shown = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
        return f"there are: {shown}"


def make_catalogue(
    recordings: Mapping[str, Recording], broken: Mapping[str, str], languages: tuple[str, ...], preferred: str
) -> Catalogue:
    """Make voices of recordings, given by name, for a model that speaks `languages`; at most `MAX_VOICES`."""
    voices = {voice.name: voice for voice in _named(DEFAULT, None, languages)}
    left: list[str] = []
    # A recording with a language in its name comes before one that is a voice in each language.
    for stem, recording in sorted(recordings.items(), key=lambda item: not _says_language(item[0], languages)):
        named = _named(stem, recording, languages)
        if len(voices) + len(named) > MAX_VOICES:
            left.append(recording.path.name)
            continue
        for voice in named:
            voices.setdefault(voice.name, voice)
    if left:
        more = f" and {len(left) - 1} more" if left[1:] else ""
        broken = {**broken, left[0] + more: f"there are {MAX_VOICES} voices already, each language counted"}
    return Catalogue(tuple(sorted(voices.values(), key=_order)), broken, preferred)


def _named(stem: str, recording: Recording | None, languages: tuple[str, ...]) -> list[NamedVoice]:
    def voice(name: str, language: str) -> NamedVoice:
        if recording is None:
            return NamedVoice(name, language, stem=stem)
        label = name.removesuffix(f"-{language}")
        return NamedVoice(name, language, recording.path, recording.version, label=label, stem=stem)

    if len(languages) == 1:
        return [voice(stem, languages[0])]
    if _says_language(stem, languages):
        return [voice(stem, stem.rpartition("-")[2])]
    return [voice(f"{stem}-{language}", language) for language in languages]


def _says_language(stem: str, languages: tuple[str, ...]) -> bool:
    return len(languages) > 1 and "-" in stem and stem.rpartition("-")[2] in languages


def _order(voice: NamedVoice) -> tuple[bool, str]:
    """Sort the model's own voices first, then by name."""
    return voice.recording is not None, voice.name
