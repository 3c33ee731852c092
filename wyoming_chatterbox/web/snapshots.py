"""The answers of /health, /config, /memory and /info. Only `clean_memory` changes anything."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from .. import __version__
from ..audio.judging import Judgement
from ..config import Config
from ..engine import Description, Engine
from ..speech import memory
from ..speech.service import Service
from ..voices.voice import NamedVoice
from .answers import told_of
from .page_details import details, memory_details, speaking
from .settings import options
from .voice_entries import judged

_MEGABYTE = 1024 * 1024


def health(service: Service, *, details: bool) -> tuple[bool, dict[str, Any]]:
    """Return whether an engine can speak and none hangs, and the answer; `details` are not for strangers."""
    engine = service.lifecycle.speaking
    hangs = service.lifecycle.trouble is not None
    able = service.lifecycle.able and not hangs
    answer: dict[str, Any] = {"status": "ok" if able else "hung" if hangs else "unavailable"}
    if details:
        answer |= {
            "state": service.lifecycle.stage.state,
            "speaking": engine.describe().name if engine is not None else None,
            "message": service.lifecycle.describe_state(),
        }
    return able, answer


def configuration(service: Service) -> dict[str, Any]:
    """Return the options and, once Chatterbox is ready, what was chosen for `auto`. The answer holds no secrets."""
    config = service.config
    chatterbox = service.lifecycle.chatterbox
    about = chatterbox.describe() if chatterbox is not None else None
    return {
        "model": about.name if about else config.model,
        "device": about.device if about else config.device,
        "dtype": config.dtype,
        "effective_dtype": about.dtype if about else None,
        "quantization": about.quantization if about else "none",
        "ready": about is not None,
        "requested": {
            "model": config.model,
            "device": config.device,
            "dtype": config.dtype,
            "quantization": config.quantization,
        },
        "engine": _described(about) if about else None,
        "server": _server(config),
        "defaults": {
            "voice": config.voice,
            "exaggeration": config.exaggeration,
            "cfg_weight": config.cfg_weight,
            "temperature": config.temperature,
            "seed": config.seed,
            "max_chunk_length": config.max_chunk_length,
            "max_total_length": config.max_total_length,
        },
        "memory_management": {
            "memory_cleanup_interval": config.memory_cleanup_interval,
            "cuda_cache_clear_interval": config.cuda_cache_clear_interval,
            "idle_unload": config.idle_unload,
        },
        "paths": {
            "data": config.data_dir,
            "models": config.models_directory,
            "voices": config.voices_directory,
        },
        "model_revision": config.model_revision,
        "local_files_only": config.local_files_only,
        "standby": config.standby,
        "options": options(service),
    }


async def memory_use(service: Service) -> dict[str, Any]:
    """Return the memory of the process and of the engines in use, and counters since the start."""
    now = await asyncio.to_thread(memory.snapshot, engines_of(service))
    replies = service.replies.snapshot()
    del replies["recent"]
    counters = replies | vars(service.lifecycle.counters)
    return {"memory_info": _memory_info(now), **now, "counters": counters, **await memory_details(service)}


async def clean_memory(service: Service) -> dict[str, Any]:
    """Free what can be made again, in turn with what is spoken; return the bytes held before and after."""
    engines = engines_of(service)
    before = await asyncio.to_thread(memory.totals, engines)
    settled = memory.settled()
    memory.unsettle()
    try:
        for engine in engines:
            await service.replies.scheduler.call(engine.clean, "freeing memory", engine)
    finally:
        await asyncio.to_thread(memory.settle if settled else memory.collect)
    after = await asyncio.to_thread(memory.totals, engines)
    return {"freed": {name: before[name] - after[name] for name in before}, "before": before, "after": after}


async def information(service: Service) -> dict[str, Any]:
    """Return which engine speaks and why, the voices, and the latest replies."""
    lifecycle = service.lifecycle
    engine = lifecycle.speaking
    catalogue = service.voices.catalogue
    replies = service.replies.snapshot()

    def voices() -> dict[str, Any]:
        return {
            "voices": [
                _voice(voice, service.voices.judgement(voice)) | {"state": service.preparation.state(voice)}
                for voice in catalogue.voices
            ],
            "preparation": service.preparation.snapshot(),
        }

    answer = {
        "name": "wyoming-chatterbox",
        "version": __version__,
        "status": lifecycle.snapshot() | {"message": lifecycle.describe_state(), "speaking": speaking(service)},
        "engine": _described(engine.describe()) if engine is not None else None,
        "default_voice": catalogue.find().name,
        "broken_recordings": catalogue.broken,
        "voices_directory": service.voices.directory,
        "voices_directory_trouble": service.voices.trouble,
        "pronunciations": {
            "file": service.pronunciations.path,
            "entries": len(service.pronunciations.latest.entries),
            "trouble": service.pronunciations.trouble,
            **told_of(service.pronunciations.trouble),
        },
        "recent": replies.pop("recent"),
        "statistics": _statistics(replies) | {"connections": _connections(service)},
        "uptime_seconds": round(time.monotonic() - service.started, 1),
        **details(service),
    }
    # With thousands of voices that takes a while.
    return answer | await asyncio.to_thread(voices)


def engines_of(service: Service) -> list[Engine]:
    """List the engines that are loaded."""
    engine = service.lifecycle.speaking
    if engine is None:
        return []
    standby = service.lifecycle.engines.stand_in(engine)
    return [engine] if standby is None else [engine, standby]


def _described(about: Description) -> dict[str, Any]:
    described = {name: value for name, value in vars(about).items() if name != "why"}
    return described | {"weights_bytes": sum(about.parts.values())}


def _server(config: Config) -> dict[str, Any]:
    return {
        "uri": config.uri,
        "zeroconf": config.zeroconf,
        "streaming": config.streaming,
        "samples_per_chunk": config.samples_per_chunk,
        "flush_after": config.flush_after,
        "stream_timeout": config.stream_timeout,
        "max_connections": config.max_connections,
        "allow": config.allow,
        "max_replies": config.max_replies,
        "http_host": config.http_host,
        "http_port": config.http_port,
        "http_token_needed": config.http_token is not None,
        "http_allow": config.http_allow,
        "http_proxy": config.http_proxy,
        "http_cors": config.http_cors,
    }


def _memory_info(now: dict[str, Any]) -> dict[str, Any]:
    """Return the fields that a widespread guide to saving VRAM reads: MiB of the process, and of CUDA if it is used."""
    gpu = [engine["device_bytes"] for engine in now["engines"] if str(engine["device"]).startswith("cuda")]

    def on_gpu(name: str) -> float | None:
        return _megabytes(sum(device.get(name, 0) for device in gpu)) if gpu else None

    return {
        "cpu_memory_mb": _megabytes(now["process"]["rss_bytes"]),
        "cpu_memory_percent": now["process"]["percent_of_host"],
        "gpu_memory_allocated_mb": on_gpu("allocated"),
        "gpu_memory_reserved_mb": on_gpu("reserved"),
        "gpu_memory_max_allocated_mb": on_gpu("peak"),
    }


def _megabytes(size: int) -> float:
    return round(size / _MEGABYTE, 2)


def _voice(voice: NamedVoice, judgement: Judgement | None) -> dict[str, Any]:
    return {
        "name": voice.name,
        "label": voice.label,
        "language": voice.language,
        "recording": voice.recording.name if voice.recording is not None else None,
        "recorded_language": voice.recorded_language,
        "aliases": voice.aliases,
        "style": {name: value for name, value in vars(voice.style).items() if value is not None},
        "judgement": judged(judgement),
    }


def _connections(service: Service) -> dict[str, Any]:
    return {name: connections.snapshot() for name, connections in service.connections.items()}


def _statistics(replies: dict[str, Any]) -> dict[str, Any]:
    completed, failed = replies.pop("completed"), replies.pop("failed")
    ended = completed + failed
    return {
        "total_requests": replies.pop("total"),
        "completed_requests": completed,
        "error_requests": failed,
        "cancelled_requests": replies.pop("cancelled"),
        "refused_requests": replies.pop("refused"),
        "success_rate": round(100 * completed / ended, 1) if ended else None,
        **replies,
    }
