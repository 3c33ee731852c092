"""The standby voice: a small English voice that ships whole, needs no download and starts within a second."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
from hibari import Hibari
from hibari import __version__ as hibari_version

from . import SAMPLE_RATE, Block, Description, Utterance, Voice
from .standby_memory import shrink

_PEAK = 0.99


class Standby:
    """hibari-tts: weights inside its wheel, 24 kHz, about fifty times faster than speech on one core."""

    sample_rate = SAMPLE_RATE
    languages: tuple[str, ...] = ("en",)

    def __init__(self) -> None:
        self._speech = Hibari(threads=1)
        # The lexicons are read at first use: a second that a listener would hear.
        self._speech("Ready at 1.", seed=0)
        shrink(self._speech)

    def describe(self) -> Description:
        return Description(
            name="standby",
            device="cpu",
            dtype="float32",
            quantization="none",
            reason="the standby voice speaks whenever Chatterbox can't",
            details={"package": f"hibari-tts {hibari_version}"},
        )

    def prepare(self, voice: Voice) -> None:
        """There is one voice only: it stands in for every other."""

    def speak(self, utterance: Utterance, cancelled: Callable[[], bool]) -> Iterator[Block]:
        noise = np.random.default_rng(utterance.seed)
        for phonemes in self._speech.phonemize(utterance.text):
            if cancelled():
                return
            block = self._speech.from_ids(self._speech.ids(phonemes), rng=noise)
            peak = float(np.abs(block).max(initial=0.0))
            yield block * np.float32(_PEAK / peak) if peak > _PEAK else block

    def memory(self) -> dict[str, int]:
        return {}

    def caches(self) -> dict[str, int]:
        return {}

    def clean(self) -> None:
        """Nothing is kept that could be made again."""

    def close(self) -> None:
        """Nothing is held on any device."""
