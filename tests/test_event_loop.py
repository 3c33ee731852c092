"""The event loop goes on, whatever takes long: a text, a name that isn't resolved."""

from __future__ import annotations

import asyncio
import json
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from zeroconf import InterfaceChoice

from tests.client import PATIENCE, describe, plain
from tests.serving import serving, until
from wyoming_chatterbox.server.discovery import Announcement
from wyoming_chatterbox.text.pronunciations import Pronunciations


class SlowWords(Pronunciations):
    """Takes as long as the test wants."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()
        self.goes_on = threading.Event()

    def words(self, text: str, language: str, **further: Any) -> str:
        self.begun.set()
        assert self.goes_on.wait(PATIENCE)
        return super().words(text, language, **further)


async def test_others_are_answered_while_a_text_is_read(tmp_path: Path) -> None:
    words = SlowWords()
    async with serving(tmp_path) as running:
        running.service.pronunciations.latest = words
        speaking = asyncio.create_task(plain(running.uri, "One two three."))
        await until(words.begun.is_set)
        await describe(running.uri)
        words.goes_on.set()
        assert (await speaking).error is None


def test_the_end_waits_for_no_name_that_is_not_resolved(monkeypatch: pytest.MonkeyPatch) -> None:
    asked, answers = threading.Event(), threading.Event()
    really = socket.getaddrinfo

    def slow(host: Any, *further: Any, **options: Any) -> Any:
        if host != "chatterbox.invalid":
            return really(host, *further, **options)
        asked.set()
        answers.wait()
        raise OSError("no such name")

    async def announced() -> None:
        one = Announcement("chatterbox", "chatterbox.invalid", 10200, interfaces=InterfaceChoice.Default)
        one.start()
        await until(asked.is_set)
        await one.close()

    monkeypatch.setattr(socket, "getaddrinfo", slow)
    ended = threading.Thread(target=lambda: asyncio.run(announced()), daemon=True)
    ended.start()
    ended.join(PATIENCE)
    is_over = not ended.is_alive()
    answers.set()
    ended.join()
    assert is_over


SPEAKS_TO_STANDARD_OUTPUT = """
import asyncio, sys
from pathlib import Path
from tests.serving import serving, until

async def main():
    async with serving(Path(sys.argv[1]), uri="stdio://") as running:
        # More than the pipe holds, and the next piece; by whoever was ready first.
        await until(lambda: running.chatterbox.steps + running.standby.steps > 40)

asyncio.run(main())
"""


def test_the_end_waits_for_nobody_to_read_standard_output(tmp_path: Path) -> None:
    text = json.dumps({"type": "synthesize", "data": {"text": "One two three four. " * 400}})
    command = [sys.executable, "-c", SPEAKS_TO_STANDARD_OUTPUT, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as server:
        assert server.stdin is not None
        server.stdin.write(f"{text}\n".encode())
        server.stdin.flush()
        try:
            assert server.wait(PATIENCE) == 0
        finally:
            server.kill()


def test_who_reads_standard_output_hears_that_the_server_ends(tmp_path: Path) -> None:
    text = json.dumps({"type": "synthesize", "data": {"text": "One two three four. " * 400}})
    command = [sys.executable, "-c", SPEAKS_TO_STANDARD_OUTPUT, str(tmp_path)]
    heard = subprocess.run(
        command, input=f"{text}\n".encode(), capture_output=True, check=True, timeout=PATIENCE
    ).stdout
    assert b'"code": "shutting-down"' in heard[-1000:]
