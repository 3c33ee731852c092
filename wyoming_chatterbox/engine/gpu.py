"""Telling whether a requested GPU can be used, and what is missing if not. Nothing here imports torch.

`observe` looks at the machine, `missing` judges. The facts about CUDA 13 come from NVIDIA's release notes: it needs a
driver of version 580 or newer, and has dropped the cards before Turing (Maxwell, Pascal, Volta).
"""

from __future__ import annotations

import ctypes
import importlib.util
import os
import runpy
import sys
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

MIN_CAPABILITY = (7, 5)
"""Oldest compute capability that PyTorch for CUDA 13 has kernels for: Turing's."""
_DRIVER = "NVIDIA's driver, version 580 or newer"
_TOOLKIT = (
    f"The host needs {_DRIVER}, and the NVIDIA Container Toolkit; then start the container with --gpus all, or with "
    "docker/docker-compose.gpu.yml."
)
_NAME_BYTES = 100
"""Bytes of a buffer for a GPU's name."""
_MAJOR, _MINOR = 75, 76
"""CUDA's attributes for the two numbers of the compute capability."""


@dataclass(frozen=True)
class Gpu:
    """A GPU as its driver describes it."""

    name: str
    capability: tuple[int, int]


@dataclass(frozen=True)
class Machine:
    """The hardware and drivers of this machine, as far as they can be seen without torch."""

    built_for: str | None
    """Version of CUDA that the installed PyTorch is built for; None if it is built without CUDA."""
    system: str = "linux"
    """`sys.platform`."""
    container: bool = False
    hidden: bool = False
    """Whether CUDA_VISIBLE_DEVICES names no GPU."""
    nodes: bool = True
    """Whether a GPU's device files exist."""
    library: bool = True
    """Whether the driver's library, libcuda, can be opened."""
    knows: tuple[int, int] | None = None
    """Newest version of CUDA that the driver supports."""
    gpus: tuple[Gpu, ...] = ()


def missing(device: str, machine: Machine) -> tuple[str, str] | None:
    """Say what `device` (cpu, cuda, cuda:1, mps) lacks here, and what to do; None if nothing seems to be missing."""
    kind, _, index = device.partition(":")
    if kind == "mps" and machine.system != "darwin":
        return "an Apple GPU is there on a Mac alone", "Say --device auto."
    if kind != "cuda":
        return None
    return _without_driver(machine) or _without_gpu(int(index or 0), machine) or _outdated(machine)


def _without_driver(machine: Machine) -> tuple[str, str] | None:
    if machine.system == "darwin":
        return "a Mac has no CUDA", "Say --device auto, or mps."
    if machine.built_for is None:
        return (
            "the installed PyTorch is one for CPUs alone",
            "In Docker, build the GPU's image, with docker/docker-compose.gpu.yml; elsewhere install the PyTorch that "
            "requirements.txt names.",
        )
    if machine.hidden:
        return "CUDA_VISIBLE_DEVICES hides every GPU", "Unset that variable, or name a GPU in it."
    if not machine.nodes and machine.container:
        return "this container was given no GPU", _TOOLKIT
    if not machine.nodes:
        return "no NVIDIA driver is at work here", f"Install {_DRIVER}, and restart; nvidia-smi shows the GPU then."
    if not machine.library and machine.container:
        return "this container has a GPU, but not the driver's libcuda", _TOOLKIT
    if not machine.library:
        return "the driver's libcuda is missing", f"Install all of {_DRIVER}, with its compute libraries."
    return None


def _without_gpu(index: int, machine: Machine) -> tuple[str, str] | None:
    if not machine.gpus:
        return "the driver shows no GPU", "See what nvidia-smi says on the host."
    if index >= len(machine.gpus):
        there = ", ".join(f"cuda:{number} ({gpu.name})" for number, gpu in enumerate(machine.gpus))
        return f"there is no such GPU, only {there}", "Choose one of these, or say --device auto."
    gpu = machine.gpus[index]
    if gpu.capability < MIN_CAPABILITY:
        return (
            f"{gpu.name} has compute capability {gpu.capability[0]}.{gpu.capability[1]}, which CUDA 13 has dropped",
            "It takes a card of 2018's Turing or newer (7.5 or more): GeForce GTX 16, RTX, T4, ... Say --device cpu.",
        )
    return None


def _outdated(machine: Machine) -> tuple[str, str] | None:
    wanted = int((machine.built_for or "0").partition(".")[0])
    if machine.knows is not None and machine.knows[0] < wanted:
        return (
            f"the driver is too old: it knows CUDA {machine.knows[0]}.{machine.knows[1]}, and PyTorch is built for "
            f"{machine.built_for}",
            f"Install {_DRIVER}.",
        )
    return None


def observe() -> Machine:
    """Look at this machine. It takes milliseconds, and leaves only the driver's library in the process."""
    devices = Path("/dev")
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    library, knows, gpus = _ask_driver()
    return Machine(
        built_for=_built_for(),
        system=sys.platform,
        container=_in_container(),
        hidden=hidden is not None and hidden.strip() in ("", "-1", "none", "void"),
        # In the Windows Subsystem for Linux a GPU is /dev/dxg.
        nodes=any(devices.glob("nvidia[0-9]*")) or (devices / "dxg").exists(),
        library=library,
        knows=knows,
        gpus=gpus,
    )


def _built_for() -> str | None:
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        return None
    with suppress(OSError):
        version: str | None = runpy.run_path(str(Path(spec.origin).parent / "version.py")).get("cuda")
        return version
    return None


def _in_container() -> bool:
    return Path("/.dockerenv").exists() or Path("/run/.containerenv").exists() or "container" in os.environ


def _ask_driver() -> tuple[bool, tuple[int, int] | None, tuple[Gpu, ...]]:
    """Ask the driver: whether its library exists, the newest CUDA that it supports, and its GPUs."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False, None, ()
    version, count = ctypes.c_int(), ctypes.c_int()
    knows = None
    if driver.cuDriverGetVersion(ctypes.byref(version)) == 0:
        knows = version.value // 1000, version.value % 1000 // 10
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return True, knows, ()
    return True, knows, tuple(_gpu(driver, index) for index in range(count.value))


def _gpu(driver: ctypes.CDLL, index: int) -> Gpu:
    handle, name = ctypes.c_int(), ctypes.create_string_buffer(_NAME_BYTES)
    capability = ctypes.c_int(), ctypes.c_int()
    driver.cuDeviceGet(ctypes.byref(handle), index)
    driver.cuDeviceGetName(name, _NAME_BYTES, handle)
    for value, attribute in zip(capability, (_MAJOR, _MINOR), strict=True):
        driver.cuDeviceGetAttribute(ctypes.byref(value), attribute, handle)
    return Gpu(name.value.decode(errors="replace"), (capability[0].value, capability[1].value))
