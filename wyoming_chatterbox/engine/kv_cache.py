"""The keys and values of a transformer's past positions, allocated once and written in place."""

from __future__ import annotations

import math
import mmap
import weakref
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch.nn import functional

BUCKET = 128
"""Lengths are rounded up to a multiple of this, so that there are few different ones."""


@dataclass(frozen=True)
class Span:
    """The positions that one pass computes, and how many it may look at."""

    positions: torch.Tensor
    """(n,) int64, on the device."""
    attended: int
    """Positions of the cache that are read: fixed for a captured graph, so it may be more than are written."""
    mask: torch.Tensor | None
    """(n, attended) bool, true where a position may look; None where all may be looked at."""

    @classmethod
    def causal(cls, positions: torch.Tensor, attended: int) -> Span:
        """Each position sees itself and those before it; what the cache holds beyond them is never seen."""
        return cls(positions, attended, torch.arange(attended, device=positions.device) <= positions[:, None])

    @classmethod
    def last(cls, position: torch.Tensor, attended: int) -> Span:
        """One position, (1,), that is the last of exactly `attended`: no mask is needed."""
        return cls(position, attended, None)


class KVCache:
    """Keys and values, each (layers, rows, heads, length, head width), of one utterance or one voice."""

    _all: ClassVar[weakref.WeakValueDictionary[int, KVCache]] = weakref.WeakValueDictionary()

    def __init__(
        self, layers: int, rows: int, heads: int, length: int, width: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        shape = (layers, rows, heads, length, width)
        # Zeros, as a mask makes nothing of what is not a number.
        self.keys = _zeros(shape, device, dtype)
        self.values = _zeros(shape, device, dtype)
        self._all[id(self)] = self

    @classmethod
    def held(cls) -> int:
        """Bytes of all caches there are now, in this process; safe from any thread."""
        # A list of references is made in one go, where others may come and go meanwhile.
        return sum(cache.bytes for ref in cls._all.valuerefs() if (cache := ref()) is not None)

    @property
    def length(self) -> int:
        """Positions there is room for."""
        return self.keys.shape[3]

    @property
    def rows(self) -> int:
        return self.keys.shape[1]

    @property
    def bytes(self) -> int:
        return 2 * self.keys.numel() * self.keys.element_size()

    def begin_with(self, prefix: KVCache) -> None:
        """Copy a prefix, of one row or as many as here, to the first positions of every row."""
        self.keys[..., : prefix.length, :] = prefix.keys
        self.values[..., : prefix.length, :] = prefix.values

    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, span: Span
    ) -> torch.Tensor:
        """Write n positions' keys and values, then look: (rows, heads, n, head width) -> (rows, n, heads x width)."""
        keys, values = self.keys[layer], self.values[layer]
        keys.index_copy_(2, span.positions, key)
        values.index_copy_(2, span.positions, value)
        seen = functional.scaled_dot_product_attention(
            query,
            keys[:, :, : span.attended],
            values[:, :, : span.attended],
            attn_mask=span.mask,
            enable_gqa=query.shape[1] != key.shape[1],
        )
        return seen.transpose(1, 2).flatten(2)


class Transformer(Protocol):
    """A stack of decoder layers, from embeddings to the last layer's normalised states."""

    def new_cache(self, rows: int, length: int) -> KVCache:
        """Allocate a cache for `rows` sequences of up to `length` positions."""

    def __call__(self, x: torch.Tensor, span: Span, cache: KVCache) -> torch.Tensor:
        """(rows, n, width) -> the same shape; writes the n positions into the cache."""


def rounded_up(length: int) -> int:
    """The next multiple of `BUCKET`."""
    return -(-length // BUCKET) * BUCKET


def _zeros(shape: tuple[int, ...], device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """Zeros, of which a CPU's take memory only when they are first written to.

    There is room for the most speech that a text can become, and most texts become a third of that.
    """
    if device.type != "cpu":
        return torch.zeros(shape, device=device, dtype=dtype)
    size = math.prod(shape) * dtype.itemsize
    try:
        # Not from the C library, which would clear by hand what it had given before.
        room = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as err:
        raise MemoryError(f"there are no {size} bytes for keys and values") from err
    return torch.frombuffer(room, dtype=dtype).view(shape)
