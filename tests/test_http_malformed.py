"""Whatever comes by HTTP gets an answer of ours or a close; the log has one short line of it and never a traceback."""

from __future__ import annotations

import asyncio
import json
import logging
import random
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.client import PATIENCE
from tests.http_serving import SPEECH, Http, http
from tests.serving import until
from wyoming_chatterbox.web import speech_request

MARK = "EVIL\x9b31mMARK\u202e"
"""A word that only the client sends: no answer and no log line may repeat it as it is."""
EVIL = MARK.encode()
SMUGGLED = b"GET /info HTTP/1.1\r\nHost: localhost\r\n\r\n"


def request(line: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    return b"\r\n".join([line, b"Host: localhost", b"Connection: close", *headers, b"", body])


def post(*headers: bytes, body: bytes = b"", path: str = SPEECH) -> bytes:
    return request(f"POST {path} HTTP/1.1".encode(), b"Content-Type: application/json", *headers, body=body)


MALFORMED = {
    "no HTTP at all": EVIL + b"\r\n\r\n",
    "TLS": bytes.fromhex("16030100a5010000a10303") + EVIL * 8,
    "an unknown method": request(b"EVIL / HTTP/1.1"),
    "a method with bytes": request(EVIL + b" / HTTP/1.1"),
    "an unknown version": request(b"GET / HTTP/9.7"),
    "a header without a colon": request(b"GET / HTTP/1.1", EVIL),
    "a header with a control character": request(b"GET / HTTP/1.1", b"X: a\x00" + EVIL),
    "a header's name with bytes": request(b"GET / HTTP/1.1", EVIL + b": 1"),
    "a line too long": request(b"GET /" + b"E" * 100_000 + b" HTTP/1.1"),
    "a header too long": request(b"GET / HTTP/1.1", b"X: " + b"E" * 100_000),
    "too many headers": request(b"GET / HTTP/1.1", *(b"X%d: 1" % number for number in range(1000))),
    "two lengths": post(b"Content-Length: 5", b"Content-Length: 6", body=b"hello"),
    "a length and chunks": post(b"Content-Length: 5", b"Transfer-Encoding: chunked", body=SMUGGLED),
    "a length that is none": post(b"Content-Length: " + EVIL),
    "an encoding that is none": post(b"Transfer-Encoding: " + EVIL, body=b"hello"),
    "a broken address": request(b"GET http://[" + EVIL + b"/ HTTP/1.1"),
}
BODIES = {
    "Brotli": post(b"Content-Encoding: br", b"Content-Length: 5", body=b"hello"),
    "Zstandard": post(b"Content-Encoding: zstd", b"Content-Length: 5", body=b"hello"),
    "no gzip": post(b"Content-Encoding: gzip", b"Content-Length: 5", body=b"hello"),
    "gzip cut short": post(b"Content-Encoding: deflate", b"Content-Length: 9", body=zlib.compress(b"x" * 999)[:9]),
    "no chunks": post(b"Transfer-Encoding: chunked", body=EVIL + b"\r\n\r\n"),
    "no gzip for nobody": post(b"Content-Encoding: gzip", b"Content-Length: 5", body=b"hello", path="/nowhere"),
    "no chunks for nobody": post(b"Transfer-Encoding: chunked", body=b"5\r\nhel", path="/nowhere") + b"\r\nZZ" + EVIL,
    "a chunk's end missing": post(b"Transfer-Encoding: chunked", body=b"1\r\nhello\r\n0\r\n\r\n", path="/info"),
}
REFUSED = {
    "an expectation": request(b"GET /info HTTP/1.1", b"Expect: " + EVIL),
    "an expectation that is no UTF-8": request(b"GET /nowhere HTTP/1.1", b"Expect: \xbb"),
    "a path with a line break": request(b"GET /a%0a2026-11-25%20ERROR%20root:%20FORGED%1b%5b2J%07%e2%80%ae HTTP/1.1"),
    "a long path": request(b"GET /" + b"E" * 8000 + b" HTTP/1.1"),
    "a method that is not for it": request(b"PROPFIND / HTTP/1.1"),
    "a host": b"GET /info HTTP/1.1\r\nConnection: close\r\nHost: " + EVIL + b"\r\n\r\n",
    "an origin": post(b"Origin: http://" + EVIL, b"Content-Length: 0"),
    "a content type": request(f"POST {SPEECH} HTTP/1.1".encode(), b"Content-Type: a/" + EVIL, b"Content-Length: 0"),
    "a voice": post(b"Content-Length: 100029", body=b'{"input": "Hi.", "voice": "' + b"E" * 100_000 + b'"}'),
    "a body too long": post(b"Content-Length: 999999", body=b" " * 999_999),
}


@dataclass
class Answer:
    """One answer as it came over the wire."""

    status: int
    headers: dict[str, str]
    body: str


async def sent(server: Http, data: bytes, *, most: int = 10, patience: float = PATIENCE) -> list[Answer]:
    """The answers to these bytes, until there are `most`, or the server closes, or is silent for so many seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", server.server.port)
    answers: list[Answer] = []
    try:
        writer.write(data)
        while len(answers) < most:
            async with asyncio.timeout(patience):
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            fields = dict(line.split(": ", 1) for line in head[1:] if line)
            body = await reader.readexactly(int(fields["Content-Length"]))
            answers.append(Answer(int(head[0].split()[1]), fields, body.decode()))
    except (asyncio.IncompleteReadError, ConnectionError, TimeoutError):
        pass
    finally:
        writer.close()
    return answers


def check_answer(answer: Answer) -> dict[str, Any]:
    """See that it is ours: our headers, our JSON, no version, nothing of what was sent; its error."""
    assert answer.headers["Server"] == "wyoming-chatterbox"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Content-Security-Policy"].startswith("default-src 'self';")
    assert answer.headers["Referrer-Policy"] == "no-referrer"
    assert answer.headers["Content-Type"].startswith("application/json")
    assert "aiohttp" not in answer.body
    assert len(answer.body) < 2000
    error: dict[str, Any] = json.loads(answer.body)["error"]
    assert error["message"].isprintable()
    assert error["message"]
    return error


def check_log(records: list[logging.LogRecord]) -> None:
    """See that nobody forged a line, flooded the log, or made the server show its stack."""
    for record in records:
        assert record.levelno < logging.ERROR
        assert not record.exc_info
        assert record.getMessage().isprintable()
        assert len(record.getMessage()) < 1000


def said(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.levelno >= logging.INFO]


@pytest.mark.parametrize("kind", MALFORMED)
async def test_what_is_no_http_gets_an_answer_of_ours_and_a_line(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with http(tmp_path) as server:
        caplog.clear()
        (answer,) = await sent(server, MALFORMED[kind])
        await until(lambda: len(said(caplog)) > 0)
        assert (await server.get("/health"))[0] == 200
    assert answer.status == 400
    assert check_answer(answer)["code"] == "bad-http"
    (line,) = [record for record in said(caplog) if "no HTTP" in record.getMessage()]
    assert line.getMessage().startswith("127.0.0.1 sent what is no HTTP")
    check_log(caplog.records)


@pytest.mark.parametrize("kind", [*BODIES, *REFUSED])
async def test_what_can_not_be_answered_is_refused_in_our_words(
    tmp_path: Path, kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with http(tmp_path) as server:
        answers = await sent(server, (BODIES | REFUSED)[kind])
        assert answers
        for answer in answers:
            assert 400 <= answer.status < 500
            check_answer(answer)
        assert (await server.get("/health"))[0] == 200
        assert server.running.chatterbox.said == []
    check_log(caplog.records)


async def test_a_path_can_not_forge_a_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with http(tmp_path, "--http-token", "secret") as server:
        await sent(server, REFUSED["a path with a line break"])
    (line,) = [record.getMessage() for record in said(caplog) if "is refused" in record.getMessage()]
    assert r"'GET /a\n2026-11-25 ERROR root: FORGED\x1b[2J\x07\u202e' from 127.0.0.1 is refused" in line
    check_log(caplog.records)


@pytest.mark.parametrize("seed", range(8))
async def test_random_requests_leave_no_traceback(tmp_path: Path, seed: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    chance = random.Random(seed)
    seeds = [*MALFORMED.values(), *BODIES.values(), *(data for data in REFUSED.values() if len(data) < 1000)]
    async with http(tmp_path) as server:
        for _ in range(40):
            data = bytearray(chance.choice(seeds)[:5000])
            for _ in range(chance.randrange(6)):
                data[chance.randrange(len(data))] = chance.randrange(256)
            for answer in await sent(server, bytes(data), patience=0.1):
                if answer.status >= 400:
                    check_answer(answer)
                assert answer.status != 500
        assert (await server.get("/health"))[0] == 200
    check_log(caplog.records)


async def test_a_spoken_reply_leaves_a_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    async with http(tmp_path) as server:
        async with server.client.post(SPEECH, json={"input": "Hello there."}) as response:
            assert await response.read()
        await until(lambda: any("Spoke 0.2 s to 127.0.0.1:" in line for line in caplog.messages))
    (line,) = [line for line in caplog.messages if line.startswith("Spoke")]
    assert "(HTTP) in the voice 'default' (chatterbox), the first sound after 0." in line


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("TLS", "it is https, and this port takes http"),
        ("a line too long", "its address or one of its headers is too long"),
        ("Brotli", "its Content-Encoding is not known here: send gzip"),
        ("Zstandard", "its Content-Encoding is not known here: send gzip"),
    ],
)
async def test_answer_and_log_say_what_to_do_about_a_usual_mistake(
    tmp_path: Path, kind: str, words: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with http(tmp_path) as server:
        caplog.clear()
        (answer,) = await sent(server, (MALFORMED | BODIES)[kind])
        await until(lambda: len(said(caplog)) > 0)
    assert words in check_answer(answer)["message"]
    assert words in said(caplog)[0].getMessage()


async def test_a_body_that_says_it_is_too_large_is_refused_before_it_comes(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        (answer,) = await sent(server, post(b"Content-Length: 99999999999"), most=1)
    assert answer.status == 413
    check_answer(answer)


@pytest.mark.parametrize("path", ["/audio/speech", "/v1/v1/audio/speech", "/v1/audio/speech/audio/speech"])
async def test_who_asks_beside_the_api_is_told_where_it_is(
    tmp_path: Path, path: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with http(tmp_path) as server:
        caplog.clear()
        (answer,) = await sent(server, post(b"Content-Length: 2", body=b"{}", path=path))
    assert answer.status == 404
    message = f"There is no '{path}' here; OpenAI's API is at /v1/, so speech is at /v1/audio/speech"
    assert check_answer(answer)["message"].startswith(message)
    (line,) = said(caplog)
    assert f"'POST {path}' from 127.0.0.1 is refused: {message}" in line.getMessage()


async def test_what_browsers_look_for_leaves_no_line(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with http(tmp_path) as server:
        caplog.clear()
        for path in ("/favicon.ico", "/robots.txt"):
            (answer,) = await sent(server, request(f"GET {path} HTTP/1.1".encode()))
            assert answer.status == 404
    assert said(caplog) == []


async def test_a_body_that_never_comes_is_told_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(speech_request, "_READ_SECONDS", 0.05)
    async with http(tmp_path) as server:
        (answer,) = await sent(server, post(b"Content-Length: 10", body=b"{"), most=1)
    assert answer.status == 408
    check_answer(answer)
    check_log(caplog.records)
