"""A Dockerfile read and, as far as can be without Docker, carried out: by a normal user, in a clean directory.

An absolute path of the image is that path below the directory. What needs root or a network is replaced: users, owners
and Debian's packages by programs that only take note of what they are asked; packages of Python by those that are here.
"""

from __future__ import annotations

import fnmatch
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

ABSOLUTE = re.compile(r"(?<![\w.$}:/*-])/(?=[a-z])")
REPLACED = ("apt-get", "chown", "groupadd", "useradd")

# A mount namespace in which only the directories named can be written to, and a user without any rights over it.
CONFINE = """
while [[ $1 != -- ]]; do mount --bind "$1" "$1" || exit; shift; done
mount -o remount,bind,ro / && cd "$PWD" && shift && exec unshare --user --map-user=1000 --map-group=1000 -- "$@"
"""


def confined(*writable: Path, network: bool = True) -> list[str]:
    """The beginning of a command that then runs as user 1000, with everything read-only but these directories."""
    spaces = ("--mount",) if network else ("--mount", "--net")
    return [
        *("unshare", "--user", "--map-root-user", *spaces, "--", "bash", "-c", CONFINE, "confined"),
        *(str(path) for path in writable),
        "--",
    ]


def can_confine() -> bool:
    """Whether this machine lets its users have namespaces of their own."""
    try:
        return subprocess.run([*confined(), "true"], capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False


@dataclass(frozen=True)
class Instruction:
    name: str
    text: str

    @property
    def words(self) -> list[str]:
        return self.text.split()

    @property
    def command(self) -> list[str]:
        """The exec form; `ValueError` if it isn't one."""
        command: list[str] = json.loads(self.text[self.text.index("[") :])
        return command


@dataclass
class Stage:
    name: str
    parent: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, name: str) -> list[Instruction]:
        return [instruction for instruction in self.instructions if instruction.name == name]


def parse(path: Path, **arguments: str) -> dict[str, Stage]:
    """The stages by name, the last one last; `arguments` are those of --build-arg."""
    lines = [line for line in path.read_text().splitlines() if line.strip() and not line.lstrip().startswith("#")]
    stages: dict[str, Stage] = {}
    for line in re.sub(r"\\\n\s*", "", "\n".join(lines)).splitlines():
        name, _, text = line.partition(" ")
        instruction = Instruction(name, text.strip())
        if name == "ARG" and not stages:
            argument, _, default = instruction.text.partition("=")
            arguments.setdefault(argument, default)
        elif name == "FROM":
            parent, _, own = expand(instruction.text, arguments).partition(" AS ")
            stages[own] = Stage(own, parent)
        else:
            list(stages.values())[-1].instructions.append(instruction)
    return stages


def lineage(stages: Mapping[str, Stage]) -> list[Stage]:
    """The last stage's ancestors and itself, from the base image on."""
    stage = list(stages.values())[-1]
    line = [stage]
    while stage.parent in stages:
        stage = stages[stage.parent]
        line.insert(0, stage)
    return line


def expand(text: str, values: Mapping[str, str]) -> str:
    return re.sub(r"\$\{?(\w+)\}?", lambda match: values[match[1]], text)


def assignments(text: str) -> dict[str, str]:
    return dict(re.findall(r"(\w+)=(\S+)", text))


def ignored(path: str, patterns: Sequence[str]) -> bool:
    """Whether a .dockerignore with these lines keeps this file of the context out; the last line that fits decides."""
    result = False
    parts = PurePosixPath(path).parts
    for pattern in patterns:
        plain = pattern.removeprefix("!")
        for start in range(len(parts) if plain.startswith("**/") else 1):
            for end in range(start + 1, len(parts) + 1):
                if fnmatch.fnmatchcase("/".join(parts[start:end]), plain.removeprefix("**/")):
                    result = not pattern.startswith("!")
    return result


class Build:
    """Carries stages out below `directory/root`; what each leaves is kept, as later ones copy from it.

    The steps have no network. `arguments` are those of --build-arg.
    """

    def __init__(self, directory: Path, context: Path, ignore: Sequence[str] = (), **arguments: str) -> None:
        self.root = directory / "root"
        self.noted = directory / "noted"
        self.noted.touch()
        self._kept = directory / "stages"
        self._programs = directory / "bin"
        self._linked = directory / "linked"
        self._context = context
        self._ignore = ignore
        self._arguments = arguments
        self.environment: dict[str, dict[str, str]] = {}
        self._add_programs()
        self._link_packages()

    def _add_programs(self) -> None:
        self._programs.mkdir()
        for name in REPLACED:
            self._add_program(name, f'echo "{name} $*" >>{self.noted}')
        self._add_program("python3", f'exec {sys.executable} "$@"')

    def _add_program(self, name: str, line: str) -> None:
        (self._programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (self._programs / name).chmod(0o755)

    def _link_packages(self) -> None:
        """All packages of this environment but the project itself and pip."""
        self._linked.mkdir()
        for path in Path(sysconfig.get_path("purelib")).iterdir():
            if not path.name.startswith(("__editable__", "wyoming_chatterbox", "pip-")) and path.name != "pip":
                (self._linked / path.name).symlink_to(path)

    def mapped(self, text: str) -> str:
        """Paths of the image as paths below the root."""
        return ABSOLUTE.sub(f"{self.root}/", text)

    def run(self, stages: Mapping[str, Stage]) -> None:
        """All stages that the last one needs, each once."""
        for stage in self._needed(stages):
            self._run(stage)

    def _needed(self, stages: Mapping[str, Stage]) -> list[Stage]:
        needed = {stage.name for stage in lineage(stages)}
        for stage in reversed(list(stages.values())):
            if stage.name in needed:
                needed |= {found for copy in stage.all("COPY") for found in re.findall(r"--from=(\S+)", copy.text)}
                needed.add(stage.parent)
        return [stage for stage in stages.values() if stage.name in needed]

    def _run(self, stage: Stage) -> None:
        shutil.rmtree(self.root, ignore_errors=True)
        if stage.parent in self.environment:
            shutil.copytree(self._kept / stage.parent, self.root, symlinks=True)
        for directory in ("tmp", "opt", "root"):
            (self.root / directory).mkdir(parents=True, exist_ok=True)
        environment = {
            "HOME": str(self.root / "root"),
            "PATH": os.pathsep.join([str(self._programs), os.environ["PATH"]]),
            **self.environment.get(stage.parent, {}),
        }
        arguments: dict[str, str] = {}
        place = self.root
        for instruction in stage.instructions:
            match instruction.name:
                case "ENV":
                    for name, value in assignments(instruction.text).items():
                        environment[name] = expand(self.mapped(value), environment)
                case "ARG":
                    arguments |= assignments(instruction.text)
                    name = instruction.text.partition("=")[0]
                    if name in self._arguments:
                        arguments[name] = self._arguments[name]
                case "WORKDIR":
                    place = Path(self.mapped(instruction.text))
                    place.mkdir(parents=True, exist_ok=True)
                case "COPY":
                    self._copy(expand(instruction.text, arguments).split(), place)
                case "RUN":
                    self._step(instruction.text, place, {**environment, **arguments})
        self.environment[stage.name] = environment
        shutil.copytree(self.root, self._kept / stage.name, symlinks=True)

    def _copy(self, words: list[str], place: Path) -> None:
        source = self._context
        if words[0].startswith("--from="):
            source = self._kept / words.pop(0).removeprefix("--from=")
        *names, target = words
        to = self.root / target.lstrip("/") if target.startswith("/") else place / target
        for name in names:
            path = source / name.lstrip("/")
            assert path.exists(), f"COPY {name}: no such file"
            if path.is_dir():
                shutil.copytree(path, to, dirs_exist_ok=True, ignore=self._left_out)
            elif not self._left_out(str(path.parent), [path.name]):
                into = target.endswith(("/", ".")) or to.is_dir()
                to.mkdir(parents=True, exist_ok=True) if into else to.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(path, to)

    def _left_out(self, directory: str, names: list[str]) -> list[str]:
        if not Path(directory).is_relative_to(self._context):
            return []
        folder = Path(directory).relative_to(self._context)
        return [name for name in names if ignored(str(folder / name), self._ignore)]

    def _step(self, text: str, place: Path, environment: Mapping[str, str]) -> None:
        done = subprocess.run(
            [*confined(self.root, self.noted, network=False), "/bin/sh", "-c", self.mapped(text)],
            cwd=place,
            env={**environment, "TMPDIR": str(self.root / "tmp"), "PIP_NO_INDEX": "1", "PIP_CONFIG_FILE": os.devnull},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"RUN {text}\n{done.stdout}{done.stderr}"
        for site in self.root.glob("opt/*/lib/python3*/site-packages"):
            if not (site / "linked.pth").exists():
                self._link(site)

    def _link(self, site: Path) -> None:
        """Let a new environment find the packages. Python 3.11 gives it a setuptools of its own, which 3.13 doesn't."""
        for path in site.iterdir():
            if path.name.startswith(("setuptools", "pkg_resources", "_distutils_hack", "distutils-precedence")):
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        (site / "linked.pth").write_text(f"{self._linked}\n")
