"""A virtual environment is thrown away by the checkout that made it, and by nobody else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.checkout import Tree

SCRIPTS = {"setup": "VENV", "test-homeassistant": "VENV_HOMEASSISTANT"}
"""The scripts that make an environment, and the variable that says where."""


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return checkout(tmp_path, "a checkout")


def checkout(machine: Path, name: str) -> Tree:
    tree = Tree(machine, name)
    tree.add_python("python3.13", "3.13.5")
    requirements = tree.directory / "tests" / "homeassistant" / "requirements.txt"
    requirements.parent.mkdir(parents=True)
    requirements.write_text("homeassistant\n")
    return tree


@pytest.fixture
def treasure(tmp_path: Path) -> Path:
    """A package in somebody's own virtual environment."""
    package = tmp_path / "envs" / "mine" / "lib" / "treasure.py"
    package.parent.mkdir(parents=True)
    package.write_text("years of work\n")
    (tmp_path / "envs" / "mine" / "pyvenv.cfg").write_text("version = 3.13.5\n")
    return package


@pytest.mark.parametrize(("script", "variable"), SCRIPTS.items())
def test_somebody_s_own_environment_is_left_as_it_is(tree: Tree, treasure: Path, script: str, variable: str) -> None:
    environment = treasure.parent.parent
    before = sorted(environment.rglob("*"))
    done = tree.run(script, **{variable: str(environment)})
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if str(environment) in line]
    assert f"that script/{script} did not make" in line
    assert f"another place with {variable}" in line
    assert sorted(environment.rglob("*")) == before
    assert treasure.read_text() == "years of work\n"


def test_it_goes_when_that_is_asked_for(tree: Tree, treasure: Path) -> None:
    environment = treasure.parent.parent
    assert tree.run("setup", "--force", VENV=str(environment)).returncode == 0
    assert not treasure.exists()
    assert tree.run(VENV=str(environment)).stderr == "", "from then on it is ours"


@pytest.mark.parametrize(("script", "variable"), SCRIPTS.items())
@pytest.mark.parametrize("trouble", ["VENV_FAILS", "UV_FAILS"])
def test_a_set_up_that_was_interrupted_is_begun_again(
    tree: Tree, tmp_path: Path, script: str, variable: str, trouble: str
) -> None:
    tree.run("setup", "--develop")
    place = tmp_path / "elsewhere"
    failing = {trouble: "1", "PIP_FAILS": "1"}
    if script == "test-homeassistant" and trouble == "UV_FAILS":
        (tree.venv / "bin" / "uv").write_text("#!/usr/bin/env bash\nexit 1\n")
    assert tree.run(script, **{variable: str(place)}, **failing).returncode != 0
    (place / "half-made").touch()
    tree.calls()
    done = tree.run(script, **{variable: str(place)})
    assert done.returncode == 0, done.stderr
    assert f"python -m venv {place}" in tree.calls()
    assert not (place / "half-made").exists()


def test_one_that_was_interrupted_before_it_was_an_environment_is_begun_again(tree: Tree) -> None:
    assert tree.run(VENV_FAILS="1").returncode != 0
    (tree.venv / "pyvenv.cfg").unlink()
    assert tree.run().returncode == 0


@pytest.mark.parametrize(("script", "variable"), SCRIPTS.items())
def test_two_checkouts_do_not_take_an_environment_from_each_other(
    tree: Tree, tmp_path: Path, script: str, variable: str
) -> None:
    other = checkout(tmp_path, "another checkout")
    shared = {variable: str(tmp_path / "shared")}
    assert tree.run(script, **shared).returncode == 0
    (tmp_path / "shared" / "package").touch()
    done = other.run(script, **shared)
    assert done.returncode == 1
    assert f"{tmp_path}/shared is the environment of the checkout {tree.directory}" in done.stderr
    assert (tmp_path / "shared" / "package").exists()
    tree.calls()
    assert tree.run(script, **shared).returncode == 0
    assert not any("-m venv" in call for call in tree.calls())


def test_a_checkout_inside_another_keeps_its_environment(tree: Tree, tmp_path: Path) -> None:
    inner = checkout(tmp_path, "a checkout/inner")
    inner.run()
    done = tree.run(VENV=str(inner.venv))
    assert done.returncode == 1
    assert f"the checkout {inner.directory}" in done.stderr


def test_a_way_round_does_not_make_an_environment_ours(tree: Tree, treasure: Path, tmp_path: Path) -> None:
    other = checkout(tmp_path, "another checkout")
    other.run()
    for way in (f"{tree.directory}/../another checkout/.venv", f"{tree.directory}/link"):
        (tree.directory / "link").unlink(missing_ok=True)
        (tree.directory / "link").symlink_to(other.venv)
        assert tree.run(VENV=way).returncode == 1
    assert other.run().stderr == ""


@pytest.mark.parametrize("how", ["moved", "copied"])
def test_a_checkout_takes_its_environment_along(tree: Tree, how: str) -> None:
    tree.run()
    (tree.venv / "old").touch()
    target = tree.directory.with_name(how)
    tree.directory = tree.directory.rename(target) if how == "moved" else shutil.copytree(tree.directory, target)
    tree.calls()
    assert tree.run().returncode == 0
    assert f"python -m venv {target}/.venv" in tree.calls()
    assert not (target / ".venv" / "old").exists()


def test_a_checkout_is_the_same_by_a_symbolic_link(tree: Tree, tmp_path: Path) -> None:
    tree.run()
    tree.directory = tmp_path / "link"
    tree.directory.symlink_to(tree.venv.parent)
    tree.calls()
    assert tree.run().returncode == 0
    assert tree.calls() == []
