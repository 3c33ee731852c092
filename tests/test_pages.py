"""The page's files as browsers get them, and refusals that people can read."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import aiohttp
import pytest
from aiohttp import web

from tests.http_serving import http
from wyoming_chatterbox.web.pages import Pages

TOKEN = "Zürich-密码-\u2028-100%25+x"
FILES = {
    "index.html": ("/", "text/html", b"<!doctype html>" * 100),
    "page.js": ("/page.js", "text/javascript", b"let a = 1;\n" * 100),
    "words/de.json": ("/words/de.json", "application/json", b'{"a": "b"}' * 100),
    "vendor/lib.js": ("/vendor/lib.js", "text/javascript", b"x"),
    "vendor/lib.LICENSE": ("/vendor/lib.LICENSE", "text/plain", b"MIT"),
    "icon.svg": ("/icon.svg", "image/svg+xml", b"<svg/>"),
    "picture.png": ("/picture.png", "image/png", bytes(range(256)) * 3),
}


@pytest.fixture(name="folder")
def folder_fixture(tmp_path: Path) -> Path:
    folder = tmp_path / "static"
    for name, (_, _, content) in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    (folder / ".hidden").write_text("not for others")
    return folder


@pytest.fixture(name="client")
async def client_fixture(folder: Path) -> AsyncIterator[aiohttp.ClientSession]:
    app = web.Application()
    Pages(folder).add(app)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = runner.addresses[0][1]
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", auto_decompress=False) as client:
        yield client
    await runner.cleanup()


@pytest.mark.parametrize("name", FILES)
async def test_every_file_is_served_with_its_type(client: aiohttp.ClientSession, name: str) -> None:
    path, kind, content = FILES[name]
    async with client.get(path, headers={"Accept-Encoding": "identity"}) as plain:
        assert (plain.status, plain.content_type, await plain.read()) == (200, kind, content)
        assert plain.charset == ("utf-8" if kind.startswith("text/") else None)
        assert "Content-Encoding" not in plain.headers
    async with client.get(path, headers={"Accept-Encoding": "br, gzip;q=0.8"}) as answer:
        body = await answer.read()
        if answer.headers.get("Content-Encoding") == "gzip":
            assert len(body) < len(content)
            body = gzip.decompress(body)
            assert answer.headers["ETag"] != plain.headers["ETag"]
            assert answer.headers["Vary"] == "Accept-Encoding"
        else:
            assert len(content) < 300
        assert body == content


@pytest.mark.parametrize("accepted", ["", "identity", "gzip;q=0", "gzip; q=0.0, br", "br"])
async def test_a_client_that_takes_no_gzip_gets_none(client: aiohttp.ClientSession, accepted: str) -> None:
    async with client.get("/page.js", headers={"Accept-Encoding": accepted}) as answer:
        assert "Content-Encoding" not in answer.headers
        assert await answer.read() == FILES["page.js"][2]


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
async def test_a_file_that_did_not_change_is_not_sent_again(client: aiohttp.ClientSession, encoding: str) -> None:
    headers = {"Accept-Encoding": encoding}
    async with client.get("/page.js", headers=headers) as first:
        tag = first.headers["ETag"]
    for known in (tag, f'"other", {tag}', f"W/{tag}", "*"):
        async with client.get("/page.js", headers=headers | {"If-None-Match": known}) as second:
            assert (second.status, await second.read(), second.headers["ETag"]) == (304, b"", tag)
    async with client.get("/page.js", headers=headers | {"If-None-Match": '"other"'}) as third:
        assert third.status == 200


async def test_hidden_files_and_folders_are_not_served(client: aiohttp.ClientSession) -> None:
    for path in ("/.hidden", "/words/", "/words", "/index.html", "/words/de.json/"):
        async with client.get(path) as answer:
            assert answer.status == 404


async def test_the_real_page_comes_compressed_with_its_headers(tmp_path: Path) -> None:
    async with http(tmp_path) as server, server.client.get("/page.js") as answer:
        assert answer.headers["Content-Encoding"] == "gzip"
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["Content-Security-Policy"].split(";"))
    assert policy == {
        "default-src": "'self'",
        "worker-src": "'self'",
        "media-src": "'self' blob:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'self'",
    }


# Tokens of any characters


@pytest.mark.parametrize("sent", [quote(TOKEN, safe=""), quote(TOKEN.encode()), TOKEN])
async def test_a_token_may_hold_any_character(tmp_path: Path, sent: str) -> None:
    async with http(tmp_path, "--http-token", TOKEN) as server:
        status, _ = await server.get("/info", headers={"Authorization": f"Bearer {sent}"})
    assert status == 200


@pytest.mark.parametrize("sent", ["", "x", quote(TOKEN + "x"), quote(quote(TOKEN)), TOKEN[:-1], "%", "%zz", "%ff%fe"])
async def test_another_token_is_refused(tmp_path: Path, sent: str) -> None:
    async with http(tmp_path, "--http-token", TOKEN) as server:
        status, answer = await server.get("/info", headers={"Authorization": f"Bearer {sent}"})
    assert (status, answer["error"]["code"]) == (401, "unauthorized")


# Refusals


async def test_people_get_a_page_and_programs_get_json(tmp_path: Path) -> None:
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    async with http(tmp_path, "--http-token", "secret") as server:
        async with server.client.get("/v1/audio/nothing", headers=browser) as page:
            assert (page.status, page.content_type) == (401, "text/html")
            assert 'href="../../"' in await page.text()
            assert page.headers["WWW-Authenticate"].startswith("Bearer")
            assert page.headers["X-Content-Type-Options"] == "nosniff"
        for headers in ({}, {"Accept": "application/json"}, {"Accept": "*/*"}):
            async with server.client.get("/info", headers=headers) as answer:
                assert (answer.status, answer.content_type) == (401, "application/json")
        async with server.client.post("/retry", headers=browser) as answer:
            assert answer.content_type == "application/json"


async def test_a_stranger_reads_why_and_nothing_of_theirs_becomes_markup(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        headers = {"Accept": "text/html", "Host": "<b>evil</b>"}
        async with server.client.get("/", headers=headers) as page:
            text = await page.text()
            assert (page.status, page.content_type) == (403, "text/html")
        assert "<b>" not in text
        assert "&lt;b&gt;" in text
