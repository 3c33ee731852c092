"""The packages of docker/requirements.txt: processes in which no other is found."""

from __future__ import annotations

import os
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.checkout import ROOT

HIDING = """
import os, sys
from importlib.machinery import PathFinder

hidden = set(os.environ["HIDDEN"].split())

class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in hidden else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Hiding
"""


def names(requirements: Iterable[str]) -> set[str]:
    """The packages that are required."""
    return {canonicalize_name(Requirement(line).name) for line in requirements}


def listed_packages() -> set[str]:
    """The packages on the list."""
    lines = (ROOT / "docker" / "requirements.txt").read_text().splitlines()
    return names(line for line in lines if line and not line.startswith("#"))


def beyond_the_list() -> set[str]:
    """The names of installed modules that belong only to packages that are not on the list."""
    listed = listed_packages() | {"wyoming-chatterbox", "pip"}
    return {
        module
        for module, packages in metadata.packages_distributions().items()
        if listed.isdisjoint(canonicalize_name(package) for package in packages)
    }


@pytest.fixture(name="hiding")
def hiding_fixture(tmp_path: Path) -> dict[str, str]:
    """An environment in which Python, and each Python that it starts, finds what is on the list alone."""
    (tmp_path / "sitecustomize.py").write_text(HIDING)
    path = os.pathsep.join((str(tmp_path), str(ROOT)))
    return os.environ | {"PYTHONPATH": path, "HIDDEN": " ".join(beyond_the_list()), "OMP_NUM_THREADS": "1"}
