"""Recordings of phones and browsers become voices over HTTP, named by what they hold."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.http_serving import http
from tests.sounds import FORMATS, speech, write
from tests.voices_http import form, send

MADE = ("x.aac", "x.aiff", "x.caf", "rec.m4a", "cd.mp3", "x.ogg", "rec.webm", "x.wma", "x.flac")


@pytest.mark.parametrize("name", MADE)
async def test_what_phones_and_browsers_record_becomes_a_voice(tmp_path: Path, name: str) -> None:
    content = write(tmp_path / name, speech(3), FORMATS[name]).read_bytes()
    async with http(tmp_path) as server:
        status, entry = await send(server, form(content, "recording.bin", name="alice"))
        assert (status, entry.get("recording")) == (201, f"alice{Path(name).suffix}"), entry
