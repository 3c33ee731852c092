"""The voices as /v1/voices shows them: one entry a voice, however many languages it speaks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from ..audio.judging import Judgement
from ..problem import Problem
from ..quoting import quoted
from ..speech.service import Service
from ..voices.catalogue import DEFAULT, Catalogue
from ..voices.languages import spoken_as
from ..voices.names import folded
from ..voices.profile import Profile
from ..voices.voice import NamedVoice
from .answers import RefusedError, told_of


@dataclass(frozen=True)
class Entry:
    """One voice in all its languages."""

    name: str
    """Its file's name without the suffix."""
    voices: tuple[NamedVoice, ...]
    """By language; at least one."""

    @property
    def recording(self) -> Path | None:
        return self.voices[0].recording

    def speaking(self, language: str | None, usual: str) -> NamedVoice:
        """Return the voice in a language, else in that of its recording or the `usual` one.

        `RefusedError` if it doesn't speak the language.
        """
        by_language = {voice.language: voice for voice in self.voices}
        if language is None:
            best = (self.voices[0].recorded_language, usual)
            return next((by_language[code] for code in best if code in by_language), self.voices[0])
        if (code := spoken_as(language, by_language)) is None:
            message = f"language can't be {quoted(language)}: {quoted(self.name)} speaks {', '.join(by_language)}"
            raise RefusedError(400, message, param="language")
        return by_language[code]


@lru_cache(maxsize=1)
def entries(catalogue: Catalogue) -> Mapping[str, Entry]:
    """Group the voices of a catalogue by the name of their file, in its order."""
    grouped: dict[str, list[NamedVoice]] = {}
    for voice in catalogue.voices:
        grouped.setdefault(voice.stem, []).append(voice)
    return {
        name: Entry(name, tuple(sorted(voices, key=lambda voice: voice.language))) for name, voices in grouped.items()
    }


def find(catalogue: Catalogue, name: str) -> Entry:
    """Find a voice by its name, in any case, or by the name that it has in one language; `RefusedError`, 404."""
    if (entry := known(catalogue, name)) is None:
        unknown = Problem("unknown-voice", {"name": name})
        raise RefusedError(404, f"There is no voice {quoted(name)}", "unknown-voice", param="name", problem=unknown)
    return entry


def known(catalogue: Catalogue, name: str) -> Entry | None:
    """Find a voice as `find` does; return None if there is none."""
    there = entries(catalogue)
    if name in there:
        return there[name]
    return _by_folded_name(catalogue).get(folded(name))


def listing(service: Service, *, writable: bool) -> dict[str, Any]:
    """Return the answer of GET /v1/voices."""
    catalogue = service.voices.catalogue
    return {
        "voices": [described(service, catalogue, entry) for entry in entries(catalogue).values()],
        "broken": [{"file": file, "reason": reason, **told_of(reason)} for file, reason in catalogue.broken.items()],
        "folder": {
            "path": service.voices.directory,
            "writable": writable,
            "trouble": service.voices.trouble,
            **told_of(service.voices.trouble),
        },
        "default": catalogue.find().stem,
    }


def described(service: Service, catalogue: Catalogue, entry: Entry) -> dict[str, Any]:
    """Return what is known of a voice."""
    voice = entry.voices[0]
    file = None if voice.recording is None else voice.recording.relative_to(service.voices.directory).as_posix()
    judgement = service.voices.judgement(voice)
    state, reason = _state(service, voice, catalogue.broken.get(file) if file is not None else None)
    return {
        "id": entry.name,
        "name": entry.name,
        "label": voice.label or entry.name,
        "own": entry.name == DEFAULT,
        "recording": file,
        "languages": [spoken.language for spoken in entry.voices],
        "names": {spoken.language: spoken.name for spoken in entry.voices},
        "recorded_language": voice.recorded_language,
        "style": _style(entry),
        "aliases": list(dict.fromkeys(alias for spoken in entry.voices for alias in spoken.aliases)),
        "profile": _profile(catalogue.profiles.get(entry.name, Profile())),
        "state": state,
        "reason": reason,
        **told_of(reason),
        "judgement": judged(judgement),
        # As text: thousands of voices with a list of numbers each would take long to write and to read.
        "peaks": judgement.peaks.hex() if judgement is not None else None,
        "is_default": entry.name == catalogue.find().stem,
        "bytes": voice.version[2] if voice.version is not None else None,
        "changed": voice.version[0] / 1e9 if voice.version is not None else None,
    }


def _style(entry: Entry) -> dict[str, Any]:
    """Return what is set of how a voice speaks, as far as that is the same in all its languages."""
    styles = [vars(voice.style) for voice in entry.voices]
    return {
        setting: value
        for setting, value in styles[0].items()
        if value is not None and all(style[setting] == value for style in styles)
    }


def _profile(profile: Profile) -> dict[str, Any]:
    """Return what a voice's own profile says of it, which is what a request changes."""
    style = {setting: value for setting, value in vars(profile.style).items() if value is not None}
    return {"label": profile.label, "aliases": profile.aliases, "style": style}


def _state(service: Service, voice: NamedVoice, broken: str | None) -> tuple[str, str | None]:
    """Return ready, preparing, waiting or broken, and why it is `broken`."""
    if broken is not None:
        return "broken", broken
    return service.preparation.state(voice), None


def judged(judgement: Judgement | None) -> dict[str, Any] | None:
    """Return what was found in a recording, if somebody listened to it; levels are in dB of full scale."""
    if judgement is None:
        return None
    return {
        "seconds": round(judgement.seconds, 1),
        "speech_seconds": round(judgement.speech_seconds, 1),
        "level": round(judgement.level, 1),
        "noise": round(judgement.noise, 1),
        "clipped": round(judgement.clipped, 4),
        "findings": [{"code": finding.code, "text": finding.words} for finding in judgement.findings],
    }


@lru_cache(maxsize=1)
def _by_folded_name(catalogue: Catalogue) -> Mapping[str, Entry]:
    found: dict[str, Entry] = {}
    for entry in entries(catalogue).values():
        found.setdefault(folded(entry.name), entry)
    for entry in entries(catalogue).values():
        for voice in entry.voices:
            found.setdefault(folded(voice.name), entry)
    return found
