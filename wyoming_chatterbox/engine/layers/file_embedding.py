"""An embedding that stays in its file: a text needs a few rows of two hundred megabytes."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ...errors import CheckpointError, EngineError
from ..weights.tensor_file import TensorFile, reading


class FileEmbedding(nn.Module):
    """Reads the rows of the ids from the file; the result is on the device, in the compute dtype.

    The file stays open, so that it may be deleted or replaced. Reading a file that was changed in place raises
    `EngineError`.
    """

    def __init__(self, file: TensorFile, name: str, device: torch.device, compute: torch.dtype) -> None:
        """Raises `CheckpointError` if the file lacks the tensor, or the tensor is no table of numbers."""
        super().__init__()
        shape, place = file.shape(name), file.place(name)
        if len(shape) != 2 or place is None or not place.dtype.is_floating_point:
            kind = list(shape) if place is None else f"{list(shape)} of {place.dtype}"
            raise CheckpointError(f"{file.path}: {name} is {kind}, but rows of numbers are wanted")
        self.num_embeddings, self.embedding_dim = shape
        self._path = file.path
        self._place = place
        with reading(file.path):
            self._rows = _Rows(file.path)
        self.weight = torch.zeros((), dtype=compute, device=device).expand(shape)

    def forward(self, ids: torch.Tensor) -> torch.Tensor:
        """(...) int64, on the host so that nothing has to be waited for -> (..., width)."""
        distinct, index = torch.unique(ids.cpu(), return_inverse=True)
        rows = torch.stack([self._row(number) for number in distinct.tolist()])
        return rows[index].to(self.weight.device, self.weight.dtype)

    def _row(self, number: int) -> torch.Tensor:
        size = self.embedding_dim * self._place.dtype.itemsize
        held = self._rows.read(self._place.offset + number * size, size)
        if held is None:
            raise EngineError(f"{self._path} was changed while its model was in use; load the model again.")
        return torch.frombuffer(held, dtype=self._place.dtype)


class _Rows:
    """A file that stays open for reading as long as this object lives."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("rb", buffering=0)
        self._state = self._now()

    def read(self, offset: int, size: int) -> bytearray | None:
        """Read bytes; None if the file was changed, or can't be read."""
        try:
            held = bytearray(os.pread(self._file.fileno(), size, offset))
            return held if len(held) == size and self._now() == self._state else None
        except OSError:
            return None

    def _now(self) -> tuple[Any, ...]:
        about = os.fstat(self._file.fileno())
        return about.st_size, about.st_mtime_ns
