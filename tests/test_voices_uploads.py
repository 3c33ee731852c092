"""Recordings on their way in over HTTP: large and too large, at once, stalled and left half sent."""

from __future__ import annotations

import asyncio
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.http_serving import http
from tests.serving import until
from tests.test_library import age
from tests.test_voices import record
from tests.voices_http import form, hum, names, refused, send
from wyoming_chatterbox.voices.aside import ASIDE
from wyoming_chatterbox.voices.library import Library
from wyoming_chatterbox.web import uploads


async def test_two_uploads_of_one_name_at_once_make_one_voice(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        answers = await asyncio.gather(*(send(server, form(hum(), name=name)) for name in ("alice", "ALICE", "alice")))
        assert sorted(status for status, _ in answers) == [201, 409, 409]
        assert len(names(tmp_path / "voices")) == 1


async def test_an_upload_leaves_some_of_the_disk_free(tmp_path: Path) -> None:
    async with http(tmp_path, library=Library(tmp_path / "voices", spare=10**18)) as server:
        error = await refused(server, 507, form(hum(), name="alice"))
        assert "no room left" in error["message"]
        assert names(tmp_path / "voices") == []


async def test_a_recording_that_is_too_large_is_refused_by_the_name_of_the_option(tmp_path: Path) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield bytes(100_000)

    async with http(tmp_path, "--max-upload-mb", "1") as server:
        for body in (bytes(1_000_001), chunks()):
            error = await refused(server, 413, body, headers={"Content-Type": "audio/wav"}, params={"name": "alice"})
            assert "1 MB" in error["message"]
            assert "--max-upload-mb" in error["message"]
        await refused(server, 413, form(bytes(1_000_001), name="alice"))
        assert names(tmp_path / "voices") == []


@pytest.mark.slow(1)
@pytest.mark.parametrize("as_form", [False, True])
async def test_a_large_recording_is_never_in_memory(tmp_path: Path, as_form: bool) -> None:
    piece, count = bytes(65536), 30_000_000 // 65536

    async def chunks() -> AsyncIterator[bytes]:
        if as_form:
            yield b'--x\r\nContent-Disposition: form-data; name="file"; filename="alice.wav"\r\n\r\n'
        # Its sound is short, and soon heard; all else is a chunk that nobody needs.
        yield hum() + b"junk" + (count * len(piece)).to_bytes(4, "little")
        for _ in range(count):
            yield piece
        if as_form:
            yield b"\r\n--x--\r\n"

    kind = "multipart/form-data; boundary=x" if as_form else "audio/wav"
    async with http(tmp_path, "--max-upload-mb", "31") as server:
        tracemalloc.start()
        try:
            status, entry = await send(server, chunks(), params={"name": "alice"}, headers={"Content-Type": kind})
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert (status, entry["bytes"] > 29_900_000) == (201, True), entry
        assert peak < 10_000_000


async def test_an_upload_whose_client_leaves_leaves_nothing(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        _, writer = await asyncio.open_connection("127.0.0.1", server.server.port)
        writer.write(
            b"POST /v1/voices?name=alice HTTP/1.1\r\nHost: localhost\r\nContent-Type: audio/wav\r\n"
            b"Content-Length: 4000000\r\n\r\n" + hum()
        )
        await until(lambda: any(name.startswith(".upload-") for name in names(tmp_path / "voices")))
        writer.transport.abort()
        await until(lambda: names(tmp_path / "voices") == [])
        assert (await send(server, form(hum(), name="alice")))[0] == 201


@pytest.mark.parametrize("kind", ["audio/wav", "multipart/form-data; boundary=x"])
async def test_an_upload_that_does_not_go_on_is_ended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.setattr(uploads, "_READ_SECONDS", 0.1)
    async with http(tmp_path) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.server.port)
        writer.write(
            f"POST /v1/voices?name=alice HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n"
            "Content-Length: 4000\r\n\r\n--x".encode()
        )
        assert (await reader.readline()).split()[1] == b"408"
        writer.transport.abort()
        await until(lambda: names(tmp_path / "voices") == [])


async def test_only_some_recordings_are_received_at_once(tmp_path: Path) -> None:
    async with http(tmp_path) as server:
        writers = []
        for number in range(4):
            _, writer = await asyncio.open_connection("127.0.0.1", server.server.port)
            writer.write(
                b"POST /v1/voices?name=v%d HTTP/1.1\r\nHost: localhost\r\nContent-Type: audio/wav\r\n"
                b"Content-Length: 4000000\r\n\r\n" % number
            )
            writers.append(writer)
        await until(lambda: len(names(tmp_path / "voices")) == 4)
        error = await refused(server, 429, form(hum(), name="alice"))
        assert error["code"] == "overloaded"
        for writer in writers:
            writer.transport.abort()
        await until(lambda: names(tmp_path / "voices") == [])
        assert (await send(server, form(hum(), name="alice")))[0] == 201


async def test_what_an_ended_server_left_behind_is_removed_at_the_next_start(tmp_path: Path) -> None:
    folder = tmp_path / "voices"
    record(folder / "alice.wav")
    record(folder / ASIDE / "0123456789abcdef" / "bob.wav")
    (folder / ".upload-0123456789abcdef").write_bytes(b"half")
    (folder / ".abcd_123.part").write_bytes(b"half")
    (folder / ".upload-of-mine").write_bytes(b"kept")
    for path in (*folder.glob(".*"), *(folder / ASIDE).iterdir()):
        age(path)
    async with http(tmp_path):
        await until(lambda: not (folder / ASIDE).exists())
        assert names(folder) == [".upload-of-mine", "alice.wav"]
