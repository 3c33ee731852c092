"""The app's services, started as s6 starts them, in a directory that stands for the container's root."""

from __future__ import annotations

import asyncio
import json
import os
import re
import shlex
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml
from aiohttp import web

from tests.client import CYCLE, PATIENCE, describe, plain
from tests.conftest import Tiny
from tests.ports import free_port
from tests.process import ServerProcess
from tests.serving import serving, until
from wyoming_chatterbox.families import FAMILIES

pytestmark = pytest.mark.slow(1)

ROOT = Path(__file__).parent.parent
ADDON = ROOT / "addon"
SERVICES = ADDON / "rootfs" / "etc" / "s6-overlay" / "s6-rc.d"
DEFAULTS: dict[str, Any] = yaml.safe_load((ADDON / "config.yaml").read_text())["options"]

INGRESS = "127.0.0.9"
"""Stands for the Supervisor's address, 172.30.32.2."""
TOKEN = "of-the-supervisor"
NAME = "local-wyoming-chatterbox"
ADDRESS = "172.30.33.7"


@dataclass
class Container:
    """A directory that stands for the container's root, and the ports that stand for the container's own."""

    root: Path
    port: int = field(default_factory=free_port)
    ingress_port: int = field(default_factory=free_port)

    def __post_init__(self) -> None:
        for folder in ("data", "share", "bin"):
            (self.root / folder).mkdir()
        self.command("python3", f'exec {shlex.quote(sys.executable)} "$@"')

    def command(self, name: str, script: str) -> None:
        """Put a command before those of this machine."""
        path = self.root / "bin" / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    async def start(self, service: str, **environment: str) -> tuple[asyncio.subprocess.Process, Path]:
        """Start a service's run script; the process and its log."""
        script = (SERVICES / service / "run").read_text()
        for theirs, ours in (
            ("/data", f"{self.root}/data"),
            ("/share", f"{self.root}/share"),
            (":10200", f":{self.port}"),
            ("--http-port 8099", f"--http-port {self.ingress_port}"),
            ("--http-proxy 172.30.32.2", f"--http-proxy {INGRESS}"),
        ):
            script = script.replace(theirs, ours)
        run = self.root / f"{service}-run"
        run.write_text(script)
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("HF_", "CHATTERBOX_"))}
        inherited |= {
            "PATH": f"{self.root}/bin:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "HF_ENDPOINT": f"http://127.0.0.1:{free_port()}",
            "CUDA_VISIBLE_DEVICES": "",
        }
        log = self.root / f"{service}.log"
        with log.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                *("bash", str(run)), cwd=self.root, env=inherited | environment, stdout=file, stderr=file
            )
        return process, log


@pytest.fixture(name="container")
def container_fixture(tmp_path: Path) -> Container:
    root = tmp_path / "root"
    root.mkdir()
    return Container(root)


@asynccontextmanager
async def server(container: Container, **options: Any) -> AsyncIterator[ServerProcess]:
    """The server's service, after the Supervisor has written the options."""
    (container.root / "data" / "options.json").write_text(json.dumps(DEFAULTS | options))
    process, log = await container.start("chatterbox")
    url = f"http://127.0.0.1:{container.ingress_port}"
    running = ServerProcess(f"tcp://127.0.0.1:{container.port}", url, log, process)
    try:
        yield running
    finally:
        await running.stop()


async def test_it_serves_with_the_options_that_the_supervisor_wrote(container: Container) -> None:
    async with server(container, streaming=False, exaggeration=0.7) as running:
        await running.answering()
        (program,) = (await describe(running.uri)).tts
        assert not program.supports_synthesize_streaming, "as options.json says"
        heard = await plain(running.uri, "The front door is locked.")
        assert heard.types == CYCLE
        assert heard.seconds > 0.5
        assert (container.root / "share" / "chatterbox" / "voices").is_dir()
        assert await running.stop() == 0, "SIGTERM reaches the server itself"


@pytest.mark.slow(8)
async def test_the_log_says_what_runs_on_a_processor_and_why(container: Container, tiny: Tiny) -> None:
    name = FAMILIES["nano"].repository.rpartition("/")[2]
    shutil.copytree(tiny("nano"), container.root / "data" / "models" / name)
    async with server(container, local_files_only=True) as running:
        await running.answering()
        await until(lambda: "Chatterbox is ready" in running.said())
        assert (await plain(running.uri, "Yes.")).types == CYCLE
        (documented,) = re.findall(r"^    (The model is nano: .+)$", (ADDON / "DOCS.md").read_text(), re.MULTILINE)
        assert documented in running.said()
        assert re.search(r"Chatterbox is ready: nano on cpu, float32 \(.*no GPU is there.*\)", running.said())


async def test_an_option_that_can_not_be_ends_the_app_with_its_name(container: Container) -> None:
    async with server(container, max_chunk_length=7) as running:
        assert await asyncio.wait_for(running.process.wait(), PATIENCE) == 2
        assert "--max-chunk-length can't be 7" in running.said()


async def test_a_share_that_can_not_be_written_to_keeps_nobody_mute(container: Container) -> None:
    (container.root / "share" / "chatterbox").write_text("in the way")
    async with server(container) as running:
        await running.answering()
        assert (await plain(running.uri, "Yes.")).types == CYCLE


@asynccontextmanager
async def ingress(target: str) -> AsyncIterator[str]:
    """Pass a page's requests on as the Supervisor does: it strips the prefix and comes from its own address."""

    async def forward(request: web.Request) -> web.Response:
        url = f"{target}/{request.match_info['path']}"
        body = await request.read()
        async with session.request(request.method, url, headers=request.headers, data=body) as answer:
            return web.Response(status=answer.status, body=await answer.read(), content_type=answer.content_type)

    app = web.Application()
    app.router.add_route("*", "/api/hassio_ingress/abc/{path:.*}", forward)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port := free_port())
    await site.start()
    try:
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=(INGRESS, 0))) as session:
            yield f"http://127.0.0.1:{port}/api/hassio_ingress/abc/"
    finally:
        await runner.cleanup()


async def test_the_page_opens_through_ingress_and_for_nobody_else(container: Container) -> None:
    home = {"Host": "home.example", "Origin": "https://home.example", "X-Forwarded-For": "192.168.1.5"}
    async with (
        server(container) as running,
        ingress(running.http) as page,
        aiohttp.ClientSession(headers=home) as browser,
    ):
        await running.answering()
        await until(lambda: "The standby voice is ready" in running.said())
        async with browser.get(page) as response:
            assert response.status == 200
            links = re.findall(r'(?:href|src)="([^"]*)"', await response.text())
        assert "page.js" in links
        for link in (*links, "info", "memory", "config"):
            async with browser.get(page + link) as response:
                assert response.status == 200
        async with browser.post(f"{page}v1/audio/speech", json={"input": "Yes."}) as response:
            assert response.status == 200
            assert await response.read()
        for forged in ({}, {"X-Forwarded-For": "172.30.32.2", "X-Ingress-Path": "/api/hassio_ingress/abc"}):
            async with browser.get(running.http, headers=forged) as response:
                assert response.status == 403


@dataclass
class Supervisor:
    """Takes discoveries, after it has refused some; tells who was asked, with which token, for what."""

    refusals: int = 0
    port: int = 0
    asked: list[tuple[str, str, dict[str, Any]]] = field(default_factory=list)

    async def discover(self, request: web.Request) -> web.Response:
        self.asked.append((request.host, request.headers["Authorization"], await request.json()))
        if len(self.asked) <= self.refusals:
            return web.json_response({"result": "error", "message": "System is not ready"}, status=400)
        return web.json_response({"result": "ok", "data": {"uuid": "1"}})


@asynccontextmanager
async def supervised(container: Container, *, named: bool, refusals: int = 0) -> AsyncIterator[Supervisor]:
    """A Supervisor at its address and, if `named`, under its name."""
    supervisor = Supervisor(refusals)
    app = web.Application()
    app.router.add_post("/discovery", supervisor.discover)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", port := free_port())
    await site.start()
    there = f"127.0.0.1:{port}"
    routes = {"supervisor": there if named else "nowhere.invalid:80", "172.30.32.2": there}
    lines = [f'connect-to = "{host}:80:{target}"\n' for host, target in routes.items()]
    (container.root / ".curlrc").write_text("".join(lines))
    try:
        yield supervisor
    finally:
        await runner.cleanup()


async def discovery(container: Container, *, resolves: bool = True) -> str:
    """Run the service until it sleeps for good; what it logged."""
    container.command("hostname", f'[ "$1" = -I ] && echo "fd00::7 {ADDRESS} " || echo {NAME}')
    container.command("getent", f'[ "$*" = "-s dns ahostsv4 {NAME}" ] || exit 3; exit {0 if resolves else 2}')
    container.command("sleep", '[ "$1" != infinity ] || echo asleep')
    process, log = await container.start("discovery", SUPERVISOR_TOKEN=TOKEN, CURL_HOME=str(container.root))
    try:
        assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    said = log.read_text()
    assert said.endswith("asleep\n"), "it stays, so that s6 does not start it again"
    assert TOKEN not in said
    return said


needs_curl = pytest.mark.skipif(not shutil.which("curl"), reason="curl, which the image has, isn't here")


@needs_curl
@pytest.mark.parametrize("named", [True, False], ids=["by-name", "by-address"])
async def test_the_supervisor_is_told_where_the_server_is(container: Container, tmp_path: Path, named: bool) -> None:
    async with (
        serving(tmp_path, uri=f"tcp://127.0.0.1:{container.port}"),
        supervised(container, named=named) as supervisor,
    ):
        said = await discovery(container)
    uri = f"tcp://{NAME}:{container.port}"
    message = {"service": "wyoming", "config": {"uri": uri}}
    assert supervisor.asked == [("supervisor" if named else "172.30.32.2", f"Bearer {TOKEN}", message)]
    assert f"Told Home Assistant that Chatterbox is at {uri}" in said


@needs_curl
async def test_where_the_app_s_own_name_does_not_resolve_its_address_is_told(
    container: Container, tmp_path: Path
) -> None:
    async with (
        serving(tmp_path, uri=f"tcp://127.0.0.1:{container.port}"),
        supervised(container, named=True) as supervisor,
    ):
        said = await discovery(container, resolves=False)
    assert [message["config"]["uri"] for _, _, message in supervisor.asked] == [f"tcp://{ADDRESS}:{container.port}"]
    assert f"The name {NAME} does not resolve" in said


@needs_curl
async def test_a_supervisor_that_is_not_ready_is_asked_again(container: Container, tmp_path: Path) -> None:
    async with (
        serving(tmp_path, uri=f"tcp://127.0.0.1:{container.port}"),
        supervised(container, named=True, refusals=3) as supervisor,
    ):
        said = await discovery(container)
    assert len(supervisor.asked) == 4
    assert "Told Home Assistant" in said


@needs_curl
async def test_without_a_supervisor_the_log_says_what_to_add_by_hand(container: Container, tmp_path: Path) -> None:
    async with (
        serving(tmp_path, uri=f"tcp://127.0.0.1:{container.port}"),
        supervised(container, named=True, refusals=99),
    ):
        said = await discovery(container)
    assert f"add the Wyoming Protocol integration by hand, with {NAME}:{container.port}" in said


@needs_curl
async def test_nobody_is_told_before_the_server_answers(container: Container, tmp_path: Path) -> None:
    # It asks again when the test lets it, so that what it does between two questions is over before it is looked at.
    container.command(
        "sleep",
        f"touch {container.root}/waited; until [ -e {container.root}/go_on ]; do {shutil.which('sleep')} 0.01; done",
    )
    container.command("hostname", f"echo {NAME}")
    container.command("getent", "exit 0")
    async with supervised(container, named=True) as supervisor:
        process, _ = await container.start("discovery", CURL_HOME=str(container.root))
        try:
            await until((container.root / "waited").exists)
            assert not supervisor.asked
            async with serving(tmp_path, uri=f"tcp://127.0.0.1:{container.port}"):
                (container.root / "go_on").touch()
                assert await asyncio.wait_for(process.wait(), PATIENCE) == 0
            assert supervisor.asked
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
