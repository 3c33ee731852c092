"""The voices that a request can name, at one moment.

A recording `alice.wav` is the voice `alice` of a model with one language, and `alice-de`, `alice-en`, ... of one with
several; there, `alice-de.wav` is `alice-de` alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from ..errors import UnknownVoiceError, VoiceError
from ..families import MULTILINGUAL_LANGUAGES
from ..problem import Problem
from ..quoting import quoted
from .languages import spoken_as
from .names import folded, listed, without_language
from .profile import SUFFIXES as PROFILE_SUFFIXES
from .profile import Profile
from .recordings import SUFFIXES as RECORDING_SUFFIXES
from .voice import NamedVoice

DEFAULT = "default"
"""Name of the checkpoint's own voice."""

_ByLanguage = dict[str, NamedVoice]


@dataclass(frozen=True, eq=False)
class Catalogue:
    """Voices in a stable order: the default first, then by name. A catalogue is only equal to itself."""

    voices: tuple[NamedVoice, ...]
    broken: Mapping[str, str] = field(default_factory=dict)
    """Maps a file's name to the reason why it is no voice, can't be cloned, or isn't used as it says."""
    preferred: str = DEFAULT
    """Name of the voice for requests that name none."""
    usual_language: str = "en"
    """The language of requests that name none, for a voice that has it."""
    profiles: Mapping[str, Profile] = field(default_factory=dict)
    """The own profile of each voice that has one, by its stem: not what is for one of its languages, or shared."""

    def find(self, name: str | None = None, language: str | None = None) -> NamedVoice:
        """Find the voice of a request, by name or alias, by language, or by both.

        Case doesn't count, unless two names differ in nothing else. A language comes before the one in a name, and the
        whole name of a voice before a language that this voice doesn't speak. Blanks around a name, and the suffix of
        its recording, may be there. `UnknownVoiceError` lists the voices or languages; `VoiceError` says what is wrong
        with a broken recording or profile.
        """
        try:
            return self._found(name, language)
        except UnknownVoiceError:
            if name is None or (bare := _bare(name)) == name:
                raise
            with suppress(UnknownVoiceError):
                return self._found(bare, language)
            raise

    def _found(self, name: str | None, language: str | None) -> NamedVoice:
        code = spoken_as(language, self.languages) if language else None
        if code or not language:
            for candidate in (self.preferred, DEFAULT) if name is None else (name,):
                if voice := self._find(candidate, code):
                    return voice
        if name is None:
            raise _unspoken("No voice speaks", language or self.usual_language, self.languages)
        if voice := self._whole(name):
            return voice
        if language and (several := self._languages_of(name)):
            raise _unspoken(f"The voice {quoted(name)} doesn't speak", language, several)
        if voice := self._find(name, None):
            return voice
        if file := self._index.broken.get(folded(name)):
            what = "profile" if Path(file).suffix.lower() in PROFILE_SUFFIXES else "recording"
            message = f"The {what} {file} of voice {quoted(name)} can't be used: {self.broken[file]}"
            raise VoiceError(message, Problem("voice-broken", {"name": name, "file": file}))
        unknown = Problem("unknown-voice", {"name": name})
        raise UnknownVoiceError(f"There is no voice {quoted(name)}; {self._listed}", unknown)

    def called(self, name: str) -> tuple[NamedVoice, ...]:
        """List the voices that have a name or alias, in any case, with its language or without."""
        whole = self._whole(name)
        return (*(() if whole is None else (whole,)), *(self._languages_of(name) or {}).values())

    @property
    def has_preferred(self) -> bool:
        """Whether the preferred voice exists, in any language."""
        return self._find(self.preferred, None) is not None

    @cached_property
    def languages(self) -> tuple[str, ...]:
        """The languages that there are voices in, as ISO 639-1."""
        return tuple(sorted({voice.language for voice in self.voices}))

    def _find(self, name: str, language: str | None) -> NamedVoice | None:
        """Find a voice by its whole name, or by a name and language, with or without the language in the name."""
        whole = self._whole(name)
        if whole is not None and language in (None, whole.language):
            return whole
        if voices := self._languages_of(name):
            usual = voices.get(self.usual_language) or next(iter(voices.values()))
            return voices.get(language) if language else usual
        stem, dash, code = name.rpartition("-")
        if not dash or len(code) != 2 or spoken_as(code, MULTILINGUAL_LANGUAGES) is None:
            return None
        if not (voices := self._languages_of(stem)):
            return None
        if language or (language := spoken_as(code, voices)):
            return voices.get(language)
        # Home Assistant may remember a name from a model of several languages, where this one's name is without.
        return next((voice for voice in voices.values() if folded(voice.name) == folded(stem)), None)

    def _whole(self, name: str) -> NamedVoice | None:
        return self._index.by_name.get(name) or self._index.by_folded_name.get(folded(name))

    def _languages_of(self, name: str) -> _ByLanguage | None:
        """Return the voices that have a name or alias in common, their languages aside."""
        return self._index.by_stem.get(name) or self._index.by_folded_stem.get(folded(name))

    @cached_property
    def _index(self) -> _Index:
        return _Index.of(self.voices, self.broken)

    @property
    def _listed(self) -> str:
        return f"there are: {listed([voice.name for voice in self.voices])}"


def _bare(name: str) -> str:
    """Return a name without blanks around it, and without a recording's suffix: other servers name the file."""
    path = Path(name.strip())
    return path.stem if path.suffix.lower() in RECORDING_SUFFIXES and path.name == str(path) else name.strip()


@dataclass(frozen=True)
class _Index:
    """Voices by all that they are found by. A stem is a name without its language; a folded name is without case."""

    by_name: dict[str, NamedVoice]
    by_folded_name: dict[str, NamedVoice]
    by_stem: dict[str, _ByLanguage]
    by_folded_stem: dict[str, _ByLanguage]
    """Aliases are here too."""
    broken: dict[str, str]
    """The broken file by the folded name that its voice would have: the recording if there is a profile too."""

    @classmethod
    def of(cls, voices: Sequence[NamedVoice], broken: Iterable[str]) -> _Index:
        """Index voices; of two whose names differ only in case, the first is found by a third spelling."""
        by_stem: dict[str, _ByLanguage] = {}
        by_alias: dict[str, _ByLanguage] = {}
        for voice in voices:
            by_stem.setdefault(without_language(voice.name, voice.language), {})[voice.language] = voice
            for alias in voice.aliases:
                by_alias.setdefault(folded(alias), {}).setdefault(voice.language, voice)
        by_folded_stem: dict[str, _ByLanguage] = {}
        for stem, spoken in by_stem.items():
            by_folded_stem[folded(stem)] = spoken | by_folded_stem.get(folded(stem), {})
        # What is written exactly so comes first, but `Alice-de` is the German voice of `alice` if that has no other.
        by_stem = {stem: by_folded_stem[folded(stem)] | spoken for stem, spoken in by_stem.items()}
        files = sorted(broken, key=lambda file: Path(file).suffix.lower() not in PROFILE_SUFFIXES)
        return cls(
            {voice.name: voice for voice in voices},
            {folded(voice.name): voice for voice in reversed(voices)},
            by_stem,
            by_alias | by_folded_stem,
            {folded(Path(file).stem): file for file in files},
        )


def _unspoken(who: str, language: str, languages: Iterable[str]) -> UnknownVoiceError:
    return UnknownVoiceError(f"{who} the language {quoted(language)}; there are: {', '.join(languages)}")
