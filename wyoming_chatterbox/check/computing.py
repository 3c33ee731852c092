"""Checks device, model, precision and memory. Nothing is loaded but PyTorch itself."""

from __future__ import annotations

from pathlib import Path

from ..engine.gpu import missing, observe
from ..errors import CheckpointError, ConfigError
from ..families import MODELS, recognise
from ..memory_needs import needs
from ..precision import WEIGHTS_MB, choose_device, choose_family, name_of, needed_mb
from .findings import Finding, Machine, problem, warning

_INSTALL = "Install it again: script/setup --force, or pull the image anew."


def device(machine: Machine) -> list[Finding]:
    """Say which device would compute."""
    wanted, seen = machine.config.device, observe()
    if lack := missing(wanted, seen):
        return [problem(f"--device {wanted} can't be used: {lack[0]}", lack[1])]
    from ..engine.upstream.preload import open_torch_libraries

    open_torch_libraries()
    try:
        from ..engine.devices import available_devices
    except (ImportError, OSError) as err:
        return [problem(f"PyTorch can't be imported: {err}", _INSTALL)]
    try:
        name, why = choose_device(wanted, available_devices())
    except ConfigError as err:
        return [problem(str(err), "Say --device auto.")]
    machine.device = name
    if name == "cpu" and wanted == "auto" and seen.nodes and (lack := missing("cuda", seen)):
        return [warning(f"cpu, though an NVIDIA GPU is there: {lack[0]}", lack[1])]
    kind, _, index = name.partition(":")
    gpu = f" ({seen.gpus[int(index)].name})" if kind == "cuda" and int(index or 0) < len(seen.gpus) else ""
    return [Finding(f"{name}{gpu}: {why}")]


def model(machine: Machine) -> list[Finding]:
    """Say which model would speak."""
    wanted = machine.config.model
    if wanted == "auto":
        device = machine.device or machine.config.device
        if device == "auto":
            return [Finding("chosen once the device is known")]
        machine.model, why = choose_family(wanted, device)
        machine.family = machine.model
        return [Finding(why)]
    machine.model = wanted
    if wanted in MODELS:
        machine.family = MODELS[wanted].name
        return [Finding(f"{wanted}: {MODELS[wanted].summary}")]
    try:
        family = recognise(Path(wanted), whole=False)
    except CheckpointError as err:
        machine.model = None
        return [problem(str(err), err.hint)]
    machine.family = family.name
    return [Finding(f"{family.label}, from {wanted}")]


def precision(machine: Machine) -> list[Finding]:
    """Say which precision the weights would be held in, and why."""
    if machine.device is None or machine.family is None:
        return []
    from ..engine import devices

    config = machine.config
    wanted = name_of(config.dtype, config.quantization)
    machine.precision = devices.choose_precision(machine.family, wanted, config.device, config.memory_limit_mb)
    told = machine.precision.reason
    return [warning(told) if machine.precision.why.code == "unsupported" else Finding(told)]


def memory(machine: Machine) -> list[Finding]:
    """Say whether the model would fit into memory."""
    chosen, family = machine.precision, machine.family
    if chosen is None or family is None:
        return []
    limit = machine.config.memory_limit_mb
    free = chosen.why.values["free_bytes"] / 1e6
    room = free if limit is None else min(free, limit)
    least, usual = _needs(chosen.device, family, chosen.name)
    whose = f"--memory-limit-mb allows {_size(room)}" if room == limit else f"{_size(room)} are free"
    where = "on the GPU" if chosen.device.startswith("cuda") else "of memory"
    weights = _size(WEIGHTS_MB[family][chosen.name.replace("bfloat16", "float16")])
    told = f"{family} takes about {_size(usual)} {where} ({weights} are weights), and {whose}"
    if machine.running is not None and room != limit:
        return [Finding(f"{told} beside the server that runs already")]
    if least > room:
        return [problem(told, _smaller(machine, room, raise_limit=room == limit and free > usual))]
    if usual > room:
        return [warning(f"{told}, which is scarce", "Close other programs, or choose a lower --quantization.")]
    return [Finding(told)]


def _needs(device: str, family: str, name: str) -> tuple[float, float]:
    """Return the memory that a model takes at least, and usually: megabytes."""
    kind = "cuda" if device.startswith("cuda") else "cpu"
    usual = needs(kind)[family][name.replace("bfloat16", "float16")] / 1e6
    return min(needed_mb(family, name), usual), usual


def _smaller(machine: Machine, room: float, *, raise_limit: bool) -> str:
    """Advise on what would fit."""
    chosen, family = machine.precision, machine.family
    assert chosen is not None and family is not None
    _, usual = _needs(chosen.device, family, chosen.name)
    if raise_limit:
        return f"Raise --memory-limit-mb to {usual:.0f}."
    for other in dict.fromkeys((family, "nano")):
        for name, flag in (("float16", "--dtype float16"), ("int8", "--quantization int8")):
            _, takes = _needs(chosen.device, other, name)
            if takes <= room:
                model = f"--model {other} " if other != family else ""
                return f"Say {model}{flag}, which takes about {_size(takes)}; or close other programs."
    _, takes = _needs(chosen.device, "nano", "int8")
    return f"Close other programs: the smallest, --model nano --quantization int8, takes about {_size(takes)}."


def _size(megabytes: float) -> str:
    return f"{megabytes / 1000:.1f} GB" if megabytes >= 1000 else f"{megabytes:.0f} MB"
