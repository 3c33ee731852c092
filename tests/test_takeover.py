"""From the model hub's bytes to sound, in a real server process: the standby voice speaks until Chatterbox can."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import checkpoints
from tests.client import CYCLE, describe, plain, streamed
from tests.conftest import Tiny
from tests.examples import parameters
from tests.hub import Hub
from tests.process import ServerProcess, server_process
from wyoming_chatterbox.families import FAMILIES

pytestmark = pytest.mark.slow(5)

FAST = ("--device", "cpu", "--seed", "1")


@pytest.fixture(name="nano", scope="module")
def nano_fixture(tiny: Tiny) -> Path:
    return tiny("nano")


@pytest.fixture(name="hub")
def hub_fixture(nano: Path) -> Iterator[Hub]:
    with Hub() as hub:
        for path in nano.iterdir():
            hub.add(FAMILIES["nano"].repository, path.name, path.read_bytes())
        hub.pin(FAMILIES["nano"])
        yield hub


async def speakers(server: ServerProcess) -> list[str]:
    """Which engine spoke each reply, oldest first."""
    replies = (await server.get("info"))["recent"]
    assert isinstance(replies, list)
    return [reply["engine"] for reply in reversed(replies)]


@pytest.mark.parametrize("layout", parameters("multilingual-v3", full=["english", "multilingual", "nano", "turbo"]))
async def test_each_family_speaks_from_its_official_files(tiny: Tiny, tmp_path: Path, layout: str) -> None:
    async with server_process(tmp_path, "--model", str(tiny(layout)), "--no-standby", *FAST) as server:
        await server.answering()
        status = await server.reaches("ready")
        assert checkpoints.family_of(layout) in str(status["detail"])
        voices = (await describe(server.uri)).tts[0].voices
        assert len(voices) == (23 if layout.startswith("multilingual") else 1)
        heard = await plain(server.uri, "Yes.")
        assert heard.types == CYCLE
        assert heard.seconds > 0.05
        assert (await streamed(server.uri, ["Ye", "s."])).types == [*CYCLE, "synthesize-stopped"]
        assert await speakers(server) == [checkpoints.family_of(layout)] * 2
        said = await server.get("config")
        assert (said["quantization"], said["dtype"], said["effective_dtype"]) == ("none", "auto", "float32")
        assert said["device"] == "cpu"


async def test_a_download_is_shown_and_chatterbox_takes_over_without_changing_a_voice_midway(
    tmp_path: Path, hub: Hub
) -> None:
    hub.stall("s3gen_meanflow.safetensors", after=100_000)
    ready = asyncio.Event()

    def pieces() -> Iterator[str]:
        while not ready.is_set():
            yield "Early words. "
        yield "And late ones."

    async with server_process(tmp_path, "--model", "nano", *FAST, hub=hub.url) as server:
        await server.answering()
        progress = (await server.reaches("downloading"))["progress"]
        assert isinstance(progress, dict)
        assert progress["bytes_total"] > progress["bytes_done"] >= 0
        assert progress["file"] in (*FAMILIES["nano"].missing(()), *FAMILIES["nano"].optional)
        reply = asyncio.create_task(streamed(server.uri, pieces(), pause=0.3))
        while await speakers(server) != ["standby"]:
            await asyncio.sleep(0.05)
        hub.clear()
        await server.reaches("ready")
        ready.set()
        heard = await reply
        assert heard.types == [*CYCLE, "synthesize-stopped"]
        assert (await plain(server.uri, "Now.")).types == CYCLE
        assert await speakers(server) == ["standby", "nano"]


async def test_a_cut_connection_is_resumed_and_a_restart_needs_no_hub(tmp_path: Path, hub: Hub) -> None:
    name = "s3gen_meanflow.safetensors"
    hub.cut(name, after=1_000_000)
    async with server_process(tmp_path, "--model", "nano", "--no-standby", *FAST, hub=hub.url) as server:
        await server.answering()
        await server.reaches("ready")
        assert hub.ranges(name) == [None, "bytes=1000000-"]
    hub.stop()
    async with server_process(tmp_path, "--model", "nano", "--no-standby", *FAST, hub=hub.url) as server:
        await server.answering()
        await server.reaches("ready")


@pytest.mark.parametrize(("extra", "why"), parameters((0, "SHA-256"), full=[(1, "bytes")]))
async def test_a_hub_that_is_down_and_comes_back_with_a_wrong_file_and_with_the_right_one_later(
    tmp_path: Path, hub: Hub, nano: Path, extra: int, why: str
) -> None:
    name = "t3_nano_v1.safetensors"
    right = (nano / name).read_bytes()
    hub.serve(name, right[:-1] + bytes([right[-1] ^ 1]) + bytes(extra))
    hub.stop()
    async with server_process(tmp_path, "--model", "nano", *FAST, hub=hub.url) as server:
        await server.answering()
        status = await server.reaches("failed")
        assert "refuses the connection" in str(status["error"])
        assert (await plain(server.uri, "Meanwhile.")).types == CYCLE
        hub.start()
        await server.try_again()
        while why not in str((await server.reaches("failed"))["error"]):
            await asyncio.sleep(0.05)
        assert (await plain(server.uri, "And on.")).types == CYCLE
        hub.clear()
        await server.try_again()
        await server.reaches("ready")
        await plain(server.uri, "Now.")
        assert await speakers(server) == ["standby", "standby", "nano"]


def works(*command: str) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False


async def test_a_full_disk_is_told_and_the_standby_voice_speaks(tmp_path: Path, hub: Hub) -> None:
    models = tmp_path / "models"
    models.mkdir()
    mount = 'mount -t tmpfs -o size=1m none "$0" && exec "$@"'
    prefix = ("unshare", "-rm", "sh", "-c", mount, str(models))
    if not works(*prefix, "true"):
        pytest.skip("mounting a small disk isn't allowed here")
    async with server_process(tmp_path, "--model", "nano", *FAST, hub=hub.url, prefix=prefix) as server:
        await server.answering()
        status = await server.reaches("failed")
        assert str(models) in str(status["error"])
        assert "free" in str(status["error"]) + str(status["hint"])
        assert (await plain(server.uri, "Meanwhile.")).types == CYCLE


async def test_a_broken_file_is_named_and_its_replacement_taken(tmp_path: Path, nano: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    for path in nano.iterdir():
        (model / path.name).write_bytes(path.read_bytes())
    broken = model / "t3_nano_v1.safetensors"
    whole = broken.read_bytes()
    broken.write_bytes(whole[: len(whole) // 2])
    async with server_process(tmp_path, "--model", str(model), *FAST) as server:
        await server.answering()
        status = await server.reaches("failed")
        assert str(broken) in str(status["error"])
        assert status["hint"]
        assert (await plain(server.uri, "Meanwhile.")).types == CYCLE
        broken.write_bytes(whole)
        await server.try_again()
        await server.reaches("ready")
