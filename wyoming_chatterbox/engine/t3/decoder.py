"""Text tokens -> speech tokens: T3's prefix, its step, and the decoding loop."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial

import torch

from ...errors import Cancelled, EngineError, NotNumbersError, TextError
from ..upstream import chatterbox_tts
from ..voice.conditionals import Conditionals
from .graphs import CudaGraphRunner, GraphedDecoder, State
from .kv_cache import KVCache, Span, rounded_up
from .model import T3
from .sampling import Sampler, Settings
from .spoken_length import LONGEST
from .tail_guard import TailGuard
from .voice_prefixes import VoicePrefixes

_LOGGER = logging.getLogger(__name__)

_HOST = torch.device("cpu")


class TokenDecoder:
    """Draws the speech tokens of one utterance after another.

    `steps` counts the passes through the transformer that drew a token, over all utterances.
    """

    def __init__(self, t3: T3, graphed: GraphedDecoder | None = None) -> None:
        """`graphed` runs the steps. With None, a CUDA device gets one, and any other device runs step by step."""
        self.steps = 0
        self._t3 = t3
        if graphed is None and t3.device.type == "cuda":
            graphed = GraphedDecoder(CudaGraphRunner(t3.device), LONGEST)
        self._graphed = graphed
        self._prefixes = VoicePrefixes()

    @torch.inference_mode()
    def stream(
        self,
        text_tokens: list[int],
        voice: Conditionals,
        settings: Settings,
        max_tokens: int,
        cancelled: Callable[[], bool],
        generator: torch.Generator | None = None,
        on_cut: Callable[[], None] | None = None,
    ) -> Iterator[int]:
        """Yield the speech tokens of a text as they are drawn, each below 6561; none if the model ends at once.

        The stream ends at the stop token, after `max_tokens` (at most `LONGEST`), or where the model only wanders among
        a few tokens. Before it ends in one of the latter ways, it calls `on_cut`. It draws from `generator`, or from
        torch's global one, as chatterbox-tts does. `cancelled()` is called before every step; where it is true,
        `Cancelled` is raised. Raises `EngineError` for tokens outside the model's vocabulary, and for logits that are
        not numbers.
        """
        t3, hp = self._t3, self._t3.hp
        ids = text_tokens if t3.is_gpt else [hp.start_text_token, *text_tokens, hp.stop_text_token]
        _check_text(t3, ids)
        sampler = Sampler(
            settings,
            gpt2=t3.is_gpt,
            vocabulary=hp.speech_tokens_dict_size,
            start=hp.start_speech_token,
            device=t3.device,
        )
        guard = TailGuard()
        for drawn in self._draws(ids, voice, sampler, min(max_tokens, LONGEST), cancelled, generator):
            if drawn < 0:
                raise NotNumbersError("The model's scores are not numbers; a higher precision (float32) may help.")
            if drawn == hp.stop_speech_token:
                yield from guard.flush()
                return
            if drawn < chatterbox_tts.SPEECH_VOCAB_SIZE:
                yield from guard.push(drawn)
            if guard.tripped:
                _LOGGER.info("Cut an utterance short: the model only repeated itself")
                break
        yield from guard.flush()
        if on_cut is not None:
            on_cut()

    def _draws(
        self,
        ids: list[int],
        voice: Conditionals,
        sampler: Sampler,
        most: int,
        cancelled: Callable[[], bool],
        generator: torch.Generator | None,
    ) -> Iterator[int]:
        """Yield `most` ids as they are drawn. An id of -1 means bad logits; ids after the stop token mean nothing."""
        t3, settings = self._t3, sampler.settings
        guidance = 0.0 if t3.is_gpt else settings.cfg_weight
        if most < 1:
            return
        if cancelled():
            raise Cancelled
        if self._graphed is not None and not self._graphed.busy:
            yield from self._graphed_draws(self._graphed, ids, voice, sampler, guidance, most, cancelled, generator)
            return
        state, logits = self.begin(ids, voice, settings, guidance, most)
        for _ in range(most - 1):
            token = sampler.draw(logits, generator)
            self.steps += 1
            yield int(token)
            if cancelled():
                raise Cancelled
            logits = step(t3, token, state, guidance)
        self.steps += 1
        yield int(sampler.draw(logits, generator))

    def _graphed_draws(
        self,
        graphed: GraphedDecoder,
        ids: list[int],
        voice: Conditionals,
        sampler: Sampler,
        guidance: float,
        most: int,
        cancelled: Callable[[], bool],
        generator: torch.Generator | None,
    ) -> Iterator[int]:
        """Yield the same ids as `_draws`, from steps that run ahead of the reader."""
        t3 = self._t3
        graphed.busy = True
        try:
            state, logits = self.begin(
                ids, voice, sampler.settings, guidance, most, partial(graphed.cache, t3.tfmr.new_cache)
            )
            first = sampler.draw(logits, generator)

            def advance(token: torch.Tensor, state: State, span: Span) -> torch.Tensor:
                return step_within(t3, token, state, guidance, span)

            for batch in graphed.run(advance, state, first, sampler, generator, most, cancelled):
                self.steps += len(batch)
                yield from batch
        finally:
            graphed.busy = False

    def begin(
        self,
        ids: list[int],
        voice: Conditionals,
        settings: Settings,
        guidance: float,
        max_tokens: int,
        new_cache: Callable[[int, int], KVCache] | None = None,
    ) -> tuple[State, torch.Tensor]:
        """Compute the prefix, reusing the voice's part: return the state after it, and its logits.

        `ids` are the text's tokens with the family's start and stop tokens. The cache has room for `max_tokens` more;
        `new_cache(rows, length)` makes it, if given.
        """
        t3 = self._t3
        exaggeration = settings.exaggeration if t3.hp.emotion_adv else 0.0
        voice_cache = self._prefixes.get(voice, exaggeration, lambda: voice_prefix(t3, voice, exaggeration))
        # GPT-2's embedding is read on the host, and ids on the device would have to be waited for.
        text = torch.tensor([ids], dtype=torch.long, device=_HOST if t3.is_gpt else t3.device)
        embedded = text_prefix(t3, text, guided=guidance > 0)
        length = voice_cache.length + embedded.shape[1]
        cache = (new_cache or t3.tfmr.new_cache)(embedded.shape[0], rounded_up(length + max_tokens))
        cache.begin_with(voice_cache)
        span = Span.causal(torch.arange(voice_cache.length, length, device=t3.device), length)
        hidden = t3.tfmr(embedded, span, cache)
        return State.after(cache, length), _logits(t3, hidden, guidance)


def step(t3: T3, token: torch.Tensor, state: State, guidance: float) -> torch.Tensor:
    """Advance by the token (1, 1) drawn last, and return float32 logits (1, vocabulary) for the next.

    A CPU attends to the positions written so far, any other device to a masked bucket of the cache.
    """
    state.length += 1
    span = (
        Span.last(state.position, state.length)
        if state.position.device.type == "cpu"
        else Span.causal(state.position, rounded_up(state.length))
    )
    return step_within(t3, token, state, guidance, span)


def step_within(t3: T3, token: torch.Tensor, state: State, guidance: float, span: Span) -> torch.Tensor:
    """Do the device's part of a step: its shapes depend on `span.attended` alone, and it never waits for the device."""
    embedded = speech_embedding(t3, token, state.spoken).expand(state.cache.keys.shape[1], -1, -1)
    logits = _logits(t3, t3.tfmr(embedded, span, state.cache), guidance)
    state.position += 1
    state.spoken += 1
    return logits


def voice_prefix(t3: T3, voice: Conditionals, exaggeration: float) -> KVCache:
    """Compute the keys and values of a voice's part of the prefix: a cache of one row, as long as that part."""
    embedded = _condition(t3, voice, exaggeration)
    length = embedded.shape[1]
    cache = t3.tfmr.new_cache(1, length)
    t3.tfmr(embedded, Span.causal(torch.arange(length, device=t3.device), length), cache)
    return cache


def text_prefix(t3: T3, text: torch.Tensor, *, guided: bool) -> torch.Tensor:
    """Embed the prefix after the voice, (rows, n, width): [text | BOS BOS] for Llama, [text | BOS] for GPT-2.

    `text` is (1, n) int64, for GPT-2 on the host. Guidance needs a second row, which has the positions of the text but
    no text.
    """
    embedded: torch.Tensor = t3.text_emb(text)
    start = torch.full((1, 1), t3.hp.start_speech_token, dtype=torch.long, device=t3.device)
    begin = speech_embedding(t3, start, torch.zeros(1, dtype=torch.long, device=t3.device))
    if t3.is_gpt:
        return torch.cat([embedded, begin], dim=1)
    if guided:
        embedded = torch.cat([embedded, torch.zeros_like(embedded)])
    embedded = embedded + t3.text_pos_emb(text)
    # The model was trained with two start tokens, both at position 0.
    begin = begin.expand(embedded.shape[0], 2, -1)
    return torch.cat([embedded, begin], dim=1)


def speech_embedding(t3: T3, token: torch.Tensor, spoken: torch.Tensor) -> torch.Tensor:
    """Embed a speech token (1, 1), number `spoken` (1,) of its utterance: (1, 1, width)."""
    embedded: torch.Tensor = t3.speech_emb(token)
    return embedded if t3.is_gpt else embedded + t3.speech_pos_emb.emb(spoken)


def _logits(t3: T3, hidden: torch.Tensor, guidance: float) -> torch.Tensor:
    """States (rows, n, width) -> float32 logits (1, vocabulary) of the last position; guidance merges the two rows."""
    logits: torch.Tensor = t3.speech_head(hidden[:, -1]).float()
    return logits[:1] + guidance * (logits[:1] - logits[1:]) if guidance > 0 else logits


def _condition(t3: T3, voice: Conditionals, exaggeration: float) -> torch.Tensor:
    """Embed the voice's part of the prefix, (1, n, width). `T3Cond` is made anew, because T3 writes into it."""
    dtype = t3.speech_head.weight.dtype
    return t3.prepare_conditioning(
        chatterbox_tts.T3Cond(
            speaker_emb=voice.speaker.to(dtype),
            cond_prompt_speech_tokens=voice.t3_prompt,
            emotion_adv=torch.full((1, 1, 1), exaggeration, dtype=dtype, device=t3.device),
        )
    )


def _check_text(t3: T3, ids: list[int]) -> None:
    """Refuse ids outside the embedding: on a GPU, looking one up makes the GPU unusable for the whole process."""
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
