"""Reads a file of weights, tensor by tensor, straight to the device and dtype needed."""

from __future__ import annotations

import json
import logging
import pickle
import re
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from safetensors import SafetensorError, safe_open

from ...errors import CheckpointError
from ...problem import Problem
from ..failures import download_again, first_line, is_out_of_memory

_LOGGER = logging.getLogger(__name__)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn any failure to read `path` into a `CheckpointError` that names it."""
    try:
        yield
    except FileNotFoundError as err:
        raise CheckpointError(
            f"{path} is missing",
            "Download it again.",
            Problem("files-missing", {"place": str(path.parent), "files": [path.name]}),
        ) from err
    except OSError as err:
        raise CheckpointError(f"{path} can't be read: {err}", download_again(path), _broken(path)) from err
    except (SafetensorError, pickle.UnpicklingError, EOFError, RuntimeError, ValueError, KeyError) as err:
        if is_out_of_memory(err):
            raise
        raise CheckpointError(f"{path} is broken: {first_line(err)}", download_again(path), _broken(path)) from err


def load_pickled(path: Path) -> dict[str, Any]:
    """Read a `.pt` file's dictionary, without running code that a pickle may hold."""
    with reading(path):
        if path.stat().st_size == 0:
            raise ValueError("it is empty")
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
        if not isinstance(content, dict):
            raise ValueError(f"it holds a {type(content).__name__} instead of named tensors")
        return content


_SAFETENSORS_DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16, "I64": torch.int64,
    "I32": torch.int32, "I16": torch.int16, "I8": torch.int8, "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip


@dataclass(frozen=True)
class Place:
    """Place of a contiguous tensor in a file."""

    shape: tuple[int, ...]
    dtype: torch.dtype
    offset: int
    """Offset in bytes from the file's start."""


def listed(names: Iterable[str], most: int = 5) -> str:
    """Write names down, and the number of those that are too many."""
    every = sorted(names)
    return ", ".join(every[:most]) + (f" and {len(every) - most} more" if len(every) > most else "")


class TensorFile:
    """The named tensors of one `.safetensors` or `.pt` file. Opening the file reads none of them.

    Each tensor is read into memory of its own. A memory map would tie the running model to a file that someone may
    replace or truncate, and its pages would count as the process's memory until the file is closed.
    """

    def __init__(self, path: Path) -> None:
        """Raises `CheckpointError` if the file is missing, truncated or in another format."""
        self.path = path
        self._places: dict[str, Place] = {}
        self._ignored: list[str] = []
        self._held: dict[str, torch.Tensor] = {}
        """Tensors without a place: all of a `.pt` file from before torch 1.6, and views of other tensors."""
        with reading(path):
            if path.suffix == ".safetensors":
                self._places = _safetensors_places(path)
            elif zipfile.is_zipfile(path):
                self._places = _zipped_places(path)
        if path.suffix != ".safetensors" and not self._places:
            self._held = {n: value for n, value in load_pickled(path).items() if isinstance(value, torch.Tensor)}
        self._shapes = {name: place.shape for name, place in self._places.items()}
        self._shapes |= {name: tuple(tensor.shape) for name, tensor in self._held.items()}
        if not self._shapes:
            raise CheckpointError(f"{path} holds no tensors", download_again(path))
        with reading(path):
            self._file = path.open("rb", buffering=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.close()
        self._held = {}
        if self._ignored and err is None:
            _LOGGER.warning(
                "%s holds tensors that no network here has a place for; they are left out: %s",
                self.path,
                listed(self._ignored),
            )

    @property
    def names(self) -> Iterable[str]:
        return self._shapes.keys()

    def ignore(self, names: Iterable[str]) -> None:
        """Note tensors that nothing has a place for; they are logged when the file is closed."""
        self._ignored += names

    def has(self, name: str) -> bool:
        return name in self._shapes

    def shape(self, name: str) -> tuple[int, ...]:
        """Return the shape of a tensor. Raises `CheckpointError` if the file lacks it."""
        if name not in self._shapes:
            raise CheckpointError(f"{self.path} lacks the tensor {name}", "Is it a file of this model family?")
        return self._shapes[name]

    def size(self, name: str, axis: int = 0) -> int:
        """Return the length of one axis of a tensor. Raises `CheckpointError` if the file lacks it."""
        shape = self.shape(name)
        if axis >= len(shape):
            raise CheckpointError(
                f"{self.path}: {name} has the shape {list(shape)}, of which axis {axis} is wanted",
                "Is it a file of this model family?",
            )
        return shape[axis]

    def count(self, prefix: str) -> int:
        """Count the numbered children of `prefix`: layers, blocks."""
        pattern = re.compile(re.escape(prefix) + r"(\d+)\.")
        numbers = {int(match[1]) for name in self._shapes if (match := pattern.match(name))}
        return max(numbers, default=-1) + 1

    def place(self, name: str) -> Place | None:
        """Return the place of a tensor, or None if it isn't contiguous in the file."""
        return self._places.get(name)

    def read(self, name: str, device: torch.device, dtype: torch.dtype | None) -> torch.Tensor:
        """Read one tensor to `device`; a floating-point one as `dtype`, if that is given."""
        with reading(self.path):
            place = self._places.get(name)
            tensor = self._held[name].detach().clone() if place is None else self._read(place)
            wanted = dtype if dtype is not None and tensor.is_floating_point() else tensor.dtype
            return tensor.to(device=device, dtype=wanted).contiguous()

    def _read(self, place: Place) -> torch.Tensor:
        tensor = torch.empty(place.shape, dtype=place.dtype)
        if tensor.numel():
            self._file.seek(place.offset)
            room: Any = memoryview(tensor.view(-1).view(torch.uint8).numpy().data)
            while len(room):
                count = self._file.readinto(room)
                if not count:
                    raise ValueError("it is cut short")
                room = room[count:]
        return tensor


def _safetensors_places(path: Path) -> dict[str, Place]:
    """Parse the header (https://github.com/huggingface/safetensors#format); `safe_open` reports its errors."""
    with safe_open(str(path), framework="pt", device="cpu"):
        pass
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    return {
        name: Place(tuple(about["shape"]), _SAFETENSORS_DTYPES[about["dtype"]], 8 + length + about["data_offsets"][0])
        for name, about in header.items()
        if name != "__metadata__"
    }


def _zipped_places(path: Path) -> dict[str, Place]:
    """Return the places of a zipped `.pt` file's tensors, or none if any tensor has no place."""
    content = torch.load(path, map_location="meta", weights_only=True)
    if not isinstance(content, dict):
        raise ValueError(f"it holds a {type(content).__name__} instead of named tensors")
    places = {}
    for name, tensor in content.items():
        if isinstance(tensor, torch.Tensor):
            start = getattr(tensor.untyped_storage(), "_checkpoint_offset", None)
            if start is None or not tensor.is_contiguous():
                return {}
            offset = start + tensor.storage_offset() * tensor.element_size()
            places[name] = Place(tuple(tensor.shape), tensor.dtype, offset)
    return places


def _broken(path: Path) -> Problem:
    return Problem("files-broken", {"place": str(path.parent), "file": path.name})
