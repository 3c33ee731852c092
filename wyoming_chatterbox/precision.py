"""Choosing device, model family and precision, with a reason for each choice.

Pure policy: nothing here touches hardware or needs more than Python itself. `engine.devices` says what the hardware
offers; `engine.loader` decides with both.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .errors import ConfigError, DeviceError
from .families import FAMILIES
from .problem import Problem

DTYPES = ("float32", "float16", "bfloat16")
"""Formats of unquantized weights: what --dtype takes besides auto."""
QUANTIZATIONS = ("none", "int8", "int4")
"""Formats of quantized weights: what --quantization takes."""
PRECISIONS = (*DTYPES, *QUANTIZATIONS[1:])
"""The name of each precision."""

WEIGHTS_MB = {
    "english": {"float32": 2670, "float16": 1341, "int8": 746, "int4": 520},
    "multilingual": {"float32": 2677, "float16": 1345, "int8": 748, "int4": 522},
    "turbo": {"float32": 1849, "float16": 931, "int8": 539, "int4": 404},
    "nano": {"float32": 958, "float16": 526, "int8": 334, "int4": 277},
}
"""Weights that speaking needs, in 10^6 bytes, as counted from the tensors of loaded checkpoints of full size."""

WORKING_MB = {"english": 900, "multilingual": 900, "turbo": 500, "nano": 400}
"""Memory that the longest utterance needs besides, in 10^6 bytes in float32: its KV cache, and the activations of the
flow and the vocoder."""


@dataclass(frozen=True)
class Why:
    """Why a precision was chosen, for a program to put into words."""

    code: str
    """One of `WHYS`."""
    values: Mapping[str, Any] = field(default_factory=dict)
    """precision, and whichever is known of: wanted, needed_bytes, room_bytes, limited, free_bytes, total_bytes, gpu."""


WHYS = {
    "asked": "the precision was asked for",
    "cuda-fits": "the best for a CUDA GPU, and it fits",
    "mps-fits": "the best for an Apple GPU, and it fits",
    "cpu-fits": "the best for a CPU, and it fits",
    "cuda-less": "a lower one than the best, because that needs more than there is room for",
    "mps-less": "the same on an Apple GPU",
    "cpu-less": "the same on a CPU",
    "too-little": "the lowest that auto chooses, and there may be too little room even for it",
    "ran-out": "a lower one than `before`, because memory ran out in that",
    "not-numbers": "one whose numbers reach further than those of `before`, in which the sound was not numbers",
    "unsupported": "the nearest to `wanted`, which the device can't compute in",
}
"""The meanings of the codes of `Why`."""


@dataclass(frozen=True)
class Precision:
    """How T3 and the flow are held and computed on a device, and why."""

    dtype: str
    """float32, float16 or bfloat16: the format of the weights that are not quantized."""
    reason: str
    """A sentence that says why this precision was chosen."""
    quantization: str = "none"
    """none, int8 or int4: the format of the matrices."""
    compute: str = "float32"
    """float32, float16 or bfloat16: the format of the activations between the layers."""
    device: str = "cpu"
    """The torch device that this precision was chosen for."""
    device_reason: str = "it was asked for"
    """Why that device was chosen."""
    why: Why = Why("asked")
    """The reason again, as a code and values."""

    @property
    def name(self) -> str:
        """One of `PRECISIONS`."""
        return name_of(self.dtype, self.quantization)

    @property
    def converts(self) -> bool:
        """Whether layers are held in another format than they compute in."""
        return self.quantization != "none" or self.dtype != self.compute

    @property
    def explanation(self) -> str:
        """The reasons for the device and for the precision."""
        return f"{self.device}: {self.device_reason}; {self.reason}"


def name_of(dtype: str, quantization: str) -> str:
    """Name the precision that a dtype and a quantization make: the quantization wins, and auto stays auto."""
    return dtype if quantization == "none" else quantization


def choose(
    wanted: str,
    family: str,
    device: str,
    *,
    device_reason: str = "it was asked for",
    free_mb: float | None = None,
    limit_mb: float | None = None,
    bfloat16: bool = True,
) -> Precision:
    """Choose the precision of T3 and the flow; the vocoder and the sampling always compute in float32.

    `wanted` is auto or one of `PRECISIONS`. Memory guides auto alone: `free_mb` is what the device has left and
    `limit_mb` what the user allows, both in 10^6 bytes. `device` is a torch device's name, chosen for `device_reason`;
    `bfloat16` says whether it computes in bfloat16. Raises `ConfigError` for an unknown precision.
    """
    if wanted not in ("auto", *PRECISIONS):
        raise ConfigError(f"precision is {wanted!r}; it can be auto, {', '.join(PRECISIONS)}")
    if wanted == "auto":
        name, reason, why = _auto(family, _kind(device), free_mb, limit_mb)
    else:
        name, reason = wanted, f"{wanted} was asked for{' (experimental)' if wanted == 'int4' else ''}"
        why = Why("asked")
    return _on(device, device_reason, name, reason, why, bfloat16)


_WHY_AUTO = {
    "float16": "float16: half the memory of float32, and faster on a GPU",
    "float32": "float32: what {kind} computes in, and there is room",
}


def _auto(family: str, kind: str, free_mb: float | None, limit_mb: float | None) -> tuple[str, str, Why]:
    """Choose the highest precision that fits into memory, down to int8; returns its name and the reason, twice."""
    first = "float16" if kind == "cuda" else "float32"
    room = min((mb for mb in (free_mb, limit_mb) if mb is not None), default=None)
    whose = "the limit" if room == limit_mb else "free"
    if room is None or needed_mb(family, first) <= room:
        return first, _WHY_AUTO[first].format(kind=kind), Why(f"{kind}-fits")
    ladder = [name for name in ("float32", "float16", "int8") if needed_mb(family, name) < needed_mb(family, first)]
    name = next((name for name in ladder if needed_mb(family, name) <= room), ladder[-1])
    reason = f"{name}: {first} needs about {needed_mb(family, first):.0f} MB, and {room:.0f} MB are {whose}"
    fits = needed_mb(family, name) <= room
    if not fits:
        reason += f", which may be too little even for {name}"
    values = {
        "wanted": first,
        "needed_bytes": round(1e6 * needed_mb(family, first)),
        "room_bytes": round(1e6 * room),
        "limited": room == limit_mb,
    }
    return name, reason, Why(f"{kind}-less" if fits else "too-little", values)


def needed_mb(family: str, name: str) -> float:
    """Memory that a family takes while it speaks in a precision, in 10^6 bytes; unknown families count as english."""
    weights = WEIGHTS_MB.get(family, WEIGHTS_MB["english"])[name.replace("bfloat16", "float16")]
    return weights + WORKING_MB.get(family, WORKING_MB["english"])


def lower(precision: Precision, *, bfloat16: bool = True) -> Precision | None:
    """Choose the next precision that takes less memory on the same device; None if there is none.

    `bfloat16` says whether the device computes in bfloat16.
    """
    names = ["float32", "float16", "int8", "int4"]
    if not _has_int4(precision.device, bfloat16):
        names.remove("int4")
    here = names.index(precision.name.replace("bfloat16", "float16"))
    if here + 1 == len(names):
        return None
    name = names[here + 1]
    reason = f"{name}, because memory ran out in {precision.name}"
    why = Why("ran-out", {"before": precision.name})
    return _on(precision.device, precision.device_reason, name, reason, why, bfloat16)


def wider(
    precision: Precision, family: str, *, bfloat16: bool = True, room_mb: float | None = None
) -> Precision | None:
    """Choose the precision to go on in where the sound of this one is not numbers; None if there is none.

    Its numbers reach further: those of bfloat16 where the device computes in it, then float32, or, if that does not fit
    into `room_mb` (10^6 bytes; None is any), int8 that computes in float32.
    """
    name, compute, quantization = precision.name, "float32", "none"
    if "float16" in (name, precision.compute) and bfloat16:
        compute, quantization = "bfloat16", precision.quantization
    elif name == "float32":
        return None
    elif room_mb is not None and needed_mb(family, "float32") > room_mb:
        quantization = "int8"
        if (name, precision.compute) == ("int8", "float32"):
            return None
    reason = f"{_spelled(compute, quantization)}, because the sound was not numbers in "
    reason += f"{_spelled(precision.compute, precision.quantization, precision.dtype)}; {precision.reason}"
    why = Why("not-numbers", {"before": precision.name, "precision": name_of(compute, quantization)})
    return Precision(compute, reason, quantization, compute, precision.device, precision.device_reason, why)


def _spelled(compute: str, quantization: str, dtype: str | None = None) -> str:
    return dtype or compute if quantization == "none" else f"{quantization} computed in {compute}"


def _kind(device: str) -> str:
    return device.partition(":")[0]


def _has_int4(device: str, bfloat16: bool) -> bool:
    return _kind(device) == "cpu" or (_kind(device) == "cuda" and bfloat16)


def _on(device: str, device_reason: str, name: str, reason: str, why: Why, bfloat16: bool) -> Precision:
    """Make the precision of that name, or the nearest that the device has."""
    kind, wanted = _kind(device), name
    if name == "int4" and not _has_int4(device, bfloat16):
        name, reason = "int8", f"int8, because {device} has no int4; {reason}"
    if name == "bfloat16" and not bfloat16:
        name, reason = "float16", f"float16, because {device} does not compute in bfloat16; {reason}"
    if name != wanted:
        why = Why("unsupported", {"wanted": wanted})
    why = replace(why, values={**why.values, "precision": name})
    dtype = compute = name
    quantization = "none"
    if name in QUANTIZATIONS:
        quantization = name
        dtype = compute = "float32" if kind != "cuda" else "bfloat16" if name == "int4" else "float16"
    elif name == "float16" and kind == "cpu":
        compute = "float32"
        reason += "; held in 16 bits, computed in float32, as a CPU does"
    return Precision(dtype, reason, quantization, compute, device, device_reason, why)


def choose_device(requested: str, available: Sequence[str]) -> tuple[str, str]:
    """Choose one of the available devices (`cpu`, `cuda:0`, `mps`, ...); returns its name and the reason.

    Raises `DeviceError`, which names the available devices, if the requested one is not among them.
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
    raise DeviceError(
        f"device is {requested!r}, but only {', '.join(available)} can be used here; or say auto",
        problem=Problem("no-device", {"device": requested, "available": list(available)}),
    )


def choose_family(requested: str, device: str) -> tuple[str, str]:
    """Choose the model family for a device; returns its name and the reason. Raises `ConfigError` if it is unknown."""
    if requested == "auto":
        if device.partition(":")[0] == "cuda":
            return "turbo", "turbo: the best that English gets in real time on a GPU"
        return "nano", f"nano: the fastest on {device}"
    if requested not in FAMILIES:
        raise ConfigError(f"model is {requested!r}; it can be auto, {', '.join(FAMILIES)}")
    return requested, f"{requested} was asked for"
