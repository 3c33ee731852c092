"""POST /v1/audio/speech: streams the sound of a text while it is generated. The request is OpenAI's."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from typing import Any

from aiohttp import web

from ..audio.encoding import Encoder
from ..engine import SAMPLE_RATE, Block
from ..errors import ChatterboxError, RequestError
from ..faults import message
from ..network.connections import WRITE_SECONDS, client_name
from ..speech.records import Record
from ..speech.replies import Reply
from ..speech.service import Service
from ..text.items import Item
from ..text.pipeline import checked_length, each, items_of
from ..voices.voice import NamedVoice
from .answers import ENGINE_HEADER, REPLY_HEADER, error_body
from .speech_request import SpeechRequest, body_of, parse, refused, voice_of

_LOGGER = logging.getLogger(__name__)

ENDING = web.AppKey("ending", asyncio.Event)
"""Set when the server ends: replies that are cancelled from then on are not those of clients that left."""
_SAMPLES_AT_A_TIME = SAMPLE_RATE // 2
"""Samples encoded in one go: the first of a long block need not wait for its last."""
SPEECH_TOKENS_A_SECOND = 25
"""Tokens of Chatterbox's that a second of its speech is made from."""


async def speech(service: Service, request: web.Request) -> web.StreamResponse:
    """Answer one request; raise errors before the first sound, and break off at later ones."""
    wanted = parse(await body_of(request))
    return await speak(service, request, wanted, await voice_of(service, wanted))


async def speak(service: Service, request: web.Request, wanted: SpeechRequest, voice: NamedVoice) -> web.StreamResponse:
    """Answer with what is wanted, in a voice; errors are as in `speech`."""
    text = checked_length(wanted.text, service.config.max_total_length)
    items = items_of(text, voice.language, service.reading_of(voice, wanted.style))
    encoder = await asyncio.to_thread(_encoder, wanted)
    response = web.StreamResponse(headers=_headers(wanted))
    client = _client(request)
    try:
        async with service.replies.open(voice, client, wanted.style) as reply:
            pieces = _encoded(_spoken(reply, items), encoder)
            # The error of a connection that breaks while it is written to keeps this frame until garbage is collected.
            del encoder
            if wanted.events:
                pieces = _events(pieces, text, reply.record)
            await _stream(request, response, pieces, reply.record)
    except asyncio.CancelledError:
        if not request.app[ENDING].is_set():
            _LOGGER.info("%s left before the end", client)
        raise
    except Exception as err:
        if not response.prepared:
            raise
        expected = isinstance(err, ChatterboxError | ConnectionError)
        _LOGGER.warning("The reply to %s breaks off: %s", client, message(err), exc_info=not expected)
        if wanted.events and not isinstance(err, ConnectionError):
            await _send(response, _event("error", **error_body(err)))
        elif request.transport is not None:
            # Leave out the end of the chunked encoding, so that the client notices that the sound is incomplete.
            request.transport.abort()
    return response


def _encoder(wanted: SpeechRequest) -> Encoder:
    try:
        return wanted.format.encoder(wanted.rate)
    except RequestError as err:
        raise refused("response_format", str(err)) from err


def _headers(wanted: SpeechRequest) -> dict[str, str]:
    if wanted.events:
        # Proxies must pass each event on at once.
        return {"Content-Type": "text/event-stream", "Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return {"Content-Type": wanted.format.content_type(wanted.rate), "Cache-Control": "no-store"}


async def _stream(
    request: web.Request, response: web.StreamResponse, pieces: AsyncGenerator[bytes, None], record: Record
) -> None:
    async with aclosing(pieces):
        async for piece in pieces:
            if not response.prepared:
                response.headers[REPLY_HEADER] = str(record.id)
                if record.engine is not None:
                    response.headers[ENGINE_HEADER] = record.engine
                await response.prepare(request)
            await _send(response, piece)


async def _send(response: web.StreamResponse, piece: bytes) -> None:
    try:
        async with asyncio.timeout(WRITE_SECONDS):
            await response.write(piece)
    except TimeoutError as err:
        raise ConnectionAbortedError(f"it has read nothing for {WRITE_SECONDS:g} s") from err


async def _spoken(reply: Reply, items: Iterator[Item]) -> AsyncGenerator[Block, None]:
    async with aclosing(reply.speak(each(items))) as blocks:
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


async def _events(pieces: AsyncGenerator[bytes, None], text: str, record: Record) -> AsyncGenerator[bytes, None]:
    """Wrap sound into OpenAI's events. Its usage counts the characters of the text and the tokens of the speech."""
    async with aclosing(pieces):
        async for piece in pieces:
            yield _event("speech.audio.delta", audio=base64.b64encode(piece).decode())
    made = round(record.audio_seconds * SPEECH_TOKENS_A_SECOND)
    usage = {"input_tokens": len(text), "output_tokens": made, "total_tokens": len(text) + made}
    yield _event("speech.audio.done", usage=usage)


def _event(kind: str, **content: Any) -> bytes:
    return f"data: {json.dumps({'type': kind, **content})}\n\n".encode()


def _client(request: web.Request) -> str:
    peer = request.transport.get_extra_info("peername") if request.transport is not None else None
    name = client_name(peer)
    return f"{name} (HTTP)" if name else "HTTP client"
