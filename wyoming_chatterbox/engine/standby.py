"""The standby voice: a small English voice that needs no download and starts within a second."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable, Collection, Iterator

import numpy as np

from ..errors import TextError
from ..privacy import silence_libraries
from ..quoting import quoted
from . import SAMPLE_RATE, Block, Description, Utterance, Voice
from .standby_memory import shrink
from .standby_text import fit, has_words, phonemes, without_sounds


class Standby:
    """An `Engine` that speaks with hibari-tts: weights in its wheel, 24 kHz, about fifty times as fast as speech on one
    core."""

    sample_rate = SAMPLE_RATE
    languages: tuple[str, ...] = ("en",)
    voices_kept = 0

    def __init__(self) -> None:
        # onnxruntime reads the environment when it is imported, so it is imported only afterwards.
        silence_libraries()
        import onnxruntime
        from hibari import Hibari, __version__

        # Some builds ignore the environment, but know this function.
        onnxruntime.disable_telemetry_events()
        self._version = __version__
        self._speech = Hibari(threads=1)
        # The first use reads the lexicons, for a second that a listener would have to wait.
        self._speech("Ready at 1.", seed=0)
        self._letters = frozenset(char for char in self._speech.g2p.oov.cin if _is_accented(char))
        shrink(self._speech)

    def describe(self) -> Description:
        return Description(
            name="standby",
            device="cpu",
            dtype="float32",
            quantization="none",
            reason="the standby voice speaks whenever Chatterbox can't",
            details={"package": f"hibari-tts {self._version}"},
        )

    def prepared(self, voice: Voice) -> bool:
        """Always true: one voice stands in for all others."""
        return True

    def prepare(self, voice: Voice, cancelled: Callable[[], bool]) -> bool:
        return True

    def keep_only(self, voices: Collection[Voice]) -> None:
        """Do nothing: this engine keeps no voices."""

    def speak(self, utterance: Utterance, cancelled: Callable[[], bool]) -> Iterator[Block]:
        noise = np.random.default_rng(utterance.seed)
        silent = True
        text = without_sounds(utterance.text)
        for part in phonemes(fit(text, self._letters), self._speech.phonemize):
            if cancelled():
                return
            silent = False
            yield self._speech.from_ids(self._speech.ids(part), rng=noise)
        if silent and has_words(text):
            raise TextError(f"The standby voice speaks English only, and can't say {quoted(utterance.text)}")

    def memory(self) -> dict[str, int]:
        return {}

    def caches(self) -> dict[str, int]:
        return {}

    def clean(self) -> None:
        """Do nothing: this engine keeps no caches."""

    def close(self) -> None:
        """Do nothing: this engine holds nothing on a device."""


def _is_accented(char: str) -> bool:
    return not char.isascii() and unicodedata.name(char, "").startswith("LATIN ")
