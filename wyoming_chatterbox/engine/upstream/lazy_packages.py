"""Imports modules without what they import and never use: a package's `__init__`, or other packages."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.machinery import ModuleSpec
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
def standing_in(name: str) -> Iterator[None]:
    """Leave a package unopened for modules imported meanwhile.

    Afterwards the package and its modules are gone from `sys.modules`: the next import is the first. If the package is
    imported already, this does nothing.
    """
    package = _unopened(name)
    try:
        yield
    finally:
        if isinstance(package, UnopenedPackage):
            for module in [module for module in sys.modules if f"{module}.".startswith(f"{name}.")]:
                del sys.modules[module]
            parent, _, child = name.rpartition(".")
            if parent:
                delattr(sys.modules[parent], child)


@contextmanager
def replacing(**packages: Mapping[str, Any]) -> Iterator[None]:
    """Give modules imported meanwhile these packages, installed or not; a mapping in a package is a module of it.

    Afterwards `sys.modules` is as before: who imports the packages later gets those that are installed.
    """
    modules: dict[str, ModuleType] = {}
    for name, content in packages.items():
        _build(name, content, modules)
    before = {name: sys.modules.get(name) for name in modules}
    sys.modules.update(modules)
    try:
        yield
    finally:
        for name, module in before.items():
            if module is None:
                del sys.modules[name]
            else:
                sys.modules[name] = module


def _build(name: str, content: Mapping[str, Any], modules: dict[str, ModuleType]) -> ModuleType:
    """Make a module with this content, and those in it; add them to `modules`."""
    module = modules[name] = ModuleType(name)
    module.__path__ = []
    # PyTorch's compiler asks which packages there are; without this the question is an error.
    module.__spec__ = ModuleSpec(name, None)
    for key, value in content.items():
        setattr(module, key, _build(f"{name}.{key}", value, modules) if isinstance(value, Mapping) else value)
    return module


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
