"""Who may change voices over HTTP, and that nobody gets outside of the folder."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from yarl import URL

from tests.http_serving import http
from tests.test_voices import record
from tests.voices_http import VOICES, form, hum, names, refused, send

TOKEN = "open-sesame-7"


FOREIGN = {
    "another origin": {"Origin": "http://evil.example"},
    "no origin of its own": {"Origin": "null"},
    "no origin told": {"Sec-Fetch-Site": "cross-site"},
    "another port of this machine": {"Sec-Fetch-Site": "same-site"},
    "a sandbox that says so": {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
}


@pytest.mark.parametrize("case", FOREIGN)
async def test_pages_of_others_change_nothing(tmp_path: Path, case: str) -> None:
    record(tmp_path / "voices" / "alice.wav")
    async with http(tmp_path) as server:
        headers = FOREIGN[case]
        before = names(tmp_path / "voices")
        for method, path, body in (
            ("POST", VOICES, form(hum(), name="bob")),
            ("POST", f"{VOICES}?name=bob", b"x"),
            ("PATCH", f"{VOICES}/alice", b"{}"),
            ("DELETE", f"{VOICES}/alice", None),
            ("POST", f"{VOICES}/alice/undelete", None),
            ("GET", f"{VOICES}/alice/preview", None),
        ):
            error = await refused(server, 403, body, method=method, path=path, headers=headers)
            assert error["code"] == "foreign-origin"
        assert names(tmp_path / "voices") == before
        assert server.running.chatterbox.said == []


async def test_the_own_page_and_programs_may_change_voices(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        own = f"http://127.0.0.1:{server.server.port}"
        for number, headers in enumerate(
            ({"Origin": own}, {"Origin": own, "Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {})
        ):
            assert (await send(server, form(hum(), name=f"v{number}"), headers=headers))[0] == 201


async def test_a_token_is_needed_where_there_is_one(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "alice.wav")
    async with http(tmp_path, "--http-token", TOKEN) as server:
        for method, path in (
            ("GET", VOICES),
            ("POST", VOICES),
            ("PATCH", f"{VOICES}/alice"),
            ("DELETE", f"{VOICES}/alice"),
            ("GET", f"{VOICES}/alice/sample"),
            ("GET", f"{VOICES}/alice/preview"),
        ):
            await refused(server, 401, method=method, path=path)
        assert names(tmp_path / "voices") == ["alice.wav"]
        status, _ = await send(server, form(hum(), name="bob"), headers={"Authorization": f"Bearer {TOKEN}"})
        assert status == 201


ODD = ["..", ".", "%2e%2e", "..%2f..%2fetc%2fpasswd", "%00", "a%00b", "..%5c..%5cx", "%0a", "%250a", "x" * 5000, "{x}"]


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("rest", ["", "/sample", "/preview", "/undelete"])
async def test_no_name_in_a_path_leads_out_of_the_folder(tmp_path: Path, name: str, rest: str) -> None:
    (tmp_path / "secret.wav").write_bytes(hum())
    (tmp_path / "voices").mkdir()
    async with http(tmp_path) as server:
        for method in ("GET", "POST", "PATCH", "DELETE"):
            head = f"{method} {VOICES}/{name}{rest} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            head += "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
            reader, writer = await asyncio.open_connection("127.0.0.1", server.server.port)
            writer.write(head.encode())
            answer = await reader.read()
            writer.close()
            assert int(answer.split()[1]) in (400, 404, 405), answer[:300]
        assert names(tmp_path) == ["secret.wav"]


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.Runner]:
    with asyncio.Runner() as runner:
        yield runner


@pytest.mark.slow(4)
@settings(
    deadline=None,
    max_examples=60,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    name=st.text(min_size=1, max_size=40)
    | st.from_regex(r"\A[./\\]{0,4}[a-z.\x00-\x1f\u202e:%]{1,9}\Z")
    | st.sampled_from(
        ["con", "NUL.x", "a" * 120, "é" * 61, "..", "default", "DEFAULT", "~", "$HOME", "-rf", "a\u200db"]
    )
)
def test_whatever_a_voice_is_called_its_file_is_in_the_folder(
    tmp_path_factory: pytest.TempPathFactory, loop: asyncio.Runner, name: str
) -> None:
    async def run(directory: Path) -> None:
        secret = directory / "secret.wav"
        secret.write_bytes(b"mine")
        async with http(directory) as server:
            asked = URL(f"{VOICES}/{quote(name, safe='')}", encoded=True)
            for method, path in (("GET", asked / "sample"), ("DELETE", asked), ("PATCH", asked)):
                async with server.client.request(method, path, json={"speed": 0.7}) as response:
                    assert response.status in (400, 404, 405, 409) or name.lower() == "default"
            (directory / "voices" / "default.yaml").unlink(missing_ok=True)
            status, answer = await send(server, json={"name": name, "speed": 1.5})
            assert status in (201, 400), answer
            assert secret.read_bytes() == b"mine"
            made = [path for path in directory.rglob("*") if path.is_file() and path != secret]
            if status == 201:
                assert [path.parent for path in made] == [directory / "voices"]
                assert made[0].stem == answer["name"]
                made_path = f"{VOICES}/{quote(answer['name'], safe='')}"
                status, _ = await send(server, method="DELETE", path=made_path)
                assert status in (200, 404)
            else:
                assert made == []
                assert answer["error"]["param"] == "name"

    loop.run(run(tmp_path_factory.mktemp("names")))
