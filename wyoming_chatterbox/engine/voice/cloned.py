"""The voices of recordings: held in memory, read from disk, or made from the recording, whichever is quickest."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch

from ...errors import Cancelled, SlowRecordingError, VoiceError
from ...families import Family
from .. import VOICES_KEPT, Version, Voice
from ..failures import first_line, give_back, is_out_of_memory
from .conditionals import Conditionals, ConditionalsCache, Key, key_of
from .draft import VERSION, Draft
from .kept_files import name_of
from .preparation import VoicePreparation
from .reading import Reader, Reading
from .recording import content_of, version_of
from .store import VoiceStore

_LOGGER = logging.getLogger(__name__)

_HOST = torch.device("cpu")
_MOST_CONTENTS = 20_000
"""Recordings whose content is remembered."""


@dataclass
class KeptVoices:
    """Where prepared voices stay when their engine is closed."""

    memory: ConditionalsCache = field(default_factory=ConditionalsCache)
    """Voices on the host, all made in one way."""
    store: VoiceStore | None = None
    """Voices on disk; None keeps none there."""
    contents: dict[Key, str] = field(default_factory=dict)
    """SHA-256 of the recordings that were read."""


@dataclass
class _Begun:
    """A voice on its way."""

    key: Key
    draft: Draft
    content: Reading[str | None]
    unchanged: Reading[bool]


class ClonedVoices:
    """The voices of recordings, for one engine."""

    def __init__(
        self,
        preparation: VoicePreparation,
        family: Family,
        prompt_length: int,
        device: torch.device,
        kept: KeptVoices | None = None,
    ) -> None:
        """`prompt_length` is the tokens of T3's prompt; `kept` has the voices that earlier engines prepared."""
        self._preparation = preparation
        self._rules = family.prompt
        self._prompt_length = prompt_length
        self._device = device
        self._kept = kept or KeptVoices()
        recipe = VERSION, family.name, family.prompt, prompt_length, preparation.fingerprint()
        self._recipe = repr(recipe)
        self._kept.memory.keep_only(self._recipe)
        self._on_device = ConditionalsCache()
        self._reader = Reader()
        self._begun: _Begun | None = None
        """The voice whose preparation was interrupted."""

    @property
    def capacity(self) -> int:
        """Voices that are kept, in memory or on disk."""
        return VOICES_KEPT if self._kept.store is None else max(VOICES_KEPT, self._kept.store.capacity)

    @property
    def held(self) -> int:
        """Voices held in memory."""
        return len(self._kept.memory)

    @property
    def bytes(self) -> int:
        """Bytes of memory that voices take, on the host and on a device of its own."""
        return self._kept.memory.bytes + (self._on_device.bytes if self._device.type != "cpu" else 0)

    def holds(self, voice: Voice) -> bool:
        """Whether the voice of a recording is in memory; false if only the file itself could tell. Does no I/O."""
        if voice.recording is None or voice.version is None:
            return False
        return self._kept.memory.holds((voice.recording, voice.version))

    def prepare(self, recording: Path, version: Version | None, cancelled: Callable[[], bool]) -> Conditionals:
        """Return the voice of a recording, on the host.

        Raises `VoiceError` if the recording can't be used, and `Cancelled` once `cancelled()`; the next call for the
        same recording goes on where this one stopped.
        """
        key = key_of(recording, version)
        return self._kept.memory.get(key, lambda: self._obtain(key, cancelled))

    def get(self, recording: Path, version: Version | None, cancelled: Callable[[], bool]) -> Conditionals:
        """Return the voice of a recording as `prepare` does, on the device."""
        key = key_of(recording, version)
        return self._on_device.get(key, lambda: self.prepare(*key, cancelled).to(self._device))

    def keep_only(self, voices: Collection[Voice]) -> None:
        """Forget the voices of all recordings but those of `voices`, each in its version."""
        wanted = {(voice.recording, voice.version) for voice in voices}

        def gone(key: Key) -> bool:
            return key not in wanted

        if self._begun is not None and gone(self._begun.key):
            self._begun = None
        self._kept.memory.drop(gone)
        self._on_device.drop(gone)
        for key in list(filter(gone, self._kept.contents)):
            del self._kept.contents[key]

    def clean(self) -> None:
        """Free what is on the device, and forget what was begun."""
        self._begun = None
        self._preparation.release()
        self._on_device.clear()

    def _obtain(self, key: Key, cancelled: Callable[[], bool]) -> Conditionals:
        begun = self._begun if self._begun is not None and self._begun.key == key else self._begin(key)
        self._begun = None

        def ask() -> None:
            if cancelled():
                raise Cancelled

        try:
            store, name = self._kept.store, self._name(begun, ask)
            if store is None or name is None:
                return self._made(begun, cancelled)
            if (kept := store.load(name)) is not None:
                _LOGGER.debug("The voice of %s was read from disk", key[0])
                return kept
            voice = self._made(begun, cancelled)
            if self._is_unchanged(begun, ask):
                store.save(name, voice)
            return voice
        except Cancelled:
            self._begun = begun
            raise
        except VoiceError:
            raise
        except Exception as err:
            if is_out_of_memory(err):
                raise
            # Whatever the error, only this voice is affected: the model's own voice can speak.
            raise VoiceError(f"{key[0]} can't be made a voice: {type(err).__name__} {first_line(err)}") from err

    def _begin(self, key: Key) -> _Begun:
        path, version = key
        return _Begun(
            key,
            Draft(path, self._preparation, self._rules, self._prompt_length, self._device, self._reader),
            Reading(self._reader, path, partial(_content, version=version)),
            Reading(self._reader, path, partial(_has, version=version)),
        )

    def _made(self, begun: _Begun, cancelled: Callable[[], bool]) -> Conditionals:
        try:
            voice = begun.draft.finish(cancelled).to(_HOST)
        finally:
            self._preparation.release()
            give_back()
        _LOGGER.debug("The voice of %s was prepared from it", begun.key[0])
        return voice

    def _name(self, begun: _Begun, ask: Callable[[], None]) -> str | None:
        """Name a voice by all that it is made from; None if its recording can't be told by its content."""
        if self._kept.store is None:
            return None
        contents = self._kept.contents
        try:
            content = contents.get(begun.key) or begun.content.result(ask)
        except SlowRecordingError:
            return None
        if content is None:
            return None
        if len(contents) >= _MOST_CONTENTS:
            contents.clear()
        contents[begun.key] = content
        return name_of(content, self._recipe)

    def _is_unchanged(self, begun: _Begun, ask: Callable[[], None]) -> bool:
        """Whether the recording is still the one whose content is known: another one may have been heard."""
        try:
            return begun.unchanged.result(ask)
        except VoiceError:
            return False


def _content(path: Path, version: Version) -> str | None:
    """Return what a file holds; None also if it is another version. Whoever makes a voice of it says what is wrong."""
    content = content_of(path)
    return content if _has(path, version) else None


def _has(path: Path, version: Version) -> bool:
    try:
        return version_of(path.stat()) == version
    except OSError:
        return False
