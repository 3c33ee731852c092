"""GET /v1/voices/NAME/sample: a recording as it is, also in parts, which players ask for."""

from __future__ import annotations

import asyncio
import logging
import os
from contextlib import suppress
from functools import partial
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from .. import regular_files
from ..engine import Version, Voice
from ..engine.voice.recording import version_of
from ..errors import ChatterboxError, ConflictError, VoiceError
from ..faults import message
from ..network.connections import WRITE_SECONDS
from ..problem import Problem
from ..quoting import quoted
from ..voices.library import Library
from .answers import RefusedError

_LOGGER = logging.getLogger(__name__)

_PIECE_BYTES = 262_144
_TYPES = {
    ".aac": "audio/aac",
    ".aif": "audio/aiff",
    ".aiff": "audio/aiff",
    ".caf": "audio/x-caf",
    ".flac": "audio/flac",
    ".m4a": "audio/mp4",
    ".mp3": "audio/mpeg",
    ".mp4": "audio/mp4",
    ".oga": "audio/ogg",
    ".ogg": "audio/ogg",
    ".opus": "audio/ogg",
    ".wav": "audio/wav",
    ".weba": "audio/webm",
    ".webm": "audio/webm",
    ".wma": "audio/x-ms-wma",
}


async def sample(request: web.Request, library: Library, voice: Voice) -> web.StreamResponse:
    """Answer with the recording of a voice, or with the part of it that the client wants."""
    path, version = voice.recording, voice.version
    assert path is not None
    assert version is not None
    size = version[2]
    etag = f"{version[0]:x}-{version[1]:x}-{size:x}"
    response = web.StreamResponse(
        headers={
            "Content-Type": _TYPES.get(path.suffix.lower(), "application/octet-stream"),
            "Content-Disposition": _disposition(path.name),
            "Cache-Control": "private, no-cache",
            "Accept-Ranges": "bytes",
        }
    )
    response.etag = etag
    if any(tag.value in (etag, "*") for tag in request.if_none_match or ()):
        response.set_status(304)
        return response
    start, end = _part(request, size, etag)
    if (start, end) != (0, size):
        response.set_status(206)
        response.headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
    response.content_length = end - start
    if request.method == "HEAD":
        return response
    try:
        while start < end:
            read = partial(_piece, path, version, start, min(_PIECE_BYTES, end - start))
            data = await library.read(read)
            if not response.prepared:
                await response.prepare(request)
            async with asyncio.timeout(WRITE_SECONDS):
                await response.write(data)
            start += len(data)
    except (ChatterboxError, TimeoutError) as err:
        if not response.prepared:
            raise
        _LOGGER.warning("The recording %s is not sent to its end: %s", quoted(path.name), message(err))
        if request.transport is not None:
            request.transport.abort()
    return response


def _piece(path: Path, version: Version, start: int, length: int) -> bytes:
    """Read some bytes of a recording as the catalogue knows it; `ConflictError` if another file is in its place."""
    with suppress(VoiceError), regular_files.opened(path) as file:
        if version_of(os.fstat(file.fileno())) == version:
            file.seek(start)
            if data := file.read(length):
                return data
    raise ConflictError("The recording has just changed: ask again", Problem("files-changed"))


def _part(request: web.Request, size: int, etag: str) -> tuple[int, int]:
    """Return the first byte that the client wants and the one after the last; `RefusedError`, 416, outside the file."""
    if request.headers.get("If-Range", f'"{etag}"') != f'"{etag}"':
        return 0, size
    try:
        wanted = request.http_range
    except ValueError:
        # Several parts, or what is no range: the whole is an answer too.
        return 0, size
    start, end, _ = wanted.indices(size)
    if start >= end and "Range" in request.headers:
        raise RefusedError(
            416, f"The recording has {size} bytes", "bad-range", headers={"Content-Range": f"bytes */{size}"}
        )
    return start, end


def _disposition(name: str) -> str:
    ascii_name = "".join(c if c.isascii() and (c.isalnum() or c in " ._-") else "_" for c in name)
    return f"inline; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(name, safe='')}"
