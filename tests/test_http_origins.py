"""Pages of other origins, and the names that a server may be called by."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fakes import FakeEngine
from tests.http_serving import SPEECH, http
from tests.serving import until
from wyoming_chatterbox.errors import EngineError

ORIGIN = "http://localhost:8000"
PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "POST",
    "Access-Control-Request-Headers": "authorization,content-type,x-stainless-lang",
}
ALLOW = "Access-Control-Allow-Origin"
LISTED = ["--http-host", "0.0.0.0", "--http-allow", "127.0.0.0/8"]
BEARER = {"Authorization": "Bearer open-sesame-7"}


@pytest.mark.parametrize("path", [SPEECH, "/v1/models", "/info", "/said", "/nowhere"])
async def test_a_preflight_of_an_allowed_origin_is_answered(tmp_path: Path, path: str) -> None:
    # Browsers send no token with it.
    async with (
        http(tmp_path, "--http-cors", ORIGIN, "--http-token", "open-sesame-7") as server,
        server.client.options(path, headers=PREFLIGHT) as response,
    ):
        assert (response.status, await response.read()) == (204, b"")
        assert response.headers[ALLOW] == ORIGIN
        assert "Origin" in response.headers["Vary"]
        assert {"GET", "POST", "PATCH", "DELETE"} <= set(response.headers["Access-Control-Allow-Methods"].split(", "))
        assert response.headers["Access-Control-Allow-Headers"] == PREFLIGHT["Access-Control-Request-Headers"]
        assert int(response.headers["Access-Control-Max-Age"]) > 0
        assert "Access-Control-Allow-Private-Network" not in response.headers
        assert "Access-Control-Allow-Credentials" not in response.headers


async def test_chromium_may_come_from_a_public_page_into_the_private_network(tmp_path: Path) -> None:
    headers = {**PREFLIGHT, "Access-Control-Request-Private-Network": "true"}
    async with (
        http(tmp_path, "--http-cors", ORIGIN) as server,
        server.client.options(SPEECH, headers=headers) as response,
    ):
        assert response.headers["Access-Control-Allow-Private-Network"] == "true"


@pytest.mark.parametrize("asked", ["", "a b", "x: y", "é", "a,,b"])
async def test_header_names_that_are_none_are_not_repeated(tmp_path: Path, asked: str) -> None:
    headers = {**PREFLIGHT, "Access-Control-Request-Headers": asked}
    async with (
        http(tmp_path, "--http-cors", ORIGIN) as server,
        server.client.options(SPEECH, headers=headers) as response,
    ):
        assert response.headers["Access-Control-Allow-Headers"] == "Authorization, Content-Type"


@pytest.mark.parametrize(
    ("flags", "origin"),
    [
        ([], ORIGIN),
        (["--http-cors", ORIGIN], "http://localhost:8001"),
        (["--http-cors", ORIGIN], "https://localhost:8000"),
        (["--http-cors", ORIGIN], "http://localhost:8000.evil.example"),
        (["--http-cors", ORIGIN], "null"),
    ],
)
async def test_other_origins_are_refused(tmp_path: Path, flags: list[str], origin: str) -> None:
    async with http(tmp_path, *flags) as server:
        async with server.client.options(SPEECH, headers={**PREFLIGHT, "Origin": origin}) as response:
            assert (response.status, response.headers.get(ALLOW)) == (403, None)
            error = (await response.json())["error"]
            assert error["code"] == "foreign-origin" and "--http-cors" in error["message"]
        async with server.client.post(SPEECH, json={"input": "Hi."}, headers={"Origin": origin}) as response:
            assert (response.status, response.headers.get(ALLOW)) == (403, None)
        assert server.running.chatterbox.said == []
        async with server.client.get("/info", headers={"Origin": origin}) as response:
            assert ALLOW not in response.headers, "the page can't read it"


@pytest.mark.parametrize("origin", [ORIGIN, "HTTP://LOCALHOST:8000", "https://home.example"])
@pytest.mark.parametrize("allowed", [[ORIGIN, "https://home.example"], ["*"]])
async def test_every_answer_to_an_allowed_origin_can_be_read(tmp_path: Path, origin: str, allowed: list[str]) -> None:
    flags = [part for each in allowed for part in ("--http-cors", each)]
    expected = "*" if allowed == ["*"] else origin
    async with http(tmp_path, *flags) as server:
        headers = {"Origin": origin, "Sec-Fetch-Site": "cross-site"}
        for body, status in (({"input": "Hi."}, 200), ({"input": "Hi.", "stream_format": "sse"}, 200), ({}, 400)):
            async with server.client.post(SPEECH, json=body, headers=headers) as response:
                assert (response.status, response.headers[ALLOW]) == (status, expected)
                assert response.headers["Vary"] == "Origin"
        for method, path, status in (
            ("GET", "/v1/models", 200), ("GET", "/nowhere", 404), ("DELETE", SPEECH, 405), ("GET", "/health", 200),
        ):  # fmt: skip
            async with server.client.request(method, path, headers=headers) as response:
                assert (response.status, response.headers[ALLOW]) == (status, expected)


async def test_errors_of_the_engine_can_be_read_too(tmp_path: Path) -> None:
    def failing(*_: object) -> FakeEngine:
        raise EngineError("not today")

    async with http(tmp_path, "--no-standby", "--http-cors", ORIGIN, load=failing, first_retry=60) as server:
        await until(lambda: server.running.service.lifecycle.failure is not None)
        async with server.client.post(SPEECH, json={"input": "Hi."}, headers={"Origin": ORIGIN}) as response:
            assert (response.status, response.headers[ALLOW]) == (503, ORIGIN)
            exposed = response.headers["Access-Control-Expose-Headers"]
            assert exposed == "Retry-After, Chatterbox-Engine, Chatterbox-Reply"


async def test_an_allowed_page_needs_the_token_all_the_same(tmp_path: Path) -> None:
    async with http(tmp_path, "--http-cors", "*", "--http-token", "open-sesame-7") as server:
        for headers, status in (({"Origin": ORIGIN}, 401), ({"Origin": ORIGIN, **BEARER}, 200)):
            async with server.client.post(SPEECH, json={"input": "Hi."}, headers=headers) as response:
                assert (response.status, response.headers[ALLOW]) == (status, "*")


async def test_without_the_option_no_answer_speaks_of_origins(tmp_path: Path) -> None:
    async with http(tmp_path) as server, server.client.get("/info", headers={"Origin": ORIGIN}) as response:
        assert not {name for name in response.headers if name.startswith("Access-Control") or name == "Vary"}


async def test_a_stranger_gets_no_preflight(tmp_path: Path) -> None:
    flags = ["--http-host", "0.0.0.0", "--http-allow", "192.168.1.0/24", "--http-cors", ORIGIN]
    async with http(tmp_path, *flags) as server, server.client.options(SPEECH, headers=PREFLIGHT) as response:
        assert (response.status, (await response.json())["error"]["code"]) == (403, "forbidden")


@pytest.mark.parametrize(
    "host",
    [
        "chatterbox:4123", "chatterbox", "CHATTERBOX:4123", "my_chatterbox-1:4123", "chatterbox.:4123",
        "chatterbox.default.svc.cluster.local:4123", "server.local", "server.home.arpa:4123", "tts.internal",
        "localhost:4123", "192.168.1.5:4123", "[fd00::1]:4123",
    ],
)  # fmt: skip
async def test_an_allowed_network_may_use_names_that_only_it_knows(tmp_path: Path, host: str) -> None:
    async with http(tmp_path, *LISTED) as server:
        assert (await server.get("/info", headers={"Host": host}))[0] == 200
        own = {"Host": host, "Origin": f"http://{host}"}
        async with server.client.post(SPEECH, json={"input": "Hi."}, headers=own) as response:
            assert response.status == 200
        foreign = {"Host": host, "Origin": "http://evil.example"}
        async with server.client.post(SPEECH, json={"input": "Hi."}, headers=foreign) as response:
            assert response.status == 403


@pytest.mark.parametrize(
    "host",
    [
        "evil.example", "evil.example:4123", "chatterbox.evil.example", "chatterbox.local.evil.example", "local.evil",
        "evil.example.", "home.lan", "evilinternal.com", ".", "", "evil%2eexample", "ev\u00ecl", "[::", "a b",
    ],
)  # fmt: skip
async def test_a_name_that_a_page_from_elsewhere_can_have_is_refused(tmp_path: Path, host: str) -> None:
    # Over plain HTTP a browser sends neither Origin nor Sec-Fetch-Site with a GET of a page's own.
    async with http(tmp_path, *LISTED) as server:
        for method in ("GET", "POST"):
            async with server.client.request(method, "/info", headers={"Host": host}) as response:
                error = (await response.json())["error"]
                assert (response.status, error["code"]) == (403, "unknown-host")
        async with server.client.options(SPEECH, headers={**PREFLIGHT, "Host": host}) as response:
            assert response.status == 403


async def test_a_name_without_a_dot_is_for_allowed_networks_only(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        assert (await server.get("/info", headers={"Host": "chatterbox:4123"}))[0] == 403


async def test_with_a_token_every_name_will_do(tmp_path: Path) -> None:
    async with http(tmp_path, "--http-token", "open-sesame-7") as server:
        assert (await server.get("/info", headers={"Host": "tts.example", **BEARER}))[0] == 200
        assert (await server.get("/info", headers={"Host": "chatterbox:4123"}))[0] == 401
