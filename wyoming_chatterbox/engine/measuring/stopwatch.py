"""Measures how long the parts of an utterance take."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

_END = object()


class Stopwatch:
    """Seconds spent in each part of one utterance.

    It measures only while `running`, because on a GPU it waits for the end of each part, so that parts don't overlap.
    """

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self.running = False
        self.seconds: defaultdict[str, float] = defaultdict(float)
        """Seconds by part."""
        self.passes = 0
        """Passes through T3; the first is the prefill."""
        self.prefill = 0.0
        """Seconds that T3 took until its first token."""
        self.tokens: list[int] = []
        """Tokens that T3 drew, without those that are no sound."""
        self._began: dict[str, float] = {}

    def clear(self) -> None:
        self.seconds.clear()
        self.passes = 0
        self.prefill = 0.0
        self.tokens = []

    def now(self) -> float:
        """Wait for the device to finish its work, and return the time in seconds."""
        if self._device.type == "cuda":
            torch.cuda.synchronize(self._device)
        elif self._device.type == "mps":
            torch.mps.synchronize()
        return time.perf_counter()

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """Wrap a function, or one that returns an iterator, so that the time spent in it counts for `part`."""

        def call(*args: Any, **kwargs: Any) -> Any:
            if not self.running:
                return function(*args, **kwargs)
            with self._counting(part):
                result = function(*args, **kwargs)
            return self._each(part, result) if isinstance(result, Iterator) else result

        return call

    def t3_pass(self) -> None:
        """Note that T3 begins another pass."""
        if not self.running:
            return
        self.passes += 1
        if self.passes == 2:
            self.t3_began()

    def t3_began(self) -> None:
        """Note that T3 has finished its first pass, or drawn its first token."""
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
