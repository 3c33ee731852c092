"""Fills a network, built on the `meta` device, with the tensors of a file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from itertools import groupby

import torch

from ...errors import CheckpointError
from ..failures import download_again
from .tensor_file import TensorFile, listed, reading


def fill(
    module: torch.nn.Module,
    file: TensorFile,
    prefix: str,
    device: torch.device,
    dtype: torch.dtype,
    unneeded: str = "(?!)",
    computed: frozenset[str] = frozenset(),
    convert: Callable[[torch.nn.Module], torch.nn.Module] | None = None,
) -> None:
    """Assign weights to a module that was built on the `meta` device.

    `prefix` is the start of the module's names in the file. Names that match `unneeded` (a regular expression, after
    the prefix) are left out. Buffers named in `computed` keep their values where the file lacks them. With `convert`,
    each layer is replaced by its conversion before the next is read. An extra tensor is left out, and logged when the
    file is closed. Raises `CheckpointError` for a missing tensor, and for one with another shape or kind than the
    module's.
    """
    wanted = module.state_dict()
    skip = re.compile(unneeded)
    names = {n.removeprefix(prefix) for n in file.names if n.startswith(prefix)}
    names = {name for name in names if not skip.match(name)}
    file.ignore(prefix + name for name in names - wanted.keys())

    def assign(part: torch.nn.Module, path: str, owned: Iterable[str]) -> list[str]:
        tensors = {}
        for name in owned:
            tensors[name] = file.read(prefix + path + name, device, dtype)
            _check(file, prefix + path + name, tensors[name], wanted[path + name])
        with reading(file.path):
            return list(part.load_state_dict(tensors, strict=False, assign=True).missing_keys)

    if convert:
        missing = sorted(wanted.keys() - names)
        for owner, owned in groupby(sorted(names & wanted.keys(), key=_owner), key=_owner):
            part = module.get_submodule(owner)
            path = owner + "." if owner else ""
            assign(part, path, [name.removeprefix(path) for name in owned])
            part.requires_grad_(False)
            if owner:
                module.set_submodule(owner, convert(part))
            else:
                convert(part)
    else:
        missing = assign(module, "", sorted(names & wanted.keys()))
    missing = [name for name in missing if name not in computed]
    if missing:
        raise CheckpointError(
            f"{file.path} lacks {listed([prefix + name for name in missing])}",
            "Is it a whole file, and of this model family?",
        )
    module.requires_grad_(False).eval()
    _verify_filled(module, file, prefix)


def _owner(name: str) -> str:
    """Return the path of the module that a parameter lies in."""
    return name.rpartition(".")[0]


def _check(file: TensorFile, name: str, tensor: torch.Tensor, wanted: torch.Tensor) -> None:
    if tensor.shape != wanted.shape:
        raise CheckpointError(
            f"{file.path}: {name} has the shape {list(tensor.shape)}, but {list(wanted.shape)} is wanted",
            download_again(file.path),
        )
    if tensor.is_floating_point() != wanted.is_floating_point():
        raise CheckpointError(
            f"{file.path}: {name} holds {tensor.dtype} instead of {wanted.dtype} numbers", download_again(file.path)
        )


def _verify_filled(module: torch.nn.Module, file: TensorFile, prefix: str) -> None:
    for name, tensor in (*module.named_parameters(), *module.named_buffers()):
        if tensor.is_meta:
            raise CheckpointError(f"{file.path}: nothing filled {prefix}{name}", "Is it a file of this model family?")
