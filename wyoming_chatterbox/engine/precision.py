"""Which device, model family and arithmetic to use, and why. Pure: nothing here touches hardware or needs torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..errors import ConfigError
from .files.families import FAMILIES

DTYPES = ("float32", "float16", "bfloat16")
QUANTIZATIONS = ("none", "int8", "int4")

WEIGHTS_MB = {
    "english": {"float32": 2670, "float16": 1341, "int8": 746, "int4": 520},
    "multilingual": {"float32": 2677, "float16": 1345, "int8": 748, "int4": 522},
    "turbo": {"float32": 1849, "float16": 931, "int8": 539, "int4": 404},
    "nano": {"float32": 958, "float16": 526, "int8": 334, "int4": 277},
}
"""Weights that speaking needs, in 10^6 bytes, as counted from the tensors of loaded checkpoints of full size."""

WORKING_MB = {"english": 900, "multilingual": 900, "turbo": 500, "nano": 400}
"""What the longest utterance needs besides, in float32: keys and values, the flow's and the vocoder's sound."""


@dataclass(frozen=True)
class Precision:
    """What T3 and the flow are held in and computed in, and a sentence that says why."""

    dtype: str
    """float32, float16 or bfloat16: what weights are held in that are not quantized."""
    reason: str
    quantization: str = "none"
    """none, int8 or int4: what the matrices are held in."""
    compute: str = "float32"
    """float32, float16 or bfloat16: what is computed in between the layers."""

    @property
    def name(self) -> str:
        """int4, int8, float16, bfloat16 or float32."""
        return self.dtype if self.quantization == "none" else self.quantization

    @property
    def converts(self) -> bool:
        """Whether layers are held in another format than they compute in."""
        return self.quantization != "none" or self.dtype != self.compute


def choose(
    dtype: str,
    quantization: str,
    family: str,
    device: str,
    *,
    free_mb: float | None = None,
    limit_mb: float | None = None,
    bfloat16: bool = True,
) -> Precision:
    """Choose what T3 and the flow are held in; the vocoder and the sampling always compute in float32.

    `quantization` (none, int8, int4) wins over `dtype` (auto, float32, float16, bfloat16), and what is named wins over
    the memory at hand: `free_mb` on the device and the `limit_mb` that was set, in 10^6 bytes, guide `auto` alone.
    `device` is a torch device's name; `bfloat16` says whether it computes in that. Raises `ConfigError` for any other
    request.
    """
    if dtype not in ("auto", *DTYPES):
        raise ConfigError(f"dtype is {dtype!r}; it can be auto, {', '.join(DTYPES)}")
    if quantization not in QUANTIZATIONS:
        raise ConfigError(f"quantization is {quantization!r}; it can be {', '.join(QUANTIZATIONS)}")
    if quantization == "int4":
        return _named("int4", device, "int4 was asked for (experimental)", bfloat16)
    if quantization == "int8":
        return _named("int8", device, "int8 was asked for", bfloat16)
    if dtype != "auto":
        return _named(dtype, device, f"{dtype} was asked for", bfloat16)
    first = "float16" if _kind(device) == "cuda" else "float32"
    room = min((mb for mb in (free_mb, limit_mb) if mb is not None), default=None)
    whose = "the limit" if room == limit_mb else "free"
    if room is None or needed_mb(family, first) <= room:
        return _named(first, device, _WHY_AUTO[first].format(kind=_kind(device)), bfloat16)
    ladder = [name for name in ("float32", "float16", "int8") if needed_mb(family, name) < needed_mb(family, first)]
    name = next((name for name in ladder if needed_mb(family, name) <= room), ladder[-1])
    reason = f"{name}: {first} needs about {needed_mb(family, first):.0f} MB, and {room:.0f} MB are {whose}"
    if needed_mb(family, name) > room:
        reason += f", which may be too little even for {name}"
    return _named(name, device, reason, bfloat16)


_WHY_AUTO = {
    "float16": "float16: half the memory of float32, and faster on a GPU",
    "float32": "float32: what {kind} computes in, and there is room",
}


def needed_mb(family: str, name: str) -> float:
    """What a precision of `Precision.name` takes while it speaks, in 10^6 bytes; unknown families count as english."""
    weights = WEIGHTS_MB.get(family, WEIGHTS_MB["english"])[name.replace("bfloat16", "float16")]
    return weights + WORKING_MB.get(family, WORKING_MB["english"])


def lower(precision: Precision, device: str, *, bfloat16: bool = True) -> Precision | None:
    """The next precision that takes less memory, for when it ran out; None below the last."""
    names = ["float32", "float16", "int8", "int4"]
    if _kind(device) == "mps" or (_kind(device) == "cuda" and not bfloat16):
        names.remove("int4")
    here = names.index(precision.name.replace("bfloat16", "float16"))
    if here + 1 == len(names):
        return None
    name = names[here + 1]
    return _named(name, device, f"{name}, because memory ran out in {precision.name}", bfloat16)


def request(name: str) -> tuple[str, str]:
    """What to ask `choose` for to be given the precision of that `Precision.name`: dtype and quantization."""
    return ("auto", name) if name in QUANTIZATIONS else (name, "none")


def _kind(device: str) -> str:
    return device.partition(":")[0]


def _named(name: str, device: str, reason: str, bfloat16: bool) -> Precision:
    """A precision by its name, with what the device makes of it."""
    kind = _kind(device)
    if name == "int4" and (kind == "mps" or (kind == "cuda" and not bfloat16)):
        return _named("int8", device, f"int8, because {device} has no int4; {reason}", bfloat16)
    if name in ("int8", "int4"):
        compute = "float32" if kind != "cuda" else "bfloat16" if name == "int4" else "float16"
        return Precision(compute, reason, name, compute)
    if name == "bfloat16" and not bfloat16:
        reason = f"float16, because {device} does not compute in bfloat16; {reason}"
        name = "float16"
    if kind == "cpu" and name == "float16":
        return Precision(name, reason + "; held in 16 bits, computed in float32, as a CPU does", compute="float32")
    return Precision(name, reason, compute=name)


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
        return "nano", f"nano: the fastest on {device}"
    if requested not in FAMILIES:
        raise ConfigError(f"model is {requested!r}; it can be auto, {', '.join(FAMILIES)}")
    return requested, f"{requested} was asked for"
