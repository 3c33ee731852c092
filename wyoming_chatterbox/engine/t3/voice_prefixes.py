"""Caches the keys and values of each voice's part of the prefix, which is the same for every text."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Callable

import torch

from ..voice.conditionals import Conditionals
from .kv_cache import KVCache

Key = tuple[int, float]

MOST_BYTES = 128_000_000
"""Bytes of all prefixes. A voice of turbo takes 74 MB in float32, one of english 8 MB."""

_PART_OF_FREE = 8
"""On a GPU the prefixes may take one part in this many of the free memory: others share the device."""


class VoicePrefixes:
    """Prefixes by voice (the object) and exaggeration; the least recently used is dropped first.

    It holds only weak references to voices: when a voice goes, so do its prefixes.
    """

    def __init__(self, capacity: int = 8, most_bytes: int = MOST_BYTES) -> None:
        """Holds at most `capacity` prefixes and `most_bytes`, but always the latest prefix."""
        self._capacity = capacity
        self._most_bytes = most_bytes
        self._prefixes: OrderedDict[Key, tuple[weakref.ref[Conditionals], KVCache]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._prefixes)

    @property
    def bytes(self) -> int:
        """Bytes of the prefixes held."""
        return sum(prefix.bytes for _, prefix in self._prefixes.values())

    def get(self, voice: Conditionals, exaggeration: float, make: Callable[[], KVCache]) -> KVCache:
        """Return the prefix of a voice, calling `make` if it isn't held."""
        key = (id(voice), exaggeration)
        if key not in self._prefixes:
            prefix = make()
            prefixes = self._prefixes
            prefixes[key] = (weakref.ref(voice, lambda _gone: prefixes.pop(key, None)), prefix)
            room = self._room(prefix.keys.device)
            while len(prefixes) > max(1, self._capacity) or (self.bytes > room and len(prefixes) > 1):
                prefixes.popitem(last=False)
        self._prefixes.move_to_end(key)
        return self._prefixes[key][1]

    def _room(self, device: torch.device) -> int:
        if device.type != "cuda":
            return self._most_bytes
        free, _ = torch.cuda.mem_get_info(device)
        return min(self._most_bytes, (free + self.bytes) // _PART_OF_FREE)
