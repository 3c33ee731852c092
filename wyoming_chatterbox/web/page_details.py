"""Details for the page: why this model, how others reach the server, what it takes and heeds, memory's room."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import urlsplit

from ..engine import Description
from ..engine.host_memory import available
from ..families import FAMILIES, heeded, prompt_rules, spoken_sounds
from ..memory_needs import needs
from ..network.reach import in_a_container, known_address
from ..speech import memory
from ..speech.service import Service


@dataclass(frozen=True)
class _Facts:
    shortest_recording: float
    heeds: tuple[str, ...]
    sounds: tuple[str, ...]


@lru_cache(maxsize=4)
def _facts(model: str) -> _Facts:
    """Return what is known of a model; of a directory it takes a look at the files, so it is remembered."""
    return _Facts(prompt_rules(model).shortest, heeded(model), spoken_sounds(model))


def details(service: Service) -> dict[str, Any]:
    """Return the page's part of `/info`: codes and values, which the page puts into words."""
    config, reach, about = service.config, service.reach, service.lifecycle.about
    facts = _facts(about.name if about is not None and about.name in FAMILIES else config.model)
    visit = reach.visit
    return {
        "why": _why(service, about),
        "addresses": _addresses(service),
        "announced": reach.announced,
        "home_assistant": (
            {"seconds": round(time.monotonic() - visit.at, 1), "peer": visit.peer} if visit is not None else None
        ),
        "limits": {
            "max_total_length": config.max_total_length,
            "max_chunk_length": config.max_chunk_length,
            "max_upload_bytes": 1_000_000 * config.max_upload_mb,
            "shortest_recording": facts.shortest_recording,
        },
        "heeds": facts.heeds,
        "sounds": facts.sounds,
    }


def speaking(service: Service) -> str:
    """Say who a reply would be spoken by now: chatterbox, standby or nobody."""
    engine = service.lifecycle.speaking
    return "nobody" if engine is None else "chatterbox" if engine is service.lifecycle.chatterbox else "standby"


async def memory_details(service: Service) -> dict[str, Any]:
    """Return the page's part of `/memory`: what each model would take here, and what there is."""
    about, config = service.lifecycle.about, service.config
    device = about.device if about is not None else config.device
    kind = "cuda" if device.startswith("cuda") else "cpu"
    room = _gpu_room if kind == "cuda" else _host_room
    return {"needs": needs(kind), "needs_for": kind, "room": await asyncio.to_thread(room, service)}


def _gpu_room(service: Service) -> int | None:
    """Count the bytes that Chatterbox may take on the GPU: those it holds, and those that are free; None if unknown."""
    chatterbox, about = service.lifecycle.chatterbox, service.lifecycle.about
    held = chatterbox.memory() if chatterbox is not None else {}
    if held:
        return held.get("free", 0) + held.get("reserved", 0)
    total: int | None = about.why.values.get("total_bytes") if about is not None and about.why is not None else None
    return total


def _host_room(_: Service) -> int:
    """Count the bytes that a server may take on this host: those it has, and those that it could still get."""
    return (memory.anonymous_bytes() or 0) + available()


def _why(service: Service, about: Description | None) -> dict[str, Any] | None:
    if about is None or about.why is None:
        return None
    config = service.config
    chosen = {
        "model": about.name,
        "device": about.device,
        "precision": about.precision,
        "auto": [name for name in ("model", "device", "dtype") if getattr(config, name) == "auto"],
    }
    return {"code": about.why.code, "values": chosen | dict(about.why.values)}


def _addresses(service: Service) -> dict[str, Any]:
    config, reach = service.config, service.reach
    # A container's own address is of no use to others, unless it is announced on purpose.
    hidden = config.zeroconf is None and in_a_container()

    def shown(host: str | None) -> str | None:
        return None if hidden else known_address(host)

    page = None
    host = shown(config.http_host) if reach.page_port is not None else None
    if host is not None and host != "localhost" and not host.startswith("127.") and host != "::1":
        page = f"http://{f'[{host}]' if ':' in host else host}:{reach.page_port}/"
    wyoming = None
    if reach.wyoming_port is not None:
        wyoming = {"host": shown(urlsplit(config.uri).hostname), "port": reach.wyoming_port}
    return {"wyoming": wyoming, "page": page}
