"""An engine for tests: ordinary, and under the test's control."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator

import numpy as np

from wyoming_chatterbox.engine import SAMPLE_RATE, VOICES_KEPT, Block, Description, Utterance, Voice

WORD_SECONDS = 0.1


class FakeEngine:
    """Says each word as a tenth of a second of a tone: one block, and one decoding step, a word."""

    sample_rate = SAMPLE_RATE

    def __init__(self, name: str = "fake", languages: tuple[str, ...] = ("en",), pitch: float = 440.0) -> None:
        self.name = name
        self.languages = languages
        self.pitch = pitch
        self.said: list[Utterance] = []
        self.voices_kept = VOICES_KEPT
        self.voices: list[Voice] = []
        """Those it has prepared, in order."""
        self.asked_to_prepare: list[Voice] = []
        self.unfit: dict[str, Exception] = {}
        """Raised when the voice of that name is to be prepared."""
        self.go_on_preparing = threading.Event()
        """Cleared, it prepares a voice for as long as it may."""
        self.go_on_preparing.set()
        self.steps = 0
        self.cancelled_after: int | None = None
        """Steps it had taken when it saw that it wasn't wanted any more."""
        self.closed = False
        self.cleaned = 0
        self.failures: list[BaseException] = []
        """Raised by the next utterances, one each, before their first block."""
        self.go_on = threading.Event()
        """Cleared, the engine waits before its next step."""
        self.go_on.set()
        self.pause_after: int | None = None
        """Steps after which it waits."""
        self.stuck = threading.Event()
        """Set, the engine hangs before its next step: it neither goes on nor asks whether it is still wanted."""

    def describe(self) -> Description:
        return Description(self.name, "cpu", "float32", "none", "a test wants it so", {"tone": 4})

    def prepared(self, voice: Voice) -> bool:
        return voice.recording is None or voice in self.voices

    def prepare(self, voice: Voice, cancelled: Callable[[], bool]) -> bool:
        self._hang()
        self.asked_to_prepare.append(voice)
        if failure := self.unfit.get(voice.name):
            raise failure
        while not self.go_on_preparing.is_set():
            if cancelled():
                return False
            time.sleep(0.001)
        self.voices.append(voice)
        return True

    def keep_only(self, voices: Collection[Voice]) -> None:
        wanted = {(voice.recording, voice.version) for voice in voices}
        self.voices = [voice for voice in self.voices if (voice.recording, voice.version) in wanted]

    def speak(self, utterance: Utterance, cancelled: Callable[[], bool]) -> Iterator[Block]:
        self.said.append(utterance)
        if self.failures:
            raise self.failures.pop(0)
        time_axis = np.arange(round(WORD_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
        tone = (0.5 * np.sin(2 * np.pi * self.pitch * time_axis)).astype(np.float32)
        for _ in utterance.text.split():
            while self._waits() and not cancelled():
                time.sleep(0.001)
                self._hang()
            self._hang()
            if cancelled():
                self.cancelled_after = self.steps
                return
            self.steps += 1
            yield tone

    def _hang(self) -> None:
        while self.stuck.is_set():
            time.sleep(0.001)

    def _waits(self) -> bool:
        return not self.go_on.is_set() or (self.pause_after is not None and self.steps >= self.pause_after)

    def memory(self) -> dict[str, int]:
        return {}

    def caches(self) -> dict[str, int]:
        return {"voices": len(self.voices)}

    def clean(self) -> None:
        self._hang()
        self.cleaned += 1

    def close(self) -> None:
        self.closed = True

    @property
    def texts(self) -> list[str]:
        """The texts that it was asked to say, in order."""
        return [utterance.text for utterance in self.said]
