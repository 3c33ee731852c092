"""The workflows of GitHub: what can be known without it, and the steps of a release carried out without a registry."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

import wyoming_chatterbox
from tests.dockerfile import parse

ROOT = Path(__file__).parent.parent
WORKFLOWS = {path.name: path for path in sorted((ROOT / ".github" / "workflows").iterdir())}
CONTENT: dict[str, dict[str, Any]] = {name: yaml.safe_load(path.read_text()) for name, path in WORKFLOWS.items()}
RELEASE = CONTENT["release.yml"]
MANIFEST = yaml.safe_load((ROOT / "addon" / "config.yaml").read_text())
VERSION = wyoming_chatterbox.__version__
IMAGE = "ghcr.io/somebody/wyoming-chatterbox-app"


def triggers(name: str) -> dict[str, Any]:
    """The value of `on:`, which YAML takes for a truth value."""
    found: dict[str, Any] = {str(key): value for key, value in CONTENT[name].items()}["True"]
    return found


every_workflow = pytest.mark.parametrize("name", WORKFLOWS)


def jobs(name: str) -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = CONTENT[name]["jobs"]
    return found


def steps(name: str) -> Iterator[dict[str, Any]]:
    for job in jobs(name).values():
        yield from job.get("steps", [])


# The workflows as they are written.


@every_workflow
def test_actionlint_has_nothing_to_say(name: str) -> None:
    if not (actionlint := shutil.which("actionlint")):
        pytest.skip("actionlint is not installed")
    done = subprocess.run([actionlint, "-no-color", WORKFLOWS[name]], capture_output=True, text=True, check=False)
    assert (done.stdout, done.returncode) == ("", 0)


@every_workflow
def test_an_action_is_github_s_own_and_pinned_by_its_commit(name: str) -> None:
    used = re.findall(r"uses: *(.+)", WORKFLOWS[name].read_text())
    assert used
    for action in used:
        if action.startswith("./"):
            assert (ROOT / action).is_file()
        else:
            assert re.fullmatch(r"actions/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)


def test_an_action_has_one_version_everywhere() -> None:
    used = {action for path in WORKFLOWS.values() for action in re.findall(r"uses: (actions/.+)", path.read_text())}
    names = [action.partition("@")[0] for action in used]
    assert len(set(names)) == len(names)


@every_workflow
def test_a_job_may_do_what_it_has_to_and_no_more(name: str) -> None:
    assert CONTENT[name]["permissions"] == {}
    writing = {
        job: {scope for scope, right in content["permissions"].items() if right == "write"}
        for job, content in jobs(name).items()
    }
    assert {job: scopes for job, scopes in writing.items() if scopes} == {
        "ci.yml": {},
        "release.yml": {
            "images": {"packages"},
            "release": {"contents", "packages", "id-token", "attestations"},
        },
    }[name]
    text = WORKFLOWS[name].read_text()
    assert set(re.findall(r"secrets[.\[ ]+\w+", text)) <= {"secrets.GITHUB_TOKEN"}
    for step in steps(name):
        if str(step.get("uses", "")).startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@every_workflow
def test_a_job_ends_by_itself_and_no_text_of_others_becomes_a_command(name: str) -> None:
    for job in jobs(name).values():
        assert "uses" in job or job["timeout-minutes"] <= 150
    for step in steps(name):
        assert "${{" not in step.get("run", ""), "values come in variables"


def test_every_push_runs_what_a_change_has_to_pass_and_a_release_passes_it_first() -> None:
    assert triggers("ci.yml")["push"] == {"branches": ["**"]}
    assert "workflow_call" in triggers("ci.yml")
    assert ".ci/run" in [step.get("run") for step in steps("ci.yml")]
    assert os.access(ROOT / ".ci" / "run", os.X_OK)
    assert jobs("release.yml")["check"]["uses"] == "./.github/workflows/ci.yml"
    assert "check" in jobs("release.yml")["images"]["needs"]


def test_a_release_is_what_the_script_tags() -> None:
    (pattern,) = triggers("release.yml")["push"]["tags"]
    assert re.fullmatch(pattern, f"v{VERSION}")
    assert re.search(r'git tag .*"v\$version"', (ROOT / "script" / "release").read_text())


# A release, carried out.

# Docker, GitHub's own command and the rest note what they are asked for. What is built must be there.
NOTE = """#!{python}
import json, os, pathlib, sys
name, *arguments = pathlib.Path(sys.argv[0]).name, *sys.argv[1:]
with open(os.environ["NOTED"], "a") as noted:
    noted.write(json.dumps([name, *arguments]) + "\\n")
if arguments[:3] == ["buildx", "imagetools", "inspect"]:
    print(json.dumps({{"digest": "sha256:" + arguments[3].encode().hex()}}))
if arguments[:2] == ["buildx", "build"]:
    options = dict(zip(arguments, arguments[1:]))
    dockerfile = options.get("--file", arguments[-1] + "/Dockerfile")
    pathlib.Path(os.environ["BUILT"]).mkdir(exist_ok=True)
    built = pathlib.Path(os.environ["BUILT"], options["--tag"].replace("/", "_"))
    built.write_bytes(pathlib.Path(dockerfile).read_bytes())
    names = sorted(path.name for path in pathlib.Path(arguments[-1]).iterdir())
    built.with_name(built.name + ".names").write_text("\\n".join(names))
"""
# What script/python is asked for by script/build.
PYTHON = f"""#!/usr/bin/env bash
[[ "$*" == "-m uv build "* ]] || exit 9
mkdir -p dist
touch dist/wyoming_chatterbox-{VERSION}{{-py3-none-any.whl,.tar.gz}}
"""


@dataclass
class GitHub:
    """Runs a workflow's commands in a checkout, as the runner does, for the tag of this version."""

    directory: Path
    owner: str = "Somebody"
    outputs: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.checkout = self.directory / "checkout"
        for name in ("addon", "docker", "script"):
            shutil.copytree(ROOT / name, self.checkout / name)
        sections = (
            "# Changelog",
            "## [Unreleased]",
            "- Later.",
            f"## [{VERSION}] - 2026-01-02",
            "- New.",
            "## [0.0.1]",
            "- Old.",
        )
        (self.checkout / "CHANGELOG.md").write_text("\n\n".join(sections) + "\n")
        (self.checkout / "script" / "python").write_text(PYTHON)
        programs = self.directory / "bin"
        programs.mkdir()
        for name in ("docker", "gh", "sudo"):
            (programs / name).write_text(NOTE.format(python=sys.executable))
            (programs / name).chmod(0o755)

    @property
    def noted(self) -> list[list[str]]:
        return [json.loads(line) for line in (self.directory / "noted").read_text().splitlines()]

    def resolved(self, text: object, matrix: dict[str, str]) -> str:
        known = {
            **{f"matrix.{name}": value for name, value in matrix.items()},
            **{f"steps.join.outputs.{name}": value for name, value in self.outputs.items()},
            "secrets.GITHUB_TOKEN": "the-token",
            "github.repository": f"{self.owner}/wyoming-chatterbox",
        }
        return re.sub(r"\$\{\{ (.+?) \}\}", lambda found: known[found[1]], str(text))

    def run(self, job: str, **matrix: str) -> list[subprocess.CompletedProcess[str]]:
        """Run a job's commands, up to the first that fails."""
        content = jobs("release.yml")[job]
        variables = {**RELEASE["env"], **content.get("env", {})}
        done = []
        for step in content["steps"]:
            if "run" not in step or (step.get("if") == "matrix.variant == 'cuda'" and matrix["variant"] != "cuda"):
                continue
            own = {name: self.resolved(value, matrix) for name, value in {**variables, **step.get("env", {})}.items()}
            output = self.directory / "output"
            output.write_text("")
            environment = {
                **own,
                "PATH": f"{self.directory / 'bin'}{os.pathsep}{os.environ['PATH']}",
                "HOME": str(self.directory),
                "NOTED": str(self.directory / "noted"),
                "BUILT": str(self.directory / "built"),
                "GITHUB_OUTPUT": str(output),
                "GITHUB_REF_NAME": f"v{VERSION}",
                "GITHUB_REPOSITORY_OWNER": self.owner,
                "GITHUB_REPOSITORY": f"{self.owner}/wyoming-chatterbox",
                "GITHUB_SERVER_URL": "https://github.com",
                "GITHUB_ACTOR": self.owner,
            }
            assert RELEASE["defaults"]["run"]["shell"] == "bash"
            command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]]
            result = subprocess.run(
                command, cwd=self.checkout, env=environment, capture_output=True, text=True, check=False
            )
            done.append(result)
            if result.returncode:
                break
            self.outputs |= dict(line.split("=", 1) for line in output.read_text().splitlines())
        return done

    def succeed(self, job: str, **matrix: str) -> None:
        for done in self.run(job, **matrix):
            assert done.returncode == 0, done.stdout + done.stderr


MATRIX: list[dict[str, str]] = jobs("release.yml")["images"]["strategy"]["matrix"]["include"]

needs_zip = pytest.mark.skipif(
    not all(shutil.which(name) for name in ("zip", "unzip", "jq")),
    reason="zip, unzip or jq, which GitHub's machines have, isn't here",
)


@pytest.fixture(name="github", scope="module")
def github_fixture(tmp_path_factory: pytest.TempPathFactory) -> GitHub:
    """A release that was made."""
    github = GitHub(tmp_path_factory.mktemp("github"))
    github.succeed("files")
    for matrix in MATRIX:
        # A machine of its own gets the files that the first one left.
        shutil.rmtree(github.checkout / "dist" / "chatterbox-app", ignore_errors=True)
        github.succeed("images", **matrix)
    github.succeed("release")
    return github


def builds(github: GitHub) -> dict[str, list[str]]:
    """The arguments of every build by the tag it was pushed as."""
    found = [call for call in github.noted if call[:3] == ["docker", "buildx", "build"]]
    by_tag = {call[call.index("--tag") + 1]: call for call in found}
    assert len(by_tag) == len(found)
    return by_tag


def joins(github: GitHub) -> dict[str, list[str]]:
    """The images that every published name is joined from."""
    found: dict[str, list[str]] = {}
    for call in github.noted:
        if call[:4] == ["docker", "buildx", "imagetools", "create"]:
            tags = [word for flag, word in pairwise(call) if flag == "--tag"]
            found |= dict.fromkeys(tags, call[4 + 2 * len(tags) :])
    return found


@needs_zip
def test_all_images_are_published_for_all_machines(github: GitHub) -> None:
    server = "ghcr.io/somebody/wyoming-chatterbox"
    cpu = [f"{server}:{VERSION}-cpu-amd64", f"{server}:{VERSION}-cpu-aarch64"]
    assert joins(github) == {
        f"{IMAGE}:{VERSION}": [f"{IMAGE}:{VERSION}-{arch}" for arch in MANIFEST["arch"]],
        f"{server}:{VERSION}-cpu": cpu,
        f"{server}:cpu": cpu,
        f"{server}:{VERSION}-cuda": [f"{server}:{VERSION}-cuda-amd64"],
        f"{server}:cuda": [f"{server}:{VERSION}-cuda-amd64"],
    }
    assert {image for images in joins(github).values() for image in images} == builds(github).keys()
    for matrix in MATRIX:
        assert matrix["runner"] == {"amd64": "ubuntu-24.04", "aarch64": "ubuntu-24.04-arm"}[matrix["arch"]]


@needs_zip
def test_an_image_is_built_with_arguments_that_its_dockerfile_has_and_with_its_provenance(github: GitHub) -> None:
    for tag, call in builds(github).items():
        copied = github.directory / "built" / tag.replace("/", "_")
        arguments = dict(argument.split("=") for flag, argument in pairwise(call) if flag == "--build-arg")
        taken = set(re.findall(r"(?m)^ARG (\w+)", copied.read_text()))
        assert arguments.keys() <= taken
        assert {"--push", "--provenance=mode=max", "--sbom=true"} < set(call)
        variant, arch = re.findall(r"-(cpu|cuda)-", tag), tag.rpartition("-")[2]
        stage = list(parse(copied, **arguments).values())[-1]
        if tag.startswith(IMAGE):
            assert arguments == {"TORCH": "cpu", "BUILD_VERSION": VERSION, "BUILD_ARCH": arch}
            names = copied.with_name(copied.name + ".names").read_text().splitlines()
            assert {"Dockerfile", "rootfs", "requirements.txt", f"wyoming_chatterbox-{VERSION}-py3-none-any.whl"} < set(
                names
            )
            assert stage.parent == "torch-cpu"
        else:
            assert arguments == {"VARIANT": variant[0]}
            assert stage.parent == f"torch-{variant[0]}"


@needs_zip
def test_what_is_published_is_attested(github: GitHub) -> None:
    attested = [step["with"] for step in jobs("release.yml")["release"]["steps"] if "attest@" in step.get("uses", "")]
    images = [{key: github.resolved(value, {}) for key, value in given.items()} for given in attested[:-1]]
    inspected = {call[4] for call in github.noted if call[:4] == ["docker", "buildx", "imagetools", "inspect"]}
    assert {bytes.fromhex(image["subject-digest"].removeprefix("sha256:")).decode() for image in images} == inspected
    assert inspected == {tag for tag in joins(github) if f":{VERSION}" in tag}
    for image in images:
        tag = bytes.fromhex(image["subject-digest"].removeprefix("sha256:")).decode()
        assert tag.startswith(f"{image['subject-name']}:")
    files = attested[-1]["subject-path"].split()
    (release,) = [call for call in github.noted if call[:3] == ["gh", "release", "create"]]
    assert {str(path.relative_to(github.checkout)) for name in files for path in github.checkout.glob(name)} == {
        argument for argument in release if argument.startswith("dist/") and argument != "dist/notes.md"
    }


@needs_zip
def test_a_release_has_its_files_and_says_what_is_new(github: GitHub) -> None:
    (release,) = [call for call in github.noted if call[:3] == ["gh", "release", "create"]]
    assert release[3:] == [
        *(f"v{VERSION}", "--verify-tag", "--title", VERSION, "--notes-file", "dist/notes.md"),
        *(f"dist/wyoming_chatterbox-{VERSION}-py3-none-any.whl", f"dist/wyoming_chatterbox-{VERSION}.tar.gz"),
        *(f"dist/chatterbox-app-{VERSION}.zip", "dist/requirements.txt"),
    ]
    for name in release:
        assert not name.startswith("dist/") or (github.checkout / name).is_file()
    assert (github.checkout / "dist" / "notes.md").read_text().strip() == "- New."


@needs_zip
def test_the_folder_for_download_has_its_programs(github: GitHub, tmp_path: Path) -> None:
    subprocess.run(
        ["unzip", "-q", github.checkout / "dist" / f"chatterbox-app-{VERSION}.zip", "-d", tmp_path], check=True
    )
    assert [path.name for path in tmp_path.iterdir()] == ["chatterbox-app"]
    assert all(os.access(path, os.X_OK) for path in tmp_path.rglob("run"))


@needs_zip
def test_the_registry_s_password_is_the_token_alone(github: GitHub) -> None:
    logins = [call for call in github.noted if call[:2] == ["docker", "login"]]
    assert logins == [["docker", "login", "ghcr.io", "--username", "Somebody", "--password-stdin"]] * (len(MATRIX) + 1)


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (f"image: {IMAGE}", 0),
        ("image: ghcr.io/other/wyoming-chatterbox-app", 1),
        ("image: ghcr.io/somebody/wyoming-chatterbox", 1),
        ("version: 9.9.9", 1),
    ],
)
def test_a_manifest_that_does_not_fit_ends_a_release_before_anything_is_published(
    tmp_path: Path, line: str, code: int
) -> None:
    github = GitHub(tmp_path)
    manifest = github.checkout / "addon" / "config.yaml"
    kept = [row for row in manifest.read_text().splitlines() if not row.startswith(line.partition(" ")[0])]
    manifest.write_text("\n".join([*kept, line, ""]))
    first = github.run("files")[0]
    assert first.returncode == code, first.stdout + first.stderr
    assert not (tmp_path / "noted").exists()
    assert set(jobs("release.yml")["images"]["needs"]) == {"check", "files"}
    assert jobs("release.yml")["release"]["needs"] == "images"


def test_the_image_that_script_release_puts_into_the_manifest_is_the_one_that_is_published() -> None:
    named = set(re.findall(r"ghcr\.io/\w+/([\w-]+)", (ROOT / "script" / "release").read_text()))
    assert named == {RELEASE["env"]["APP"]}
    if "image" in MANIFEST:
        assert re.fullmatch(
            rf"{re.escape(RELEASE['env']['REGISTRY'])}/[a-z0-9-]+/{RELEASE['env']['APP']}", MANIFEST["image"]
        )
    for example, variant in ((".env.example", "cpu"), (".env.example.gpu", "cuda")):
        named = set(re.findall(r"(?m)^#SERVER_IMAGE=ghcr\.io/OWNER/(.+)$", (ROOT / "docker" / example).read_text()))
        assert named == {f"{RELEASE['env']['SERVER']}:{variant}"}


# Compose, where there is one.


@pytest.mark.parametrize(
    "files",
    [
        ["docker-compose.yml"],
        ["docker-compose.gpu.yml"],
        ["docker-compose.yml", "docker-compose.host.yml"],
        ["docker-compose.gpu.yml", "docker-compose.host.yml"],
    ],
    ids=" ".join,
)
def test_compose_takes_its_files(files: list[str]) -> None:
    command = ["docker", "compose"]
    if not shutil.which("docker") or subprocess.run([*command, "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker compose is not installed")
    for name in files:
        command += ["--file", str(ROOT / "docker" / name)]
    done = subprocess.run([*command, "config", "--quiet"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
