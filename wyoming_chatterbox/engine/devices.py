"""What the hardware offers: devices, arithmetic, free memory."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import psutil
import torch


def available_devices() -> list[str]:
    """The devices that torch can compute on here: `cuda:0`, ..., `mps`, `cpu`."""
    devices = [f"cuda:{index}" for index in range(torch.cuda.device_count())] if torch.cuda.is_available() else []
    if torch.backends.mps.is_available():
        devices.append("mps")
    return [*devices, "cpu"]


def computes_in_bfloat16(device: torch.device) -> bool:
    """Whether a device has arithmetic in bfloat16, and doesn't only imitate it."""
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)
    return device.type != "cpu" or torch.cpu._is_avx512_bf16_supported()


def free_memory(device: torch.device) -> int:
    """Bytes that a model may take: of the GPU, or of the host and the container that this runs in."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    free: int = psutil.virtual_memory().available
    with suppress(OSError, ValueError):
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text())
        free = min(free, limit - int((group / "memory.current").read_text()))
    return free
