"""T3's steps without waiting for the device: captured once for each length of the cache, replayed ahead of the reader.

A step of a GPU's is hundreds of small kernels, which take longer to launch than to run: captured in a CUDA graph they
are launched as one. What a step changes are tensors that stay where they are, the drawn ids among them; the host reads
those some steps later, and drops what was drawn past the end. Meanwhile, on a stream of their own, steps run beside the
flow and the vocoder.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import torch

from ...errors import Cancelled
from ..failures import is_out_of_memory
from .kv_cache import KVCache, Span, rounded_up
from .sampling import Sampler

_LOGGER = logging.getLogger(__name__)

BATCH = 4
"""Steps whose ids are read together."""
IN_FLIGHT = 4
"""Batches handed to the device before the first of them is read."""

Launch = Callable[[], None]
Read = Callable[[], list[int]]


@dataclass
class State:
    """Where an utterance's decoding is. What a step changes are tensors, in place, so that it can be replayed."""

    cache: KVCache
    position: torch.Tensor
    """(1,) int64: the position in the cache of the token that comes next."""
    spoken: torch.Tensor
    """(1,) int64: that token's number among the speech tokens, of which the start token is 0."""
    length: int
    """`position` as the host knows it."""

    @classmethod
    def after(cls, cache: KVCache, length: int) -> State:
        """The state after a prefix of `length` positions."""
        position = torch.full((1,), length, dtype=torch.long, device=cache.keys.device)
        return cls(cache, position, torch.ones_like(position), length)


Step = Callable[[torch.Tensor, State, Span], torch.Tensor]
"""Token (1, 1), state, span -> logits (1, vocabulary): advances the state, and never waits for the device."""


class Runner(Protocol):
    """How a device runs steps that were handed to it, and gives back what they drew."""

    generator: torch.Generator
    """Of every draw; its state is set anew for each utterance."""

    def follow(self) -> None:
        """Have the steps that are launched next come after all that the device was given so far."""

    def settle(self) -> None:
        """Have whatever the device is given next come after all steps so far."""

    def running(self) -> AbstractContextManager[Any]:
        """Within it, what is launched goes where steps run."""

    def capture(self, step: Launch) -> Launch:
        """What does the step's work whenever it is called. May run the step itself, too, a few times."""

    def read(self, ids: torch.Tensor) -> Read:
        """Ask for ids (n,); what is returned waits for them."""


class Replay:
    """Runs the steps of one utterance after another, over a cache that stays, and grows with the longest text."""

    def __init__(self, runner: Runner, longest: int) -> None:
        """`longest` is the most tokens of an utterance."""
        self.busy = False
        """An utterance is under way: there is one cache, so another has to do without."""
        self._runner = runner
        self._captures = True
        self._cache: KVCache | None = None
        self._launches: dict[int, Launch] = {}
        """By the number of positions attended."""
        self._state: State | None = None
        self._sampler: Sampler | None = None
        device = runner.generator.device
        self._token = torch.zeros(1, 1, dtype=torch.long, device=device)
        self._ids = torch.zeros(longest + 1, dtype=torch.long, device=device)
        """By their number among the speech tokens."""

    def cache(self, make: Callable[[int, int], KVCache], rows: int, length: int) -> KVCache:
        """A cache to begin an utterance in, with room for `length` positions: the last one's, or what `make` makes of
        rows and length."""
        self._runner.settle()
        if self._cache is None or self._cache.rows != rows or self._cache.length < length:
            self.release()
            self._cache = make(rows, length)
        return self._cache

    @property
    def bytes(self) -> int:
        """Of the cache."""
        return self._cache.bytes if self._cache else 0

    def release(self) -> None:
        """Give the cache back, and the graphs that know its place."""
        self._runner.settle()
        self._launches.clear()
        self._cache = self._state = None

    def run(
        self,
        step: Step,
        state: State,
        first: torch.Tensor,
        sampler: Sampler,
        generator: torch.Generator | None,
        most: int,
        cancelled: Callable[[], bool],
    ) -> Iterator[list[int]]:
        """Yield the ids that follow the `first` (1, 1), in batches, until `most` were drawn with it.

        `state` stands after a prefix in this object's cache, and `sampler` has drawn the first id. Draws go on as
        `generator`'s would, or from any seed for None; -1 is drawn from logits that are not numbers.
        `cancelled()` is asked before each batch, and `Cancelled` raised when it is true.
        """
        runner = self._runner
        self._begin(state, first, sampler)
        if generator is None:
            runner.generator.manual_seed(int(torch.randint(2**62, ())))
        else:
            runner.generator.set_state(generator.get_state())
        runner.follow()
        issued = 1
        pending: deque[Read] = deque()
        while pending or issued < most:
            while issued < most and len(pending) < IN_FLIGHT:
                if cancelled():
                    raise Cancelled
                batch = min(BATCH, most - issued)
                with runner.running():
                    for _ in range(batch):
                        self._launch(step)
                    issued += batch
                    pending.append(runner.read(self._ids[issued + 1 - batch : issued + 1]))
            yield pending.popleft()()

    def _begin(self, state: State, first: torch.Tensor, sampler: Sampler) -> None:
        """Put an utterance's state where the captured steps look for it."""
        mine, drawing = self._state, self._sampler
        self._token.copy_(first.clamp(min=0))
        if mine is None or drawing is None or mine.cache is not state.cache or drawing.settings != sampler.settings:
            self._launches.clear()
            self._state, self._sampler = state, sampler
        else:
            mine.position.copy_(state.position)
            mine.spoken.copy_(state.spoken)
            mine.length = state.length
            drawing.go_on_from(sampler)

    def _launch(self, step: Step) -> None:
        state = self._state
        assert state is not None
        state.length += 1
        attended = min(rounded_up(state.length), state.cache.length)
        if attended not in self._launches:
            self._launches[attended] = self._captured(step, attended)
        self._launches[attended]()

    def _captured(self, step: Step, attended: int) -> Launch:
        """One step, from token to token, as the runner captures it; what trying it changed is put back."""
        state, sampler = self._state, self._sampler
        assert state is not None
        assert sampler is not None

        def whole_step() -> None:
            logits = step(self._token, state, Span.causal(state.position, attended))
            drawn = sampler.draw(logits, self._runner.generator)
            self._ids.index_copy_(0, state.spoken, drawn[0])
            # Looking up -1 would end the whole process's use of a GPU.
            self._token.copy_(drawn.clamp(min=0))

        if not self._captures:
            return whole_step
        changed = (state.position, state.spoken, self._token, sampler.seen)
        before = [tensor.clone() for tensor in changed]
        dice = self._runner.generator.get_state()
        try:
            launch = self._runner.capture(whole_step)
        except RuntimeError as err:
            if is_out_of_memory(err):
                raise
            _LOGGER.warning("This GPU runs step by step, as no graph could be captured: %s", err)
            # A generator that a capture was broken off with may go on refusing to draw outside one.
            self._runner.generator = torch.Generator(self._runner.generator.device)
            self._captures = False
            self._launches.clear()
            launch = whole_step
        for tensor, value in zip(changed, before, strict=True):
            tensor.copy_(value)
        self._runner.generator.set_state(dice)
        return launch


class CudaRunner:
    """Runs steps as CUDA graphs, on a stream of their own."""

    _TRIALS = 2
    """Runs before a capture, in which libraries choose kernels and allocate what they keep."""

    def __init__(self, device: torch.device) -> None:
        self.generator = torch.Generator(device)
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()

    def follow(self) -> None:
        self._stream.wait_stream(torch.cuda.current_stream(self._device))

    def settle(self) -> None:
        torch.cuda.current_stream(self._device).wait_stream(self._stream)

    def running(self) -> AbstractContextManager[Any]:
        context: AbstractContextManager[Any] = torch.cuda.stream(self._stream)
        return context

    def capture(self, step: Launch) -> Launch:
        for _ in range(self._TRIALS):
            step()
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self.generator)
        # Another thread, loading something, may allocate meanwhile.
        with torch.cuda.graph(graph, pool=self._pool, stream=self._stream, capture_error_mode="thread_local"):
            step()
        return graph.replay

    def read(self, ids: torch.Tensor) -> Read:
        host = torch.empty(ids.shape, dtype=ids.dtype, pin_memory=True)
        host.copy_(ids, non_blocking=True)
        there = torch.cuda.Event()  # type: ignore[no-untyped-call]
        there.record(self._stream)

        def wait() -> list[int]:
            there.synchronize()
            drawn: list[int] = host.tolist()
            return drawn

        return wait
