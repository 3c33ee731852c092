"""When the system's clock is set, durations stay what they are."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tests.http_serving import http
from tests.serving import serving, until
from wyoming_chatterbox.engine import Engine
from wyoming_chatterbox.errors import EngineError

YEAR = 365 * 86400.0


def failing(*_: object) -> Engine:
    raise EngineError("no")


@pytest.mark.parametrize("jump", [-YEAR, YEAR])
async def test_neither_uptime_nor_the_next_try_jump_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: float
) -> None:
    now = time.time
    async with http(tmp_path, load=failing, first_retry=60) as server:
        lifecycle = server.running.service.lifecycle
        await until(lambda: lifecycle.failure is not None)
        monkeypatch.setattr(time, "time", lambda: now() + jump)
        _, info = await server.get("/info")
        assert 0 <= info["uptime_seconds"] < 60
        assert 0 < info["status"]["retry_in_seconds"] <= 60
        assert 0 <= info["status"]["state_seconds"] < 60
        assert lifecycle.describe_state().endswith("s")
        assert 0 < int(lifecycle.describe_state().split()[-2]) <= 60


async def test_it_is_tried_again_in_time_after_the_clock_was_set_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = time.time
    async with serving(tmp_path, load=failing, first_retry=0.05) as running:
        await until(lambda: running.service.lifecycle.attempts == 1)
        monkeypatch.setattr(time, "time", lambda: now() - YEAR)
        await until(lambda: running.service.lifecycle.attempts > 3)
