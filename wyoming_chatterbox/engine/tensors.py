"""A file of weights, read tensor by tensor straight to the device and dtype it is wanted in."""

from __future__ import annotations

import pickle
import re
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import torch
from safetensors import SafetensorError, safe_open

from ..errors import CheckpointError

DOWNLOAD_AGAIN = "Delete the file and download it again."


@contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn whatever goes wrong while `path` is read into a `CheckpointError` that names it."""
    try:
        yield
    except FileNotFoundError as err:
        raise CheckpointError(f"{path} is missing", "Download it again.") from err
    except OSError as err:
        raise CheckpointError(f"{path} can't be read: {err}", DOWNLOAD_AGAIN) from err
    except (SafetensorError, pickle.UnpicklingError, EOFError, RuntimeError, ValueError, KeyError) as err:
        if is_out_of_memory(err):
            raise
        raise CheckpointError(f"{path} is broken: {first_line(err)}", DOWNLOAD_AGAIN) from err


def first_line(err: BaseException) -> str:
    """The start of an error's text, which in torch can be pages long."""
    return (str(err).strip() or type(err).__name__).splitlines()[0][:200]


def is_out_of_memory(err: BaseException) -> bool:
    """Whether an error of torch or Python means that memory, of the host or a device, ran out."""
    if isinstance(err, (MemoryError, torch.OutOfMemoryError)):
        return True
    return isinstance(err, RuntimeError) and bool(
        re.search(
            r"out of memory|not enough memory|can't allocate memory|cannot allocate memory", str(err), re.IGNORECASE
        )
    )


def load_pickled(path: Path) -> dict[str, Any]:
    """Read a `.pt` file's dictionary, running none of the code that a pickle may hold."""
    with readable(path):
        if path.stat().st_size == 0:
            raise ValueError("it is empty")
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=zipfile.is_zipfile(path))
        if not isinstance(content, dict):
            raise ValueError(f"it holds a {type(content).__name__} instead of named tensors")
        return content


class TensorFile:
    """The named tensors of one `.safetensors` or `.pt` file. Opening it reads none of them.

    What is read is copied out of the file's memory map: a map would tie the running model to a file
    that someone may replace or cut short.
    """

    def __init__(self, path: Path) -> None:
        """Raises `CheckpointError` if the file is missing, cut short or of another format."""
        self.path = path
        self._pickled: dict[str, torch.Tensor] | None = None
        self._safe: Any = None
        if path.suffix == ".safetensors":
            with readable(path):
                self._safe = safe_open(str(path), framework="pt", device="cpu")
                self._shapes = {name: tuple(self._safe.get_slice(name).get_shape()) for name in self._safe.keys()}  # noqa: SIM118
        else:
            content = load_pickled(path)
            self._pickled = {name: value for name, value in content.items() if isinstance(value, torch.Tensor)}
            self._shapes = {name: tuple(value.shape) for name, value in self._pickled.items()}
        if not self._shapes:
            raise CheckpointError(f"{path} holds no tensors", DOWNLOAD_AGAIN)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, err: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._safe = self._pickled = None

    @property
    def names(self) -> Iterable[str]:
        return self._shapes.keys()

    def has(self, name: str) -> bool:
        return name in self._shapes

    def shape(self, name: str) -> tuple[int, ...]:
        """Shape of a tensor that can't be missing."""
        if name not in self._shapes:
            raise CheckpointError(f"{self.path} lacks the tensor {name}", "Is it a file of this model family?")
        return self._shapes[name]

    def size(self, name: str, axis: int = 0) -> int:
        """Length of one axis of a tensor that can't be missing."""
        shape = self.shape(name)
        if axis >= len(shape):
            raise CheckpointError(
                f"{self.path}: {name} has the shape {list(shape)}, of which axis {axis} is wanted",
                "Is it a file of this model family?",
            )
        return shape[axis]

    def count(self, prefix: str) -> int:
        """How many numbered children `prefix` has: layers, blocks."""
        pattern = re.compile(re.escape(prefix) + r"(\d+)\.")
        numbers = {int(match[1]) for name in self._shapes if (match := pattern.match(name))}
        return max(numbers, default=-1) + 1

    def read(self, name: str, device: torch.device, dtype: torch.dtype | None) -> torch.Tensor:
        """One tensor, on `device`; a floating-point one as `dtype`, where that is given."""
        with readable(self.path):
            tensor = self._pickled[name] if self._pickled is not None else self._safe.get_tensor(name)
            wanted = dtype if dtype is not None and tensor.is_floating_point() else tensor.dtype
            copied: torch.Tensor = tensor.detach().to(device=device, dtype=wanted, copy=True).contiguous()
            return copied


def fill(
    module: torch.nn.Module,
    file: TensorFile,
    prefix: str,
    device: torch.device,
    dtype: torch.dtype,
    unneeded: str = "(?!)",
    computed: frozenset[str] = frozenset(),
) -> None:
    """Give a module that was built on the `meta` device its weights, by assignment.

    `prefix` is what the module's names start with in the file; names that match `unneeded` (a regular expression,
    after the prefix) are left out; buffers named in `computed` keep what they have where the file lacks them.
    Raises `CheckpointError` for a tensor too many, too few, or of another shape or kind than the module's.
    """
    wanted = module.state_dict()
    skip = re.compile(unneeded)
    names = {n.removeprefix(prefix) for n in file.names if n.startswith(prefix)}
    names = {name for name in names if not skip.match(name)}
    tensors = {}
    for name in sorted(names):
        tensor = file.read(prefix + name, device, dtype)
        if name in wanted:
            _check(file, prefix + name, tensor, wanted[name])
        tensors[name] = tensor
    with readable(file.path):
        result = module.load_state_dict(tensors, strict=False, assign=True)
    missing = [name for name in result.missing_keys if name not in computed]
    if missing:
        raise CheckpointError(
            f"{file.path} lacks {_listed(prefix, missing)}", "Is it a whole file, and of this model family?"
        )
    if result.unexpected_keys:
        raise CheckpointError(
            f"{file.path} holds tensors that this network has no place for: {_listed(prefix, result.unexpected_keys)}",
            "Is it a file of this model family?",
        )
    module.requires_grad_(False).eval()
    _verify_filled(module, file, prefix)


def size_of(*modules: torch.nn.Module) -> int:
    """Bytes of the modules' parameters and buffers."""
    return sum(bytes_by_format(*modules).values())


def bytes_by_format(*modules: torch.nn.Module) -> dict[str, int]:
    """The same by format: `float32`, `float16`, `int8`, ..."""
    formats: dict[str, int] = {}
    for tensor in _tensors(modules):
        name = str(tensor.dtype).removeprefix("torch.")
        formats[name] = formats.get(name, 0) + tensor.nbytes
    return formats


def _tensors(modules: Iterable[torch.nn.Module]) -> Iterable[torch.Tensor]:
    return {id(t): t for module in modules for t in (*module.parameters(), *module.buffers())}.values()


def _check(file: TensorFile, name: str, tensor: torch.Tensor, wanted: torch.Tensor) -> None:
    if tensor.shape != wanted.shape:
        raise CheckpointError(
            f"{file.path}: {name} has the shape {list(tensor.shape)}, but {list(wanted.shape)} is wanted",
            DOWNLOAD_AGAIN,
        )
    if tensor.is_floating_point() != wanted.is_floating_point():
        raise CheckpointError(
            f"{file.path}: {name} holds {tensor.dtype} instead of {wanted.dtype} numbers", DOWNLOAD_AGAIN
        )


def _verify_filled(module: torch.nn.Module, file: TensorFile, prefix: str) -> None:
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if tensor.is_meta:
            raise CheckpointError(f"{file.path}: nothing filled {prefix}{name}", "Is it a file of this model family?")


def _listed(prefix: str, names: list[str], most: int = 5) -> str:
    shown = ", ".join(prefix + name for name in sorted(names)[:most])
    return shown + (f" and {len(names) - most} more" if len(names) > most else "")
