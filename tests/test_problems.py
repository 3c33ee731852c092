"""Reasons why Chatterbox can't speak, as a code and values that the page puts into words."""

from __future__ import annotations

import errno
import itertools
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.downloading import T3, Client, client_fixture, hub_fixture, surroundings_fixture  # noqa: F401
from tests.fakes import FakeEngine
from tests.http_serving import http
from tests.hub import Hub
from tests.serving import until
from wyoming_chatterbox import families
from wyoming_chatterbox.engine import Stage
from wyoming_chatterbox.engine.files import download
from wyoming_chatterbox.engine.files.hub import Patience
from wyoming_chatterbox.engine.files.progress import Progress, Rate
from wyoming_chatterbox.errors import (
    CheckpointError,
    DeviceError,
    DownloadError,
    HungError,
    NotNumbersError,
    OutOfMemoryError,
)
from wyoming_chatterbox.families import TURBO
from wyoming_chatterbox.precision import choose_device
from wyoming_chatterbox.problem import Problem
from wyoming_chatterbox.speech.retries import Failure, RetryPolicy

Spoil = Callable[[Hub, Client, pytest.MonkeyPatch], None]


def at(address: str) -> Spoil:
    return lambda _hub, _client, patch: patch.setenv("HF_ENDPOINT", address)


def without_tls(hub: Hub, _: Client, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("HF_ENDPOINT", hub.url.replace("http:", "https:"))


def silent(hub: Hub, client: Client, _: pytest.MonkeyPatch) -> None:
    hub.add_family(TURBO, size=300_000)
    client.patience = Patience(stall=0.2)
    hub.stall(T3, after=200_000)


def cut(hub: Hub, *_: object) -> None:
    hub.add_family(TURBO)
    hub.cut(T3, after=0, times=100)


def damaged(hub: Hub, *_: object) -> None:
    hub.add_family(TURBO)
    hub.serve(T3, b"x" * 1000)


def answering(status: int) -> Spoil:
    def spoil(hub: Hub, *_: object) -> None:
        hub.add_family(TURBO)
        hub.answer(T3, status, methods=("HEAD",))

    return spoil


@pytest.mark.parametrize(
    ("spoil", "code"),
    [
        (at("http://no-such-host.invalid"), "dns"),
        (lambda hub, *_: hub.stop(), "refused"),
        (without_tls, "tls"),
        (silent, "timeout"),
        (cut, "timeout"),
        (damaged, "checksum"),
        (answering(401), "forbidden"),
        (answering(403), "forbidden"),
        (answering(407), "proxy"),
        (lambda *_: None, "not-found"),
        (answering(500), "unknown"),
    ],
    ids=["dns", "refused", "tls", "silent", "cut", "damaged", "401", "403", "407", "404", "500"],
)
def test_a_download_s_failure_has_a_code_and_says_where(
    hub: Hub, client: Client, monkeypatch: pytest.MonkeyPatch, spoil: Spoil, code: str
) -> None:
    spoil(hub, client, monkeypatch)
    problem = client.refused().problem
    assert problem.code == code
    assert problem.values["repository"] == TURBO.repository
    assert problem.values["place"] == str(client.directory / "chatterbox-turbo")
    assert problem.values["host"]


def test_too_little_space_is_told_in_bytes(hub: Hub, client: Client) -> None:
    hub.add_family(TURBO)
    hub.announce(T3, 10**18)
    problem = client.refused().problem
    assert (problem.code, problem.values["place"]) == ("no-space", str(client.directory))
    assert 10**18 <= problem.values["bytes_needed"] < 10**18 + 10**6
    assert 0 < problem.values["bytes_free"] < 10**18


def test_a_full_disk(hub: Hub, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.add_family(TURBO)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(download, "_transfer", full)
    assert client.refused().problem == Problem("disk-full", {"place": str(client.directory)})


def test_files_that_are_not_here_and_may_not_be_downloaded(client: Client) -> None:
    problem = client.refused(local_files_only=True).problem
    assert (problem.code, problem.values["model"]) == ("offline", "turbo")
    assert T3 in problem.values["files"]


def test_files_that_are_missing_or_broken(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError) as missing:
        families.recognise(tmp_path)
    assert missing.value.problem == Problem("files-missing", {"place": str(tmp_path)})
    (tmp_path / "t3_own.safetensors").write_bytes(b"no tensors")
    with pytest.raises(CheckpointError) as broken:
        families.recognise(tmp_path)
    assert broken.value.problem.code == "files-broken"


def test_a_device_that_is_not_there() -> None:
    with pytest.raises(DeviceError) as caught:
        choose_device("cuda", ["cpu"])
    assert caught.value.problem == Problem("no-device", {"device": "cuda", "available": ["cpu"]})


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (OutOfMemoryError("no"), "out-of-memory"),
        (MemoryError(), "out-of-memory"),
        (NotNumbersError("no"), "not-numbers"),
        (HungError("no"), "hung"),
        (RuntimeError("no"), "unknown"),
        (DownloadError("no"), "unknown"),
    ],
)
def test_every_failure_has_a_code(error: BaseException, code: str) -> None:
    failure = RetryPolicy(5.0, 300.0, lambda: None).after(error)
    assert isinstance(failure, Failure)
    assert failure.problem.code == code


async def test_info_tells_the_problem(tmp_path: Path) -> None:
    def failing(*_: object) -> FakeEngine:
        problem = Problem("no-space", {"place": tmp_path, "bytes_needed": 2})
        raise DownloadError("there is no room", "Make some.", problem)

    async with http(tmp_path, load=failing, first_retry=60) as server:
        await until(lambda: server.running.service.lifecycle.failure is not None)
        _, info = await server.get("/info")
    assert info["status"]["problem"] == {
        "code": "no-space",
        "values": {"place": str(tmp_path), "bytes_needed": 2},
        "error": "there is no room",
        "hint": "Make some.",
    }
    assert info["status"]["speaking"] == "standby"


# A download's rate


def test_a_steady_rate_is_told_as_it_is() -> None:
    rate = Rate(100.0)
    for tenth in range(1, 10):
        rate.add(500, 100.0 + tenth / 10)
    assert rate.value is None
    for tenth in range(10, 30):
        rate.add(500, 100.0 + tenth / 10)
    assert rate.value == pytest.approx(5000, rel=1e-6)


def test_a_rate_follows_a_change_smoothly() -> None:
    rate, told = Rate(0.0), []
    for tenth in range(1, 400):
        rate.add(100 if tenth < 200 else 1000, tenth / 10)
        told.append(rate.value or 0.0)
    assert told[198] == pytest.approx(1000, rel=0.01)
    assert told[-1] == pytest.approx(10000, rel=0.05)
    assert max(after - before for before, after in itertools.pairwise(told[20:])) < 400


def test_bytes_that_are_lost_do_not_count_backwards() -> None:
    rate = Rate(0.0)
    for tenth in range(1, 20):
        rate.add(-(10**9) if tenth == 15 else 100, tenth / 10)
    assert 0 < (rate.value or 0) <= 1001


def test_a_connection_that_broke_off_says_when_it_goes_on(hub: Hub, client: Client) -> None:
    hub.add_family(TURBO, size=100_000)
    hub.cut(T3, after=50_000)
    client.fetch()
    pauses = [seen.resumes_in_seconds for seen in client.seen if seen.resumes_in_seconds is not None]
    assert pauses == [client.patience.pause]
    assert client.seen[-1].resumes_in_seconds is None


def progress(**changes: object) -> dict[str, object]:
    return vars(Progress("a", 1, 2, 10, 110, 0, 1, 0)) | changes


@pytest.mark.parametrize(
    ("changes", "rate", "left", "resumes"),
    [
        ({"rate": 20.0}, 20, 5.0, None),
        ({}, None, None, None),
        ({"resumes_in_seconds": 1000.0}, None, None, pytest.approx(1000, abs=10)),
    ],
)
async def test_info_tells_how_long_a_download_still_takes(
    tmp_path: Path, changes: dict[str, object], rate: float | None, left: float | None, resumes: float | None
) -> None:
    enough = threading.Event()

    def load(report: Callable[[Stage], None], _: Callable[[], bool]) -> FakeEngine:
        report(Stage("downloading", "turbo", progress(**changes)))
        enough.wait()
        return FakeEngine()

    async with http(tmp_path, load=load) as server:
        await until(lambda: server.running.service.lifecycle.stage.state == "downloading")
        _, info = await server.get("/info")
        enough.set()
    told = info["status"]["progress"]
    assert (told["rate"], told["seconds_left"], told["resumes_in_seconds"]) == (rate, left, resumes)
    assert (told["bytes_done"], told["bytes_total"], told["file"]) == (10, 110, "a")
