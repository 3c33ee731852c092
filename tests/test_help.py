"""--help needs a Python and nothing else, and tells all of every option."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import wyoming_chatterbox
from tests.checkout import ROOT, Tree
from wyoming_chatterbox import command_line, config
from wyoming_chatterbox.option import Option
from wyoming_chatterbox.options import GROUPS, OPTIONS

BARE = f'#!/usr/bin/env bash\nexec {shlex.quote(sys.executable)} -S "$@"\n'
"""A Python that has no packages."""


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = Tree(tmp_path)
    sources = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "wyoming_chatterbox", tree.directory / "wyoming_chatterbox", ignore=sources)
    return tree


@pytest.fixture(scope="module")
def shown() -> str:
    """The help, each option on one line."""
    command = [sys.executable, "-S", "-m", "wyoming_chatterbox.command_line", "--help"]
    narrow = {**os.environ, "COLUMNS": "80"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env=narrow)
    assert max(map(len, done.stdout.splitlines())) <= 80
    return re.sub(r"\n {10,}", " ", done.stdout)


@pytest.mark.parametrize("flag", ["--help", "-h", "--version"])
def test_it_is_shown_before_anything_is_set_up(tree: Tree, flag: str) -> None:
    tree.add_program("python3", BARE)
    done = tree.run("run", "--model", "nano", flag)
    assert (done.returncode, done.stderr) == (0, "")
    assert ("--max-chunk-length" if "h" in flag else wyoming_chatterbox.__version__) in done.stdout
    assert not tree.venv.exists()


def test_it_is_shown_by_the_environment_s_python_where_the_system_has_none(tree: Tree) -> None:
    tree.add_program("python3", "#!/usr/bin/env bash\nexit 127\n")
    other = tree.directory / "env" / "bin" / "python"
    other.parent.mkdir(parents=True)
    other.write_text(BARE)
    other.chmod(0o755)
    assert "--max-chunk-length" in tree.run("run", "--help", VENV=str(other.parents[1])).stdout


def test_without_any_python_one_line_says_what_to_do(tree: Tree) -> None:
    done = tree.run("run", "--help")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "no Python 3.11, 3.12 or 3.13 runs here" in done.stderr


def test_a_wrong_flag_beside_it_is_named(tree: Tree) -> None:
    tree.add_program("python3", BARE)
    done = tree.run("run", "--voice", "--help")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "--voice" in done.stderr


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_an_option_is_told_with_what_it_takes_what_holds_without_it_and_its_names(option: Option, shown: str) -> None:
    (line,) = re.findall(rf"(?m)^  {option.flag_name}(?![\w-]).*$", shown)
    assert option.help in line
    if option.switch is not None:
        return
    assert all(word in line for word in option.choices)
    assert option.allowed in line
    assert all(name in line for name in option.environment)
    told = re.search(r"\[([^\[]+)\]", line.partition(option.allowed)[2])
    assert told and told[1] != "None"
    if isinstance(option.default, str | int | float):
        assert told[1] == f"{option.default:g}" if isinstance(option.default, float) else str(option.default)


def test_the_options_are_in_groups(shown: str) -> None:
    headings = re.findall(r"(?m)^([A-Z].*):$", shown)
    assert headings == ["General", *GROUPS, "Examples"]
    assert len({option.name for option in OPTIONS}) == len(OPTIONS)


def test_there_are_three_examples_that_work(shown: str, tmp_path: Path) -> None:
    examples = re.findall(r"(?m)^  (script/run.*)$", shown.partition("Examples:")[2])
    assert len(examples) == len(command_line.EXAMPLES) == 3
    for example in examples:
        config.load(shlex.split(example)[1:], {}, tmp_path)
