"""A large dictionary that nobody changes any more, in a tenth of the memory that Python's takes."""

from __future__ import annotations

import marshal
from bisect import bisect_left
from collections.abc import Iterable, Mapping
from itertools import accumulate
from typing import Any

import numpy as np
import numpy.typing as npt


class PackedDictionary:
    """Looks up strings as a `dict` does, in microseconds: keys and values lie side by side in bytes, sorted by key.

    Values are what `marshal` takes: strings, numbers, dictionaries of them. Each look-up gives a new one.
    """

    def __init__(self, entries: Mapping[str, Any]) -> None:
        # In the order of their bytes, which is that of their characters.
        ordered = sorted(entries)
        self._keys, self._key_ends = _joined(key.encode("utf-8", "surrogatepass") for key in ordered)
        self._values, self._value_ends = _joined(marshal.dumps(entries[key]) for key in ordered)

    def __len__(self) -> int:
        return len(self._key_ends)

    def get(self, key: str, default: Any = None) -> Any:
        """Return the value of a key, or the default if there is none."""
        wanted = key.encode("utf-8", "surrogatepass")
        index = bisect_left(range(len(self)), wanted, key=self._key)
        if index == len(self) or self._key(index) != wanted:
            return default
        return marshal.loads(_piece(self._values, self._value_ends, index))

    def _key(self, index: int) -> bytes:
        return _piece(self._keys, self._key_ends, index)


def _joined(pieces: Iterable[bytes]) -> tuple[bytes, npt.NDArray[np.uint32]]:
    """Join the pieces, and say where each of them ends."""
    held = list(pieces)
    return b"".join(held), np.fromiter(accumulate(map(len, held)), np.uint32, len(held))


def _piece(joined: bytes, ends: npt.NDArray[np.uint32], index: int) -> bytes:
    return joined[ends[index - 1] if index else 0 : ends[index]]
