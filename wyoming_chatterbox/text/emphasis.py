"""Which marks are emphasis: `*`, `_` and `~` around words, but not in `2 * 3` or `snake_case`.

Text arrives in pieces, so marks can't be paired as CommonMark pairs them: a mark is judged from its two neighbours, and
from how many marks are open before it.
"""

from __future__ import annotations

from collections import Counter

from .spacing import CLOSING


class Emphasis:
    """Counts the open marks of each kind."""

    def __init__(self) -> None:
        self._open: Counter[str] = Counter()

    def clear(self) -> None:
        """Forget all open marks, because a paragraph ends."""
        self._open.clear()

    def take(self, char: str, length: int, before: str, follows: str) -> bool:
        """Take a run of `length` marks between two characters; return whether it is emphasis."""
        if char == "~" and length == 1:
            return False
        if before.isspace() and follows.isspace():
            return False
        if before.isalnum() and follows.isalnum():
            if char == "_":
                return False
            # Scripts without spaces have emphasis inside what looks like a word.
            if char == "*" and not (_is_caseless(before) or _is_caseless(follows)):
                return length > 1 and not follows.isdigit()
            return True
        if self._open[char] > 0 and not before.isspace():
            self._open[char] = max(0, self._open[char] - length)
            return True
        if follows.isspace() or follows in CLOSING:
            return False
        self._open[char] += length
        return True


def _is_caseless(char: str) -> bool:
    return char.isalpha() and char.lower() == char.upper()
