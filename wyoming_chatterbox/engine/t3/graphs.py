"""T3's steps as CUDA graphs: captured once for each length of the KV cache, replayed ahead of the reader.

On a GPU a step is hundreds of small kernels, which take longer to launch than to run: captured in a CUDA graph they are
launched as one. A step changes tensors in place, the drawn ids among them; the host reads the ids some steps later and
drops those drawn past the end. The steps have a CUDA stream of their own and run beside the flow and the vocoder.
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

Read = Callable[[], list[int]]
"""Waits for ids that a step drew, and returns them."""


@dataclass
class State:
    """How far an utterance is decoded. A step changes these tensors in place, so that a graph of it can be replayed."""

    cache: KVCache
    position: torch.Tensor
    """(1,) int64: position of the next token in the cache."""
    spoken: torch.Tensor
    """(1,) int64: number of the next token among the speech tokens; the start token is 0."""
    length: int
    """The host's copy of `position`."""

    @classmethod
    def after(cls, cache: KVCache, length: int) -> State:
        """Make the state after a prefix of `length` positions."""
        position = torch.full((1,), length, dtype=torch.long, device=cache.keys.device)
        return cls(cache, position, torch.ones_like(position), length)


Step = Callable[[torch.Tensor, State, Span], torch.Tensor]
"""Token (1, 1), state, span -> logits (1, vocabulary): advances the state, and never waits for the device."""


class GraphRunner(Protocol):
    """Captures steps as graphs, runs them on a device, and reads the ids they drew."""

    generator: torch.Generator
    """Source of every draw; each utterance sets its state anew."""

    def graph_stream_waits(self) -> None:
        """Make the graphs' stream wait for all work that the current stream has so far."""

    def current_stream_waits(self) -> None:
        """Make the current stream wait for all steps so far."""

    def on_graph_stream(self) -> AbstractContextManager[Any]:
        """Return a context in which launches go to the graphs' stream."""

    def capture(self, step: Callable[[], None]) -> Callable[[], None]:
        """Capture a step, and return a function that replays it. The step itself may run a few times meanwhile."""

    def read(self, ids: torch.Tensor) -> Read:
        """Start copying ids (n,) to the host; the returned function waits for them."""


class GraphedDecoder:
    """Decodes one utterance after another with graphs, in one KV cache that grows with the longest text."""

    def __init__(self, runner: GraphRunner, longest: int) -> None:
        """`longest` is the most tokens that an utterance can have."""
        self.busy = False
        """Whether an utterance is under way. There is one cache, so a second utterance has to decode without graphs."""
        self._runner = runner
        self._captures = True
        self._cache: KVCache | None = None
        self._graphs: dict[int, Callable[[], None]] = {}
        """Graphs by the number of positions attended."""
        self._state: State | None = None
        self._sampler: Sampler | None = None
        device = runner.generator.device
        self._token = torch.zeros(1, 1, dtype=torch.long, device=device)
        self._ids = torch.zeros(longest + 1, dtype=torch.long, device=device)
        """Drawn ids, indexed by `State.spoken`."""

    def cache(self, make: Callable[[int, int], KVCache], rows: int, length: int) -> KVCache:
        """Return a cache with room for `length` positions: the last utterance's, or one from `make(rows, length)`."""
        self._runner.current_stream_waits()
        if self._cache is None or self._cache.rows != rows or self._cache.length < length:
            self.release()
            self._cache = make(rows, length)
        return self._cache

    @property
    def bytes(self) -> int:
        """Bytes of the cache."""
        return self._cache.bytes if self._cache else 0

    def release(self) -> None:
        """Free the cache, and the graphs that hold its address."""
        self._runner.current_stream_waits()
        self._graphs.clear()
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
        """Yield the `first` id (1, 1) and those that follow it, in batches, until `most` were drawn.

        `state` is the one after a prefix in this object's cache, and `sampler` has drawn the first id. Draws are those
        that `generator` would make next, or from any seed for None; an id of -1 means logits that are not numbers.
        `cancelled()` is called before each batch; where it is true, `Cancelled` is raised.
        """
        runner = self._runner
        self._begin(state, first, sampler)
        if generator is None:
            runner.generator.manual_seed(int(torch.randint(2**62, ())))
        else:
            runner.generator.set_state(generator.get_state())
        runner.graph_stream_waits()
        # The first id is read with the first batch, so that steps are launched while the prefix is computed.
        issued, asked = 1, 0
        pending: deque[Read] = deque()
        while pending or asked < most:
            while asked < most and len(pending) < IN_FLIGHT:
                if cancelled():
                    raise Cancelled
                batch = min(BATCH, most - issued)
                with runner.on_graph_stream():
                    for _ in range(batch):
                        self._replay(step)
                    issued += batch
                    pending.append(runner.read(self._ids[asked + 1 : issued + 1]))
                asked = issued
            yield pending.popleft()()

    def _begin(self, state: State, first: torch.Tensor, sampler: Sampler) -> None:
        """Copy an utterance's state to the tensors that the captured steps use."""
        mine, drawing = self._state, self._sampler
        self._token.copy_(first.clamp(min=0))
        self._ids[1:2].copy_(first[0])
        if mine is None or drawing is None or mine.cache is not state.cache or drawing.settings != sampler.settings:
            self._graphs.clear()
            self._state, self._sampler = state, sampler
        else:
            mine.position.copy_(state.position)
            mine.spoken.copy_(state.spoken)
            mine.length = state.length
            drawing.go_on_from(sampler)

    def _replay(self, step: Step) -> None:
        state = self._state
        assert state is not None
        state.length += 1
        attended = min(rounded_up(state.length), state.cache.length)
        if attended not in self._graphs:
            self._graphs[attended] = self._captured(step, attended)
        self._graphs[attended]()

    def _captured(self, step: Step, attended: int) -> Callable[[], None]:
        """Have the runner capture one step, from token to token, and restore what the trial runs changed."""
        state, sampler = self._state, self._sampler
        assert state is not None
        assert sampler is not None

        def whole_step() -> None:
            logits = step(self._token, state, Span.causal(state.position, attended))
            drawn = sampler.draw(logits, self._runner.generator)
            self._ids.index_copy_(0, state.spoken, drawn[0])
            # An embedding look-up of -1 would make the GPU unusable for the whole process.
            self._token.copy_(drawn.clamp(min=0))

        if not self._captures:
            return whole_step
        changed = (state.position, state.spoken, self._token, sampler.seen)
        before = [tensor.clone() for tensor in changed]
        generator_state = self._runner.generator.get_state()
        try:
            replay = self._runner.capture(whole_step)
        except RuntimeError as err:
            if is_out_of_memory(err):
                raise
            _LOGGER.warning("This GPU runs step by step, as no graph could be captured: %s", err)
            # After a failed capture the generator may refuse to draw outside of one.
            self._runner.generator = torch.Generator(self._runner.generator.device)
            self._captures = False
            self._graphs.clear()
            replay = whole_step
        for tensor, value in zip(changed, before, strict=True):
            tensor.copy_(value)
        self._runner.generator.set_state(generator_state)
        return replay


class CudaGraphRunner:
    """Runs steps as CUDA graphs, on a CUDA stream of their own."""

    _TRIALS = 2
    """Runs before a capture, in which libraries choose their kernels and allocate their workspaces."""

    def __init__(self, device: torch.device) -> None:
        self.generator = torch.Generator(device)
        self._device = device
        self._stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        self._pool = torch.cuda.graph_pool_handle()

    def graph_stream_waits(self) -> None:
        self._stream.wait_stream(torch.cuda.current_stream(self._device))

    def current_stream_waits(self) -> None:
        torch.cuda.current_stream(self._device).wait_stream(self._stream)

    def on_graph_stream(self) -> AbstractContextManager[Any]:
        context: AbstractContextManager[Any] = torch.cuda.stream(self._stream)
        return context

    def capture(self, step: Callable[[], None]) -> Callable[[], None]:
        for _ in range(self._TRIALS):
            step()
        graph = torch.cuda.CUDAGraph()
        graph.register_generator_state(self.generator)
        # Another thread may allocate meanwhile, while it loads something.
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
