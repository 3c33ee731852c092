"""How the next speech token is drawn: each family's settings, and its order of logit processors."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

import torch

from ...errors import EngineError
from .. import Sampling


@dataclass(frozen=True)
class Settings:
    """All sampling settings. 0 switches `top_k` and `cfg_weight` off.

    Raises `EngineError` for a value out of range.
    """

    temperature: float = 0.8
    top_p: float = 1.0
    min_p: float = 0.05
    top_k: int = 0
    repetition_penalty: float = 1.2
    cfg_weight: float = 0.5
    exaggeration: float = 0.5

    def __post_init__(self) -> None:
        for name, allowed, wanted in (
            ("temperature", self.temperature > 0, "above 0"),
            ("top_p", 0 <= self.top_p <= 1, "from 0 to 1"),
            ("min_p", 0 <= self.min_p <= 1, "from 0 to 1"),
            ("top_k", self.top_k >= 0, "0 or more"),
            ("repetition_penalty", self.repetition_penalty > 0, "above 0"),
            ("cfg_weight", self.cfg_weight >= 0, "0 or more"),
            ("exaggeration", True, "a number"),
        ):
            value = getattr(self, name)
            if not (allowed and math.isfinite(value)):
                raise EngineError(f"{name} is {value}; it can be {wanted}.")


_GPT2 = Settings(top_p=0.95, min_p=0.0, top_k=1000, cfg_weight=0.0, exaggeration=0.0)

DEFAULTS = {
    "english": Settings(),
    "multilingual": Settings(),
    "turbo": _GPT2,
    "nano": _GPT2,
}
"""Settings by family: the defaults of `generate()` on chatterbox-tts's main branch.

Release 0.1.7 has a repetition penalty of 2.0 for multilingual, together with an analyzer that ends the speech. With
neither of them, as on the main branch, the model ends by itself.
"""


def resolve(family: str, sampling: Sampling) -> Settings:
    """Return the family's defaults, overridden by the settings of an utterance."""
    defaults = DEFAULTS[family]
    return Settings(
        **{
            field.name: getattr(defaults, field.name) if (value := getattr(sampling, field.name)) is None else value
            for field in fields(Settings)
        }
    )


class Sampler:
    """Draws one utterance's tokens, on the device and without waiting for the device."""

    def __init__(self, settings: Settings, *, gpt2: bool, vocabulary: int, start: int, device: torch.device) -> None:
        self.settings = settings
        self.seen = torch.zeros(1, vocabulary, dtype=torch.bool, device=device)
        """The tokens that the repetition penalty counts."""
        self.seen[0, start] = True
        self._gpt2 = gpt2
        self._drawn = 0

    def go_on_from(self, other: Sampler) -> None:
        """Copy the state of another sampler with the same settings, to draw what it would draw next."""
        self.seen.copy_(other.seen)
        self._drawn = other._drawn

    def draw(self, logits: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
        """Draw a token (1, 1) from logits (1, vocabulary), in float32.

        The token is -1 where the logits are not numbers: in a broken model, or after an overflow in 16 bits. Draws
        from torch's global generator unless another is given.
        """
        shape = gpt2_probabilities if self._gpt2 else llama_probabilities
        token = draw(shape(logits.float(), self.seen, self.settings), generator)
        if self._gpt2 and not self._drawn:
            # GPT-2's penalty counts the start token at the first draw only; Llama's counts it always.
            self.seen.zero_()
        self.seen.scatter_(1, token.clamp(min=0), True)
        self._drawn += 1
        return token


def llama_probabilities(logits: torch.Tensor, seen: torch.Tensor, settings: Settings) -> torch.Tensor:
    """Apply repetition penalty, temperature, min-p, top-p: the order of english and multilingual.

    `logits` (1, vocabulary) float32, `seen` of the same shape, true for the tokens so far.
    """
    logits = _penalised(logits, seen, settings.repetition_penalty)
    logits = _top_p(_min_p(logits / settings.temperature, settings.min_p), settings.top_p)
    return torch.softmax(logits, dim=-1)


def gpt2_probabilities(logits: torch.Tensor, seen: torch.Tensor, settings: Settings) -> torch.Tensor:
    """Apply temperature, top-k, top-p, then the repetition penalty: the order of turbo and nano."""
    logits = _top_p(_top_k(logits / settings.temperature, settings.top_k), settings.top_p)
    return torch.softmax(_penalised(logits, seen, settings.repetition_penalty), dim=-1)


def draw(probabilities: torch.Tensor, generator: torch.Generator | None = None) -> torch.Tensor:
    """Draw the token that `torch.multinomial` would draw from the same generator, without waiting for the device.

    (1, vocabulary) -> (1, 1) int64; -1 for probabilities that are not numbers.
    """
    # With e from the exponential distribution, p / e is largest for each token with its probability p.
    noise = torch.empty_like(probabilities).exponential_(1.0, generator=generator)
    token = torch.argmax(probabilities / noise, dim=-1, keepdim=True)
    return torch.where(torch.isfinite(probabilities).all(), token, -1)


def _penalised(logits: torch.Tensor, seen: torch.Tensor, penalty: float) -> torch.Tensor:
    """Make the tokens so far less likely, for a penalty above 1 (Keskar et al. 2019)."""
    if penalty == 1.0:
        return logits
    return torch.where(seen, torch.where(logits < 0, logits * penalty, logits / penalty), logits)


def _min_p(logits: torch.Tensor, min_p: float) -> torch.Tensor:
    """Keep tokens that are at least `min_p` times as likely as the likeliest (Nguyen et al. 2024)."""
    if min_p == 0.0:
        return logits
    probabilities = torch.softmax(logits, dim=-1)
    return logits.masked_fill(probabilities < min_p * probabilities.amax(dim=-1, keepdim=True), -math.inf)


def _top_k(logits: torch.Tensor, top_k: int) -> torch.Tensor:
    """Keep the `top_k` likeliest tokens, and those as likely as the last of them."""
    if top_k == 0 or top_k >= logits.shape[-1]:
        return logits
    return logits.masked_fill(logits < torch.topk(logits, top_k).values[..., -1:], -math.inf)


def _top_p(logits: torch.Tensor, top_p: float) -> torch.Tensor:
    """Keep the likeliest tokens that together reach `top_p`, at least one (Holtzman et al. 2019)."""
    if top_p == 1.0:
        return logits
    ascending, order = torch.sort(logits)
    dropped = ascending.softmax(dim=-1).cumsum(dim=-1) <= 1 - top_p
    dropped[..., -1] = False
    return logits.masked_fill(dropped.scatter(1, order, dropped), -math.inf)
