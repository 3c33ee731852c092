"""Objects that are alive while Chatterbox loads, or fails to load, can be collected once nobody needs them.

tests/test_garbage.py runs these.
"""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.client import plain
from tests.fakes import FakeEngine
from tests.http_serving import http
from tests.serving import serving, until
from wyoming_chatterbox.engine import Engine
from wyoming_chatterbox.errors import EngineError
from wyoming_chatterbox.speech import memory


class Knot:
    """Garbage that only a collection finds: it holds itself."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    gc.unfreeze()
    yield
    gc.unfreeze()


def failing(*_: object) -> Engine:
    raise EngineError("no")


async def test_failed_tries_leave_no_garbage_behind(tmp_path: Path) -> None:
    alive: list[Knot] = []
    seen: list[weakref.ref[Knot]] = []
    async with serving(tmp_path, load=failing, first_retry=0.01) as running:
        lifecycle = running.service.lifecycle
        for attempt in range(1, 5):
            alive.append(Knot())
            seen.append(weakref.ref(alive[-1]))
            await until(lambda attempt=attempt: lifecycle.attempts > attempt)  # type: ignore[misc]
            alive.clear()
        gc.collect()
        assert [knot() for knot in seen] == [None] * 4
        assert gc.get_freeze_count() == 0


async def test_a_further_load_frees_what_became_garbage_after_the_one_before(tmp_path: Path) -> None:
    counts: list[int] = []
    gone: list[weakref.ref[Knot]] = []
    async with serving(tmp_path, load=lambda *_: FakeEngine("chatterbox"), settle=memory.settle) as running:
        lifecycle = running.service.lifecycle
        for load in range(1, 4):
            await until(lambda load=load: lifecycle.counters.loads == load)  # type: ignore[misc]
            counts.append(gc.get_freeze_count())
            knot = Knot()
            gone.append(weakref.ref(knot))
            memory.settle()
            del knot
            engine = lifecycle.chatterbox
            assert isinstance(engine, FakeEngine)
            engine.failures = [EngineError("broken")] * 3
            for _ in range(3):
                await plain(running.uri, "One.")
        await until(lambda: lifecycle.counters.loads == 4)
        assert [knot() for knot in gone] == [None] * 3
    assert min(counts) > 0, "what stays is left out of collections"
    assert max(counts) - counts[0] < 0.1 * counts[0]


async def test_cleaning_collects_all_and_leaves_out_nothing_where_there_is_no_model(tmp_path: Path) -> None:
    async with http(tmp_path, load=failing, first_retry=60) as server:
        await until(lambda: server.running.service.lifecycle.failure is not None)
        knot = Knot()
        gone = weakref.ref(knot)
        del knot
        async with server.client.post("/memory/cleanup") as response:
            assert response.status == 200
        assert gone() is None
        assert gc.get_freeze_count() == 0


async def test_cleaning_finds_what_was_left_out_and_leaves_the_model_out_again(tmp_path: Path) -> None:
    async with http(tmp_path, settle=memory.settle) as server:
        knot = Knot()
        gone = weakref.ref(knot)
        memory.settle()
        del knot
        gc.collect()
        assert gone() is not None
        async with server.client.post("/memory/cleanup") as response:
            assert response.status == 200
        assert gone() is None
        assert gc.get_freeze_count() > 0
