"""The rest of a sentence after an engine failed to say it, and the pieces to say it in."""

from __future__ import annotations

from collections import deque
from dataclasses import replace

from ..engine import SAMPLE_RATE, Utterance, Voice
from ..text.cutting import halves

FAST_PACE = 17.0
"""Characters a second of a fast speaker; few people speak faster."""

_PACE_MARGIN = 1.1
"""Factor by which the engine may have spoken faster this time than the last."""


class Remainder:
    """The utterances of a sentence that are left, and how much of the first was heard."""

    def __init__(self, sentence: Utterance) -> None:
        self._left = deque([sentence])
        self._tried_again = False
        self.heard = 0
        """Samples of `first` that were heard; another try with the same seed can skip them."""

    def __bool__(self) -> bool:
        return bool(self._left)

    @property
    def first(self) -> Utterance:
        """The utterance to be said next."""
        return self._left[0]

    def said(self) -> None:
        """Note that `first` was said to its end."""
        self._left.popleft()
        self.heard = 0

    def try_again(self) -> bool:
        """Prepare another try by the engine that failed; return False if it has had its last.

        An utterance of which nothing was heard is cut in two, as long as it is long enough; otherwise there is one more
        try.
        """
        parts = [] if self.heard else halves(self.first.text)
        if len(parts) > 1:
            self._replace_first(*parts)
        elif self._tried_again:
            return False
        self._tried_again = True
        return True

    def pass_on(self, pace: float = FAST_PACE) -> None:
        """Prepare for another engine, whose sound differs, to say the rest; skip a word rather than say it twice.

        `pace`, in characters a second, tells where the first engine broke off.
        """
        if self.heard:
            self._replace_first(_after(self.first.text, self.heard / SAMPLE_RATE * pace * _PACE_MARGIN))
        self.heard = 0
        self._tried_again = False

    def change_voice(self, voice: Voice) -> None:
        """Say the rest in another voice."""
        self._left = deque(replace(utterance, voice=voice) for utterance in self._left)

    def _replace_first(self, *texts: str) -> None:
        first = self._left.popleft()
        self._left.extendleft(replace(first, text=text) for text in reversed(texts) if text)


def _after(text: str, characters: float) -> str:
    """Return the words that begin after the given number of characters."""
    space = text.find(" ", round(characters))
    return text[space + 1 :] if space >= 0 else ""
