"""The voices folder: watched for recordings, which are voices besides the checkpoint's own, and for their profiles.

A folder may lie on a network share that hangs. It is scanned in the background, one scan at a time, in a thread that
nobody waits for; requests use the latest catalogue.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

from ..audio.judging import Judgement
from ..daemon_thread import in_daemon_thread, watched
from ..engine import Version, Voice
from ..errors import UnknownVoiceError, VoiceError
from ..families import PromptRules
from ..problem import Problem, Reason
from ..quoting import quoted
from .catalogue import DEFAULT, Catalogue
from .languages import Languages
from .names import listed, shown
from .naming import make_catalogue
from .profile import SUFFIXES as PROFILE_SUFFIXES
from .profile import Profile
from .profiles import FoundProfiles, Profiles
from .recordings import Found, Recordings, check_speech, listen
from .voice import NamedVoice

_LOGGER = logging.getLogger(__name__)

_POLL_SECONDS, _LONGEST_POLL_SECONDS = 2.0, 30.0
_REST_FACTOR = 10
"""The pause after a scan, as a multiple of its duration: a large or slow folder is scanned less often."""
_PATIENCE_SECONDS = 10.0
"""Seconds that a scan may take before the log says so."""
_START_SECONDS = 1.0
"""Seconds that the server's start waits for the first scan."""
_FIND_SECONDS = 1.0
"""Seconds that a request with an unknown voice waits for a scan."""
_FIND_ALL_SECONDS = 10.0
"""Seconds that it waits while there are recordings that nobody has listened to yet."""
_FIND_PAUSE_SECONDS = 0.5
"""Seconds between two scans that requests ask for."""
_MAX_LINES = 10
"""Broken files that the log names after one scan, each on a line."""
_MAX_LINES_PER_FILE = 3
"""Different reasons why one file is broken that the log names."""


class VoicesFolder:
    """Watches a folder of recordings and profiles."""

    def __init__(
        self,
        directory: Path,
        languages: Callable[[], tuple[str, ...]],
        rules: Callable[[], PromptRules],
        preferred: str,
        *,
        wanted: tuple[str, ...] = (),
        others: Collection[Path] = (),
        new_catalogue: Callable[[Catalogue], object] = lambda _: None,
        patience: float = _PATIENCE_SECONDS,
    ) -> None:
        """`languages` returns those of the model, `rules` how much speech a recording must hold for it.

        Both are called at each scan. `wanted` are the languages to offer, all if it is empty; `others` are files that
        are no profiles though they may lie in the folder. `new_catalogue` is called with each catalogue before it is
        used, in the scan's thread. The log names a folder that hasn't answered for `patience` seconds.
        """
        self.directory = directory
        self.catalogue = Catalogue((NamedVoice(DEFAULT, "en"),), preferred=preferred)
        """The latest catalogue; the model's own voice is always in it."""
        self.trouble: str | None = None
        """Why the folder can't be scanned, in a sentence, perhaps a `Reason`; None if it can."""
        self._recordings = Recordings(directory)
        self._profiles = Profiles(directory, others)
        self._languages = languages
        self._wanted_languages = wanted
        self._rules = rules
        self._preferred = preferred
        self._new_catalogue = new_catalogue
        self._patience = patience
        self._latest: tuple[Found, FoundProfiles, Languages] | None = None
        """Everything that the catalogue was made from."""
        self._told: dict[str, set[str]] = {}
        """Reasons that the log has named, by file name."""
        self._lines = self._untold = self._hints = 0
        """Lines about broken recordings, broken ones without a line, and lines about voices that could be better.

        They are counted since no look left some for the next.
        """
        self._told_recordings: list[str] = []
        """The recordings that the log has named last."""
        self._told_preferred = False
        self._told_languages: str | None = None
        self._judgements: dict[Path, Judgement] = {}
        self._unfit: dict[Path, tuple[Version | None, str]] = {}
        """Recordings that can't be cloned, each in one version, and why."""
        self._wanted = asyncio.Event()
        self._next_look = asyncio.Event()
        """Set when the next scan to begin has ended."""
        self._rested = 0.0
        """When a request may ask for the next scan, by `time.monotonic()`."""
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to watch, and wait a short time for the first scan."""
        languages = asyncio.wrap_future(in_daemon_thread(self._languages, "voices"))
        done, _ = await asyncio.wait([languages], timeout=_START_SECONDS)
        if done and self._latest is None:
            self.catalogue = make_catalogue({}, {}, self._offered(languages.result()), self._preferred)
        languages.cancel()
        self._task = asyncio.create_task(self._watch(), name="voices")
        await self.refresh(_START_SECONDS)

    async def close(self) -> None:
        """Stop watching; a scan that hangs is left behind."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def refresh(self, within: float = _PATIENCE_SECONDS) -> bool:
        """Wait for a scan that begins now or later; return False if it hasn't ended `within` seconds."""
        look = self._next_look
        self._wanted.set()
        try:
            async with asyncio.timeout(within):
                await look.wait()
        except TimeoutError:
            return False
        return True

    async def find(self, name: str | None = None, language: str | None = None) -> NamedVoice:
        """Find the voice of a request as `Catalogue.find` does; scan first if it is unknown, as it may be new."""
        try:
            return self.catalogue.find(name, language)
        except (UnknownVoiceError, VoiceError):
            rest = self._rested - time.monotonic()
            if name is None or rest > _FIND_PAUSE_SECONDS:
                raise
        await asyncio.sleep(max(0.0, rest))
        until = time.monotonic() + _FIND_ALL_SECONDS
        while await self.refresh(_FIND_SECONDS) and self._has_more and time.monotonic() < until:
            with suppress(UnknownVoiceError):
                return self.catalogue.find(name, language)
        return self.catalogue.find(name, language)

    def judgement(self, voice: Voice) -> Judgement | None:
        """Return what was found in a voice's recording; None if it has none."""
        return self._judgements.get(voice.recording) if voice.recording is not None else None

    @property
    def languages(self) -> Languages | None:
        """The languages at the latest look; None before the first."""
        return self._latest[2] if self._latest is not None else None

    def profile(self, path: Path) -> Profile:
        """Read a profile of the folder as `Profiles.read` does. This takes as long as the file system does."""
        return self._profiles.read(path)

    def is_unfit(self, voice: Voice) -> bool:
        """Whether a voice's recording, as it is, can't be cloned."""
        return voice.recording is not None and self._unfit.get(voice.recording, (None,))[0] == voice.version

    def examine(self, path: Path) -> None:
        """Read a file that may become a recording; `VoiceError` says why not. This takes as long as the files do."""
        check_speech(listen(path), self._rules())

    def reject(self, voice: Voice, reason: str) -> None:
        """Mark a recording as broken, because it can't be cloned, until the file changes."""
        if voice.recording is not None:
            self._unfit[voice.recording] = (voice.version, reason)
            self._wanted.set()

    async def _watch(self) -> None:
        while True:
            self._wanted.clear()
            look, self._next_look = self._next_look, asyncio.Event()
            begun = time.monotonic()
            await self._look()
            took = min(time.monotonic() - begun, _LONGEST_POLL_SECONDS)
            self._rested = time.monotonic() + max(_FIND_PAUSE_SECONDS, took)
            look.set()
            if self._has_more:
                continue
            with suppress(TimeoutError):
                async with asyncio.timeout(min(max(_POLL_SECONDS, _REST_FACTOR * took), _LONGEST_POLL_SECONDS)):
                    await self._wanted.wait()

    async def _look(self) -> None:
        place = {"folder": str(self.directory)}

        def late() -> None:
            silent = Problem("folder-silent", {**place, "seconds": self._patience})
            self._in_trouble(f"has not answered for {self._patience:g} s", silent)

        try:
            catalogue = await watched(self._scan, "voices", self._patience, late)
        except OSError as err:
            unreadable = Problem("folder-unreadable", {**place, "error": err.strerror})
            self._in_trouble(f"can't be read: {err.strerror}", unreadable)
        except Exception as err:
            _LOGGER.debug("Looking at the voices folder failed", exc_info=True)
            why = f"{type(err).__name__}: {err}"
            self._in_trouble(f"can't be looked at: {why}", Problem("folder-unreadable", {**place, "error": why}))
        else:
            if catalogue is not self.catalogue:
                there = {voice.recording for voice in catalogue.voices}
                self._unfit = {path: reason for path, reason in self._unfit.items() if path in there}
            self.catalogue = catalogue
            if self.trouble is not None:
                _LOGGER.info("The voices folder %s is back: %d voices", self.directory, len(catalogue.voices))
                self.trouble = None

    @property
    def _has_more(self) -> bool:
        return self._latest is not None and self._latest[0].unheard != ()

    def _scan(self) -> Catalogue:
        """Scan the folder, however long that takes; return the same catalogue if nothing has changed."""
        languages = self._offered(self._languages())
        found = self._recordings.look(frozenset({DEFAULT}), self._rules(), self._preferred)
        for recording in found.recordings.values():
            version, reason = self._unfit.get(recording.path, (None, ""))
            if version == recording.version:
                found.broken[recording.file] = reason
        profiles = self._profiles.look(found.profiles)
        if (found, profiles, languages) == self._latest:
            return self.catalogue
        broken = found.broken | profiles.broken
        catalogue = make_catalogue(found.recordings, broken, languages, self._preferred, profiles.good, found.unheard)
        self._tell(catalogue, found, profiles, languages)
        self._new_catalogue(catalogue)
        self._judgements = {one.path: one.judgement for one in found.recordings.values() if one.judgement is not None}
        self._latest = (found, profiles, languages)
        return catalogue

    def _offered(self, languages: tuple[str, ...]) -> Languages:
        return Languages.of(languages, self._wanted_languages)

    def _in_trouble(self, what: str, problem: Problem) -> None:
        trouble = Reason(f"The voices folder {self.directory} {what}", problem)
        if trouble != self.trouble:
            self.trouble = trouble
            _LOGGER.warning("%s; the %d voices known serve meanwhile", trouble, len(self.catalogue.voices))

    def _tell(self, catalogue: Catalogue, found: Found, profiles: FoundProfiles, languages: Languages) -> None:
        """Log why files are no voices or profiles, each reason once; forget files that are gone."""
        there = {recording.file for recording in found.recordings.values()}
        there.update(catalogue.broken, (profile.file for profile in profiles.good))
        self._told = {name: reasons for name, reasons in self._told.items() if name in there}
        news: list[str] = []
        for name, reason in catalogue.broken.items():
            told = self._told.setdefault(name, set())
            if reason not in told and len(told) < _MAX_LINES_PER_FILE:
                told.add(reason)
                what = "The profile" if Path(name).suffix.lower() in PROFILE_SUFFIXES else "No voice from"
                news.append(f"{what} {name}: {reason}")
        shown = news[: _MAX_LINES - self._lines]
        self._lines += len(shown)
        self._untold += len(news) - len(shown)
        for line in shown:
            _LOGGER.warning("%s", line)
        self._hint(found)
        if not found.unheard:
            if self._untold:
                _LOGGER.warning("%d more files can't be used either; /info tells why", self._untold)
            self._lines = self._untold = self._hints = 0
        if languages.trouble is not None and languages.trouble != self._told_languages:
            _LOGGER.warning("%s", languages.trouble)
        self._told_languages = languages.trouble
        if not found.unheard:
            self._tell_recordings(sorted(one.file for one in found.recordings.values()))
        if not catalogue.has_preferred and not self._told_preferred:
            _LOGGER.warning("There is no voice %s (--voice); the model's own speaks instead", quoted(self._preferred))
        self._told_preferred = not catalogue.has_preferred

    def _tell_recordings(self, files: list[str]) -> None:
        """Log which recordings are voices, when that has changed."""
        if files != self._told_recordings:
            what = listed(list(map(shown, files))) if files else "none any more"
            _LOGGER.info("Voices from recordings: %s", what)
        self._told_recordings = files

    def _hint(self, found: Found) -> None:
        """Log what would make voices better, each once."""
        for recording in found.recordings.values():
            findings = recording.judgement.findings if recording.judgement is not None else ()
            told = self._told.setdefault(recording.file, set()) if findings else set()
            for finding in findings:
                if finding.words not in told and len(told) < _MAX_LINES_PER_FILE and self._hints < _MAX_LINES:
                    told.add(finding.words)
                    self._hints += 1
                    _LOGGER.info("The voice from %s could be better: %s", recording.file, finding.words)
