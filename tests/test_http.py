"""Who may look, and what there is to see."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import aiohttp
import numpy as np
import pytest
import soundfile
from yarl import URL

from tests.client import CYCLE, plain
from tests.fakes import FakeEngine
from tests.http_serving import SPEECH, http
from tests.serving import until
from wyoming_chatterbox import __version__
from wyoming_chatterbox.engine import Description, Stage
from wyoming_chatterbox.errors import DownloadError, EngineError
from wyoming_chatterbox.web.app import HttpServer

TOKEN = "open-sesame-7"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
PROXY = "127.0.0.9"
STRANGER = "127.0.0.8"
JSON = ["/info", "/memory", "/config"]


def failing(*_: object) -> NoReturn:
    raise DownloadError("the hub can't be reached", "Look after the network.")


class OnGpu(FakeEngine):
    """Says of itself that it is on CUDA."""

    def describe(self) -> Description:
        return Description("turbo", "cuda:0", "float16", "int8", "8 GB are free", {"t3": 1000, "flow": 500})

    def memory(self) -> dict[str, int]:
        mega = 1024 * 1024
        return {"allocated": 700 * mega, "reserved": 900 * mega, "peak": 800 * mega, "free": 7, "total": 8}


async def test_health_is_good_while_anybody_speaks(tmp_path: Path) -> None:
    async with http(tmp_path) as ready, http(tmp_path, load=failing, first_retry=60) as standby:
        await until(lambda: standby.running.service.lifecycle.speaking is not None)
        for server in (ready, standby):
            status, answer = await server.get("/health")
            assert (status, answer["status"]) == (200, "ok")


async def test_health_is_bad_while_nobody_speaks(tmp_path: Path) -> None:
    async with http(tmp_path, "--no-standby", load=failing, first_retry=60) as server:
        await until(lambda: server.running.service.lifecycle.failure is not None)
        status, answer = await server.get("/health")
    assert (status, answer["status"], answer["speaking"]) == (503, "unavailable", None)
    assert "the hub can't be reached" in answer["message"]


async def test_config_tells_what_was_asked_and_what_became_of_it(tmp_path: Path) -> None:
    flags = ["--dtype", "bfloat16", "--quantization", "int8", "--exaggeration", "0.7", "--max-chunk-length", "200"]
    async with http(tmp_path, *flags, load=lambda *_: OnGpu()) as server:
        await until(lambda: server.running.service.lifecycle.chatterbox is not None)
        _, answer = await server.get("/config")
    effective = {name: answer[name] for name in ("model", "device", "dtype", "effective_dtype", "quantization")}
    assert effective == {
        "model": "turbo",
        "device": "cuda:0",
        "dtype": "bfloat16",
        "effective_dtype": "float16",
        "quantization": "int8",
    }
    assert answer["requested"] == {"model": "auto", "device": "auto", "dtype": "bfloat16", "quantization": "int8"}
    assert (answer["defaults"]["exaggeration"], answer["defaults"]["max_chunk_length"]) == (0.7, 200)
    assert answer["memory_management"] == {
        "memory_cleanup_interval": 5,
        "cuda_cache_clear_interval": 3,
        "idle_unload": None,
    }
    assert answer["server"]["uri"] == server.running.uri


async def test_config_promises_nothing_before_chatterbox_is_ready(tmp_path: Path) -> None:
    async with http(tmp_path, "--quantization", "int8", "--model", "english", load=failing, first_retry=60) as server:
        _, answer = await server.get("/config")
    assert (answer["model"], answer["effective_dtype"], answer["quantization"]) == ("english", None, "none")
    assert answer["engine"] is None


async def test_the_token_is_shown_to_nobody(tmp_path: Path) -> None:
    async with http(tmp_path, "--http-token", TOKEN) as server:
        for path in (*JSON, "/health", "/"):
            async with server.client.get(path, headers=BEARER) as response:
                assert response.status == 200
                assert TOKEN not in await response.text()
                assert TOKEN not in str(response.headers)


async def test_memory_sees_the_process_and_both_engines(tmp_path: Path) -> None:
    async with http(tmp_path, load=lambda *_: OnGpu()) as server:
        await until(lambda: server.running.service.lifecycle.chatterbox is not None)
        await plain(server.running.uri, "One one. Two.")
        _, answer = await server.get("/memory")
    assert [(engine["name"], engine["weights_bytes"]) for engine in answer["engines"]] == [
        ("turbo", 1500),
        ("standby", 4),
    ]
    assert answer["process"]["rss_bytes"] > 1e6
    assert answer["memory_info"]["gpu_memory_allocated_mb"] == 700
    assert answer["memory_info"]["gpu_memory_reserved_mb"] == 900
    assert answer["memory_info"]["gpu_memory_max_allocated_mb"] == 800
    assert answer["counters"]["utterances"] == 2


async def test_looking_at_memory_changes_nothing(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        _, first = await server.get("/memory")
        _, second = await server.get("/memory")
    assert first["counters"] == second["counters"]
    assert first["memory_info"]["gpu_memory_allocated_mb"] is None


async def test_info_tells_who_speaks_and_why(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        _, answer = await server.get("/info")
    assert (answer["name"], answer["version"]) == ("wyoming-chatterbox", __version__)
    assert answer["status"]["state"] == "ready"
    assert (answer["engine"]["name"], answer["engine"]["reason"]) == ("chatterbox", "a test wants it so")


async def test_info_tells_what_is_wrong_and_what_to_do(tmp_path: Path) -> None:
    async with http(tmp_path, load=failing, first_retry=60) as server:
        await until(lambda: server.running.service.lifecycle.failure is not None)
        _, answer = await server.get("/info")
    assert answer["engine"]["name"] == "standby"
    assert answer["status"]["error"] == "the hub can't be reached"
    assert answer["status"]["hint"] == "Look after the network."


async def test_info_lists_voices_and_recordings_that_are_none(tmp_path: Path) -> None:
    voices = tmp_path / "voices"
    voices.mkdir()
    noise = np.random.default_rng(0).normal(0, 0.1, 48000)
    soundfile.write(voices / "alice.wav", noise, 24000)
    soundfile.write(voices / "short.wav", noise[:2400], 24000)
    async with http(tmp_path) as server:
        _, answer = await server.get("/info")
    assert [(voice["name"], voice["language"], voice["recording"]) for voice in answer["voices"]] == [
        ("default", "en", None),
        ("alice", "en", "alice.wav"),
    ]
    own, alice = answer["voices"]
    assert own["judgement"] is None
    judged = alice["judgement"]
    assert (judged["seconds"], judged["speech_seconds"]) == (2.0, 2.0)
    assert "noisy" in judged["findings"][0]["text"]
    assert answer["default_voice"] == "default"
    assert list(answer["broken_recordings"]) == ["short.wav"]


async def test_info_tells_which_voice_speaks_where_none_is_named(tmp_path: Path) -> None:
    async with http(tmp_path, languages=("de", "en")) as several, http(tmp_path, "--voice", "nobody") as none:
        assert (await several.get("/info"))[1]["default_voice"] == "default-en"
        assert (await none.get("/info"))[1]["default_voice"] == "default"


async def test_info_counts_replies_and_remembers_the_latest(tmp_path: Path) -> None:
    async with http(tmp_path, "--no-standby") as server:
        assert (await server.get("/info"))[1]["statistics"]["success_rate"] is None
        await plain(server.running.uri, "One two.")
        server.running.chatterbox.failures = [EngineError("no more")]
        assert (await plain(server.running.uri, "Two.")).error is not None
        await plain(server.running.uri, "Three.")
        _, answer = await server.get("/info")
    counted = answer["statistics"]
    assert (counted["total_requests"], counted["completed_requests"], counted["error_requests"]) == (3, 2, 1)
    assert counted["success_rate"] == 66.7
    assert [reply["audio_seconds"] for reply in answer["recent"]] == pytest.approx([0.1, 0, 0.2])


async def test_an_error_that_nobody_foresaw_is_answered_in_our_words_and_explained_in_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    class Odd(FakeEngine):
        broken = False

        def describe(self) -> Description:
            if self.broken:
                raise RuntimeError("the secrets of a device")
            return super().describe()

    engine = Odd()
    async with http(tmp_path, load=lambda *_: engine) as server:
        await until(lambda: server.running.service.lifecycle.chatterbox is not None)
        engine.broken = True
        status, answer = await server.get("/info")
        assert (status, answer["error"]["type"], answer["error"]["code"]) == (500, "server_error", "unexpected")
        assert answer["error"]["message"] == "Something unexpected happened: see the server's log"
        assert "'GET /info' failed" in caplog.text
        assert "the secrets of a device" in caplog.text
        engine.broken = False
        assert (await server.get("/info"))[0] == 200


async def test_info_shows_how_far_a_download_is_in_numbers_that_json_knows(tmp_path: Path) -> None:
    enough = threading.Event()

    def load(report: Callable[[Stage], None], _: Callable[[], bool]) -> FakeEngine:
        report(Stage("downloading", "turbo", {"done": np.int64(7), "rate": float("inf"), "left": float("nan")}))
        enough.wait()
        return FakeEngine()

    async with http(tmp_path, load=load) as server:
        await until(lambda: server.running.service.lifecycle.stage.state == "downloading")
        async with server.client.get("/info") as response:
            status = json.loads(await response.text(), parse_constant=pytest.fail)["status"]
        enough.set()
    assert (status["state"], status["progress"]) == ("downloading", {"done": 7, "rate": None, "left": None})


async def test_the_page_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        async with server.client.get("/") as response:
            page = await response.text()
            assert response.content_type == "text/html"
        links = re.findall(r'(?:href|src)="([^"]*)"', page)
        assert {"page.js", "page.css"} <= set(links)
        for link in links:
            assert not link.startswith("/") and ":" not in link, "a prefix such as ingress's must do"
            async with server.client.get(f"/{link}") as response:
                assert response.status == 200
                if response.content_type == "application/json":
                    continue
                text = await response.text()
                assert "http://" not in text.replace("http://www.w3.org/2000/svg", "") and "https://" not in text


@pytest.mark.parametrize(
    ("path", "way"), [("/info", "./"), ("/v1/voices", "../"), ("/v1/voices/alice/sample", "../../../")]
)
async def test_a_person_without_the_token_is_led_to_the_page_and_a_program_gets_json(
    tmp_path: Path, path: str, way: str
) -> None:
    async with http(tmp_path, "--http-token", "a-long-secret-of-many-letters") as server:
        async with server.client.get(path, headers={"Accept": "text/html"}) as response:
            assert (response.status, response.content_type) == (401, "text/html")
            assert re.findall(r'href="([^"]*)"', await response.text()) == [way]
            page = response.url.join(URL(way))
        async with server.client.get(page) as response:
            assert response.status == 200
        assert (await server.get(path))[1]["error"]["type"] == "authentication_error"


async def test_answers_carry_the_headers_that_keep_a_browser_safe(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        for path in ("/", "/page.js", "/info", "/nowhere"):
            async with server.client.get(path) as response:
                assert response.headers["X-Content-Type-Options"] == "nosniff"
                assert response.headers["Content-Security-Policy"].startswith("default-src 'self';")
                if response.content_type == "application/json":
                    assert response.headers["Cache-Control"] == "no-store"


async def test_errors_are_json(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        assert (await server.get("/nowhere"))[0] == 404
        assert (await server.get("/page.py"))[1]["error"]["code"] == "not-found"
        status, answer = await server.get(SPEECH)
        assert (status, answer["error"]["code"]) == (405, "method-not-allowed")
        async with server.client.post("/info") as response:
            assert (response.status, response.headers["Allow"]) == (405, "GET, HEAD")


async def test_a_token_opens_everything_but_the_page_and_health_need_none(tmp_path: Path) -> None:
    async with http(tmp_path, "--http-token", TOKEN) as server:
        for path in JSON:
            status, answer = await server.get(path)
            assert (status, answer["error"]["code"]) == (401, "unauthorized")
            assert "Authorization: Bearer" in answer["error"]["message"]
            assert (await server.get(path, headers=BEARER))[0] == 200
        assert (await server.refusal(input="Hello."))[0] == 401
        async with server.client.get("/") as page:
            assert page.status == 200
        assert await server.get("/health") == (200, {"status": "ok"})
        assert "message" in (await server.get("/health", headers=BEARER))[1]


@pytest.mark.parametrize(
    "header", ["Bearer", "Bearer open-sesame", f"Basic {TOKEN}", TOKEN, "Bearer öffne-dich", "Bearer "]
)
async def test_a_wrong_token_opens_nothing(tmp_path: Path, header: str) -> None:
    async with http(tmp_path, "--http-token", TOKEN) as server:
        assert (await server.get("/info", headers={"Authorization": header}))[0] == 401


async def test_a_network_on_the_list_needs_no_token_and_others_do(tmp_path: Path) -> None:
    flags = ["--http-host", "0.0.0.0", "--http-allow", "127.0.0.8/30", "--http-token", TOKEN]
    async with http(tmp_path, *flags) as server:
        async with server.session(PROXY) as listed, listed.get("/info") as response:
            assert response.status == 200
        forwarded = {"X-Forwarded-For": PROXY, "X-Real-IP": PROXY, "Forwarded": f"for={PROXY}"}
        assert (await server.get("/info", headers=forwarded))[0] == 401
        assert (await server.get("/info", headers=BEARER))[0] == 200


async def test_without_a_token_only_networks_on_the_list_come_in(tmp_path: Path) -> None:
    async with http(tmp_path, "--http-host", "0.0.0.0", "--http-allow", PROXY) as server:
        async with server.session(PROXY) as listed, listed.get("/info") as response:
            assert response.status == 200
        async with server.session(STRANGER) as other:
            for path in ("/info", "/", SPEECH):
                async with other.get(path) as response:
                    assert response.status == 403
                    assert "--http-allow" in (await response.json())["error"]["message"]
            async with other.get("/health") as response:
                assert await response.json() == {"status": "ok"}


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:4123", "localhost.evil.example", "192.168.1.5", "0.0.0.0", "", "[::"]
)
async def test_a_page_whose_name_was_made_to_point_here_gets_nothing(tmp_path: Path, host: str) -> None:
    async with http(tmp_path) as server:
        status, answer = await server.get("/info", headers={"Host": host})
        assert (status, answer["error"]["code"]) == (403, "unknown-host")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:80", "127.0.0.1:4123", "[::1]:4123", "127.0.0.1"])
async def test_this_machine_may_call_the_server_by_its_own_names(tmp_path: Path, host: str) -> None:
    async with http(tmp_path) as server:
        assert (await server.get("/info", headers={"Host": host}))[0] == 200


async def test_on_a_listed_network_a_server_is_known_by_its_addresses(tmp_path: Path) -> None:
    async with http(tmp_path, "--http-host", "0.0.0.0", "--http-allow", "127.0.0.0/8") as server:
        assert (await server.get("/info", headers={"Host": "192.168.1.5:4123"}))[0] == 200
        assert (await server.get("/info", headers={"Host": "evil.example"}))[0] == 403


@pytest.mark.parametrize("listed", [PROXY, "127.0.0.8/30"])
async def test_a_listed_client_gets_nothing_under_a_foreign_name(tmp_path: Path, listed: str) -> None:
    async with (
        http(tmp_path, "--http-host", "0.0.0.0", "--http-allow", listed) as server,
        server.session(PROXY) as client,
    ):
        for method, path in (("GET", "/info"), ("POST", "/memory/cleanup"), ("POST", SPEECH)):
            async with client.request(method, path, headers={"Host": "evil.example"}) as response:
                assert response.status == 403
                error = (await response.json())["error"]
            assert error["code"] == "unknown-host"
            assert "--http-proxy" in error["message"], "a person behind a reverse proxy learns what to do"


@pytest.mark.parametrize("address", [PROXY, "127.0.0.8/30"])
async def test_a_proxy_may_pass_on_its_own_name(tmp_path: Path, address: str) -> None:
    async with (
        http(tmp_path, "--http-host", "0.0.0.0", "--http-proxy", address) as server,
        server.session(PROXY) as proxy,
        server.session("127.0.0.1") as other,
    ):
        async with other.get("/info") as response:
            assert response.status == 403
        named = {"Host": "home.example"}
        async with proxy.get("/info", headers=named) as response:
            assert response.status == 200
        for origin, status in (("https://home.example", 200), ("https://evil.example", 403)):
            headers = {**named, "Origin": origin}
            async with proxy.post(SPEECH, json={"input": "Hello."}, headers=headers) as response:
                assert response.status == status


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://127.0.0.1:1", "http://[", ""])
async def test_pages_of_other_servers_can_make_nobody_speak(tmp_path: Path, origin: str) -> None:
    async with http(tmp_path) as server:
        async with server.client.post(SPEECH, json={"input": "Hello."}, headers={"Origin": origin}) as response:
            assert response.status == 403
            assert (await response.json())["error"]["code"] == "foreign-origin"
        assert server.running.chatterbox.said == []


async def test_the_servers_own_page_can(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        own = {"Origin": f"http://127.0.0.1:{server.server.port}"}
        async with server.client.post(SPEECH, json={"input": "Hello."}, headers=own) as response:
            assert response.status == 200


async def test_a_taken_port_is_named_once_and_tried_until_it_is_free(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with http(tmp_path) as server:
        service = server.running.service
        taken = replace(service, config=replace(service.config, http_port=server.server.port))
        caplog.clear()
        caplog.set_level(logging.INFO)
        patient = HttpServer(taken, retry_seconds=0.01)
        await patient.start()
        await asyncio.sleep(0.1)
        (said,) = [record.getMessage() for record in caplog.records]
        assert f"--http-host 127.0.0.1 --http-port {server.server.port} can't be served: " in said
        assert (await plain(server.running.uri, "One.")).types == CYCLE
        await server.server.close()
        await until(lambda: "is served at" in caplog.text)
        assert (await server.get("/health"))[0] == 200
        await patient.close()
        assert len([record for record in caplog.records if "can't be served" in record.getMessage()]) == 1


async def test_a_host_that_is_not_here_is_named_and_the_rest_is_served(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with http(tmp_path, "--http-host", "192.0.2.1", "--http-token", TOKEN) as server:
        assert "--http-host 192.0.2.1 " in caplog.text
        assert (await plain(server.running.uri, "One.")).types == CYCLE


async def test_a_closed_server_is_gone(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        await server.get("/info")
        await server.server.close()
        with pytest.raises(aiohttp.ClientConnectionError):
            await server.get("/info")
