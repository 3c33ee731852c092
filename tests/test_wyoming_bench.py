"""wyoming-bench, which measures any Wyoming server, finds nothing wrong with this one."""

from __future__ import annotations

from pathlib import Path

import pytest
from wyoming_bench.tts.bench import bench_server
from wyoming_bench.tts.reporting import Measurement
from wyoming_bench.tts.texts import DEFAULT_TEXTS

from tests.client import PATIENCE
from tests.examples import parameters
from tests.process import server_process

pytestmark = pytest.mark.slow(4)

ROUNDS = 2
"""Seconds: with the tool's own, a busy machine is taken for a server without streaming."""


@pytest.mark.parametrize("mode", parameters("streaming", full=["non_streaming"]))
async def test_every_reply_is_one_audio_cycle_without_failure(tmp_path: Path, mode: str) -> None:
    async with server_process(tmp_path) as server:
        await server.answering()
        port = int(server.uri.rpartition(":")[2])
        seen: list[Measurement] = await bench_server(
            *("127.0.0.1", port, list(DEFAULT_TEXTS), [mode], None, None, ROUNDS, 0, False, 0.05, PATIENCE, PATIENCE),
            probe_timeout=PATIENCE,
        )
        assert len(seen) == ROUNDS * len(DEFAULT_TEXTS)
        assert [one.error for one in seen if not one.ok] == []
        assert {one.mode for one in seen} == {mode}
        assert {one.n_audio_cycles for one in seen} == {1}
        assert all(one.audio_duration_s > 0.3 for one in seen)
        statistics = (await server.get("info"))["statistics"]
        assert isinstance(statistics, dict)
        assert statistics["completed_requests"] >= len(seen)
        assert statistics["error_requests"] == 0
