"""Steps that run ahead of who reads them draw what steps draw that are waited for, one by one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import pytest
import torch

from tests import checkpoints
from tests.conftest import Tiny
from wyoming_chatterbox.engine.checkpoint import Networks, load
from wyoming_chatterbox.engine.t3.decoder import TokenDecoder
from wyoming_chatterbox.engine.t3.graphs import BATCH, IN_FLIGHT, CudaGraphRunner, GraphedDecoder, Read
from wyoming_chatterbox.engine.t3.sampling import DEFAULTS, Settings
from wyoming_chatterbox.engine.t3.spoken_length import LONGEST
from wyoming_chatterbox.errors import Cancelled, EngineError
from wyoming_chatterbox.families import FAMILIES

CPU = torch.device("cpu")
TEXT = [20, 31, 7, 7, 90, 14, 55, 3, 120, 41, 8]
OTHER_TEXT = [9, 60, 61, 62, 17]


class HostRunner:
    """Runs steps at once on the CPU, after trying each new one as a capture does."""

    def __init__(self, *, captures: bool = True, failure: type[RuntimeError] = RuntimeError) -> None:
        self.generator = torch.Generator()
        self.captured = 0
        self.tried = 0
        self._captures = captures
        self._failure = failure

    def graph_stream_waits(self) -> None: ...

    def current_stream_waits(self) -> None: ...

    def on_graph_stream(self) -> AbstractContextManager[Any]:
        return nullcontext()

    def capture(self, step: Callable[[], None]) -> Callable[[], None]:
        self.tried += 1
        step()
        if not self._captures:
            raise self._failure("operation not permitted when stream is capturing")
        step()
        self.captured += 1
        return step

    def read(self, ids: torch.Tensor) -> Read:
        drawn = ids.tolist()
        return lambda: drawn


@pytest.fixture(scope="module", params=["english", "turbo"])
def networks(request: pytest.FixtureRequest, tiny: Tiny) -> Networks:
    return load(tiny(request.param), FAMILIES[request.param], checkpoints.FLOAT32)


@pytest.fixture
def runner() -> HostRunner:
    return HostRunner()


def say(
    networks: Networks,
    decoder: TokenDecoder,
    text: list[int] = TEXT,
    *,
    settings: Settings | None = None,
    seed: int = 1,
    most: int = 45,
    cancelled: Callable[[], bool] = lambda: False,
) -> list[int]:
    generator = torch.Generator(networks.t3.device).manual_seed(seed)
    settings = settings or DEFAULTS[networks.family.name]
    return list(decoder.stream(text, networks.conditionals, settings, most, cancelled, generator))


@pytest.mark.slow(2)
def test_the_tokens_are_those_of_steps_that_are_waited_for(networks: Networks, runner: HostRunner) -> None:
    plain, ahead = TokenDecoder(networks.t3), TokenDecoder(networks.t3, GraphedDecoder(runner, LONGEST))
    warmer = replace(DEFAULTS[networks.family.name], temperature=1.3, cfg_weight=0.0)
    said = 0
    for text, seed, most, settings in (
        (TEXT, 1, 45, None),
        (OTHER_TEXT, 2, 30, None),
        (TEXT, 3, 200, None),
        (TEXT, 3, 45, warmer),
        (TEXT, 1, 45, None),
    ):
        wanted = say(networks, plain, text, seed=seed, most=most, settings=settings)
        assert say(networks, ahead, text, seed=seed, most=most, settings=settings) == wanted
        said += len(wanted)
    assert said > 150


@pytest.mark.slow(1)
def test_each_length_of_the_cache_is_captured_once(networks: Networks, runner: HostRunner) -> None:
    decoder = TokenDecoder(networks.t3, GraphedDecoder(runner, LONGEST))
    say(networks, decoder, most=200)
    captured = runner.captured
    assert captured >= 2
    say(networks, decoder, OTHER_TEXT, seed=2, most=200)
    assert runner.captured == captured
    say(networks, decoder, settings=replace(DEFAULTS[networks.family.name], temperature=0.5), most=20)
    assert runner.captured > captured


def test_where_nothing_can_be_captured_steps_run_one_by_one(
    networks: Networks, caplog: pytest.LogCaptureFixture
) -> None:
    runner = HostRunner(captures=False)
    begun_with = runner.generator
    decoder = TokenDecoder(networks.t3, GraphedDecoder(runner, LONGEST))
    for _ in range(2):
        assert say(networks, decoder) == say(networks, TokenDecoder(networks.t3))
    assert caplog.text.count("no graph could be captured") == 1
    assert runner.tried == 1
    # CUDA's may refuse to draw after a capture that was broken off.
    assert runner.generator is not begun_with


def test_memory_that_runs_out_in_a_capture_is_no_missing_graph(networks: Networks) -> None:
    runner = HostRunner(captures=False, failure=torch.OutOfMemoryError)
    decoder = TokenDecoder(networks.t3, GraphedDecoder(runner, LONGEST))
    for tried in (1, 2):
        with pytest.raises(torch.OutOfMemoryError):
            say(networks, decoder)
        assert runner.tried == tried


def test_what_was_drawn_past_the_end_is_dropped(networks: Networks, runner: HostRunner) -> None:
    whole = say(networks, TokenDecoder(networks.t3), most=60)
    stop = networks.t3.hp.stop_speech_token
    # The model ends where it would draw the first token of all that is new after ten.
    last = next(index for index in range(10, 60) if whole[index] not in whole[:index])
    networks.t3.hp.stop_speech_token = whole[last]
    try:
        assert say(networks, TokenDecoder(networks.t3, GraphedDecoder(runner, LONGEST)), most=60) == whole[:last]
    finally:
        networks.t3.hp.stop_speech_token = stop


@pytest.mark.parametrize("most", [1, 2, BATCH, BATCH + 1, BATCH * IN_FLIGHT + 2])
def test_exactly_as_many_are_drawn_as_asked_for(networks: Networks, runner: HostRunner, most: int) -> None:
    decoder = TokenDecoder(networks.t3, GraphedDecoder(runner, LONGEST))
    assert say(networks, decoder, most=most) == say(networks, TokenDecoder(networks.t3), most=most)
    assert decoder.steps == most


def test_cancelling_ends_before_the_next_batch_and_the_next_utterance_is_whole(
    networks: Networks, runner: HostRunner
) -> None:
    decoder = TokenDecoder(networks.t3, GraphedDecoder(runner, LONGEST))
    heard = 0

    def cancelled() -> bool:
        return heard >= 10

    generator = torch.Generator().manual_seed(1)
    with pytest.raises(Cancelled):
        for _ in decoder.stream(TEXT, networks.conditionals, DEFAULTS[networks.family.name], 500, cancelled, generator):
            heard += 1
    assert 10 <= heard < 10 + BATCH
    assert say(networks, decoder) == say(networks, TokenDecoder(networks.t3))


def test_an_utterance_beside_another_goes_without(networks: Networks, runner: HostRunner) -> None:
    decoder = TokenDecoder(networks.t3, GraphedDecoder(runner, LONGEST))
    settings = DEFAULTS[networks.family.name]
    generator = torch.Generator().manual_seed(1)
    first = decoder.stream(TEXT, networks.conditionals, settings, 45, lambda: False, generator)
    begun = [next(first) for _ in range(5)]
    plain = TokenDecoder(networks.t3)
    assert say(networks, decoder, OTHER_TEXT, seed=2) == say(networks, plain, OTHER_TEXT, seed=2)
    assert begun + list(first) == say(networks, plain)


def test_scores_that_are_not_numbers_are_an_error(networks: Networks, runner: HostRunner) -> None:
    decoder = TokenDecoder(networks.t3, GraphedDecoder(runner, LONGEST))
    say(networks, decoder, most=5)
    head = networks.t3.speech_head.weight
    kept = head[0].clone()
    head[0] = float("nan")
    try:
        with pytest.raises(EngineError, match="not numbers"):
            say(networks, decoder)
    finally:
        head[0] = kept
    assert say(networks, decoder) == say(networks, TokenDecoder(networks.t3))


@pytest.mark.slow(1)
def test_the_cache_stays_and_grows_with_the_longest_text(networks: Networks, runner: HostRunner) -> None:
    graphed = GraphedDecoder(runner, LONGEST)
    decoder = TokenDecoder(networks.t3, graphed)
    assert graphed.bytes == 0
    say(networks, decoder, most=20)
    small = graphed.bytes
    say(networks, decoder, most=400)
    large = graphed.bytes
    assert large > small > 0
    say(networks, decoder, most=20)
    assert graphed.bytes == large
    graphed.release()
    assert graphed.bytes == 0
    assert say(networks, decoder) == say(networks, TokenDecoder(networks.t3))


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("layout", ["english", "turbo"])
def test_captured_graphs_draw_the_tokens_of_steps_that_are_waited_for(tiny: Tiny, layout: str) -> None:
    device = torch.device("cuda")
    networks = load(tiny(layout), FAMILIES[layout], checkpoints.computing_in("float32", "cuda"))
    decoder = TokenDecoder(networks.t3, GraphedDecoder(CudaGraphRunner(device), LONGEST))
    plain = TokenDecoder(networks.t3)
    plain._graphed = None
    for text, seed in ((TEXT, 1), (OTHER_TEXT, 2), (TEXT, 1)):
        assert say(networks, decoder, text, seed=seed, most=200) == say(networks, plain, text, seed=seed, most=200)
