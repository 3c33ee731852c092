"""The server's answer to Wyoming's Describe.

Home Assistant asks every half minute and reloads whatever differs. So the answer depends on the voices alone, not on
which engine is ready, and is always "installed".
"""

from __future__ import annotations

from functools import lru_cache

from wyoming.event import Event
from wyoming.info import Attribution, Info, TtsProgram, TtsVoice

from .. import __version__
from ..health_check import TROUBLE
from ..voices.catalogue import Catalogue
from ..voices.voice import NamedVoice

_RESEMBLE = Attribution(name="Resemble AI", url="https://github.com/resemble-ai/chatterbox")


def info_event(catalogue: Catalogue, *, streaming: bool, trouble: str | None = None) -> Event:
    """Answer a Describe; `trouble` stands beside the `info` itself, where only our health check looks.

    The event of a catalogue is made once, because many voices take a while.
    """
    event = _info_event(catalogue, streaming)
    return event if trouble is None else Event(event.type, {**event.data, TROUBLE: trouble})


@lru_cache(maxsize=2)
def _info_event(catalogue: Catalogue, streaming: bool) -> Event:
    info = Info(
        tts=[
            TtsProgram(
                name="chatterbox",
                description="Chatterbox, natural cloned voices",
                attribution=_RESEMBLE,
                installed=True,
                version=__version__,
                voices=[_voice(voice) for voice in catalogue.voices],
                supports_synthesize_streaming=streaming,
            )
        ]
    )
    return info.event()


def _voice(voice: NamedVoice) -> TtsVoice:
    own = voice.recording is None
    return TtsVoice(
        name=voice.name,
        description=f"{voice.label or 'Chatterbox'} ({voice.language})",
        attribution=_RESEMBLE if own else Attribution(name="You", url=""),
        installed=True,
        version=None,
        languages=[voice.language],
    )
