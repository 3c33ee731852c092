"""The packages of docker/requirements.txt are enough for all that a user runs: those of development are out of sight."""

from __future__ import annotations

import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.checkout import ROOT
from tests.conftest import Tiny
from tests.examples import parameters
from tests.test_imports import SPEAK, recording

__all__ = ["recording"]

pytestmark = pytest.mark.slow(5)

HIDING = """
import sys
from importlib.machinery import PathFinder

hidden = set(sys.argv.pop(1).split())

class Hiding(PathFinder):
    @classmethod
    def find_spec(cls, name, path=None, target=None):
        return None if name.partition(".")[0] in hidden else PathFinder.find_spec(name, path, target)

sys.meta_path[sys.meta_path.index(PathFinder)] = Hiding
"""

RUN_MODULE = "import runpy; runpy.run_module(sys.argv.pop(1), run_name='__main__', alter_sys=True)"


def hidden() -> str:
    """The names of installed modules that only packages beyond the list have."""
    lines = (ROOT / "docker" / "requirements.txt").read_text().splitlines()
    listed = {canonicalize_name(Requirement(line).name) for line in lines if line and not line.startswith("#")}
    listed |= {"wyoming-chatterbox", "pip"}
    return " ".join(
        module
        for module, packages in metadata.packages_distributions().items()
        if listed.isdisjoint(canonicalize_name(package) for package in packages)
    )


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", HIDING + code, hidden(), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False)


def test_what_is_hidden_is_what_only_developers_need() -> None:
    assert {"pytest", "mypy", "hypothesis"} <= set(hidden().split())
    assert {"torch", "chatterbox", "wyoming_chatterbox", "tokenizers"}.isdisjoint(hidden().split())
    assert "No module named 'pytest'" in run("import pytest").stderr


@pytest.mark.timeout(400)
@pytest.mark.parametrize("family", parameters("english", "nano", full=["multilingual", "turbo"]))
def test_it_speaks_and_clones(tiny: Tiny, family: str, recording: Path) -> None:
    done = run(SPEAK, tiny(family), family, recording)
    assert done.returncode == 0, done.stderr
