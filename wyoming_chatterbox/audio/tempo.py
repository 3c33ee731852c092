"""Faster and slower speech at the same pitch, by ffmpeg's atempo (WSOLA), in a stream."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from . import SAMPLE_RATE, Block

if TYPE_CHECKING:
    from av.audio.frame import AudioFrame
    from av.filter import Graph

SLOWEST = 0.25
FASTEST = 4.0

_SLOWEST_FILTER = 0.5
"""The least that one atempo takes; a lower speed needs two of them."""
_LEAD = 320
"""Samples of silence before the first, as they come out; they are thrown away again. atempo works in steps of 512: with
these, the first step that holds speech is complete up to 30 ms earlier."""
_FIRST_LARGEST = 60
_LARGEST = 240
"""Samples that atempo takes at a time, before anything has come out and later; it gives out as many as they become."""
_SMALLEST = 48
"""The fewest samples that atempo takes: it fails where they would become none."""
_TAIL = np.zeros(8192, np.float32)
"""Silence that pushes the last samples out: more than atempo ever holds back."""


class Tempo:
    """Makes a stream `speed` times as fast, from 0.25 to 4: n samples become exactly round(n / speed).

    The first samples come out when 50 to 60 ms of the stream are in, or 80 ms where it becomes more than twice as fast
    or less than half. At 1.0 each block goes through as it is.
    """

    def __init__(self, speed: float) -> None:
        if not SLOWEST <= speed <= FASTEST:
            raise ValueError(f"speed must be from {SLOWEST:g} to {FASTEST:g}, not {speed:g}")
        self._speed = speed
        self._graph: Graph | None = None
        self._waiting = np.zeros(0, np.float32)
        self._taken = 0
        self._given = 0
        self._unwanted = _LEAD
        """Samples of the silence before that have yet to come out."""

    def feed(self, block: Block) -> Block:
        """Take samples (n,), of any number; return those that are ready, (m,)."""
        if self._speed == 1.0 or not len(block):
            return block
        if self._graph is None:
            # Importing the library and making the filter take a moment, so they are left to the first block.
            self._graph = _graph(self._speed)
            self._waiting = np.zeros(round(_LEAD * self._speed), np.float32)
        self._taken += len(block)
        self._waiting = np.concatenate([self._waiting, block])
        if len(self._waiting) < _SMALLEST:
            return self._waiting[:0]
        samples, self._waiting = self._waiting, self._waiting[:0]
        return self._filtered(self._graph, samples)

    def finish(self) -> Block:
        """Return the samples held back; the stream is over."""
        if self._graph is None:
            return self._waiting
        left = max(0, round(self._taken / self._speed) - self._given)
        rest = self._filtered(self._graph, np.concatenate([self._waiting, _TAIL]))[:left]
        self._graph = None
        return np.pad(rest, (0, left - len(rest)))

    def _filtered(self, graph: Graph, samples: Block) -> Block:
        parts: list[Block] = []
        largest = _LARGEST if self._given else _FIRST_LARGEST
        for piece in np.array_split(samples, -(-len(samples) // largest)):
            graph.push(_frame(piece))
        try:
            while True:
                parts.append(graph.pull().to_ndarray().reshape(-1).astype(np.float32, copy=False))
        except BlockingIOError:
            pass
        ready = np.concatenate([self._waiting[:0], *parts])
        wanted = ready[self._unwanted :]
        self._unwanted -= len(ready) - len(wanted)
        self._given += len(wanted)
        return wanted


def _graph(speed: float) -> Graph:
    from av.filter import Graph

    graph = Graph()
    last = graph.add_abuffer(sample_rate=SAMPLE_RATE, format="flt", layout="mono")
    twice = speed < _SLOWEST_FILTER
    for each in [_SLOWEST_FILTER, speed / _SLOWEST_FILTER] if twice else [speed]:
        tempo = graph.add("atempo", str(each))
        last.link_to(tempo)
        last = tempo
    last.link_to(graph.add("abuffersink"))
    graph.configure()
    return graph


def _frame(samples: Block) -> AudioFrame:
    from av.audio.frame import AudioFrame

    frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="flt", layout="mono")
    frame.sample_rate = SAMPLE_RATE
    return frame
