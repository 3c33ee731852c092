"""The packages of docker/requirements.txt are enough for all that a user runs, with the others out of sight.

`bench` and `compare` run so in tests of their own.
"""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import soundfile

from tests.checkout import ROOT
from tests.conftest import Tiny
from tests.examples import parameters
from tests.run_time_list import beyond_the_list, hiding_fixture, listed_packages, names  # noqa: F401
from tests.sounds import speech
from tests.test_imports import SPEAK

pytestmark = [pytest.mark.slow(5), pytest.mark.timeout(300)]


def run(environment: dict[str, str], *arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)


def test_what_is_out_of_sight_is_what_developers_need(hiding: dict[str, str]) -> None:
    assert {"pytest", "mypy", "hypothesis", "transformers", "diffusers"} <= beyond_the_list()
    assert {"torch", "chatterbox", "wyoming_chatterbox", "tokenizers"}.isdisjoint(beyond_the_list())
    assert "No module named 'transformers'" in run(hiding, "-c", "import transformers").stderr


def test_all_that_the_project_says_it_needs_is_on_the_list() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert names(project["dependencies"]) <= listed_packages()


@pytest.mark.parametrize("family", parameters("multilingual", full=["english", "turbo", "nano"]))
def test_it_speaks_and_clones(tiny: Tiny, family: str, tmp_path: Path, hiding: dict[str, str]) -> None:
    recording = tmp_path / "voice.wav"
    soundfile.write(recording, speech(6.0, 24000), 24000)
    done = run(hiding, "-c", SPEAK, tiny(family), family, recording)
    assert done.returncode == 0, done.stderr


LANGUAGES = """
import sys
import tomllib
from pathlib import Path
from wyoming_chatterbox.engine.tokenizers.load import load_tokenizer
from wyoming_chatterbox.families import MULTILINGUAL
for language in MULTILINGUAL.languages:
    assert load_tokenizer(Path(sys.argv[1]), MULTILINGUAL)("Is it?", language), language
"""


def test_every_language_has_its_tokens(tiny: Tiny, hiding: dict[str, str]) -> None:
    done = run(hiding, "-c", LANGUAGES, tiny("multilingual"))
    assert done.returncode == 0, done.stderr


def test_the_benchmark_says_what_the_other_side_needs(tiny: Tiny, hiding: dict[str, str]) -> None:
    bench = ("-m", "wyoming_chatterbox.bench", "--device", "cpu", "--rounds", "1", "--tokens", "30")
    done = run(hiding, *bench, "--model", tiny("nano"), "--only", "stock", "--whole")
    assert done.returncode == 2
    assert "script/setup --develop installs them" in done.stderr
