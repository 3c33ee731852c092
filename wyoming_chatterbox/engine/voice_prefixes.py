"""The keys and values of each voice's part of the prefix, which no text changes: computed once, and reused."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable

from .conditionals import Conditionals
from .kv_cache import KVCache

Key = tuple[int, float]


class VoicePrefixes:
    """Prefixes by voice (the object) and exaggeration, the least recently used forgotten first.

    A voice's prefixes go with the voice: this holds no reference to it.
    """

    def __init__(self, capacity: int = 4) -> None:
        self._capacity = capacity
        self._prefixes: OrderedDict[Key, tuple[weakref.ref[Conditionals], KVCache]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._prefixes)

    def get(self, voice: Conditionals, exaggeration: float, make: Callable[[], KVCache]) -> KVCache:
        """The prefix of a voice, made with `make` if it isn't here."""
        key = (id(voice), exaggeration)
        if key not in self._prefixes:
            prefix = make()
            prefixes = self._prefixes
            prefixes[key] = (weakref.ref(voice, lambda _gone: prefixes.pop(key, None)), prefix)
            while len(prefixes) > self._capacity:
                prefixes.popitem(last=False)
        self._prefixes.move_to_end(key)
        return self._prefixes[key][1]
