"""The server's answer to Wyoming's Describe.

Home Assistant asks every half minute and reloads whatever differs. So the answer depends on the voices alone, not on
which engine is ready, and is always "installed".
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from functools import lru_cache

from wyoming.event import Event
from wyoming.info import Attribution, Info, TtsProgram, TtsVoice

from .. import __version__
from ..health_check import TROUBLE
from ..voices.catalogue import Catalogue
from ..voices.voice import NamedVoice
from .peer import encoded

NAME, DESCRIPTION = "chatterbox", "Chatterbox, natural cloned voices"
"""The server as it describes itself."""
_RESEMBLE = Attribution(name="Resemble AI", url="https://github.com/resemble-ai/chatterbox")


def info_answer(catalogue: Catalogue, *, streaming: bool, trouble: str | None = None) -> bytes:
    """Answer a Describe; `trouble` stands beside the `info` itself, where only our health check looks.

    The answer of a catalogue is made once, because many voices take a while.
    """
    if trouble is None:
        return _info_bytes(catalogue, streaming)
    event = _info_event(catalogue, streaming)
    return encoded(Event(event.type, {**event.data, TROUBLE: trouble}))


@lru_cache(maxsize=2)
def _info_bytes(catalogue: Catalogue, streaming: bool) -> bytes:
    return encoded(_info_event(catalogue, streaming))


@lru_cache(maxsize=2)
def _info_event(catalogue: Catalogue, streaming: bool) -> Event:
    info = Info(
        tts=[
            TtsProgram(
                name=NAME,
                description=DESCRIPTION,
                attribution=_RESEMBLE,
                installed=True,
                version=__version__,
                voices=_voices(catalogue.voices),
                supports_synthesize_streaming=streaming,
            )
        ]
    )
    return info.event()


def _voices(voices: Iterable[NamedVoice]) -> list[TtsVoice]:
    """Describe voices by what people see of them, and by their names too where that is the same."""
    described = {voice: f"{voice.label} ({voice.language})" for voice in voices}
    times = Counter(described.values())
    return [
        _voice(voice, description if times[description] == 1 else f"{description}, {voice.name}")
        for voice, description in described.items()
    ]


def _voice(voice: NamedVoice, description: str) -> TtsVoice:
    return TtsVoice(
        name=voice.name,
        description=description,
        attribution=_RESEMBLE if voice.recording is None else Attribution(name="You", url=""),
        installed=True,
        version=None,
        languages=[voice.language],
    )
