"""The folder of Home Assistant's app: what is in it, and its Dockerfile carried out with nothing else at hand."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

import wyoming_chatterbox
from tests.client import CYCLE, describe, plain
from tests.dockerfile import Build, Stage, assignments, can_confine, lineage, parse
from tests.process import server_process
from tests.releasing import build, copy_tree, tracked

ROOT = Path(__file__).parent.parent
DOCKERFILE = ROOT / "addon" / "Dockerfile"
VERSION = wyoming_chatterbox.__version__
WHEEL = f"wyoming_chatterbox-{VERSION}-py3-none-any.whl"

both = pytest.mark.parametrize("torch", ["cpu", "cuda"])


def stages(torch: str) -> list[Stage]:
    """From the base image on."""
    return lineage(parse(DOCKERFILE, TORCH=torch))


def environment(torch: str) -> dict[str, str]:
    """The environment that the Dockerfile sets."""
    found: dict[str, str] = {}
    for stage in stages(torch):
        for instruction in stage.all("ENV"):
            found |= assignments(instruction.text)
    return found


# The Dockerfile as it is written.


def test_it_takes_the_build_for_processors_unless_it_is_asked_for_another() -> None:
    assert [stage.name for stage in lineage(parse(DOCKERFILE))] == [stage.name for stage in stages("cpu")]
    assert "NVIDIA_VISIBLE_DEVICES" not in environment("cpu")
    assert environment("cuda")["NVIDIA_VISIBLE_DEVICES"] == "all"
    assert environment("cuda")["NVIDIA_DRIVER_CAPABILITIES"] == "compute,utility"


@both
def test_what_is_long_to_download_does_not_change_with_every_version(torch: str) -> None:
    base, downloads, app = stages(torch)
    assert [copy.text for copy in base.all("COPY")] == ["requirements.txt /opt/chatterbox/lists/requirements.txt"]
    assert not downloads.all("COPY")
    names = [instruction.name for instruction in app.instructions]
    assert names.index("RUN") < names.index("ARG") < names.index("COPY")


def test_the_app_and_the_container_divide_the_list_alike_and_take_torch_from_the_same_place() -> None:
    patterns, places = [], []
    for path in (DOCKERFILE, ROOT / "docker" / "Dockerfile"):
        patterns.append(re.findall(r"grep (-v?E '[^']+')", path.read_text()))
        places.append(re.findall(r"TORCH_INDEX=(\S+)", path.read_text()))
    assert patterns[0] == patterns[1] != []
    assert places[0] == places[1] != []
    assert places[0][0] in (ROOT / "script" / "setup").read_text()


def test_installing_is_two_steps_and_they_name_the_folder() -> None:
    (folder,) = re.findall(r"app=dist/(\S+);", (ROOT / "script" / "build").read_text())
    section = (
        (ROOT / "addon" / "DOCS.md").read_text().partition("## Installing it from a folder\n")[2].partition("\n## ")[0]
    )
    steps = re.findall(r"(?m)^(\d)\. (.*)$", section)
    assert [number for number, _ in steps] == ["1", "2"]
    assert f"`{folder}`" in steps[0][1]
    assert f"`{folder}`" in (ROOT / "addon" / "README.md").read_text()


# The folder that script/build makes.


@pytest.fixture(name="folder", scope="module")
def folder_fixture(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Made from a tree whose manifest names an image."""
    pytest.importorskip("uv", reason="script/setup did not manage to install uv")
    tree = tmp_path_factory.mktemp("checkout")
    copy_tree(tree)
    with (tree / "addon" / "config.yaml").open("a") as manifest:
        manifest.write("image: ghcr.io/somebody/wyoming-chatterbox-app\n")
    # Left from a build before.
    (tree / "dist" / "chatterbox-app").mkdir(parents=True)
    (tree / "dist" / "chatterbox-app" / "wyoming_chatterbox-0.0.1-py3-none-any.whl").touch()
    build(tree, "--app")
    yield tree / "dist" / "chatterbox-app"
    shutil.rmtree(tree)


@pytest.mark.slow(10)
def test_the_folder_is_the_app_with_its_wheel_and_its_list(folder: Path) -> None:
    files = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    ours = {name.removeprefix("addon/"): ROOT / name for name in tracked("addon")}
    assert files == ours.keys() | {WHEEL, "requirements.txt"}
    for name, path in {**ours, "requirements.txt": ROOT / "docker" / "requirements.txt"}.items():
        if name != "config.yaml":
            assert (folder / name).read_bytes() == path.read_bytes(), name
            assert os.access(folder / name, os.X_OK) == os.access(path, os.X_OK), name


@pytest.mark.slow(10)
def test_home_assistant_builds_the_folder_even_if_an_image_is_published(folder: Path) -> None:
    manifest = yaml.safe_load((folder / "config.yaml").read_text())
    assert manifest == {
        key: value
        for key, value in yaml.safe_load((ROOT / "addon" / "config.yaml").read_text()).items()
        if key != "image"
    }
    assert manifest["version"] == VERSION


# Its Dockerfile's steps, carried out.


@pytest.fixture(name="installed", scope="module")
def installed_fixture(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Build]:
    """Built from the folder alone, as Samba and a copy over an older version leave it."""
    directory = tmp_path_factory.mktemp("app")
    context = directory / "addons" / "chatterbox-app"
    shutil.copytree(folder, context)
    for path in context.rglob("*"):
        if path.is_file():
            path.chmod(stat.S_IRUSR | stat.S_IWUSR)
    (context / "wyoming_chatterbox-0.0.1-py3-none-any.whl").write_text("of an older version")
    image = Build(directory, context, BUILD_VERSION=VERSION, BUILD_ARCH="amd64")
    image.run(parse(context / "Dockerfile"))
    yield image
    shutil.rmtree(directory)


needs_namespaces = pytest.mark.skipif(not can_confine(), reason="this machine gives its users no namespaces")


@needs_namespaces
@pytest.mark.slow(25)
def test_the_folder_installs_from_itself_alone_without_a_network(installed: Build) -> None:
    lists = {
        path.name: set(path.read_text().splitlines()) for path in (installed.root / "opt/chatterbox/lists").iterdir()
    }
    everything, rest = lists["requirements.txt"], lists["rest.txt"]
    assert {line.split("==")[0] for line in lists["torch-cpu.txt"]} == {"torch", "torchaudio"}
    assert lists["torch-cuda.txt"] | rest == everything
    assert not lists["torch-cuda.txt"] & rest
    assert {re.split(r"[-=]", line)[0] for line in everything - rest - lists["torch-cpu.txt"]} == {
        "cuda",
        "nvidia",
        "triton",
    }
    assert "gcc" not in installed.noted.read_text()
    command = installed.root / "opt" / "chatterbox" / "bin" / "wyoming-chatterbox"
    variables = installed.environment["app"]
    done = subprocess.run([command, "--version"], env=variables, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == VERSION


@needs_namespaces
@pytest.mark.slow(25)
def test_its_services_can_be_run_whatever_copied_them(installed: Build) -> None:
    services = installed.root / "etc" / "s6-overlay" / "s6-rc.d"
    scripts = [path for path in services.rglob("*") if path.name in {"run", "finish"}]
    assert len(scripts) == len(list((ROOT / "addon").rglob("run"))) + len(list((ROOT / "addon").rglob("finish"))) > 1
    assert all(os.access(path, os.X_OK) for path in scripts)


@needs_namespaces
@pytest.mark.slow(25)
async def test_what_it_installed_speaks(installed: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHONPATH", raising=False)
    monkeypatch.chdir(tmp_path)
    async with server_process(tmp_path, python=installed.root / "opt/chatterbox/bin/python3") as server:
        await server.answering()
        assert (await describe(server.uri)).tts[0].version == VERSION
        assert (await plain(server.uri, "The front door is open.")).types == CYCLE


@needs_namespaces
@pytest.mark.full
@pytest.mark.slow(25)
def test_the_steps_for_gpus_run_too(folder: Path, tmp_path: Path) -> None:
    image = Build(tmp_path, folder, BUILD_VERSION=VERSION, BUILD_ARCH="amd64")
    image.run(parse(folder / "Dockerfile", TORCH="cuda"))
    assert "apt-get install --yes --no-install-recommends gcc libc6-dev" in image.noted.read_text()
    assert (image.root / "opt/chatterbox/bin/wyoming-chatterbox").exists()
