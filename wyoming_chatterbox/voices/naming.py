"""Which voices recordings and profiles make, and how they are named.

`alice.yaml` beside `alice.wav` is for that recording's voice in all of its languages, and for that of `alice-de.wav`.
`alice-de.yaml` is for the German one alone; where it sets something, that comes first. A profile with `recording:` is a
further voice of that recording. One without any recording is the model's own voice in another style, and `default.yaml`
is for the model's own voice itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ..errors import VoiceError
from ..families import MULTILINGUAL_LANGUAGES
from ..problem import Problem, Reason
from ..quoting import quoted
from .beside import Beside, unusable
from .catalogue import DEFAULT, Catalogue
from .languages import Languages, spoken_as
from .names import folded, without_language
from .profile import Profile
from .profiles import FoundProfile
from .recordings import Recording
from .voice import NamedVoice, Style

MAX_VOICES = 10_000
"""The most voices that a catalogue has: Home Assistant asks for all of them twice a minute."""


def make_catalogue(
    recordings: Mapping[str, Recording],
    broken: Mapping[str, str],
    languages: Languages,
    preferred: str,
    profiles: Iterable[FoundProfile] = (),
    unheard: Collection[Path] = (),
) -> Catalogue:
    """Make voices of recordings, given by name, and of profiles; at most `MAX_VOICES`.

    A recording or profile whose name tells a language is offered only if that language is: who limits the languages
    wants a short list. It is among the broken then, with this reason. Profiles of the recordings that are still
    `unheard` are left for later.
    """
    naming = _Naming(languages, broken)
    for stem, recording in recordings.items():
        naming.add(stem, recording)
    naming.add_profiles(profiles, unheard)
    return Catalogue(naming.voices(), naming.broken, preferred, languages.usual, naming.profiles())


@dataclass
class _Source:
    """The files that a voice is made from."""

    stem: str
    recording: Recording | None
    language: str | None = None
    """The one language of the voice, if its name tells one."""
    profile: FoundProfile | None = None
    file: str = ""
    """The file that made it a voice."""

    @property
    def base(self) -> str:
        """The name without the language that it tells."""
        return self.stem if self.language is None else without_language(self.stem, self.language)


class _Naming:
    """Gathers what voices are made from, then names them."""

    def __init__(self, languages: Languages, broken: Mapping[str, str]) -> None:
        self.broken = dict(broken)
        """Maps files to the reasons why they are no voices, or aren't used as they say."""
        self._languages = languages
        self._own = _Source(DEFAULT, None)
        self._sources = {DEFAULT: self._own}
        self._by_folded_stem = {DEFAULT: self._own}
        self._recordings: list[Recording] = []
        self._by_path: dict[Path, _Source] = {}
        """The voice that has the name of a recording, by that recording."""
        self._for_one_language: dict[tuple[str, str], FoundProfile] = {}
        """Profiles by the name of a voice of several languages, and the one that they are for."""
        self._for_all_languages: dict[str, FoundProfile | None] = {}
        """Profiles by the folded name that recordings with a language in their names have in common."""
        self._used: list[tuple[FoundProfile, str]] = []
        """Profiles, each with the folded name of the voice that it is for, without a language."""

    def add(self, stem: str, recording: Recording) -> None:
        """Add the voice of a recording."""
        self._recordings.append(recording)
        with self._told(recording.file):
            self._by_path[recording.path] = self._add(stem, recording, recording.file)

    def add_profiles(self, profiles: Iterable[FoundProfile], unheard: Collection[Path]) -> None:
        """Add profiles, once the recordings are there; those of `unheard` recordings must wait."""
        beside = Beside(self._recordings, self.broken)
        later = Beside((Recording(path, (0, 0, 0), file=path.name) for path in unheard), {})
        profiles = [found for found in profiles if not later.has(found)]
        alone: list[FoundProfile] = []
        # The profile whose name is that of a recording in each letter comes before one that differs in case.
        for profile in sorted(profiles, key=lambda found: not beside.exactly(found)):
            with self._told(profile.file):
                if not self._place(profile, beside):
                    alone.append(profile)
        # A profile whose name tells a language may be for a voice that another one makes.
        for profile in sorted(alone, key=lambda found: told_language(found.stem) is not None):
            with self._told(profile.file):
                self._place_alone(profile)

    def _place(self, found: FoundProfile, beside: Beside) -> bool:
        """Use a profile of the model's own voice, or of a recording; return False if it is neither."""
        wanted = found.profile.recording
        if folded(found.stem) == DEFAULT:
            if wanted is not None:
                message = "recording can't be set for the model's own voice; rename the profile"
                raise VoiceError(message, Problem("profile-own"))
            self._use(found, self._own)
            return True
        own = beside.of(found)
        recording = own if wanted is None else beside.named(found, wanted)
        if recording is None:
            return False
        if own is None:
            self._use(found, self._add(found.stem, recording, found.file))
        elif recording != own:
            message = f"recording can't be set, as it is the profile of {own.file}; rename the profile"
            raise VoiceError(message, Problem("profile-of-other", {"file": own.file}))
        elif own.path in self._by_path:
            self._use(found, self._by_path[own.path])
        else:
            raise unusable(own.file)
        return True

    def _place_alone(self, found: FoundProfile) -> None:
        """Use a profile without a recording: for one language of a voice, for all of them, or as the model's own."""
        stem, language = found.stem, told_language(found.stem)
        voice = self._source(stem[:-3]) if language else None
        if language and voice is not None and voice.language is None:
            self._languages.check_offered(language)
            other = self._for_one_language.setdefault((voice.stem, language), found)
            group = folded(voice.stem)
        elif folded(stem) in self._for_all_languages:
            group = folded(stem)
            other = self._for_all_languages[group] = self._for_all_languages[group] or found
        else:
            self._use(found, self._source(stem) or self._add(stem, None, found.file))
            return
        if other is not found:
            raise _twice(other)
        self._used.append((found, group))

    def _use(self, found: FoundProfile, source: _Source) -> None:
        if source.profile is not None:
            raise _twice(source.profile)
        source.profile = found
        self._used.append((found, folded(source.base)))

    def _add(self, stem: str, recording: Recording | None, file: str) -> _Source:
        source = _Source(stem, recording, self._languages.named_by(stem), file=file)
        if stem in self._sources or folded(source.base) == DEFAULT:
            raise VoiceError(f"there is another voice named {quoted(stem)}", Problem("name-taken", {"voice": stem}))
        if source.language is not None:
            self._languages.check_offered(source.language)
            self._for_all_languages[folded(source.base)] = None
        self._sources[stem] = source
        self._by_folded_stem.setdefault(folded(stem), source)
        return source

    def _source(self, stem: str) -> _Source | None:
        return self._sources.get(stem) or self._by_folded_stem.get(folded(stem))

    @contextmanager
    def _told(self, file: str) -> Iterator[None]:
        try:
            yield
        except VoiceError as err:
            self.broken[file] = err.reason

    def voices(self) -> tuple[NamedVoice, ...]:
        """Return the voices, the model's own first, then by name."""
        named = self._named()
        aliases = self._aliases(named)
        names = sorted(named, key=lambda name: (named[name][0] is not self._own, name))
        return tuple(self._voice(name, named[name][1], named[name][0], aliases) for name in names)

    def profiles(self) -> dict[str, Profile]:
        """Return the own profile of each voice that has one, by its stem."""
        return {stem: source.profile.profile for stem, source in self._sources.items() if source.profile is not None}

    def _named(self) -> dict[str, tuple[_Source, str]]:
        """Return what each voice is made from and its language, by name."""
        # A voice with a language in its name comes before one of several languages that would have the same name.
        sources = sorted(self._sources.values(), key=lambda source: (source is not self._own, source.language is None))
        explicit = {folded(source.stem) for source in sources if source.language is not None}
        found: dict[str, tuple[_Source, str]] = {}
        left: list[str] = []
        for source in sources:
            names = self._names(source)
            if source.language is None:
                names = {name: language for name, language in names.items() if folded(name) not in explicit}
            if len(found) + len(names) > MAX_VOICES:
                left.append(source.file)
                continue
            for name, language in names.items():
                found.setdefault(name, (source, language))
        if left:
            more = f" and {len(left) - 1} more" if left[1:] else ""
            why = f"there are {MAX_VOICES} voices already, each language counted"
            self.broken[left[0] + more] = Reason(why, Problem("too-many-voices", {"most": MAX_VOICES}))
        return found

    def _names(self, source: _Source) -> dict[str, str]:
        """Return the names of the voices that a source makes, each with its language."""
        if not self._languages.several:
            return {source.stem: self._languages.model[0]}
        if source.language is not None:
            return {source.stem: source.language}
        return {f"{source.stem}-{language}": language for language in self._languages.offered}

    def _voice(self, name: str, language: str, source: _Source, aliases: Mapping[Path, tuple[str, ...]]) -> NamedVoice:
        recording = source.recording
        if source.language is None:
            own = [self._for_one_language.get((source.stem, language)), source.profile]
            shared = None
        else:
            own = [source.profile]
            other = self._source(source.base)
            shared = self._for_all_languages[folded(source.base)] if other is None else other.profile
        style, label, names = Style(), None, tuple[str, ...]()
        for found in (*own, shared):
            if found is not None:
                style = style.over(found.profile.style)
                label = label or found.profile.label
                names += aliases[found.path]
        stem = without_language(source.stem, language)
        return NamedVoice(
            name,
            language,
            recording.path if recording is not None else None,
            recording.version if recording is not None else None,
            label=label or (NamedVoice.label if source is self._own else stem),
            stem=source.stem,
            style=style,
            aliases=tuple(dict.fromkeys(names)),
            recorded_language=self._recorded_language(recording, own),
        )

    def _recorded_language(self, recording: Recording | None, profiles: Iterable[FoundProfile | None]) -> str | None:
        """Return the language of a recording: as a profile says, as its name says, or as its own profile says."""
        for found in profiles:
            if found is not None and found.profile.language is not None:
                return found.profile.language
        if recording is None:
            return None
        beside = self._by_path.get(recording.path)
        said = beside.profile.profile.language if beside is not None and beside.profile is not None else None
        return said or self._languages.named_by(recording.path.stem)

    def _aliases(self, named: Mapping[str, tuple[_Source, str]]) -> dict[Path, tuple[str, ...]]:
        """Return the aliases of each profile that no other voice has as a name, and no other profile as an alias."""
        what = "the name of a voice"
        taken = {folded(name): (folded(source.base), what) for name, (source, _) in named.items()}
        for name, (source, language) in named.items():
            taken.setdefault(folded(without_language(name, language)), (folded(source.base), what))
        found: dict[Path, tuple[str, ...]] = {}
        for profile, group in sorted(self._used, key=lambda used: str(used[0].path)):
            kept: list[str] = []
            wrong: dict[str, str] = {}
            for alias in profile.profile.aliases:
                owner, what = taken.setdefault(folded(alias), (group, f"an alias in {profile.file}"))
                if owner == group:
                    kept.append(alias)
                else:
                    wrong[alias] = f"the alias {quoted(alias)} can't be used, as it is {what} already"
            found[profile.path] = tuple(kept)
            if wrong:
                problem = Problem("aliases-taken", {"aliases": ", ".join(wrong)})
                self.broken[profile.file] = Reason("; ".join(wrong.values()), problem)
        return found


def _twice(other: FoundProfile) -> VoiceError:
    return VoiceError(f"there is {other.file} for this voice already", Problem("profile-twice", {"file": other.file}))


def told_language(stem: str) -> str | None:
    """Return the language that the name of a profile ends with, whether or not the model has it."""
    return spoken_as(stem[-2:], MULTILINGUAL_LANGUAGES) if len(stem) > 3 and stem[-3] == "-" else None
