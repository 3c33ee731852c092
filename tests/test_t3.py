"""T3 decodes as chatterbox-tts does, on the same weights: the same scores, and with the same dice the same tokens."""

from __future__ import annotations

import gc
import math
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import (
    LlamaConfig,
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)
from transformers.models.llama.modeling_llama import LlamaRotaryEmbedding

from tests.conftest import Tiny
from wyoming_chatterbox.engine.layers.linear import FEW_ROWS, Linear
from wyoming_chatterbox.engine.layers.sizes import size_of
from wyoming_chatterbox.engine.t3.build import build_t3
from wyoming_chatterbox.engine.t3.decoder import TokenDecoder, step, step_within, text_prefix, voice_prefix
from wyoming_chatterbox.engine.t3.graphs import State
from wyoming_chatterbox.engine.t3.kv_cache import KVCache, Span
from wyoming_chatterbox.engine.t3.llama import inverse_frequencies
from wyoming_chatterbox.engine.t3.sampling import (
    DEFAULTS,
    Sampler,
    Settings,
    draw,
    gpt2_probabilities,
    llama_probabilities,
)
from wyoming_chatterbox.engine.t3.tail_guard import HEARD_TOKENS, MOST_TOKENS
from wyoming_chatterbox.engine.t3.voice_prefixes import VoicePrefixes
from wyoming_chatterbox.engine.upstream.chatterbox_tts import LLAMA_520M_CONFIG_DICT, T3Cond
from wyoming_chatterbox.engine.voice.conditionals import Conditionals, load_conditionals
from wyoming_chatterbox.engine.weights.tensor_file import TensorFile
from wyoming_chatterbox.errors import Cancelled, EngineError

from . import checkpoints
from .reference import generate

CPU = torch.device("cpu")
TEXT = [20, 31, 7, 7, 90, 14, 55, 3, 120, 41, 8]
OTHER_TEXT = [9, 60, 61, 62, 17]
TOKENS = 30
SILENCE = 4299


def never() -> bool:
    return False


class Pair:
    """The same T3 twice: as this project loads it from its file, and as the package made it."""

    def __init__(self, layout: str, path: Path, theirs: Any, voice: Conditionals) -> None:
        with TensorFile(path) as file:
            self.ours = build_t3(file, CPU, torch.float32)
        self.theirs = theirs
        self.voice = voice
        self.settings = DEFAULTS[checkpoints.family_of(layout)]

    def ids(self, text: list[int]) -> list[int]:
        hp = self.theirs.hp
        return text if self.theirs.is_gpt else [hp.start_text_token, *text, hp.stop_text_token]

    def condition(self, voice: Conditionals) -> T3Cond:
        exaggeration = torch.full((1, 1, 1), self.settings.exaggeration)
        return T3Cond(speaker_emb=voice.speaker, cond_prompt_speech_tokens=voice.t3_prompt, emotion_adv=exaggeration)

    @torch.inference_mode()
    def their_tokens(self, text: list[int], voice: Conditionals, settings: Settings) -> list[int]:
        """The package's own loop, with the global generator."""
        ids = torch.tensor([self.ids(text)])
        common = {
            "temperature": settings.temperature,
            "top_p": settings.top_p,
            "repetition_penalty": settings.repetition_penalty,
        }
        if self.theirs.is_gpt:
            tokens = self.theirs.inference_turbo(
                self.condition(voice), ids, **common, top_k=settings.top_k, max_gen_len=TOKENS - 1
            )
        else:
            tokens = self.theirs.inference(
                t3_cond=self.condition(voice),
                text_tokens=torch.cat([ids, ids]),
                **common,
                min_p=settings.min_p,
                cfg_weight=settings.cfg_weight,
                max_new_tokens=TOKENS,
            )
        spoken: list[int] = tokens[0][tokens[0] < 6561].tolist()
        return spoken

    @torch.inference_mode()
    def their_logits(self, tokens: list[int], guidance: float) -> torch.Tensor:
        """Scores after the prefix and after each token, (n + 1, vocabulary), in one pass with no cache."""
        t3 = self.theirs
        rows = 2 if guidance else 1
        start = torch.full((rows, 1), t3.hp.start_speech_token)
        prefix, _ = t3.prepare_input_embeds(
            t3_cond=self.condition(self.voice),
            text_tokens=torch.tensor([self.ids(TEXT)]).expand(rows, -1),
            speech_tokens=start,
            cfg_weight=guidance,
        )
        speech = t3.speech_emb(torch.tensor([tokens]))
        if not t3.is_gpt:
            begin = t3.speech_emb(start[:1]) + t3.speech_pos_emb.get_fixed_embedding(0)
            positions = torch.arange(1, len(tokens) + 1)
            speech = torch.cat([begin, speech + t3.speech_pos_emb.get_fixed_embedding(positions)], dim=1)
        whole = torch.cat([prefix, speech.expand(rows, -1, -1)], dim=1)
        hidden = t3.tfmr(inputs_embeds=whole, use_cache=False).last_hidden_state[:, -len(tokens) - 1 :]
        logits: torch.Tensor = t3.speech_head(hidden)
        return logits[0] + guidance * (logits[0] - logits[-1])

    @torch.inference_mode()
    def our_logits(self, tokens: list[int], guidance: float) -> torch.Tensor:
        decoder = TokenDecoder(self.ours)
        settings = replace(self.settings, cfg_weight=guidance)
        state, logits = decoder.begin(self.ids(TEXT), self.voice, settings, guidance, len(tokens))
        steps = [step(self.ours, torch.tensor([[token]]), state, guidance) for token in tokens]
        return torch.cat([logits, *steps])


Made = Callable[[str], Pair]


@pytest.fixture(scope="module")
def made(tiny: Tiny) -> Made:
    """Layout -> its tiny T3, twice."""
    pairs: dict[str, Pair] = {}

    def get(layout: str) -> Pair:
        if layout not in pairs:
            directory = tiny(layout)
            voice = load_conditionals(directory / "conds.pt", CPU)
            path = directory / checkpoints.LAYOUTS[layout][0]
            pairs[layout] = Pair(layout, path, checkpoints.build(layout).t3, voice)
        return pairs[layout]

    return get


@pytest.fixture(params=checkpoints.LAYOUTS)
def pair(request: pytest.FixtureRequest, made: Made) -> Pair:
    return made(request.param)


def another_voice(voice: Conditionals) -> Conditionals:
    draws = torch.Generator().manual_seed(8)
    assert voice.t3_prompt is not None
    return replace(
        voice,
        speaker=torch.nn.functional.normalize(torch.randn(1, 256, generator=draws), dim=1),
        t3_prompt=torch.randint(6561, tuple(voice.t3_prompt.shape), generator=draws),
    )


def our_tokens(decoder: TokenDecoder, text: list[int], voice: Conditionals, settings: Settings, seed: int) -> list[int]:
    torch.manual_seed(seed)
    return list(decoder.stream(text, voice, settings, TOKENS, never))


def their_tokens(pair: Pair, text: list[int], voice: Conditionals, settings: Settings, seed: int) -> list[int]:
    torch.manual_seed(seed)
    return pair.their_tokens(text, voice, settings)


def guidances(pair: Pair) -> list[float]:
    return [0.0] if pair.ours.is_gpt else [0.0, 0.5]


@pytest.mark.slow(1)
def test_the_scores_of_given_tokens_are_the_packages(pair: Pair) -> None:
    tokens = torch.randint(6561, (25,), generator=torch.Generator().manual_seed(2)).tolist()
    for guidance in guidances(pair):
        theirs = pair.their_logits(tokens, guidance)
        assert theirs.std() > 0.1
        torch.testing.assert_close(pair.our_logits(tokens, guidance), theirs, atol=1e-4, rtol=0)


@pytest.mark.parametrize("seed", [1, 2])
def test_the_same_dice_draw_the_same_tokens(pair: Pair, seed: int) -> None:
    for guidance in guidances(pair):
        settings = replace(pair.settings, cfg_weight=guidance)
        mine = our_tokens(TokenDecoder(pair.ours), TEXT, pair.voice, settings, seed)
        assert len(mine) > 5
        assert mine == their_tokens(pair, TEXT, pair.voice, settings, seed)


def test_a_generator_of_ones_own_draws_the_same_and_leaves_the_global_one_alone(pair: Pair) -> None:
    decoder = TokenDecoder(pair.ours)
    expected = our_tokens(decoder, TEXT, pair.voice, pair.settings, seed=3)
    torch.manual_seed(99)
    before = torch.get_rng_state()
    generator = torch.Generator().manual_seed(3)
    drawn = generate(decoder, TEXT, pair.voice, pair.settings, TOKENS, never, generator)
    assert drawn.dtype == torch.int64
    assert drawn.tolist() == expected
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.slow(1)
def test_utterances_and_voices_in_turn_leave_each_other_alone(pair: Pair) -> None:
    decoder = TokenDecoder(pair.ours)
    other = another_voice(pair.voice)
    for seed, (text, voice) in enumerate(
        [(TEXT, pair.voice), (OTHER_TEXT, pair.voice), (TEXT, other), (TEXT, pair.voice), (OTHER_TEXT, other)]
    ):
        mine = our_tokens(decoder, text, voice, pair.settings, seed)
        assert mine == their_tokens(pair, text, voice, pair.settings, seed)


def test_two_utterances_at_once_leave_each_other_alone(made: Made) -> None:
    pair = made("english")
    decoder = TokenDecoder(pair.ours)
    alone = [
        generate(decoder, text, pair.voice, pair.settings, 12, never, torch.Generator().manual_seed(4)).tolist()
        for text in (TEXT, OTHER_TEXT)
    ]
    both = [
        decoder.stream(text, pair.voice, pair.settings, 12, never, torch.Generator().manual_seed(4))
        for text in (TEXT, OTHER_TEXT)
    ]
    assert [list(column) for column in zip(*zip(*both, strict=True), strict=True)] == alone


def test_exaggeration_is_part_of_a_voices_prefix(made: Made) -> None:
    pair = made("english")
    decoder = TokenDecoder(pair.ours)
    calm, wild = (replace(pair.settings, exaggeration=value) for value in (0.0, 1.0))
    first = our_tokens(decoder, TEXT, pair.voice, calm, 1)
    assert our_tokens(decoder, TEXT, pair.voice, wild, 1) != first
    assert our_tokens(decoder, TEXT, pair.voice, calm, 1) == first


@pytest.mark.parametrize("layout", ["english", "nano"])
def test_tokens_come_one_a_step_and_cancelling_ends_before_the_next(made: Made, layout: str) -> None:
    pair = made(layout)
    decoder = TokenDecoder(pair.ours)
    asked = 0
    stop = False

    def cancelled() -> bool:
        nonlocal asked
        asked += 1
        return stop

    torch.manual_seed(1)
    stream = decoder.stream(TEXT, pair.voice, pair.settings, TOKENS, cancelled)
    for _ in range(5):
        before = decoder.steps
        next(stream)
        assert decoder.steps == asked > before
    taken = decoder.steps
    # Some of english's tokens are no sound.
    assert taken == 5 or layout == "english"
    stop = True
    with pytest.raises(Cancelled):
        next(stream)
    assert decoder.steps == taken == asked - 1


def test_cancelled_from_the_start_takes_no_step(made: Made) -> None:
    decoder = TokenDecoder(made("nano").ours)
    with pytest.raises(Cancelled):
        generate(decoder, TEXT, made("nano").voice, DEFAULTS["nano"], TOKENS, lambda: True)
    assert decoder.steps == 0


def test_no_more_steps_are_taken_than_asked_for(pair: Pair) -> None:
    decoder = TokenDecoder(pair.ours)
    assert len(generate(decoder, TEXT, pair.voice, pair.settings, 4, never)) <= 4
    assert decoder.steps <= 4


@pytest.mark.parametrize("most", [0, 1, 7])
def test_it_says_that_it_cut_a_model_that_did_not_end(made: Made, most: int) -> None:
    pair = made("nano")
    cuts: list[bool] = []
    stream = TokenDecoder(pair.ours).stream(
        TEXT, pair.voice, pair.settings, most, never, torch.Generator().manual_seed(1), lambda: cuts.append(True)
    )
    assert len(list(stream)) == most
    assert cuts == [True]


def test_a_model_that_only_repeats_itself_is_stopped(made: Made) -> None:
    pair = made("nano")
    bias: Any = pair.ours.speech_head.bias
    kept = bias.clone()
    try:
        bias[SILENCE] = 1e4
        decoder = TokenDecoder(pair.ours)
        tokens = list(decoder.stream(TEXT, pair.voice, replace(pair.settings, repetition_penalty=1.0), 500, never))
    finally:
        bias.copy_(kept)
    assert tokens == [SILENCE] * HEARD_TOKENS
    assert decoder.steps == MOST_TOKENS


def test_scores_that_are_not_numbers_are_an_engine_error(made: Made) -> None:
    pair = made("nano")
    transformer: Any = pair.ours.tfmr
    weight = transformer.norm.weight
    kept = weight.clone()
    try:
        weight[0] = math.nan
        with pytest.raises(EngineError, match="not numbers"):
            generate(TokenDecoder(pair.ours), TEXT, pair.voice, pair.settings, 5, never)
    finally:
        weight.copy_(kept)


@pytest.mark.parametrize("layout", ["english", "nano"])
def test_a_masked_bucket_of_the_cache_gives_the_scores_of_its_written_part(made: Made, layout: str) -> None:
    pair = made(layout)
    guidance = guidances(pair)[-1]
    token = torch.tensor([[77]])
    logits = []
    for attended in (None, 128):
        with torch.inference_mode():
            state, _ = TokenDecoder(pair.ours).begin(pair.ids(TEXT), pair.voice, pair.settings, guidance, 100)
            if attended is None:
                logits.append(step(pair.ours, token, state, guidance))
            else:
                span = Span.causal(state.position, attended)
                logits.append(step_within(pair.ours, token, state, guidance, span))
    torch.testing.assert_close(*logits, atol=1e-5, rtol=0)


def test_a_step_changes_its_state_in_place_and_stays_within_its_cache(made: Made) -> None:
    pair = made("english")
    with torch.inference_mode():
        state, _ = TokenDecoder(pair.ours).begin(pair.ids(TEXT), pair.voice, pair.settings, 0.5, 100)
        held = (state.cache.keys.data_ptr(), state.position.data_ptr(), state.spoken.data_ptr())
        first = int(state.position)
        for _ in range(3):
            step(pair.ours, torch.tensor([[5]]), state, 0.5)
    assert held == (state.cache.keys.data_ptr(), state.position.data_ptr(), state.spoken.data_ptr())
    assert (int(state.position), int(state.spoken)) == (first + 3, 4)
    assert state.cache.length == 128
    assert not state.cache.keys[..., first + 3 :, :].any()
    assert state.cache.keys[..., first : first + 3, :].abs().amax(dim=-1).min() > 0


def test_without_guidance_there_is_no_second_row(made: Made) -> None:
    pair = made("english")
    text = torch.tensor([pair.ids(TEXT)])
    assert [len(text_prefix(pair.ours, text, guided=guided)) for guided in (False, True)] == [1, 2]


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
@pytest.mark.parametrize("layout", ["english", "nano"])
def test_in_16_bits_the_scores_stay_close(made: Made, tiny: Tiny, layout: str, dtype: torch.dtype) -> None:
    pair = made(layout)
    with TensorFile(tiny(layout) / checkpoints.LAYOUTS[layout][0]) as file:
        half = build_t3(file, CPU, dtype)
    assert {weight.dtype for weight in half.parameters()} == {dtype}
    assert size_of(half) == pytest.approx(size_of(pair.ours) / 2, rel=0.01)
    guidance = guidances(pair)[-1]
    with torch.inference_mode():
        state, close = TokenDecoder(half).begin(pair.ids(TEXT), pair.voice, pair.settings, guidance, 5)
        close = torch.cat([close, step(half, torch.tensor([[7]]), state, guidance)])
    exact = pair.our_logits([7], guidance)
    assert close.dtype == torch.float32
    assert float((close - exact).norm() / exact.norm()) < 0.1


def test_no_weight_is_held_twice(made: Made) -> None:
    for layout in ("english", "turbo"):
        pair = made(layout)
        transformer: Any = pair.ours.tfmr
        held = sum(weight.numel() for weight in transformer.parameters())
        unused = ("embed_tokens.weight", "wte.weight")
        written = sum(value.numel() for name, value in pair.theirs.tfmr.state_dict().items() if name not in unused)
        assert held == written


class TestLinear:
    @pytest.mark.parametrize("bias", [False, True])
    @pytest.mark.parametrize("rows", [1, 2, FEW_ROWS, FEW_ROWS + 1])
    def test_every_number_of_rows_gives_the_same_product(self, rows: int, bias: bool) -> None:
        whole = torch.nn.Linear(48, 80, bias=bias)
        inputs = (torch.randn(rows, 48), torch.randn(rows, 1, 48), torch.randn(1, rows, 48))
        expected = [whole(x) for x in inputs]
        ours = Linear.joined(whole)
        for x, wanted in zip(inputs, expected, strict=True):
            torch.testing.assert_close(ours(x), wanted, atol=1e-5, rtol=1e-5)

    def test_joined_layers_lie_side_by_side(self) -> None:
        layers = [torch.nn.Linear(24, width) for width in (8, 16, 4)]
        x = torch.randn(2, 24)
        expected = torch.cat([layer(x) for layer in layers], dim=-1)
        torch.testing.assert_close(Linear.joined(*layers)(x), expected)


def their_probabilities(gpt2: bool, logits: torch.Tensor, history: torch.Tensor, settings: Settings) -> torch.Tensor:
    """With transformers' processors, in the package's orders."""
    penalty = RepetitionPenaltyLogitsProcessor(settings.repetition_penalty)
    chain: list[Any] = [TemperatureLogitsWarper(settings.temperature)]
    if gpt2:
        chain += [TopKLogitsWarper(settings.top_k)] if settings.top_k else []
        chain += [TopPLogitsWarper(settings.top_p), penalty]
    else:
        chain = [penalty, *chain, MinPLogitsWarper(settings.min_p), TopPLogitsWarper(settings.top_p)]
    processed: torch.Tensor = LogitsProcessorList(chain)(history, logits)
    return torch.softmax(processed, dim=-1)


def various_settings() -> Iterator[Settings]:
    for temperature in (0.3, 1.0, 1.7):
        for top_p in (0.0, 0.5, 0.95, 1.0):
            for min_p in (0.0, 0.05, 1.0):
                for top_k in (0, 1, 40):
                    for penalty in (1.0, 1.3, 2.0):
                        yield Settings(temperature, top_p, min_p, top_k, penalty)


@pytest.mark.parametrize("gpt2", [False, True])
@pytest.mark.parametrize("spread", [0.1, 4.0, 60.0])
def test_probabilities_are_those_of_transformers_processors(gpt2: bool, spread: float) -> None:
    draws = torch.Generator().manual_seed(1)
    # Rounded, so that some are equal; negative ones too.
    logits = (torch.randn(1, 300, generator=draws) * spread * 4).round() / 4
    history = torch.randint(300, (1, 60), generator=draws)
    seen = torch.zeros(1, 300, dtype=torch.bool).scatter_(1, history, True)
    ours = gpt2_probabilities if gpt2 else llama_probabilities
    for settings in various_settings():
        assert torch.equal(ours(logits, seen, settings), their_probabilities(gpt2, logits, history, settings)), settings


def test_drawing_is_multinomials() -> None:
    probabilities = torch.softmax(torch.randn(1, 6563, generator=torch.Generator().manual_seed(1)) * 3, dim=-1)
    torch.manual_seed(5)
    theirs = [int(torch.multinomial(probabilities, 1)) for _ in range(50)]
    torch.manual_seed(5)
    assert [int(draw(probabilities)) for _ in range(50)] == theirs
    assert len(set(theirs)) > 10


def test_each_token_is_drawn_as_often_as_it_is_likely() -> None:
    probabilities = torch.tensor([[0.5, 0.0, 0.3, 0.2]])
    generator = torch.Generator().manual_seed(1)
    drawn = torch.cat([draw(probabilities, generator) for _ in range(4000)])
    shares = torch.bincount(drawn.flatten(), minlength=4) / 4000
    torch.testing.assert_close(shares[None], probabilities, atol=0.03, rtol=0)
    assert shares[1] == 0


@pytest.mark.parametrize(("gpt2", "counted"), [(False, {9, 3}), (True, {3})])
def test_the_start_token_is_penalised_at_first_and_by_llama_ever_after(gpt2: bool, counted: set[int]) -> None:
    settings = Settings(temperature=1.0, min_p=0.0, repetition_penalty=2.0)
    sampler = Sampler(settings, gpt2=gpt2, vocabulary=12, start=9, device=CPU)
    assert sampler.seen[0].nonzero().flatten().tolist() == [9]
    assert int(sampler.draw(torch.full((1, 12), -1e4).index_fill_(1, torch.tensor([3]), 10.0))) == 3
    assert set(sampler.seen[0].nonzero().flatten().tolist()) == counted


@pytest.mark.parametrize(
    "changed",
    [
        {"temperature": 0.0},
        {"top_p": 1.5},
        {"min_p": -0.1},
        {"top_k": -1},
        {"repetition_penalty": 0.0},
        {"cfg_weight": -1.0},
        {"exaggeration": math.nan},
    ],
)
def test_settings_that_nothing_can_be_drawn_with_are_refused(changed: dict[str, float]) -> None:
    with pytest.raises(EngineError, match=next(iter(changed))):
        Settings(**changed)  # type: ignore[arg-type]


class TestVoicePrefixes:
    def voice(self) -> Conditionals:
        return Conditionals(*(torch.zeros(1) for _ in range(5)))

    def cache(self) -> KVCache:
        return KVCache(1, 1, 1, 4, 2, CPU, torch.float32)

    def test_a_prefix_is_computed_once_a_voice_and_exaggeration(self) -> None:
        prefixes = VoicePrefixes()
        first, second = self.voice(), self.voice()
        assert prefixes.get(first, 0.5, self.cache) is prefixes.get(first, 0.5, self.cache)
        others = [prefixes.get(first, 0.6, self.cache), prefixes.get(second, 0.5, self.cache)]
        assert len({id(prefix) for prefix in (*others, prefixes.get(first, 0.5, self.cache))}) == 3

    def test_the_least_recently_used_is_forgotten(self) -> None:
        prefixes = VoicePrefixes(capacity=2)
        a, b, c = (self.voice() for _ in range(3))
        made: list[str] = []

        def make(name: str) -> Callable[[], KVCache]:
            def cache() -> KVCache:
                made.append(name)
                return self.cache()

            return cache

        for name, voice in [("a", a), ("b", b), ("a", a), ("c", c), ("a", a), ("b", b)]:
            prefixes.get(voice, 0.5, make(name))
        assert made == ["a", "b", "c", "b"]
        assert len(prefixes) == 2

    def test_a_voices_prefixes_go_with_the_voice(self) -> None:
        prefixes = VoicePrefixes()
        kept, gone = self.voice(), self.voice()
        for voice in (kept, gone):
            prefixes.get(voice, 0.5, self.cache)
        del voice, gone
        gc.collect()
        assert len(prefixes) == 1
        prefixes.get(kept, 0.5, lambda: pytest.fail("made again"))

    def test_a_prefix_is_as_long_as_the_voices_part(self, made: Made) -> None:
        with torch.inference_mode():
            lengths = {
                name: voice_prefix(made(name).ours, made(name).voice, 0.5).length for name in ("english", "turbo")
            }
        # The speaker, 8 of the tiny perceiver or the 20 tokens themselves, and Llama's emotion.
        assert lengths == {"english": 1 + 8 + 1, "turbo": 1 + 20}


def test_the_state_after_a_prefix_is_its_length() -> None:
    state = State.after(KVCache(1, 1, 1, 128, 2, CPU, torch.float32), 17)
    assert (int(state.position), int(state.spoken), state.length) == (17, 1, 17)


def test_rotary_frequencies_are_those_of_transformers() -> None:
    theirs = LlamaRotaryEmbedding(LlamaConfig(**LLAMA_520M_CONFIG_DICT))
    assert theirs.attention_scaling == 1
    torch.testing.assert_close(inverse_frequencies(CPU), theirs.inv_freq, rtol=1e-6, atol=0)
