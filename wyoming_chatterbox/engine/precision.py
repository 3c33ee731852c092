"""Which device, model family and arithmetic to use, and why. Pure: nothing here touches hardware or needs torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import ConfigError
from .families import FAMILIES

DTYPES = ("float32", "float16", "bfloat16")


@dataclass(frozen=True)
class Choice:
    """The arithmetic of the large networks, and a sentence that says why."""

    dtype: str
    """float32, float16 or bfloat16."""
    reason: str
    quantization: str = "none"


def choose(requested: str, device: str, *, bfloat16: bool = True, int8: bool = False) -> Choice:
    """Choose the arithmetic of T3 and the flow; the vocoder and the sampling are always float32.

    `requested` is auto, float32, float16 or bfloat16; `device` a torch device's name; `bfloat16` says whether that
    device computes in it. Raises `ConfigError` for any other request.
    """
    kind = device.partition(":")[0]
    if requested == "auto":
        dtype = "float16" if kind == "cuda" else "float32"
        reason = (
            "float16: half the memory of float32, and faster on a GPU"
            if kind == "cuda"
            else f"float32: the fastest on {kind} without quantization"
        )
    elif requested not in DTYPES:
        raise ConfigError(f"dtype is {requested!r}; it can be auto, {', '.join(DTYPES)}")
    elif requested == "bfloat16" and not bfloat16:
        dtype, reason = "float16", f"float16, because {device} does not compute in the bfloat16 that was asked for"
    else:
        dtype, reason = requested, f"{requested} was asked for"
    if int8:
        reason = f"int8 comes in a later version, so {dtype} runs instead ({reason})"
    return Choice(dtype, reason)


def choose_device(requested: str, available: Sequence[str]) -> tuple[str, str]:
    """Choose among the devices that are there (`cpu`, `cuda:0`, `mps`, ...); say which, and why.

    Raises `ConfigError` that names what is there if the requested one isn't.
    """
    if requested == "auto":
        for kind, reason in (("cuda", "a CUDA GPU is there"), ("mps", "an Apple GPU is there")):
            found = next((name for name in available if name.partition(":")[0] == kind), None)
            if found:
                return found, reason
        return "cpu", "no GPU is there"
    for name in available:
        if requested == name or (":" not in requested and name.partition(":")[0] == requested):
            return name, f"{requested} was asked for"
    raise ConfigError(f"device is {requested!r}, but only {', '.join(available)} can be used here; or say auto")


def choose_family(requested: str, device: str) -> tuple[str, str]:
    """Choose the model family for a device: its name, and why. Raises `ConfigError` for an unknown one."""
    if requested == "auto":
        if device.partition(":")[0] == "cuda":
            return "turbo", "turbo: the best that English gets in real time on a GPU"
        return "nano", f"nano: the only family that keeps up with speech on {device}"
    if requested not in FAMILIES:
        raise ConfigError(f"model is {requested!r}; it can be auto, {', '.join(FAMILIES)}")
    return requested, f"{requested} was asked for"
