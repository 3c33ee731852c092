"""Imports a package's modules without running its `__init__`, which may import much that is never used."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

_OPENING: dict[str, threading.RLock] = {}
_IN_PROGRESS: set[str] = set()


class UnopenedPackage(ModuleType):
    """A package whose `__init__` has not run. It runs, in place, at the first access to a name that is missing."""

    def __getattr__(self, name: str) -> Any:
        _open(self)
        return ModuleType.__getattribute__(self, name)


def leave_unopened(*names: str) -> None:
    """Let modules of these packages, given parents first, be imported without the packages' `__init__`s.

    Other importers still get the whole package. A package that is imported already stays as it is. Raises
    `ModuleNotFoundError` for a package that isn't installed.
    """
    for name in names:
        _unopened(name)


@contextmanager
def standing_in(name: str, **functions: Callable[..., Any]) -> Iterator[None]:
    """Replace a package by these functions for modules imported meanwhile, without running its `__init__`.

    Afterwards the package and its modules are gone from `sys.modules`: the next import is the first. If the package is
    imported already, this does nothing.
    """
    package = _unopened(name)
    if isinstance(package, UnopenedPackage):
        vars(package).update(functions)
    try:
        yield
    finally:
        if isinstance(package, UnopenedPackage):
            for module in [module for module in sys.modules if f"{module}.".startswith(f"{name}.")]:
                del sys.modules[module]
            parent, _, child = name.rpartition(".")
            if parent:
                delattr(sys.modules[parent], child)


def deferred(package: str, name: str) -> Callable[..., Any]:
    """Return a function that imports its package at the first call."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return getattr(importlib.import_module(package), name)(*args, **kwargs)

    return call


def _unopened(name: str) -> ModuleType:
    """Return the package from `sys.modules`, putting it there unopened if it is missing."""
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    package = importlib.util.module_from_spec(spec)
    package.__class__ = UnopenedPackage
    _OPENING[name] = threading.RLock()
    sys.modules[name] = package
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, package)
    return package


def _open(package: ModuleType) -> None:
    """Run a package's `__init__` once; meanwhile its own modules see its names so far, and other threads wait."""
    name = package.__name__
    with _OPENING[name]:
        if name in _IN_PROGRESS or not isinstance(package, UnopenedPackage):
            return
        spec = package.__spec__
        assert spec is not None
        assert spec.loader is not None
        _IN_PROGRESS.add(name)
        try:
            spec.loader.exec_module(package)
            package.__class__ = ModuleType  # type: ignore[assignment]
        finally:
            _IN_PROGRESS.remove(name)
