"""How long the parts of an utterance take, wherever the callables that do them are."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

_END = object()


class Stopwatch:
    """Seconds spent in each part of one utterance. Only while `running`: on a GPU, a part's end has to be waited for,
    which keeps parts from overlapping."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.running = False
        self.seconds: defaultdict[str, float] = defaultdict(float)
        """By part."""
        self.passes = 0
        """Through T3: the first is the prefill."""
        self.prefill = 0.0
        """Of T3's seconds, those until its first token was there."""
        self.tokens: list[int] = []
        """What T3 drew, less what is no sound."""
        self._began: dict[str, float] = {}

    def clear(self) -> None:
        self.seconds.clear()
        self.passes = 0
        self.prefill = 0.0
        self.tokens = []

    def now(self) -> float:
        """Seconds, once the device has done what it was given."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        elif self._device.type == "mps":
            torch.mps.synchronize()
        return time.perf_counter()

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, or one that returns an iterator, with the time spent in it counted."""

        def call(*args: Any, **kwargs: Any) -> Any:
            if not self.running:
                return function(*args, **kwargs)
            with self._counting(part):
                result = function(*args, **kwargs)
            return self._each(part, result) if isinstance(result, Iterator) else result

        return call

    def t3_pass(self) -> None:
        """T3 is about to run once more."""
        if not self.running:
            return
        self.passes += 1
        if self.passes == 2:
            self.t3_began()

    def t3_began(self) -> None:
        """T3 has done its first pass, or drawn its first token."""
        if self.running:
            self.prefill = self.seconds["t3"] + self.now() - self._began["t3"]

    def _each(self, part: str, results: Iterator[Any]) -> Iterator[Any]:
        while True:
            with self._counting(part):
                result = next(results, _END)
            if result is _END:
                return
            yield result

    @contextmanager
    def _counting(self, part: str) -> Iterator[None]:
        self._began[part] = self.now()
        yield
        self.seconds[part] += self.now() - self._began[part]
