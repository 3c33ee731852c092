"""Whatever a client sends, it gets a clear error or a clean close, and the next one is served."""

from __future__ import annotations

import asyncio
import json
import logging
import socket
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.client import PATIENCE, describe, plain, raw
from tests.serving import serving
from wyoming_chatterbox.errors import ProtocolError
from wyoming_chatterbox.server import protocol


def line(**header: object) -> bytes:
    return json.dumps(header).encode() + b"\n"


def with_data(event_type: str, data: object) -> bytes:
    body = json.dumps(data).encode()
    return line(type=event_type, data_length=len(body)) + body


MALFORMED = {
    "bad JSON": b"{nonsense\n",
    "not UTF-8": b"\xff\xfe\xfd\n",
    "nested too deeply": b"[" * 60_000 + b"\n",
    "header is a list": b"[1, 2]\n",
    "header is null": b"null\n",
    "no type": line(data={}),
    "type is a number": line(type=5),
    "type is empty": line(type=""),
    "data is a list": line(type="synthesize", data=[1]),
    "data is null with a length": line(type="synthesize", data=None, data_length=2) + b"{}",
    "data that is JSON but no object": with_data("synthesize", "text"),
    "data that is no JSON": line(type="synthesize", data_length=5) + b"hello",
    "length is a text": line(type="synthesize", data_length="12"),
    "length is a truth": line(type="synthesize", data_length=True),
    "length is a fraction": line(type="synthesize", data_length=1.5),
    "data too long": line(type="synthesize", data_length=10**12),
    "payload too long": line(type="audio-chunk", payload_length=10**12),
    "header line too long": b'{"type": "' + b"x" * 100_000 + b'"}\n',
    "ping with a number": with_data("ping", {"text": 5}),
    "text missing": with_data("synthesize", {}),
    "text is null": with_data("synthesize", {"text": None}),
    "text is a number": with_data("synthesize", {"text": 5}),
    "voice is a text": with_data("synthesize", {"text": "Hi.", "voice": "alice"}),
    "voice name is a number": with_data("synthesize", {"text": "Hi.", "voice": {"name": 5}}),
    "chunk outside a stream": with_data("synthesize-chunk", {"text": "Hi."}),
    "stop outside a stream": line(type="synthesize-stop"),
    "start inside a stream": line(type="synthesize-start") * 2,
    "chunk without text": line(type="synthesize-start") + line(type="synthesize-chunk"),
}


@pytest.mark.parametrize("sent", MALFORMED.values(), ids=MALFORMED.keys())
async def test_a_malformed_event_is_answered_with_an_error_and_a_close(
    tmp_path: Path, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    async with serving(tmp_path) as running:
        heard = await raw(running.uri, sent)
        assert heard.error is not None
        assert heard.error.code == "bad-event"
        assert heard.error.text
        assert any(heard.error.text in record.getMessage() for record in caplog.records)
        assert "never retrieved" not in caplog.text
        assert (await plain(running.uri, "Next.")).types == ["audio-start", "audio-chunk", "audio-stop"]


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "is not JSON: it begins with 'GET / HTTP/1.1'"),
        (b"\x16\x03\x01\x02\n", r"is not JSON: it begins with '\x16\x03\x01\x02'"),
        (b"E" * 1000 + b"\n", f"it begins with '{'E' * 40}...' (1000 characters)"),
        (
            '{"type": "synthesize", "data": {"text": "Gr\xfc\xdfe"}}\n'.encode("latin-1"),
            "The header line is not in UTF-8",
        ),
        (line(type="ping", data_length=2.5), "must be a whole number, not 2.5"),
    ],
    ids=["HTTP", "TLS", "long", "Latin-1", "a fraction"],
)
async def test_a_usual_mistake_can_be_told_from_the_error(tmp_path: Path, sent: bytes, words: str) -> None:
    async with serving(tmp_path) as running:
        heard = await raw(running.uri, sent)
        assert heard.error is not None
        assert words in heard.error.text
        assert "Gr" not in heard.error.text


@pytest.mark.parametrize(
    "sent",
    [
        line(type="synthesize", data_length=6) + b"Secret",
        b"\xef\xbb\xbf" + line(text="Secret"),
        b"'" + line(text="Secret"),
    ],
    ids=["the data", "after a byte order mark", "quoted"],
)
async def test_an_error_does_not_repeat_what_may_be_a_text(tmp_path: Path, sent: bytes) -> None:
    async with serving(tmp_path) as running:
        heard = await raw(running.uri, sent)
        assert heard.error is not None
        assert "is not JSON" in heard.error.text
        assert "Secret" not in heard.error.text


TRUNCATED = {
    "nothing at all": b"",
    "half a header": b'{"type": "synth',
    "half the data": line(type="synthesize", data_length=50) + b'{"text"',
    "half the payload": line(type="audio-chunk", payload_length=50) + b"123",
}


@pytest.mark.parametrize("sent", TRUNCATED.values(), ids=TRUNCATED.keys())
async def test_a_truncated_event_ends_in_an_error_or_a_close(
    tmp_path: Path, sent: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path) as running:
        heard = await raw(running.uri, sent, end=True)
        assert heard.types in ([], ["error"])
        assert "never retrieved" not in caplog.text
        assert (await describe(running.uri)).tts


ODD_BUT_FINE = {
    "by hand": b'{"type":"describe"}\n',
    "lengths as some languages write them": line(type="describe", data_length=2.0, payload_length=0.0) + b"{}",
    "negative lengths": line(type="describe", data_length=-5, payload_length=-1),
    "data is null": line(type="describe", data=None),
    "with a payload": line(type="describe", payload_length=3) + b"abc",
    "an unknown event first": line(type="select-program", data={"name": "x"}) + line(type="describe"),
}


@pytest.mark.parametrize("sent", ODD_BUT_FINE.values(), ids=ODD_BUT_FINE.keys())
async def test_odd_events_that_mean_something_are_answered(tmp_path: Path, sent: bytes) -> None:
    async with serving(tmp_path) as running:
        assert (await raw(running.uri, sent, end=True)).types == ["info"]


@pytest.mark.parametrize("voice", [None, {}, {"name": None}, {"language": "en"}, {"name": "default", "speaker": "x"}])
async def test_a_voice_that_says_nothing_is_the_default(tmp_path: Path, voice: object) -> None:
    async with serving(tmp_path) as running:
        data = with_data("synthesize", {"text": "Hi.", "voice": voice}) + line(type="ping")
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection("127.0.0.1", running.server.port)
            writer.write(data)
            assert b"pong" in await reader.readline()
            await reader.readuntil(b"audio-stop")
            writer.close()


async def test_a_lone_surrogate_in_text_or_voice_breaks_nothing(tmp_path: Path) -> None:
    async with serving(tmp_path) as running:
        heard = await raw(running.uri, b'{"type":"synthesize","data":{"text":"Hi.","voice":{"name":"\\ud800"}}}\n')
        assert heard.error is not None
        assert heard.error.code == "unknown-voice"
        heard = await raw(running.uri, b'{"type":"ping","data":{"text":"\\ud800"}}\n', end=True)
        assert heard.types == ["pong"]


async def test_a_client_that_resets_the_connection_disturbs_nobody(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path) as running:
        with socket.create_connection(("127.0.0.1", running.server.port or 0)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            client.sendall(with_data("synthesize", {"text": "A long text. " * 50}))
            await asyncio.sleep(0.05)
        assert (await plain(running.uri, "Next.")).types == ["audio-start", "audio-chunk", "audio-stop"]
    assert "Traceback" not in caplog.text


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(sent=st.binary(max_size=300) | st.builds(lambda value: json.dumps(value).encode() + b"\n", st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8)
    | st.sampled_from(["type", "data", "data_length", "payload_length", "synthesize", "text"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["type", "data", "data_length", "payload_length", "text", "voice"]), inner, max_size=4),
    max_leaves=8,
)))  # fmt: skip
def test_reading_any_bytes_gives_events_the_end_or_a_protocol_error(sent: bytes) -> None:
    async def read_all() -> None:
        reader = asyncio.StreamReader()
        reader.feed_data(sent)
        reader.feed_eof()
        try:
            while (event := await protocol.read_event(reader, 10_000)) is not None:
                assert isinstance(event.type, str)
                assert isinstance(event.data, dict)
        except ProtocolError as err:
            assert str(err)

    asyncio.run(read_all())
