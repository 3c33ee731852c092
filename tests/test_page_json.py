"""The page's part of the JSON: why, how others reach the server, limits, memory by the hour, another try."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.client import PATIENCE, describe, plain
from tests.fakes import FakeEngine
from tests.http_serving import http
from tests.ports import free_port
from tests.serving import until
from wyoming_chatterbox import health_check
from wyoming_chatterbox.engine import Description, Engine, Stage
from wyoming_chatterbox.errors import DownloadError
from wyoming_chatterbox.families import FAMILIES
from wyoming_chatterbox.memory_needs import PROCESS_MB, needs
from wyoming_chatterbox.network import reach
from wyoming_chatterbox.precision import PRECISIONS, WEIGHTS_MB, WHYS, Why, choose, lower, wider
from wyoming_chatterbox.speech.memory_history import MemoryHistory, measure
from wyoming_chatterbox.web import page_details


class Gpu(FakeEngine):
    """Turbo on CUDA, with a reason."""

    def describe(self) -> Description:
        why = Why("cuda-fits", {"gpu": "A card", "free_bytes": 8, "total_bytes": 9, "precision": "float16"})
        return Description("turbo", "cuda:0", "float16", "none", "it fits", {"t3": 700, "flow": 300}, why=why)

    def memory(self) -> dict[str, int]:
        return {"allocated": 2_000, "reserved": 3_000, "peak": 0, "free": 4_000, "total": 9_000}

    def caches(self) -> dict[str, int]:
        return {"kv_cache_bytes": 50, "voices": 1, "voices_bytes": 6}


# Why


@pytest.mark.parametrize(
    ("precision", "code", "values"),
    [
        (choose("int8", "turbo", "cpu"), "asked", {"precision": "int8"}),
        (choose("auto", "turbo", "cuda:0", free_mb=8000), "cuda-fits", {"precision": "float16"}),
        (choose("auto", "nano", "cpu"), "cpu-fits", {"precision": "float32"}),
        (choose("auto", "nano", "mps"), "mps-fits", {"precision": "float32"}),
        (
            choose("auto", "nano", "cpu", free_mb=1000),
            "cpu-less",
            {
                "precision": "float16",
                "wanted": "float32",
                "needed_bytes": 1_358_000_000,
                "room_bytes": 1_000_000_000,
                "limited": False,
            },
        ),
        (
            choose("auto", "nano", "cpu", free_mb=1000, limit_mb=10),
            "too-little",
            {
                "precision": "int8",
                "wanted": "float32",
                "needed_bytes": 1_358_000_000,
                "room_bytes": 10_000_000,
                "limited": True,
            },
        ),
        (choose("int4", "turbo", "mps"), "unsupported", {"precision": "int8", "wanted": "int4"}),
        (lower(choose("float32", "turbo", "cpu")), "ran-out", {"precision": "float16", "before": "float32"}),
        (
            wider(choose("float16", "turbo", "cuda:0"), "turbo"),
            "not-numbers",
            {"precision": "bfloat16", "before": "float16"},
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_choice_has_a_code_beside_its_reason(precision: Any, code: str, values: dict[str, Any]) -> None:
    assert (precision.why.code, dict(precision.why.values)) == (code, values)
    assert code in WHYS
    assert precision.reason


async def test_info_says_why(tmp_path: Path) -> None:
    async with http(tmp_path, load=lambda *_: Gpu()) as server:
        await until(lambda: server.running.service.lifecycle.chatterbox is not None)
        _, info = await server.get("/info")
    assert info["why"]["code"] == "cuda-fits"
    assert info["why"]["values"] == {
        "model": "turbo",
        "device": "cuda:0",
        "precision": "float16",
        "auto": ["model", "device", "dtype"],
        "gpu": "A card",
        "free_bytes": 8,
        "total_bytes": 9,
    }
    assert "why" not in info["engine"]
    assert info["status"]["speaking"] == "chatterbox"


# How others reach it


async def test_home_assistant_s_latest_question_is_told_and_our_own_health_check_is_not(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        assert (await server.get("/info"))[1]["home_assistant"] is None
        await health_check.check(server.running.uri, 10)
        assert (await server.get("/info"))[1]["home_assistant"] is None
        await describe(server.running.uri)
        visit = (await server.get("/info"))[1]["home_assistant"]
    assert visit["peer"] == "127.0.0.1"
    assert 0 <= visit["seconds"] < 60


async def test_addresses_are_those_that_others_reach(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reach, "own_address", lambda host: "192.0.2.7" if host == "0.0.0.0" else str(host))
    monkeypatch.setattr(page_details, "in_a_container", lambda: False)
    flags = ("--http-host", "0.0.0.0", "--http-allow", "127.0.0.0/8")
    async with http(tmp_path, *flags, uri=f"tcp://0.0.0.0:{free_port()}") as server:
        _, info = await server.get("/info")
        port, page = server.running.service.reach.wyoming_port, server.server.port
    assert info["addresses"] == {
        "wyoming": {"host": "192.0.2.7", "port": port},
        "page": f"http://192.0.2.7:{page}/",
    }
    assert port == urlsplit(server.running.uri).port


async def test_a_page_that_only_this_machine_reaches_has_no_address_for_others(tmp_path: Path) -> None:
    async with http(tmp_path, uri=f"unix://{tmp_path}/socket") as server:
        _, info = await server.get("/info")
    assert info["addresses"] == {"wyoming": None, "page": None}


async def test_a_container_s_own_address_is_told_only_where_it_is_announced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_details, "in_a_container", lambda: True)
    for flag, host in (("--no-zeroconf", None), ("--zeroconf", "127.0.0.1")):
        async with http(tmp_path, flag) as server:
            _, info = await server.get("/info")
        assert info["addresses"]["wyoming"]["host"] == host


async def test_the_announced_name_is_told(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        assert (await server.get("/info"))[1]["announced"] is None
        server.running.service.reach.announce("chatterbox-2")
        assert (await server.get("/info"))[1]["announced"] == "chatterbox-2"


# What it takes and heeds


@pytest.mark.parametrize("family", ["english", "turbo"])
async def test_info_has_limits_and_what_the_model_heeds(tmp_path: Path, family: str) -> None:
    async with http(tmp_path, "--model", family, "--max-upload-mb", "7") as server:
        _, info = await server.get("/info")
    rules = FAMILIES[family].prompt
    assert info["limits"] == {
        "max_total_length": 10000,
        "max_chunk_length": 280,
        "max_upload_bytes": 7_000_000,
        "shortest_recording": rules.shortest,
    }
    assert {"temperature", "seed", "speed", "loudness", "sentence_pause"} <= set(info["heeds"])
    assert ({"exaggeration", "cfg_weight"} <= set(info["heeds"])) == (family == "english")
    assert ("laugh" in info["sounds"]) == (family == "turbo")


# Memory


async def test_memory_has_a_history_that_begins_with_the_server(tmp_path: Path) -> None:
    async with http(tmp_path, load=lambda *_: Gpu()) as server:
        await until(lambda: server.running.service.lifecycle.chatterbox is not None)
        async with asyncio.timeout(PATIENCE):
            while not (points := (await server.get("/memory"))[1]["history"]["points"]):
                await asyncio.sleep(0.01)
    age, process, device, _weights, _caches = points[0]
    assert age < PATIENCE
    assert process > 1e6
    assert device in (None, 3_000)


def test_a_point_counts_all_engines() -> None:
    point = measure([Gpu(), FakeEngine()])
    assert (point.device, point.weights, point.caches) == (3_000, 1_004, 56)
    assert measure([FakeEngine()]).device is None
    assert measure([]).weights == 0


async def test_the_history_is_bounded_and_survives_an_engine_that_fails() -> None:
    engines: list[list[Engine]] = []
    asked = asyncio.Event()

    def loaded() -> list[Engine]:
        if len(engines) > 20:
            asked.set()
        engines.append([])
        if len(engines) == 2:
            raise RuntimeError("closed")
        return []

    history = MemoryHistory(loaded, interval=0.001, kept=5)
    history.start()
    await asyncio.wait_for(asked.wait(), PATIENCE)
    await history.close()
    points: Any = history.snapshot()["points"]
    assert len(points) == 5
    ages = [point[0] for point in points]
    assert ages == sorted(ages, reverse=True)
    assert history.latest()[1:] == points[-1][1:]  # type: ignore[index]


def test_every_family_and_precision_has_its_need() -> None:
    for family, sizes in PROCESS_MB.items():
        assert sizes.keys() == WEIGHTS_MB[family].keys()
        assert set(sizes) <= set(PRECISIONS)
        falling = [sizes[name] for name in ("float32", "float16", "int8", "int4")]
        assert falling == sorted(falling, reverse=True)
        for name, size in sizes.items():
            # Python, PyTorch and the standby voice come on top of the weights.
            assert WEIGHTS_MB[family][name] + 300 < size < WEIGHTS_MB[family][name] + 1500
    assert PROCESS_MB.keys() == FAMILIES.keys()
    assert needs("cpu")["nano"]["int8"] == PROCESS_MB["nano"]["int8"] * 1_000_000
    assert needs("cuda")["turbo"]["float16"] == 1_831_000_000


async def test_memory_says_what_fits_here(tmp_path: Path) -> None:
    async with http(tmp_path, load=lambda *_: Gpu()) as gpu:
        await until(lambda: gpu.running.service.lifecycle.chatterbox is not None)
        _, on_gpu = await gpu.get("/memory")
    async with http(tmp_path) as cpu:
        _, on_cpu = await cpu.get("/memory")
    assert (on_gpu["needs_for"], on_gpu["room"]) == ("cuda", 7_000)
    assert on_gpu["needs"] == needs("cuda")
    assert on_cpu["needs_for"] == "cpu"
    assert on_cpu["room"] > on_cpu["process"]["anonymous_bytes"]
    assert on_cpu["room"] < on_cpu["host"]["total_bytes"] + on_cpu["process"]["anonymous_bytes"]
    assert on_cpu["needs"] == needs("cpu")


# Another try


class Flaky:
    """Fails to load until the test lets it."""

    def __init__(self) -> None:
        self.calls = 0
        self.works = False
        self.go = threading.Event()
        self.go.set()

    def __call__(self, report: Callable[[Stage], None], cancelled: Callable[[], bool]) -> Engine:
        self.calls += 1
        report(Stage("loading", "once more"))
        while not self.go.wait(0.001):
            if cancelled():
                break
        if not self.works:
            raise DownloadError("the hub can't be reached", "Look after the network.")
        return FakeEngine("chatterbox")


async def retry(server: Any) -> tuple[int, dict[str, Any]]:
    async with server.client.post("/retry") as response:
        return response.status, await response.json()


async def test_a_retry_loads_at_once_and_not_twice_however_often_it_is_asked_for(tmp_path: Path) -> None:
    load = Flaky()
    async with http(tmp_path, load=load, first_retry=300) as server:
        lifecycle = server.running.service.lifecycle
        await until(lambda: lifecycle.stage.state == "failed")
        load.works = True
        load.go.clear()
        for _ in range(5):
            assert await retry(server) == (202, {"retrying": True})
            assert lifecycle.stage.state == "loading"
        load.go.set()
        await until(lambda: lifecycle.chatterbox is not None)
        assert load.calls == 2
        status, answer = await retry(server)
        assert (status, answer["error"]["code"]) == (409, "nothing-to-retry")
        await plain(server.running.uri, "All is well.")
        assert load.calls == 2


async def test_a_retry_that_fails_waits_as_after_the_first_failure(tmp_path: Path) -> None:
    load = Flaky()
    async with http(tmp_path, load=load, first_retry=300) as server:
        lifecycle = server.running.service.lifecycle
        for calls in range(1, 4):
            await until(lambda: lifecycle.stage.state == "failed")
            assert load.calls == calls
            assert lifecycle.failure is not None
            assert lifecycle.failure.wait == 300
            assert (await retry(server))[0] == 202


async def test_while_it_loads_there_is_nothing_to_retry(tmp_path: Path) -> None:
    load = Flaky()
    load.go.clear()
    async with http(tmp_path, load=load) as server:
        await until(lambda: server.running.service.lifecycle.stage.state == "loading")
        assert (await retry(server))[0] == 409
        load.go.set()
