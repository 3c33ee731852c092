"""A checkout of this repository on a machine of its own, with a Python that only notes what it is asked for."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.client import PATIENCE

ROOT = Path(__file__).parent.parent
TOOLS = (
    *("bash", "cat", "chmod", "cp", "cut", "dirname", "env", "find", "flock", "grep", "head", "id", "ls", "mkdir"),
    *("mv", "rm", "sed", "sleep"),
)

# Python, its venv, pip and uv, as far as script/setup is concerned: what it was asked for goes to the log.
PYTHON = r"""#!/usr/bin/env bash
case "$*" in
    *"import ensurepip"*) exit "${WITHOUT_VENV:-0}" ;;
    "-I -c "*) echo "VERSION $0"; exit ;;
esac
echo "python $*" >>"$LOG"
case "$*" in
    "-m venv"*)
        for directory; do :; done
        sleep "${SLOW:-0}"
        mkdir -p "$directory/bin"
        cp "$0" "$directory/bin/python"
        echo "version = VERSION" >"$directory/pyvenv.cfg"
        exit "${VENV_FAILS:-0}" ;;
    *"install uv=="*)
        [[ -z ${WITHOUT_UV:-} ]] || exit 1
        cp "$UV" "${0%python}uv" ;;
    *"uninstall --yes torch "*) rm -r "${0%bin/python}"lib/python3.12/site-packages/torch-* ;;
    *uninstall*) ;;
    *--requirement*) INDEX=${PIP_INDEX_URL:-} FAILS=${PIP_FAILS:-0} "$UV" "${@: -1}" ;;
    *"-m wyoming_chatterbox"*) printf '<%s>' "$PWD" "${@:4}"; exit 3 ;;
esac
"""


# What it takes to be uv or pip: a list that has PyTorch leaves it in the environment, in the version that it names.
# Only an index that is given has the build for CPUs, unless INDEX_FAILS says that it can't be reached.
UV = r"""#!/usr/bin/env bash
index=${UV_INDEX:-${INDEX:-}}
[[ $# == 1 ]] || echo "uv $*${index:+ from $index}" >>"$LOG"
[[ ${FAILS:-${UV_FAILS:-0}} == 0 ]] || exit 1
for list; do :; done
torch=$(sed -n 's/^torch==//p' "$list")
[[ $torch ]] || exit 0
[[ $torch != *+cpu || ( $index && -z ${INDEX_FAILS:-} ) ]] || exit 1
venv=${list%/*}
[[ -d $venv/bin ]] || venv=$VENV_HERE
packages=$venv/lib/python3.12/site-packages
compgen -G "$packages/torch-${torch%+cpu}*" >/dev/null && [[ $torch != *+cpu ]] && exit
rm -rf "$packages"/torch-*
mkdir -p "$packages/torch-$torch.dist-info"
"""


class Tree:
    """A checkout that has the real scripts and little else, on a machine with the programs it is given."""

    def __init__(self, machine: Path, name: str = "a checkout") -> None:
        self.directory = machine / name
        self.venv = self.directory / ".venv"
        self.programs = machine / "bin"
        self.log = machine / "log"
        self.log.touch()
        shutil.copytree(ROOT / "script", self.directory / "script")
        self.write_lists("wyoming==1.10.2\n")
        (self.directory / "pyproject.toml").write_text("[project]\n")
        self.programs.mkdir(exist_ok=True)
        self.uv = machine / "uv"
        self.uv.write_text(UV)
        self.uv.chmod(0o755)
        for tool in TOOLS:
            if (found := shutil.which(tool)) and not (self.programs / tool).exists():
                (self.programs / tool).symlink_to(found)

    def write_lists(self, packages: str, tools: str = "pytest==9.2.0\n") -> None:
        """Write the list of what the server needs, and the one with the tools of development."""
        (self.directory / "docker").mkdir(exist_ok=True)
        (self.directory / "docker" / "requirements.txt").write_text(packages)
        (self.directory / "requirements.txt").write_text(packages + tools)

    def add_python(self, name: str = "python3.12", version: str = "3.12.1") -> Path:
        return self.add_program(name, PYTHON.replace("VERSION", version))

    def add_program(self, name: str, text: str) -> Path:
        path = self.programs / name
        path.write_text(text)
        path.chmod(0o755)
        return path

    def start(self, script: str = "setup", *arguments: str, **environment: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [self.directory / "script" / script, *arguments],
            cwd=self.programs,
            env={
                "PATH": str(self.programs),
                "LOG": str(self.log),
                "UV": str(self.uv),
                "VENV_HERE": str(self.venv),
                "OSTYPE": "linux-gnu",
                **environment,
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, script: str = "setup", *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        process = self.start(script, *arguments, **environment)
        output, errors = process.communicate(timeout=PATIENCE)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def calls(self) -> list[str]:
        """Return the calls of Python and uv since the last time."""
        calls = self.log.read_text().splitlines()
        self.log.write_text("")
        return calls
