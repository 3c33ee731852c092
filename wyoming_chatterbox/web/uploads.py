"""Receiving a recording that becomes a voice, in a form or as the body, without holding it as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from ..checks import split
from ..problem import Problem
from ..quoting import quoted
from ..voices.library import Library
from ..voices.upload import Upload
from .answers import RefusedError

_READ_SECONDS = 30.0
"""Seconds in which a client has to send something."""
_WHOLE_SECONDS = 600.0
"""Seconds that a whole recording may take."""
_CHUNK_BYTES = 65_536
_MAX_FIELD_BYTES = 4096
_MAX_PARTS = 40
_FILE = "file"
_LISTS = frozenset({"aliases"})
"""Fields that hold several values."""
_CLOSE = {"Connection": "close"}
"""Header of an answer that comes before the request has been read."""

T = TypeVar("T")


@dataclass
class Received:
    """The fields that a client sent besides the recording's bytes."""

    fields: dict[str, Any] = field(default_factory=dict)
    file_name: str = ""
    """The client's name for the file; empty if it doesn't say."""


class Receiver:
    """Reads one request's recording into an upload."""

    def __init__(self, library: Library, upload: Upload, megabytes: int) -> None:
        """A recording may have at most `megabytes` of 10^6 bytes."""
        self._library = library
        self._upload = upload
        self._megabytes = megabytes

    async def form(self, request: web.Request) -> Received:
        """Read multipart/form-data; `RefusedError` says what is wrong with it."""
        received = Received()
        if "boundary=" not in request.headers["Content-Type"].lower():
            message = "Content-Type has no boundary: leave the header to the program that writes the form"
            raise RefusedError(400, message, "bad-form", headers=_CLOSE)
        try:
            async with asyncio.timeout(_WHOLE_SECONDS):
                reader = await request.multipart()
                for _ in range(_MAX_PARTS):
                    if (part := await _soon(reader.next())) is None:
                        break
                    if not isinstance(part, BodyPartReader):
                        raise RefusedError(400, "The form has a form inside", "bad-form", headers=_CLOSE)
                    await self._part(part, received)
                else:
                    raise RefusedError(400, f"The form has over {_MAX_PARTS} parts", "bad-form", headers=_CLOSE)
        except TimeoutError as err:
            raise _late() from err
        except (ValueError, LookupError, AssertionError, RuntimeError, HttpProcessingError) as err:
            raise RefusedError(400, "The form is broken", "bad-form", headers=_CLOSE) from err
        except web.RequestPayloadError as err:
            raise RefusedError(400, "The body is broken", "bad-body", headers=_CLOSE) from err
        return received

    async def body(self, request: web.Request) -> Received:
        """Read a body that is the file itself; the fields are in the query."""
        received = Received()
        for name in request.query:
            _put(received.fields, name, request.query.getall(name))
        try:
            async with asyncio.timeout(_WHOLE_SECONDS):
                while data := await _soon(request.content.readany()):
                    await self._take(data)
        except TimeoutError as err:
            raise _late() from err
        except web.RequestPayloadError as err:
            raise RefusedError(400, "The body is broken", "bad-body", headers=_CLOSE) from err
        return received

    async def _part(self, part: BodyPartReader, received: Received) -> None:
        name = part.name or ""
        # Other servers have other names for the field.
        if name == _FILE or part.filename is not None:
            is_first = not self._upload.bytes
            if is_first:
                received.file_name = part.filename or received.file_name
            while data := await _soon(part.read_chunk(_CHUNK_BYTES)):
                # A browser sends a field for files that is empty, too.
                if not is_first:
                    raise RefusedError(400, "The form has two files, and a voice has one", param=_FILE, headers=_CLOSE)
                await self._take(data)
            return
        value = bytearray()
        while data := await _soon(part.read_chunk(_CHUNK_BYTES)):
            value += data
            if len(value) > _MAX_FIELD_BYTES:
                message = f"{quoted(name)} is over {_MAX_FIELD_BYTES} bytes long"
                raise RefusedError(400, message, param=name, headers=_CLOSE)
        before = received.fields.get(name, [])
        try:
            text = value.decode()
        except UnicodeDecodeError as err:
            raise RefusedError(400, f"{quoted(name)} is not in UTF-8", param=name, headers=_CLOSE) from err
        _put(received.fields, name, [*(before if isinstance(before, list) else [before]), text])

    async def _take(self, data: bytes) -> None:
        if self._upload.bytes + len(data) > self._megabytes * 1_000_000:
            raise too_large(self._megabytes)
        await self._library.write(self._upload, data)


def too_large(megabytes: int) -> RefusedError:
    """Make the error for a recording that is larger than it may be."""
    message = f"The recording is over {megabytes} MB, which is the most (--max-upload-mb)"
    large = Problem("recording-large", {"megabytes": megabytes})
    return RefusedError(413, message, "too-large", problem=large, headers=_CLOSE)


def _put(fields: dict[str, Any], name: str, values: list[str]) -> None:
    """Put a text field among the others; an empty one says nothing, as forms send all they have."""
    values = [value for value in values if value.strip()]
    if name in _LISTS:
        fields[name] = [item for value in values for item in split(value)]
    elif values[1:]:
        raise RefusedError(400, f"{quoted(name)} is there {len(values)} times", param=name, headers=_CLOSE)
    elif values:
        fields[name] = values[0]


async def _soon(reading: Awaitable[T]) -> T:
    async with asyncio.timeout(_READ_SECONDS):
        return await reading


def _late() -> RefusedError:
    message = f"The recording did not come within {_WHOLE_SECONDS:g} s, or nothing came for {_READ_SECONDS:g} s"
    return RefusedError(408, message, "timeout", problem=Problem("upload-slow"), headers=_CLOSE)
