"""Lists that clients of OpenAI's look up before they ask for speech: models and voices.

Open WebUI reads `/v1/audio/models` and `/v1/audio/voices`, and takes `id` and `name` of each entry; OpenAI's own
clients read `/v1/models`. A voice's `name` is its `id`, because some clients send the one and some the other.
"""

from __future__ import annotations

import time
from functools import lru_cache
from typing import Any

from ..families import MODELS
from ..quoting import quoted
from ..speech.service import Service
from ..voices.catalogue import Catalogue
from .answers import RefusedError

_OWNER = "wyoming-chatterbox"
_STARTED = int(time.time())
_ALIASES = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")
"""OpenAI's models on the same endpoint: clients that check the list find what they send."""


def models(service: Service) -> dict[str, Any]:
    """Return the list of models in OpenAI's shape; any of them, and any other name, is the one that is loaded."""
    return {"object": "list", "data": [_model(name) for name in _names(service)]}


def model(service: Service, name: str) -> dict[str, Any]:
    """Return one model in OpenAI's shape; `RefusedError`, 404, lists the models."""
    there = _names(service)
    if name not in there:
        raise RefusedError(
            404, f"There is no model {quoted(name)}; there are: {', '.join(there)}", "unknown-model", param="model"
        )
    return _model(name)


def speech_models(service: Service) -> dict[str, Any]:
    """Return the list of models as Open WebUI reads it."""
    return {"models": [{"id": name, "name": name} for name in _names(service)]}


@lru_cache(maxsize=1)
def voices(catalogue: Catalogue) -> dict[str, Any]:
    """Return the voices: one entry for each language that a voice speaks, and what people see of it. Any thread may."""
    return {
        "voices": [
            {"id": voice.name, "name": voice.name, "language": voice.language, "label": voice.label or voice.name}
            for voice in catalogue.voices
        ]
    }


def _names(service: Service) -> tuple[str, ...]:
    chatterbox = service.lifecycle.chatterbox
    name = service.config.model if chatterbox is None else chatterbox.describe().name
    return ("chatterbox", *((name,) if name in MODELS else ()), *_ALIASES)


def _model(name: str) -> dict[str, Any]:
    return {"id": name, "object": "model", "created": _STARTED, "owned_by": _OWNER}
