"""Written text turned into text that can be spoken."""

from __future__ import annotations

import re
import sys

from tests.reading import split
from wyoming_chatterbox.text.boundaries import CLOSERS, WIDE_STOPS

_AFTER_WIDE_STOP = re.compile(rf"(?<=[{WIDE_STOPS}])([{CLOSERS}]*) ")


def clean(text: str) -> str:
    """Return a text without markup, emoji, URLs and invisible characters, and with single spaces.

    The end of a line ends a sentence, and gets a full stop if it has none. The result is empty if there is nothing to
    say.
    """
    return _AFTER_WIDE_STOP.sub(r"\1", " ".join(split(text, sys.maxsize)))
