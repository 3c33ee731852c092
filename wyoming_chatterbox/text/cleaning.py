"""Written text made fit for speech."""

from __future__ import annotations

import re
import sys

from .boundaries import CLOSERS, WIDE_STOPS
from .sentences import split

_AFTER_WIDE_STOP = re.compile(rf"(?<=[{WIDE_STOPS}])([{CLOSERS}]*) ")


def clean(text: str) -> str:
    """What is to be said of a text: no markup, emoji, URLs or invisible characters, and single spaces.

    The end of a line ends a sentence, with a full stop of its own if it has none. Text that leaves nothing to say gives
    an empty string.
    """
    return _AFTER_WIDE_STOP.sub(r"\1", " ".join(split(text, sys.maxsize)))
