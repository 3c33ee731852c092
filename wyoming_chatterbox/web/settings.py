"""The options for the page: each with its value, what `auto` became, and where it comes from. Holds no secrets."""

from __future__ import annotations

from typing import Any

from ..config import Config
from ..engine import Description
from ..families import FAMILIES, MODELS, Family
from ..option import Option
from ..options import OPTIONS
from ..speech.service import Service


def options(service: Service) -> list[dict[str, Any]]:
    """Describe every option, in the order of --help."""
    config = service.config
    effective = _effective(config, service.lifecycle.about)
    return [_described(option, config, effective.get(option.name)) for option in OPTIONS]


def _described(option: Option, config: Config, effective: Any) -> dict[str, Any]:
    value, source = getattr(config, option.name), config.source(option.name)
    shown = {"value": None, "set": value is not None} if option.secret else {"value": value}
    return {
        "name": option.name,
        "flag": option.flag_name,
        "group": option.group,
        "help": option.help,
        "takes": option.allowed,
        **shown,
        "became": None if effective == value or option.secret else effective,
        "default": option.default,
        "source": {"kind": source.kind, "name": source.name},
    }


def _effective(config: Config, about: Description | None) -> dict[str, Any]:
    """Return what holds in place of values that leave a choice, by option, as far as it is known."""
    family = _family(config, about)
    found: dict[str, Any] = {
        "download_dir": config.models_directory,
        "voices_dir": config.voices_directory,
        # An option that was set is heeded as it is, or not at all.
        **{name: value for name, value in (family.style if family else {}).items() if getattr(config, name) is None},
    }
    if family is not None and config.model in ("auto", *MODELS):
        found["model_revision"] = config.model_revision or family.revision
    if about is not None:
        found |= {
            "model": about.name if config.model == "auto" else config.model,
            "device": about.device,
            "dtype": about.precision,
            "quantization": about.quantization,
            "prompt_seconds": config.prompt_seconds or about.details.get("prompt_seconds"),
        }
    return found


def _family(config: Config, about: Description | None) -> Family | None:
    """Return the family or the pack that is loaded, or will be."""
    if config.model in MODELS:
        return MODELS[config.model]
    return FAMILIES.get(about.name) if about is not None else None
