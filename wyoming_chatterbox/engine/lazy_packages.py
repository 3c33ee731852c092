"""Importing a package's modules without running its `__init__`, which may import what nobody needs.

The packages stay whole for everyone else: each is opened, its `__init__` run in place and in the usual order, parents
first, as soon as someone asks it for a name or for a module that isn't imported yet.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

_OPENING = threading.RLock()


class UnopenedPackage(ModuleType):
    """A package whose `__init__` has not run. Without `__path__`, which the import of any module of it asks for."""

    def __getattr__(self, name: str) -> Any:
        _open(self)
        return ModuleType.__getattribute__(self, name)


@contextmanager
def without_init(*names: str) -> Iterator[None]:
    """Let modules of these packages, given parents first, be imported without the packages' `__init__`s.

    A package that is imported already stays as it is. Raises `ModuleNotFoundError` for one that isn't installed.
    """
    packages = []
    try:
        for name in names:
            package = _unopened(name)
            packages.append(package)
            if isinstance(package, UnopenedPackage):
                _let_in(package)
        yield
    finally:
        for package in packages:
            if isinstance(package, UnopenedPackage):
                del package.__path__


@contextmanager
def standing_in(name: str, **functions: Callable[..., Any]) -> Iterator[None]:
    """Have modules that are imported meanwhile take functions of `name`, a package inside another, from here.

    If it is imported already they take its own.
    """
    package = _unopened(name)
    if isinstance(package, UnopenedPackage):
        _let_in(package)
        vars(package).update(functions)
    try:
        yield
    finally:
        if isinstance(package, UnopenedPackage):
            del sys.modules[name]
            parent, _, child = name.rpartition(".")
            delattr(sys.modules[parent], child)


def deferred(package: str, name: str) -> Callable[..., Any]:
    """A function of a package that is imported at the first call."""

    def call(*args: Any, **kwargs: Any) -> Any:
        return getattr(importlib.import_module(package), name)(*args, **kwargs)

    return call


def _unopened(name: str) -> ModuleType:
    """The package as it is in `sys.modules`, put there unopened where it isn't."""
    if name in sys.modules:
        return sys.modules[name]
    spec = importlib.util.find_spec(name)
    if spec is None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)
    package = importlib.util.module_from_spec(spec)
    package.__class__ = UnopenedPackage
    del package.__path__
    sys.modules[name] = package
    parent, _, child = name.rpartition(".")
    if parent:
        setattr(sys.modules[parent], child, package)
    return package


def _open(package: ModuleType) -> None:
    """Run a package's `__init__`, after its parents'."""
    with _OPENING:
        parent = sys.modules.get(package.__name__.rpartition(".")[0])
        if isinstance(parent, UnopenedPackage):
            _open(parent)
        if not isinstance(package, UnopenedPackage):
            # Its parent's `__init__`, or another thread, has done so.
            return
        loader = _let_in(package).loader
        assert loader is not None
        package.__class__ = ModuleType  # type: ignore[assignment]
        try:
            loader.exec_module(package)
        except BaseException:
            package.__class__ = UnopenedPackage
            del package.__path__
            raise


def _let_in(package: ModuleType) -> ModuleSpec:
    """Let modules of a package be imported: give it the path that the import system looks for; returns its spec."""
    spec = package.__spec__
    assert spec is not None
    package.__path__ = spec.submodule_search_locations or []
    return spec
