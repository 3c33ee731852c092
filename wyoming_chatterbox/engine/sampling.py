"""How the next speech token is drawn: each family's settings, and its order of logit processors."""

from __future__ import annotations

from dataclasses import dataclass, fields

import torch
from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from ..errors import EngineError
from . import Sampling


@dataclass(frozen=True)
class Settings:
    """Every sampling setting with a value. `top_k` 0 and `cfg_weight` 0 switch those off."""

    temperature: float = 0.8
    top_p: float = 1.0
    min_p: float = 0.05
    top_k: int = 0
    repetition_penalty: float = 1.2
    cfg_weight: float = 0.5
    exaggeration: float = 0.5


_GPT2 = Settings(top_p=0.95, min_p=0.0, top_k=1000, cfg_weight=0.0, exaggeration=0.0)

DEFAULTS = {
    "english": Settings(),
    "multilingual": Settings(repetition_penalty=2.0),
    "turbo": _GPT2,
    "nano": _GPT2,
}
"""What `generate()` of chatterbox-tts 0.1.7 takes for each family."""


def resolve(family: str, sampling: Sampling) -> Settings:
    """The family's defaults with what an utterance sets itself."""
    defaults = DEFAULTS[family]
    return Settings(
        **{
            field.name: getattr(defaults, field.name) if (value := getattr(sampling, field.name)) is None else value
            for field in fields(Settings)
        }
    )


def llama_processors(settings: Settings) -> LogitsProcessorList:
    """Repetition penalty, temperature, min-p, top-p: the order of english and multilingual."""
    processors = LogitsProcessorList([RepetitionPenaltyLogitsProcessor(float(settings.repetition_penalty))])
    if settings.temperature != 1.0:
        processors.append(TemperatureLogitsWarper(float(settings.temperature)))
    processors.append(MinPLogitsWarper(min_p=settings.min_p))
    processors.append(TopPLogitsWarper(top_p=settings.top_p))
    return processors


def gpt2_processors(settings: Settings) -> LogitsProcessorList:
    """Temperature, top-k, top-p and only then the repetition penalty: the order of turbo and nano."""
    processors = LogitsProcessorList()
    if settings.temperature != 1.0:
        processors.append(TemperatureLogitsWarper(float(settings.temperature)))
    if settings.top_k > 0:
        processors.append(TopKLogitsWarper(settings.top_k))
    if settings.top_p < 1.0:
        processors.append(TopPLogitsWarper(settings.top_p))
    if settings.repetition_penalty != 1.0:
        processors.append(RepetitionPenaltyLogitsProcessor(settings.repetition_penalty))
    return processors


def draw(logits: torch.Tensor, history: torch.Tensor, processors: LogitsProcessorList) -> torch.Tensor:
    """Draw a token (1, 1) from logits (1, vocabulary), in float32, given the tokens so far (1, n).

    Raises `EngineError` where the logits leave nothing to draw from: a broken model, or an overflow in 16 bits.
    """
    probabilities = torch.softmax(processors(history, logits.float()), dim=-1)
    if not torch.isfinite(probabilities).all():
        raise EngineError("The model's scores are not numbers; a higher precision (float32) may help.")
    return torch.multinomial(probabilities, num_samples=1)
