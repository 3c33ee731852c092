"""script/setup with a real Python, pip and uv, and two package indexes of this machine."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.checkout import Tree
from tests.examples import parameters
from tests.package_index import serving_index, wheel
from tests.ports import free_port

LIST = (
    "pinned==1.0\ntorch==2.11.0\ntorchaudio==2.11.0\n"
    "triton==3.6.0 ; sys_platform == 'linux'\nnvidia-cublas==13.1.0.3 ; sys_platform == 'linux'\n"
)
UV = Path(sys.executable).with_name("uv")

# An editable install of a package of no files, without setuptools.
BACKEND = """
import zipfile
FILES = {
    "METADATA": "Metadata-Version: 2.1\\nName: wyoming-chatterbox\\nVersion: 0.0.1\\n",
    "WHEEL": "Wheel-Version: 1.0\\nGenerator: tests\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
    "RECORD": "",
}
def build_editable(directory, config_settings=None, metadata_directory=None):
    name = "wyoming_chatterbox-0.0.1"
    with zipfile.ZipFile(f"{directory}/{name}-py3-none-any.whl", "w") as archive:
        for file, text in FILES.items():
            archive.writestr(f"{name}.dist-info/{file}", text)
    return f"{name}-py3-none-any.whl"
"""

pytestmark = [
    pytest.mark.slow(5),
    pytest.mark.timeout(200),
    pytest.mark.skipif(sys.platform != "linux", reason="other systems have one build of PyTorch"),
]


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = Tree(tmp_path)
    tree.write_lists(LIST)
    (tree.directory / "backend.py").write_text(BACKEND)
    (tree.directory / "pyproject.toml").write_text(
        '[project]\nname = "wyoming-chatterbox"\nversion = "0.0.1"\n'
        '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n'
    )
    (tree.programs / "python3.12").symlink_to(Path(sys.executable).resolve())
    return tree


@pytest.fixture
def all_packages() -> Iterator[str]:
    """The index of everything, with PyTorch for CUDA, and uv where it is installed here."""
    wheels = [wheel("pinned", "1.0"), wheel("torch", "2.11.0"), wheel("torchaudio", "2.11.0")]
    wheels += [wheel("triton", "3.6.0"), wheel("nvidia_cublas", "13.1.0.3")]
    with serving_index(*wheels) as (address, _):
        yield address


def set_up(tree: Tree, index: str, torch_index: str, installer: str, code: int = 0) -> str:
    """Run it to this exit code, and return what it said."""
    uv = tree.programs.parent / "wheels"
    uv.mkdir(exist_ok=True)
    if installer == "uv":
        # The real one; its own wheel is 20 MB.
        shim = f'#!/bin/sh\nexec "{UV}" "$@"\n'
        name, content = wheel("uv", "0.13.9", {"uv-0.13.9.data/scripts/uv": shim})
        (uv / name).write_bytes(content)
    ours = {name: value for name, value in os.environ.items() if name in ("TMPDIR", "LANG")}
    done = tree.run(
        **ours,
        HOME=str(tree.programs.parent),
        UV_CACHE_DIR=str(tree.programs.parent / "cache"),
        UV_NO_CONFIG="1",
        UV_DEFAULT_INDEX=index,
        PIP_CONFIG_FILE=os.devnull,
        PIP_NO_CACHE_DIR="1",
        PIP_INDEX_URL=index,
        PIP_FIND_LINKS=str(uv),
        TORCH="cpu",
        TORCH_INDEX=torch_index,
    )
    assert done.returncode == code, done.stderr
    return done.stderr


def versions(tree: Tree) -> dict[str, str]:
    code = "import importlib.metadata as m, json; print(json.dumps({d.name: d.version for d in m.distributions()}))"
    done = subprocess.run([tree.venv / "bin" / "python", "-c", code], capture_output=True, text=True, check=True)
    found: dict[str, str] = json.loads(done.stdout)
    return {name: version for name, version in found.items() if name not in ("pip", "setuptools", "uv")}


@pytest.mark.parametrize("installer", parameters("uv", full=["pip"]))
def test_the_build_for_cpus_comes_from_its_index_and_all_else_from_the_usual_one(
    tree: Tree, all_packages: str, installer: str
) -> None:
    if installer == "uv" and not UV.exists():
        pytest.skip("uv is not installed")
    for_cpus = [wheel("torch", "2.11.0+cpu"), wheel("torchaudio", "2.11.0+cpu")]
    with serving_index(*for_cpus, wheel("torch", "2.12.0+cpu"), wheel("pinned", "6.6.6")) as (torch_index, asked):
        said = set_up(tree, all_packages, torch_index, installer)
    assert ("installing with pip" in said) == (installer == "pip"), said
    assert versions(tree) == {
        "pinned": "1.0", "torch": "2.11.0+cpu", "torchaudio": "2.11.0+cpu", "wyoming-chatterbox": "0.0.1",
    }  # fmt: skip
    assert not any("pinned" in path for path in asked)


@pytest.mark.parametrize(
    ("installer", "trouble"),
    parameters(("pip", "no such version"), full=[("pip", "refused"), ("uv", "refused"), ("uv", "no such version")]),
)
def test_without_that_index_all_comes_from_the_usual_one(
    tree: Tree, all_packages: str, installer: str, trouble: str
) -> None:
    if installer == "uv" and not UV.exists():
        pytest.skip("uv is not installed")
    with serving_index(wheel("torch", "2.10.0+cpu"), wheel("torchaudio", "2.10.0+cpu")) as (torch_index, _):
        place = torch_index if trouble == "no such version" else f"http://127.0.0.1:{free_port()}/simple"
        said = set_up(tree, all_packages, place, installer)
    assert f"{place} gave no PyTorch 2.11.0 for CPUs" in said
    assert all(line.startswith("script/setup: ") for line in said.splitlines()), said
    assert versions(tree) == {
        "pinned": "1.0", "torch": "2.11.0", "torchaudio": "2.11.0", "wyoming-chatterbox": "0.0.1",
        "triton": "3.6.0", "nvidia_cublas": "13.1.0.3",
    }  # fmt: skip


def test_where_nothing_helps_it_shows_what_went_wrong(tree: Tree) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}/simple"
    with serving_index(wheel("torch", "2.11.0"), wheel("torchaudio", "2.11.0")) as (index, _):
        said = set_up(tree, index, nowhere, "pip", 1)
    ours = [line for line in said.splitlines() if line.startswith("script/setup: ")]
    assert "so the one with CUDA is taken" in ours[-3]
    told, _, before = said.partition("script/setup: Before that:\n")
    assert "pinned" in told.rpartition("\nscript/setup: ")[2], said
    assert "torch==2.11.0+cpu" in before, said
