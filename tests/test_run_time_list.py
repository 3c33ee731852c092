"""The packages of docker/requirements.txt are enough for all that a user runs, with the others out of sight."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from importlib import metadata
from pathlib import Path

import pytest
import soundfile
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.checkout import ROOT
from tests.conftest import Tiny
from tests.examples import parameters
from tests.sounds import speech
from tests.test_imports import SPEAK

pytestmark = [pytest.mark.slow(8), pytest.mark.timeout(300)]

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


def test_the_wheel_requires_nothing_that_is_not_on_the_list() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert names(project["dependencies"]) <= listed_packages()


def beyond_the_list() -> set[str]:
    """The names of installed modules that belong only to packages that are not on the list."""
    listed = listed_packages() | {"wyoming-chatterbox", "pip"}
    return {
        module
        for module, packages in metadata.packages_distributions().items()
        if listed.isdisjoint(canonicalize_name(package) for package in packages)
    }


@pytest.fixture
def hiding(tmp_path: Path) -> dict[str, str]:
    """An environment in which Python, and each Python that it starts, finds what is on the list alone."""
    (tmp_path / "sitecustomize.py").write_text(HIDING)
    path = os.pathsep.join((str(tmp_path), str(ROOT)))
    return os.environ | {"PYTHONPATH": path, "HIDDEN": " ".join(beyond_the_list()), "OMP_NUM_THREADS": "1"}


def run(environment: dict[str, str], *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)


def test_what_is_out_of_sight_is_what_developers_need(hiding: dict[str, str]) -> None:
    assert {"pytest", "mypy", "hypothesis", "transformers", "diffusers"} <= beyond_the_list()
    assert {"torch", "chatterbox", "wyoming_chatterbox", "tokenizers"}.isdisjoint(beyond_the_list())
    assert "No module named 'transformers'" in run(hiding, "-c", "import transformers").stderr


@pytest.mark.parametrize("family", parameters("multilingual", "turbo", full=["english", "nano"]))
def test_it_speaks_and_clones(tiny: Tiny, family: str, tmp_path: Path, hiding: dict[str, str]) -> None:
    recording = tmp_path / "voice.wav"
    soundfile.write(recording, speech(6.0, 24000), 24000)
    done = run(hiding, "-c", SPEAK, tiny(family), family, recording)
    assert done.returncode == 0, done.stderr


LANGUAGES = """
import sys
from pathlib import Path
from wyoming_chatterbox.engine.tokenizers.load import load_tokenizer
from wyoming_chatterbox.families import MULTILINGUAL
for language in MULTILINGUAL.languages:
    assert load_tokenizer(Path(sys.argv[1]), MULTILINGUAL)("Is it?", language), language
"""


def test_every_language_has_its_tokens(tiny: Tiny, hiding: dict[str, str]) -> None:
    done = run(hiding, "-c", LANGUAGES, tiny("multilingual"))
    assert done.returncode == 0, done.stderr


def test_the_benchmark_measures_ours_and_says_what_the_other_needs(tiny: Tiny, hiding: dict[str, str]) -> None:
    bench = ("-m", "wyoming_chatterbox.bench", "--device", "cpu", "--rounds", "1", "--tokens", "30")
    done = run(hiding, *bench, "--model", tiny("nano"), "--only", "ours", "--whole")
    assert done.returncode == 0, done.stderr
    done = run(hiding, *bench, "--model", tiny("nano"), "--only", "stock", "--whole")
    assert done.returncode == 2
    assert "script/setup --develop installs them" in done.stderr


def test_precisions_are_compared(tiny: Tiny, tmp_path: Path, hiding: dict[str, str]) -> None:
    compare = ("-m", "wyoming_chatterbox.compare", "--device", "cpu", "--precisions", "float32", "int8")
    done = run(hiding, *compare, "--model", tiny("nano"), "--tokens", "30", "--output", tmp_path / "output")
    assert done.returncode == 0, done.stderr
