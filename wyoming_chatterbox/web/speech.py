"""POST /v1/audio/speech: streams the sound of a text while it is generated. The request is OpenAI's."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from itertools import chain
from typing import Any

from aiohttp import web

from ..engine import SAMPLE_RATE, Block
from ..errors import ChatterboxError, RequestError
from ..faults import message
from ..network.connections import client_name
from ..quoting import json_kind, quoted
from ..speech.replies import Reply
from ..speech.service import Service
from ..text.items import Item
from ..text.pipeline import Reading, checked_length, items_of
from ..voices.voice import NamedVoice
from .answers import RefusedError
from .encoding import ENCODERS, Encoder

_LOGGER = logging.getLogger(__name__)

_SAMPLES_AT_A_TIME = SAMPLE_RATE // 2
"""Samples encoded in one go: the first of a long block need not wait for its last."""
_READ_SECONDS = 30.0
"""Seconds that a client may take to send its request."""
_WRITE_SECONDS = 60.0
"""Seconds that a client may take to read before the connection is ended."""


@dataclass(frozen=True)
class SpeechRequest:
    """A valid request."""

    text: str
    voice: str | None
    format: str


async def speech(service: Service, request: web.Request) -> web.StreamResponse:
    """Answer one request; raise errors before the first sound, and break the connection at later ones."""
    wanted = parse(await body_of(request))
    return await speak(service, request, wanted, await service.voices.find(wanted.voice))


async def speak(service: Service, request: web.Request, wanted: SpeechRequest, voice: NamedVoice) -> web.StreamResponse:
    """Answer with what is wanted, in a voice; errors are as in `speech`."""
    text = checked_length(wanted.text, service.config.max_total_length)
    items = await asyncio.to_thread(_items, text, voice.language, service.reading_of(voice))
    content_type, make_encoder = ENCODERS[wanted.format]
    encoder = await asyncio.to_thread(make_encoder)
    response = web.StreamResponse(headers={"Content-Type": content_type, "Cache-Control": "no-store"})
    client = _client(request)
    try:
        async with service.replies.open(voice, client) as reply:
            await _stream(request, response, _encoded(_spoken(reply, items), encoder))
    except asyncio.CancelledError:
        _LOGGER.info("%s left before the end", client)
        raise
    except Exception as err:
        if not response.prepared:
            raise
        expected = isinstance(err, ChatterboxError | ConnectionError)
        _LOGGER.warning("The reply to %s breaks off: %s", client, message(err), exc_info=not expected)
        if request.transport is not None:
            # Leave out the end of the chunked encoding, so that the client notices that the sound is incomplete.
            request.transport.abort()
    return response


def parse(body: bytes) -> SpeechRequest:
    """Read a request's JSON; `RefusedError` says what is wrong with it."""
    try:
        data = json.loads(body)
    except (ValueError, RecursionError) as err:
        raise RefusedError(400, "The body is no JSON", "bad-json") from err
    if not isinstance(data, dict):
        raise RefusedError(400, f"The body must be a JSON object, not {json_kind(data)}", "bad-json")
    text = _string(data, "input", required=True)
    _string(data, "model")
    _string(data, "instructions")
    form = _string(data, "response_format") or "mp3"
    if form not in ENCODERS:
        raise _refused("response_format", f"{quoted(form)} is no response_format; there are: {', '.join(ENCODERS)}")
    speed = data.get("speed")
    if speed is not None and (isinstance(speed, bool) or speed != 1):
        raise _refused("speed", "Chatterbox speaks at its own pace: speed can only be 1.0")
    stream = _string(data, "stream_format") or "audio"
    if stream != "audio":
        raise _refused("stream_format", f"stream_format can only be 'audio', not {quoted(stream)}")
    return SpeechRequest(text, _string(data, "voice") or None, form)


async def body_of(request: web.Request) -> bytes:
    """Read a request's body; `RefusedError` if it is no JSON, broken or late."""
    if request.content_type != "application/json":
        raise RefusedError(
            415, f"Content-Type must be application/json, not {quoted(request.content_type)}", "bad-content-type"
        )
    try:
        async with asyncio.timeout(_READ_SECONDS):
            return await request.read()
    except web.RequestPayloadError as err:
        raise RefusedError(400, "The body is broken", "bad-body", headers={"Connection": "close"}) from err
    except TimeoutError as err:
        raise RefusedError(
            408, f"The request did not come within {_READ_SECONDS:g} s", headers={"Connection": "close"}
        ) from err


async def _stream(request: web.Request, response: web.StreamResponse, pieces: AsyncGenerator[bytes, None]) -> None:
    async with aclosing(pieces):
        async for piece in pieces:
            if not response.prepared:
                await response.prepare(request)
            try:
                async with asyncio.timeout(_WRITE_SECONDS):
                    await response.write(piece)
            except TimeoutError as err:
                raise ConnectionAbortedError(f"it has read nothing for {_WRITE_SECONDS:g} s") from err


def _items(text: str, language: str, reading: Reading) -> Iterator[Item]:
    """Return what is to be said of a text; `RequestError` if there is nothing."""
    items = items_of(text, language, reading)
    if (first := next(items, None)) is None:
        raise RequestError("There is nothing in the text that could be spoken")
    return chain([first], items)


async def _spoken(reply: Reply, items: Iterator[Item]) -> AsyncGenerator[Block, None]:
    async with aclosing(reply.speak(items)) as blocks:
        async for block in blocks:
            for start in range(0, len(block), _SAMPLES_AT_A_TIME):
                yield block[start : start + _SAMPLES_AT_A_TIME]
                reply.wait_for_client()


async def _encoded(blocks: AsyncGenerator[Block, None], encoder: Encoder) -> AsyncGenerator[bytes, None]:
    async with aclosing(blocks):
        async for block in blocks:
            if data := await asyncio.to_thread(encoder.encode, block):
                yield data
    if data := await asyncio.to_thread(encoder.finish):
        yield data


def _client(request: web.Request) -> str:
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    name = client_name(peer)
    return f"{name} (HTTP)" if name else "HTTP client"


def _string(data: Mapping[str, Any], name: str, *, required: bool = False) -> str:
    value = data.get(name)
    if value is None and not required:
        return ""
    if not isinstance(value, str):
        raise _refused(
            name, f"{name} must be a string, not {json_kind(value)}" if name in data else f"{name} is missing"
        )
    return value


def _refused(param: str, message: str) -> RefusedError:
    return RefusedError(400, message, param=param)
