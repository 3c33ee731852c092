"""The lists that script/setup takes: the packages to speak or all, PyTorch's build for CPUs or the one with CUDA."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.checkout import Tree

LIST = "torch==2.11.0\ntorchaudio==2.11.0\ntriton==3.6.0 ; sys_platform == 'linux'\nwyoming==1.10.2\n"
INDEX = "https://index.example/cpu"
SMI = "#!/usr/bin/env bash\necho 'GPU 0: NVIDIA Something'\n"

without_gpu = pytest.mark.skipif(
    Path("/proc/driver/nvidia/gpus").exists(), reason="this machine has an NVIDIA GPU, which no test can take away"
)


@pytest.fixture
def tree(tmp_path: Path) -> Tree:
    tree = Tree(tmp_path)
    tree.add_python()
    tree.write_lists(LIST)
    return tree


def torch(tree: Tree) -> list[str]:
    return [path.name for path in tree.venv.glob("lib/python3.12/site-packages/torch-*")]


def installed(tree: Tree) -> list[str]:
    """The requests to uv since the last time, with the lists' contents."""
    calls = [call for call in tree.calls() if call.startswith("uv ")]
    return [call.partition("--requirements ")[2] for call in calls]


@without_gpu
def test_without_a_gpu_pytorch_is_the_build_for_cpus(tree: Tree) -> None:
    done = tree.run(TORCH_INDEX=INDEX)
    assert done.returncode == 0, done.stderr
    assert "about 1.3 GB" in done.stderr
    assert "no NVIDIA GPU" in done.stderr
    assert torch(tree) == ["torch-2.11.0+cpu.dist-info"]
    assert installed(tree) == [f"{tree.venv}/torch.txt from {INDEX}", f"{tree.venv}/left.txt"]
    assert (tree.venv / "torch.txt").read_text() == "torch==2.11.0+cpu\ntorchaudio==2.11.0\n"
    assert (tree.venv / "left.txt").read_text() == "wyoming==1.10.2\n"
    assert tree.run(TORCH_INDEX=INDEX).stderr == ""


@without_gpu
@pytest.mark.parametrize("installer", [{}, {"WITHOUT_UV": "1"}], ids=["uv", "pip"])
def test_without_the_index_it_is_the_one_with_cuda_and_that_is_said(tree: Tree, installer: dict[str, str]) -> None:
    done = tree.run(TORCH_INDEX=INDEX, INDEX_FAILS="1", **installer)
    assert done.returncode == 0, done.stderr
    assert f"{INDEX} gave no PyTorch 2.11.0 for CPUs, so the one with CUDA is taken" in done.stderr
    assert torch(tree) == ["torch-2.11.0.dist-info"]
    assert tree.run(TORCH_INDEX=INDEX, INDEX_FAILS="1", **installer).stderr == ""


@without_gpu
def test_pip_takes_the_build_for_cpus_too(tree: Tree) -> None:
    done = tree.run(TORCH_INDEX=INDEX, WITHOUT_UV="1")
    assert done.returncode == 0, done.stderr
    assert torch(tree) == ["torch-2.11.0+cpu.dist-info"]


def test_with_a_gpu_it_is_the_one_with_cuda(tree: Tree) -> None:
    tree.add_program("nvidia-smi", SMI)
    done = tree.run()
    assert "There is an NVIDIA GPU" in done.stderr
    assert "about 5 GB" in done.stderr
    assert torch(tree) == ["torch-2.11.0.dist-info"]
    assert installed(tree) == [f"{tree.directory}/docker/requirements.txt"]


@without_gpu
def test_a_driver_without_a_gpu_is_none(tree: Tree) -> None:
    tree.add_program("nvidia-smi", "#!/usr/bin/env bash\nexit 9\n")
    assert "no NVIDIA GPU" in tree.run().stderr


@pytest.mark.parametrize(("build", "version"), [("cpu", "2.11.0+cpu"), ("cuda", "2.11.0")])
def test_torch_says_which_whatever_there_is(tree: Tree, build: str, version: str) -> None:
    if build == "cpu":
        tree.add_program("nvidia-smi", SMI)
    done = tree.run(TORCH=build)
    assert f"as TORCH={build} asks" in done.stderr
    assert torch(tree) == [f"torch-{version}.dist-info"]
    assert tree.run(TORCH=build).stderr == ""


def test_another_word_is_no_build(tree: Tree) -> None:
    done = tree.run(TORCH="nonsense")
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "TORCH=nonsense is no build of PyTorch: it can be auto, cpu or cuda" in done.stderr
    assert tree.calls() == []


def test_a_mac_has_one_build(tree: Tree) -> None:
    done = tree.run(OSTYPE="darwin24", TORCH="cuda")
    assert "one build for this system" in done.stderr
    assert "about 1.3 GB" in done.stderr
    assert installed(tree) == [f"{tree.directory}/docker/requirements.txt"]


@without_gpu
def test_what_is_installed_and_works_stays(tree: Tree) -> None:
    tree.run(TORCH="cuda")
    tree.calls()
    done = tree.run()
    assert "PyTorch 2.11.0, which is installed already, stays" in done.stderr
    assert installed(tree) == [f"{tree.directory}/docker/requirements.txt"]
    assert torch(tree) == ["torch-2.11.0.dist-info"]
    assert tree.run().stderr == ""


def test_a_build_that_is_asked_for_replaces_the_other_one(tree: Tree) -> None:
    tree.run(TORCH="cuda")
    tree.calls()
    assert tree.run(TORCH="cpu").returncode == 0
    assert torch(tree) == ["torch-2.11.0+cpu.dist-info"]
    assert (tree.venv / "cuda.txt").read_text() == "triton==3.6.0 ; sys_platform == 'linux'\n"
    assert any(f"uninstall --yes --requirement {tree.venv}/cuda.txt" in call for call in tree.calls())
    assert tree.run(TORCH="cuda").returncode == 0
    assert any("uninstall --yes torch torchaudio" in call for call in tree.calls())
    assert torch(tree) == ["torch-2.11.0.dist-info"]


def test_another_version_of_pytorch_is_taken_in_the_same_build(tree: Tree) -> None:
    tree.run(TORCH="cpu")
    tree.write_lists(LIST.replace("2.11.0", "2.12.0"))
    assert tree.run(TORCH="cpu").returncode == 0
    assert torch(tree) == ["torch-2.12.0+cpu.dist-info"]


def test_the_tools_come_when_they_are_asked_for_and_stay(tree: Tree) -> None:
    tree.run(TORCH="cuda")
    assert installed(tree) == [f"{tree.directory}/docker/requirements.txt"]
    assert tree.run("setup", "--develop", TORCH="cuda").returncode == 0
    assert installed(tree) == [f"{tree.directory}/requirements.txt"]
    for arguments in ((), ("--develop",)):
        assert tree.run("setup", *arguments, TORCH="cuda").stderr == ""
    tree.write_lists(LIST.replace("1.10.2", "1.11.0"))
    tree.run(TORCH="cuda")
    assert installed(tree) == [f"{tree.directory}/requirements.txt"]


def test_made_with_the_tools_it_is_up_to_date_without_them(tree: Tree) -> None:
    assert "the tools of development" in tree.run("setup", "--develop", TORCH="cuda").stderr
    assert tree.run(TORCH="cuda").stderr == ""


@pytest.mark.parametrize("script", ["test", "format", "docs", "measure"])
def test_scripts_that_need_the_tools_ask_for_them(tree: Tree, script: str) -> None:
    tree.run(script, TORCH="cuda")
    assert installed(tree)[0] == f"{tree.directory}/requirements.txt"
    again = tree.run(script, TORCH="cuda")
    assert again.stderr == ""


def test_running_the_server_does_without_them(tree: Tree) -> None:
    tree.run("run", TORCH="cuda")
    assert installed(tree) == [f"{tree.directory}/docker/requirements.txt"]
