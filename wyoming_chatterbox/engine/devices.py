"""Asking the hardware for its devices, its arithmetic and its free memory, and choosing a precision that suits it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import psutil
import torch

from .. import precision
from ..precision import Precision
from .host_memory import available


def available_devices() -> list[str]:
    """List the devices that torch can compute on here: `cuda:0`, ..., `mps`, `cpu`."""
    devices = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        devices.append("mps")
    return [*devices, "cpu"]


def computes_in_bfloat16(device: torch.device) -> bool:
    """Whether a device computes in bfloat16, and does not merely emulate it."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type != "cpu" or torch.cpu._is_avx512_bf16_supported()


def free_memory(device: torch.device) -> int:
    """Count the bytes that a model may take: on the GPU, or on the host within its container's limit."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return available()


def device_memory(device: torch.device) -> dict[str, int]:
    """Count the bytes on a GPU: allocated, reserved, peak, free, total; fewer on an Apple GPU, none on a CPU."""
    if device.type == "mps":
        return {
            "allocated": torch.mps.current_allocated_memory(),
            "reserved": torch.mps.driver_allocated_memory(),
            "total": torch.mps.recommended_max_memory(),
        }
    if device.type != "cuda":
        return {}
    free, total = torch.cuda.mem_get_info(device)
    return {
        "allocated": torch.cuda.memory_allocated(device),
        "reserved": torch.cuda.memory_reserved(device),
        "peak": torch.cuda.max_memory_allocated(device),
        "free": free,
        "total": total,
    }


def choose_precision(
    family: str, wanted: str = "auto", device: str = "auto", memory_limit_mb: float | None = None
) -> Precision:
    """Choose a precision for a family on this machine: `precision.choose`, told what the hardware offers.

    `device` is auto, cpu, cuda, cuda:1 or mps, and `wanted` auto or one of `PRECISIONS`. Raises `ConfigError`.
    """
    name, reason = precision.choose_device(device, available_devices())
    where = torch.device(name)
    free = free_memory(where)
    chosen = precision.choose(
        wanted,
        family,
        name,
        device_reason=reason,
        free_mb=free / 1e6,
        limit_mb=memory_limit_mb,
        bfloat16=computes_in_bfloat16(where),
    )
    seen = {"free_bytes": free, **_hardware(where)}
    return replace(chosen, why=replace(chosen.why, values={**chosen.why.values, **seen}))


def _hardware(device: torch.device) -> dict[str, Any]:
    """Name a GPU, and count the bytes of its memory or the host's."""
    if device.type == "cuda":
        return {"gpu": torch.cuda.get_device_name(device), "total_bytes": torch.cuda.mem_get_info(device)[1]}
    return {"total_bytes": psutil.virtual_memory().total}


def wider_precision(current: Precision, family: str, memory_limit_mb: float | None = None) -> Precision | None:
    """Choose the precision to go on in where the sound of `current` is not numbers; None if there is none."""
    device = torch.device(current.device)
    room = min(free_memory(device) / 1e6, memory_limit_mb or float("inf"))
    return precision.wider(current, family, bfloat16=computes_in_bfloat16(device), room_mb=room)


def lower_precision(current: Precision) -> Precision | None:
    """Choose the next precision that takes less memory on the same device; None if there is none."""
    return precision.lower(current, bfloat16=computes_in_bfloat16(torch.device(current.device)))
