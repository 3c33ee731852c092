"""Requests that add, change and list voices over HTTP, and the recordings that they send."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import aiohttp
import numpy as np
import soundfile

from tests.http_serving import Http
from wyoming_chatterbox.voices.aside import ASIDE

VOICES = "/v1/voices"


def hum(seconds: float = 2.0, kind: str = "WAV") -> bytes:
    """A recording as bytes."""
    file = io.BytesIO()
    wave = 0.3 * np.sin(np.arange(round(seconds * 16000)) * 0.05)
    soundfile.write(file, wave, 16000, format=kind)
    return file.getvalue()


def form(sound: bytes | None = None, file_name: str = "memo.wav", **fields: Any) -> aiohttp.FormData:
    data = aiohttp.FormData(quote_fields=False)
    for name, value in fields.items():
        data.add_field(name, str(value))
    if sound is not None:
        data.add_field("file", sound, filename=file_name, content_type="application/octet-stream")
    elif not fields:
        data.add_field("name", "")
    return data


def names(folder: Path) -> list[str]:
    """All files in the folder, hidden ones too, but for those that are set aside."""
    return sorted(
        path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file() and ASIDE not in path.parts
    )


async def send(server: Http, data: Any = None, method: str = "POST", path: str = VOICES, **options: Any) -> Any:
    """Status and JSON."""
    async with server.client.request(method, path, data=data, **options) as response:
        return response.status, await response.json()


async def refused(server: Http, status: int, data: Any = None, **options: Any) -> dict[str, Any]:
    got, answer = await send(server, data, **options)
    assert got == status, answer
    error: dict[str, Any] = answer["error"]
    return error


async def listed(server: Http) -> dict[str, dict[str, Any]]:
    _, answer = await server.get(VOICES)
    return {voice["name"]: voice for voice in answer["voices"]}
