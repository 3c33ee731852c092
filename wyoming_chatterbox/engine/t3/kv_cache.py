"""The KV cache: keys and values of a transformer's past positions, allocated once and written in place."""

from __future__ import annotations

import math
import mmap
import weakref
from dataclasses import dataclass
from typing import ClassVar, Protocol

import torch
from torch.nn import functional

BUCKET = 128
"""Positions; lengths are rounded up to a multiple of this, so that few different ones occur."""


@dataclass(frozen=True)
class Span:
    """The positions that one pass computes, and how many it may attend to."""

    positions: torch.Tensor
    """(n,) int64, on the device."""
    attended: int
    """Positions of the cache that are read. It is fixed for a captured graph, so it may exceed those written."""
    mask: torch.Tensor | None
    """(n, attended) bool, true where a position may attend; None means everywhere."""

    @classmethod
    def causal(cls, positions: torch.Tensor, attended: int) -> Span:
        """Let each position attend to itself and those before it, and to nothing the cache holds beyond."""
        return cls(positions, attended, torch.arange(attended, device=positions.device) <= positions[:, None])

    @classmethod
    def last(cls, position: torch.Tensor, attended: int) -> Span:
        """Let one position, (1,), the last of exactly `attended`, attend to all of them; this needs no mask."""
        return cls(position, attended, None)


class KVCache:
    """Keys and values of one utterance or one voice, each (layers, rows, heads, length, head width)."""

    _all: ClassVar[weakref.WeakValueDictionary[int, KVCache]] = weakref.WeakValueDictionary()

    def __init__(
        self, layers: int, rows: int, heads: int, length: int, width: int, device: torch.device, dtype: torch.dtype
    ) -> None:
        shape = (layers, rows, heads, length, width)
        # Zeroed, because a masked NaN would still poison the attention.
        self.keys = _zeros(shape, device, dtype)
        self.values = _zeros(shape, device, dtype)
        self._all[id(self)] = self

    @classmethod
    def held(cls) -> int:
        """Count the bytes of all caches in this process; safe from any thread."""
        # valuerefs() makes a list in one step; other threads may add and remove caches meanwhile.
        return sum(cache.bytes for ref in cls._all.valuerefs() if (cache := ref()) is not None)

    @property
    def length(self) -> int:
        """Positions that the cache has room for."""
        return self.keys.shape[3]

    @property
    def rows(self) -> int:
        return self.keys.shape[1]

    @property
    def bytes(self) -> int:
        return 2 * self.keys.numel() * self.keys.element_size()

    def begin_with(self, prefix: KVCache) -> None:
        """Copy a prefix, of one row or as many as this cache has, to the first positions of every row."""
        self.keys[..., : prefix.length, :] = prefix.keys
        self.values[..., : prefix.length, :] = prefix.values

    def attend(
        self, layer: int, query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, span: Span
    ) -> torch.Tensor:
        """Write n positions' keys and values, then attend: (rows, heads, n, head width) -> (rows, n, heads x width)."""
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
    """Round a length up to a multiple of `BUCKET`."""
    return -(-length // BUCKET) * BUCKET


def _zeros(shape: tuple[int, ...], device: torch.device, dtype: torch.dtype) -> torch.Tensor:
    """Allocate zeros; on a CPU they take memory only where they are written to.

    The room is for the longest speech that a text can become, and most texts become a third of that.
    """
    if device.type != "cpu":
        return torch.zeros(shape, device=device, dtype=dtype)
    size = math.prod(shape) * dtype.itemsize
    try:
        # Mapped here, because the C library would clear memory that it reuses, and so take it all at once.
        room = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except OSError as err:
        raise MemoryError(f"there are no {size} bytes for keys and values") from err
    return torch.frombuffer(room, dtype=dtype).view(shape)
