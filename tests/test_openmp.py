"""PyTorch's threads don't keep busy what other programs, or one another, need."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="GNU's OpenMP comes with Linux")

CODE = """
import os, sys
from pathlib import Path
from wyoming_chatterbox.engine.openmp import suit_machine
os.sched_getaffinity = lambda process: set(range(16))
suit_machine(Path(sys.argv[1]))
{load}
"""
TORCH = "import torch"
ITS_OPENMP = """
import ctypes, importlib.util
(package,) = importlib.util.find_spec("torch").submodule_search_locations
library, *_ = [*Path(package).glob("lib/libgomp*"), *Path(package).parent.glob("torch.libs/libgomp*")]
ctypes.CDLL(str(library))
"""
"""Loads the library alone, which says the same and takes no seconds."""


def openmp(container: Path, load: str = ITS_OPENMP, **said: str) -> tuple[int, int]:
    """Return how often a thread turns, and how many there are, on 16 cores in such a container, as OpenMP says."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_", "MKL_"))}
    environment |= said | {"OMP_DISPLAY_ENV": "verbose"}
    command = [sys.executable, "-c", CODE.format(load=load), str(container)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    (turns,) = re.findall(r"GOMP_SPINCOUNT = '(\d+)'", done.stderr)
    (threads,) = re.findall(r"OMP_NUM_THREADS = '(\d+)'", done.stderr)
    return int(turns), int(threads)


@pytest.mark.slow(3)
def test_what_the_environment_says_counts(tmp_path: Path) -> None:
    (tmp_path / "cpu.max").write_text("150000 100000\n")
    assert openmp(tmp_path, TORCH, GOMP_SPINCOUNT="77", OMP_NUM_THREADS="3") == (77, 3)
    assert openmp(tmp_path, OMP_WAIT_POLICY="PASSIVE") == (0, 1)


@pytest.mark.parametrize(
    ("files", "threads"),
    [
        ({"cpu.max": "350000 100000"}, 3),
        ({"cpu.max": "50000 100000"}, 1),
        ({"cpu/cpu.cfs_quota_us": "500000", "cpu/cpu.cfs_period_us": "100000"}, 5),
    ],
)
def test_there_are_no_more_threads_than_a_container_has_cpus(
    files: dict[str, str], threads: int, tmp_path: Path
) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content + "\n")
    assert openmp(tmp_path) == (10_000, threads)


@pytest.mark.parametrize(
    "files",
    [
        {},
        {"cpu.max": "max 100000"},
        {"cpu.max": "2000000 100000"},
        {"cpu.max": "something else"},
        {"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"},
    ],
)
def test_without_a_limit_the_number_is_pytorch_s(files: dict[str, str], tmp_path: Path) -> None:
    for name, content in files.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(content + "\n")
    code = CODE.format(load="print(os.environ['GOMP_SPINCOUNT'], 'OMP_NUM_THREADS' in os.environ)")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("OMP_", "GOMP_"))}
    command = [sys.executable, "-c", code, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    assert done.stdout == "10000 False\n"
