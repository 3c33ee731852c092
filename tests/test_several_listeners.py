"""Several listeners at once: each hears the first word soon, and none of them runs dry for another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.client import CYCLE, plain
from tests.fakes import WORD_SECONDS, FakeEngine
from tests.serving import serving, until
from wyoming_chatterbox.engine import Block, Utterance, Voice
from wyoming_chatterbox.errors import EngineError, OutOfMemoryError, ShuttingDownError
from wyoming_chatterbox.speech.playback import Playback
from wyoming_chatterbox.speech.scheduler import Scheduler

LONG = " ".join(["one"] * 100)
"""Ten seconds in one utterance."""
SHORT = " ".join(["two"] * 5)
ONE_UTTERANCE = ("--max-chunk-length", "500")


class Noting(FakeEngine):
    """Notes whose step each one is; the sound of "one" is turned round in all other texts."""

    def __init__(self) -> None:
        super().__init__("chatterbox")
        self.order: list[str] = []
        self.broken: str | None = None
        """The text whose next step fails."""
        self.error: Exception = EngineError("it stumbled")

    def speak(self, utterance: Utterance, cancelled: Callable[[], bool]) -> Iterator[Block]:
        word = utterance.text.split()[0].strip(".")
        for block in super().speak(utterance, cancelled):
            if word == self.broken:
                self.broken = None
                raise self.error
            self.order.append(word)
            yield block if word == "one" else -block

    def steps_of(self, word: str) -> list[int]:
        return [step for step, said in enumerate(self.order) if said == word]


async def while_another_is_spoken_to(
    directory: Path, engine: Noting, then: Callable[[], None] = lambda: None, *flags: str
) -> tuple[np.ndarray, np.ndarray]:
    """Ask for `LONG`, and in the midst of it for `SHORT`; `then` is called before the engine goes on."""
    async with serving(directory, *ONE_UTTERANCE, *flags, load=lambda *_: engine) as server:
        await until(lambda: server.service.lifecycle.chatterbox is engine)
        engine.pause_after = 20
        first = asyncio.create_task(plain(server.uri, LONG))
        await until(lambda: engine.steps == 20)
        second = asyncio.create_task(plain(server.uri, SHORT))
        await until(lambda: server.scheduler.waiting == 2)
        then()
        engine.pause_after = None
        heard = await first, await second
        assert [one.types for one in heard] == [CYCLE, CYCLE]
        assert not server.scheduler.waiting
    return tuple(np.frombuffer(one.audio, "<i2") for one in heard)  # type: ignore[return-value]


async def test_a_second_listener_need_not_wait_for_the_end_of_the_first_ones_utterance(tmp_path: Path) -> None:
    engine = Noting()
    first, second = await while_another_is_spoken_to(tmp_path, engine)
    assert engine.steps_of("two")[0] < engine.steps_of("one")[-1]
    samples = round(WORD_SECONDS * engine.sample_rate)
    assert len(first) == 100 * samples
    assert len(second) == 5 * samples
    assert np.array_equal(first[: len(second)], -second), "each has its own sound"


async def test_a_listener_who_leaves_midway_frees_the_place_beside_the_other(tmp_path: Path) -> None:
    engine = Noting()
    async with serving(tmp_path, *ONE_UTTERANCE, load=lambda *_: engine) as server:
        await until(lambda: server.service.lifecycle.chatterbox is engine)
        engine.pause_after = 20
        first = asyncio.create_task(plain(server.uri, LONG))
        await until(lambda: engine.steps == 20)
        leaving = asyncio.create_task(plain(server.uri, LONG.replace("one", "two")))
        third = asyncio.create_task(plain(server.uri, SHORT.replace("two", "three")))
        await until(lambda: server.scheduler.waiting == 3)
        engine.pause_after = 60
        await until(lambda: engine.steps == 60)
        leaving.cancel()
        await until(lambda: server.scheduler.waiting == 2)
        engine.pause_after = None
        assert (await first).seconds == pytest.approx(10)
        assert (await third).seconds == pytest.approx(0.5)
        assert len(engine.steps_of("two")) < 100


async def test_an_error_of_one_is_no_error_of_the_other(tmp_path: Path) -> None:
    engine = Noting()

    def break_the_second() -> None:
        engine.broken = "two"

    first, second = await while_another_is_spoken_to(tmp_path, engine, break_the_second)
    assert len(first) == 100 * round(WORD_SECONDS * engine.sample_rate)
    assert len(second)


async def test_once_memory_ran_out_one_utterance_is_finished_before_the_next(tmp_path: Path) -> None:
    engine = Noting()
    engine.error = OutOfMemoryError("two are too many")

    def break_the_second() -> None:
        engine.broken = "two"

    await while_another_is_spoken_to(tmp_path, engine, break_the_second)
    assert engine.cleaned
    assert engine.steps_of("two")[0] > engine.steps_of("one")[-1]


async def test_the_end_of_the_server_ends_both_who_are_under_way() -> None:
    scheduler, engine = Scheduler(1000), Noting()
    both = [
        scheduler.speak(engine, Utterance(f"{word} " * 10_000, Voice("own", "en"), seed=1)) for word in ("one", "two")
    ]
    for blocks in both:
        await anext(blocks)
    await scheduler.close()
    assert not scheduler.busy
    for blocks in both:
        with pytest.raises(ShuttingDownError):
            while True:
                await anext(blocks)
    assert scheduler.waiting == 0
    assert len(engine.order) < 20_000


@pytest.mark.slow(1)
async def test_a_pause_is_no_sign_of_a_fast_machine() -> None:
    """A pause before the first word is noted while the engine makes the second block, for example."""
    playback = Playback()

    class Slow(Noting):
        def speak(self, utterance: Utterance, cancelled: Callable[[], bool]) -> Iterator[Block]:
            for block in super().speak(utterance, cancelled):
                playback.pause(10)
                time.sleep(1.2 * WORD_SECONDS / 10)
                yield block[::10]

    scheduler, engine = Scheduler(1000), Slow()

    async def listen(text: str, playback: Playback) -> None:
        async for _ in scheduler.speak(engine, Utterance(text, Voice("own", "en"), seed=1), playback):
            pass

    await asyncio.gather(listen("one " * 10, playback), listen("two " * 10, Playback()))
    await scheduler.close()
    assert engine.order == ["one"] * 10 + ["two"] * 10
