"""How loud each engine says each voice, learnt from what was said, so that all voices can be made equally loud."""

from __future__ import annotations

import asyncio
import json
import logging
import math
from collections import OrderedDict
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import NamedTuple

from .. import regular_files
from ..daemon_thread import in_daemon_thread
from ..engine import Version, Voice
from ..families import FAMILIES
from ..faults import message

_LOGGER = logging.getLogger(__name__)

_KEPT = 500
"""Voices that are remembered; the one that spoke longest ago is forgotten first."""
_MEMORY_SECONDS = 20.0
"""Seconds of speech that a mean is taken over: the last few replies."""
_TOLERANCE = 1.0
"""LU by which the mean may leave the level that is counted with, which stays until then: a voice is then equally loud
from one reply to the next, and with `--seed` a text sounds the same again."""
_LIKELY = 3.0
"""LU by which speech may differ from what was expected of it, without showing that this was wrong."""
_EXPECTED_SECONDS = 1.5
"""Seconds of speech that an expectation counts as, so that one short word doesn't outweigh it."""
_UNLIKELY = 8.0
"""LU below what a speaker is known for, under which a sound is taken for a sigh or silence, and hardly for speech."""
_DOUBTED_SECONDS = 10.0
"""Seconds of such a sound without any other, after which the speaker is as quiet as that."""
_LARGEST_GAIN = 27.0
"""dB by which a voice becomes louder or quieter at most."""
_STANDBY = -26.2
"""LUFS of hibari-tts, from -27.4 for one word to -25.4 (measured over 20 sentences)."""
_MAX_BYTES = 1_000_000

_PRIORS = {
    "standby": _STANDBY,
    # Their output is about as loud as their prompt, and they level each prompt.
    **{
        family.name: family.prompt.loudness[0]
        for family in FAMILIES.values()
        if family.prompt.loudness[0] == family.prompt.loudness[1]
    },
}
"""LUFS of voices that were never heard, by the engine; voices of others stay as they are until they were."""

_RANGES = {
    family.name: (family.prompt.loudness[0] - 6.0, family.prompt.loudness[1] + 6.0)
    for family in FAMILIES.values()
    if family.prompt.loudness[0] < family.prompt.loudness[1]
}
"""LUFS, from and to, of voices of the other families: they are about as loud as their prompts, which are in a range."""


class Speaker(NamedTuple):
    """A voice as an engine says it."""

    engine: str
    recording: str | None
    version: Version | None
    voice: str

    @classmethod
    def of(cls, engine: str, voice: Voice) -> Speaker:
        """Name the speaker; `engine` is its `Description.name`."""
        recording = voice.recording
        if recording is None:
            return cls(engine, None, None, voice.name)
        return cls(engine, str(recording), voice.version, voice.name)


@dataclass
class _Level:
    loudness: float
    """LUFS that are counted with."""
    mean: float
    """LUFS, as measured."""
    seconds: float
    """Seconds of speech in the mean, at most `_MEMORY_SECONDS`."""


class Levels:
    """The loudness of each speaker; it belongs to the event loop's thread."""

    def __init__(self, path: Path | None = None) -> None:
        """`path` is the file that they are kept in; None keeps none."""
        self._path = path
        self._levels: OrderedDict[Speaker, _Level] = OrderedDict()
        """The speaker heard last comes last."""
        self._doubted: dict[Speaker, float] = {}
        """Seconds of sound that was too quiet to be learnt, since each speaker was last heard as usual."""
        self._changed = False
        self._writing = False

    def gain(self, speaker: Speaker, target: float) -> float:
        """Return the dB that bring a speaker to the target in LUFS, as far as it is known how loud it is."""
        loudness = self._loudness(speaker)
        return 0.0 if loudness is None else max(-_LARGEST_GAIN, min(_LARGEST_GAIN, target - loudness))

    def learn(self, speaker: Speaker, loudness: float, seconds: float) -> None:
        """Note that so many seconds of speech were so loud, in LUFS; the longer, the more they count."""
        known = self._loudness(speaker)
        doubted = self._doubted.pop(speaker, 0.0)
        level = self._levels.pop(speaker, None)
        if known is not None and loudness < known - _UNLIKELY:
            if doubted + seconds < _DOUBTED_SECONDS:
                self._doubted[speaker] = doubted + seconds
                if level is not None:
                    self._levels[speaker] = level
                return
            level = _Level(loudness, loudness, 0.0)
        elif level is not None and loudness > level.mean + _UNLIKELY:
            # What was learnt before was no speech.
            level = _Level(loudness, loudness, 0.0)
        elif level is None:
            lowest, highest = _RANGES.get(speaker.engine, (-math.inf, math.inf))
            loudness = min(max(loudness, lowest), highest)
            level = self._expected(known, loudness, seconds)
        self._levels[speaker] = level
        level.mean += (loudness - level.mean) * seconds / (level.seconds + seconds)
        level.seconds = min(_MEMORY_SECONDS, level.seconds + seconds)
        if abs(level.mean - level.loudness) > _TOLERANCE:
            level.loudness = level.mean
        while len(self._levels) > _KEPT:
            self._doubted.pop(self._levels.popitem(last=False)[0], None)
        self._changed = True

    def keep(self) -> None:
        """Write what was learnt, in the background; a file system that hangs or refuses costs only the memory of it."""
        if self._path is None or not self._changed or self._writing:
            return
        self._changed, self._writing = False, True
        entries = [{**speaker._asdict(), **asdict(level)} for speaker, level in self._levels.items()]
        writing = in_daemon_thread(partial(_write, self._path, entries), "keeping levels")
        asyncio.wrap_future(writing).add_done_callback(self._written)

    def _written(self, writing: asyncio.Future[None]) -> None:
        self._writing = False
        if not writing.cancelled() and (err := writing.exception()) is not None:
            _LOGGER.debug("The loudness of the voices could not be kept: %s", message(err))

    async def read(self) -> None:
        """Read what was kept, for speakers that were not heard since; a file that can't be read counts as none."""
        if self._path is None:
            return
        try:
            kept = await asyncio.wrap_future(in_daemon_thread(partial(_read, self._path), "reading levels"))
        except FileNotFoundError:
            return
        except Exception as err:
            _LOGGER.debug("What was known of the voices' loudness could not be read: %s", message(err))
            return
        heard, self._levels = self._levels, OrderedDict(list(kept.items())[-_KEPT:])
        for speaker, level in heard.items():
            self._levels.pop(speaker, None)
            self._levels[speaker] = level

    def _expected(self, known: float | None, measured: float, seconds: float) -> _Level:
        """Begin with what was expected of a speaker, unless the first measurement shows that it was wrong."""
        if known is None or (abs(measured - known) > _LIKELY and seconds >= _EXPECTED_SECONDS):
            return _Level(measured, measured, 0.0)
        return _Level(known, known, _EXPECTED_SECONDS)

    def _loudness(self, speaker: Speaker) -> float | None:
        if (level := self._levels.get(speaker)) is not None:
            return level.loudness
        # The same recording in another language or style is the best guess.
        for other, level in reversed(self._levels.items()):
            if other[:3] == speaker[:3]:
                return level.loudness
        return _PRIORS.get(speaker.engine)


def _write(path: Path, entries: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # It names recordings, so nobody else may read it.
    regular_files.write(path, json.dumps(entries, indent=0), 0o600)


def _read(path: Path) -> dict[Speaker, _Level]:
    """Raise an error of any kind if the file is not one that `_write` wrote."""
    with path.open("rb") as file:
        content = file.read(_MAX_BYTES + 1)
    if len(content) > _MAX_BYTES:
        raise ValueError(f"{path} is over {_MAX_BYTES} bytes long")
    kept = {}
    for entry in json.loads(content):
        version = entry["version"]
        speaker = Speaker(
            str(entry["engine"]),
            None if entry["recording"] is None else str(entry["recording"]),
            None if version is None else (int(version[0]), int(version[1]), int(version[2])),
            str(entry["voice"]),
        )
        level = _Level(float(entry["loudness"]), float(entry["mean"]), float(entry["seconds"]))
        usual = all(-70.0 <= loudness <= 20.0 for loudness in (level.loudness, level.mean))
        if not (usual and 0.0 < level.seconds <= _MEMORY_SECONDS):
            raise ValueError(f"{path} has a loudness that can't be")
        kept[speaker] = level
    return kept
