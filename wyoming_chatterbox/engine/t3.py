"""Text tokens -> speech tokens, with the package's T3 and a plain loop of our own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from transformers import DynamicCache, LogitsProcessorList

from ..errors import Cancelled, EngineError, TextError
from . import package
from .conditionals import Conditionals
from .sampling import Settings, draw, gpt2_processors, llama_processors

LONGEST = 1000
"""Speech tokens of one utterance, at most: 40 s."""


def most_tokens(text: str) -> int:
    """How many speech tokens a text can need (25 are a second): a model that babbles is stopped there.

    Counted in UTF-8 bytes, as one Chinese character is a syllable: 4 tokens a byte is a quarter of the slowest speech
    there is, and the rest is for pauses and for numbers, which are longer in words.
    """
    return min(LONGEST, 100 + 4 * len(text.encode()))


@torch.inference_mode()
def generate(
    t3: Any,
    text_tokens: list[int],
    voice: Conditionals,
    settings: Settings,
    max_tokens: int,
    cancelled: Callable[[], bool],
) -> torch.Tensor:
    """Draw the speech tokens of a text: (n,), int64, each below 6561; n is 0 if the model ends at once.

    Draws from torch's global generator, as the package does: seed it for a repeatable result. `cancelled()` is asked
    before every step, and `Cancelled` raised when it is true. Raises `EngineError` for tokens that the model has no
    place for.
    """
    ids = text_tokens if t3.is_gpt else [t3.hp.start_text_token, *text_tokens, t3.hp.stop_text_token]
    _check_text(t3, ids)
    text = torch.tensor([ids], dtype=torch.long, device=t3.device)
    step = _gpt2_step(t3, text, voice) if t3.is_gpt else _llama_step(t3, text, voice, settings)
    processors = gpt2_processors(settings) if t3.is_gpt else llama_processors(settings)
    tokens = _loop(t3, step, processors, max_tokens, cancelled)
    spoken: torch.Tensor = tokens[tokens < package.SPEECH_VOCAB_SIZE]
    return spoken


Step = Callable[[torch.Tensor | None, int], torch.Tensor]
"""(the token drawn last (1, 1), its position) -> logits (1, vocabulary); None for the prefix."""


def _loop(
    t3: Any, step: Step, processors: LogitsProcessorList, max_tokens: int, cancelled: Callable[[], bool]
) -> torch.Tensor:
    start = torch.tensor([[t3.hp.start_speech_token]], dtype=torch.long, device=t3.device)
    history = start
    token: torch.Tensor | None = None
    for position in range(max_tokens):
        if cancelled():
            raise Cancelled
        token = draw(step(token, position), history, processors)
        # GPT-2's penalty counts the start token at the first draw only, Llama's always.
        history = token if t3.is_gpt and position == 0 else torch.cat([history, token], dim=1)
        if int(token) == t3.hp.stop_speech_token:
            break
    return history[0] if t3.is_gpt else history[0, 1:]


def _llama_step(t3: Any, text: torch.Tensor, voice: Conditionals, settings: Settings) -> Step:
    """Prefix [voice | text | BOS BOS]; with guidance, a second row has no text but its positions."""
    guided = settings.cfg_weight > 0.0
    rows = 2 if guided else 1
    cache = DynamicCache(config=t3.cfg)

    def prefix() -> torch.Tensor:
        text_embedding = t3.text_emb(text).expand(rows, -1, -1).clone()
        if guided:
            text_embedding[1] = 0
        text_embedding = text_embedding + t3.text_pos_emb(text)
        condition = _condition(t3, voice, settings.exaggeration).expand(rows, -1, -1)
        # Twice, both at position 0: so the model was trained.
        begin = speech(torch.tensor([[t3.hp.start_speech_token]], device=text.device), 0)
        return torch.cat([condition, text_embedding, begin, begin], dim=1)

    def speech(token: torch.Tensor, position: int) -> torch.Tensor:
        embedded: torch.Tensor = t3.speech_emb(token) + t3.speech_pos_emb.get_fixed_embedding(position)
        return embedded.expand(rows, -1, -1)

    def step(token: torch.Tensor | None, position: int) -> torch.Tensor:
        embedded = prefix() if token is None else speech(token, position)
        logits = _logits(t3, embedded, cache)
        return logits[:1] + settings.cfg_weight * (logits[:1] - logits[1:]) if guided else logits

    return step


def _gpt2_step(t3: Any, text: torch.Tensor, voice: Conditionals) -> Step:
    """Prefix [voice | text | BOS]; no guidance."""
    cache = DynamicCache(config=t3.cfg)

    def step(token: torch.Tensor | None, _position: int) -> torch.Tensor:
        if token is None:
            begin = t3.speech_emb(torch.tensor([[t3.hp.start_speech_token]], device=text.device))
            embedded = torch.cat([_condition(t3, voice, 0.0), t3.text_emb(text), begin], dim=1)
        else:
            embedded = t3.speech_emb(token)
        return _logits(t3, embedded, cache)

    return step


def _logits(t3: Any, embedded: torch.Tensor, cache: DynamicCache) -> torch.Tensor:
    """One pass through the transformer: (rows, n, width) -> float32 logits (rows, vocabulary) of the last position."""
    hidden = t3.tfmr(inputs_embeds=embedded, past_key_values=cache, use_cache=True).last_hidden_state
    logits: torch.Tensor = t3.speech_head(hidden[:, -1]).float()
    return logits


def _condition(t3: Any, voice: Conditionals, exaggeration: float) -> torch.Tensor:
    """The voice's part of the prefix, (1, n, width). T3 writes into what it is given, so that is made anew."""
    dtype = t3.speech_head.weight.dtype
    condition: torch.Tensor = t3.prepare_conditioning(
        package.T3Cond(
            speaker_emb=voice.speaker.to(dtype),
            cond_prompt_speech_tokens=voice.t3_prompt,
            emotion_adv=torch.full((1, 1, 1), exaggeration, dtype=dtype, device=t3.device),
        )
    )
    return condition


def _check_text(t3: Any, ids: list[int]) -> None:
    """Refuse what no embedding has: on a GPU, looking it up ends the whole process's use of it."""
    vocabulary = t3.text_emb.num_embeddings
    if not ids:
        raise EngineError("There is no text to speak.")
    if min(ids) < 0 or max(ids) >= vocabulary:
        raise EngineError(
            f"The tokenizer gave the token {max(ids)}, but the model has {vocabulary}; do they belong together?"
        )
    longest = t3.cfg.n_positions - LONGEST - 512 if t3.is_gpt else t3.text_pos_emb.emb.num_embeddings
    if len(ids) > longest:
        raise TextError(f"The text has {len(ids)} tokens, but the model takes {longest} at once.")
