"""Whatever an engine raises or yields, its client hears speech or an error, the log says where, the next is served."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.client import CYCLE, plain
from tests.fakes import FakeEngine
from tests.serving import serving, until
from wyoming_chatterbox.engine import Block, Engine, Utterance


class PanicException(BaseException):
    """As pyo3 raises one where Rust panics."""


FAULTS = [
    PanicException("index out of bounds: the len is 3 but the index is 7"),
    SystemExit(3),
    KeyboardInterrupt(),
    asyncio.CancelledError(),
    GeneratorExit(),
    StopIteration(),
    RecursionError("maximum recursion depth exceeded"),
    ValueError("math domain error"),
]
BLOCKS = {
    "no array": [0.0] * 100,
    "NoneType": None,
    "shape (2, 100)": np.zeros((2, 100), np.float32),
    "float64": np.zeros(100),
    "int16": np.zeros(100, np.int16),
    "no numbers": np.array([0.1, np.nan, np.inf], np.float32),
}


def named(fault: object) -> str:
    return type(fault).__name__


class Odd(FakeEngine):
    """Yields this block after its first word."""

    block: Any = None

    def speak(self, utterance: Utterance, cancelled: Callable[[], bool]) -> Iterator[Block]:
        for number, block in enumerate(super().speak(utterance, cancelled)):
            yield self.block if number == 1 else block


class Immediate(FakeEngine):
    """Is no generator: it raises before it returns anything."""

    def speak(self, utterance: Utterance, cancelled: Callable[[], bool]) -> Iterator[Block]:
        if self.failures:
            raise self.failures.pop(0)
        return super().speak(utterance, cancelled)


@pytest.mark.parametrize("fault", FAULTS, ids=named)
async def test_without_a_standby_voice_the_client_gets_an_error_that_names_it(
    tmp_path: Path, fault: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    engine = Immediate("chatterbox")
    async with serving(tmp_path, "--no-standby", load=lambda *_: engine) as running:
        await until(lambda: running.service.lifecycle.chatterbox is engine)
        engine.failures = [fault]
        heard = await plain(running.uri, "One.")
        assert heard.types == ["error"]
        assert heard.error is not None
        assert named(fault) in heard.error.text
        assert (await plain(running.uri, "Two.")).types == CYCLE
    line = next(record.message for record in caplog.records if "failed to say 'One.'" in record.message)
    assert named(fault) in line
    assert "(at tests/test_engine_faults.py:" in line


@pytest.mark.parametrize("fault", FAULTS, ids=named)
async def test_with_one_it_goes_on(tmp_path: Path, fault: BaseException) -> None:
    async with serving(tmp_path) as running:
        running.chatterbox.failures = [fault]
        assert (await plain(running.uri, "One.")).types == CYCLE
        assert running.standby.texts == ["One."]
        assert (await plain(running.uri, "Two.")).types == CYCLE
        assert running.chatterbox.texts == ["One.", "Two."]


@pytest.mark.parametrize("what", BLOCKS)
async def test_a_block_that_is_no_sound_is_named(tmp_path: Path, what: str, caplog: pytest.LogCaptureFixture) -> None:
    engine = Odd("chatterbox")
    engine.block = BLOCKS[what]
    async with serving(tmp_path, "--no-standby", load=lambda *_: engine) as running:
        await until(lambda: running.service.lifecycle.chatterbox is engine)
        heard = await plain(running.uri, "One two three.")
        assert heard.types == ["audio-start", "audio-chunk", "error"]
        assert heard.error is not None
        assert what in heard.error.text
        assert (await plain(running.uri, "Four.")).types == CYCLE


async def test_a_block_that_is_no_sound_is_replaced_by_the_standby_voice(tmp_path: Path) -> None:
    engine = Odd("chatterbox")
    engine.block = np.full(2400, np.nan, np.float32)
    async with serving(tmp_path, load=lambda *_: engine) as running:
        await until(lambda: running.service.lifecycle.chatterbox is engine)
        assert (await plain(running.uri, "One and a good many of other words.")).types == CYCLE
        assert len(running.standby.texts) == 1


@pytest.mark.parametrize("fault", FAULTS, ids=named)
async def test_a_load_that_raises_it_is_explained_and_tried_again(
    tmp_path: Path, fault: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    faults = [fault]

    def load(*_: object) -> Engine:
        if faults:
            raise faults.pop()
        return FakeEngine("chatterbox")

    async with serving(tmp_path, load=load) as running:
        lifecycle = running.service.lifecycle
        await until(lambda: lifecycle.chatterbox is not None)
        assert lifecycle.attempts == 2
        assert (await plain(running.uri, "One.")).types == CYCLE
    line = next(record.message for record in caplog.records if "can't speak" in record.message)
    assert named(fault) in line
    assert "(at tests/test_engine_faults.py:" in line


async def test_a_call_that_raises_it_leaves_the_worker_alive(tmp_path: Path) -> None:
    def panic() -> None:
        raise PanicException("no")

    async with serving(tmp_path) as running:
        with pytest.raises(Exception, match="PanicException: no"):
            await running.scheduler.call(panic)
        assert await running.scheduler.call(lambda: 7) == 7


async def test_an_engine_that_panics_as_it_is_closed_is_replaced_all_the_same(tmp_path: Path) -> None:
    class Clinging(FakeEngine):
        def close(self) -> None:
            raise PanicException("no")

    engines: list[FakeEngine] = [Clinging("chatterbox"), FakeEngine("chatterbox")]
    left = list(engines)
    async with serving(tmp_path, load=lambda *_: left.pop(0)) as running:
        await until(lambda: running.service.lifecycle.chatterbox is engines[0])
        engines[0].failures = [ValueError("broken")] * 3
        for _ in range(3):
            await plain(running.uri, "One.")
        await until(lambda: running.service.lifecycle.chatterbox is engines[1])
