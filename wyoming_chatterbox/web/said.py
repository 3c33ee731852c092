"""POST /said: what would be said of a text, without saying it. The request is that of speech."""

from __future__ import annotations

import asyncio

from aiohttp import web

from ..speech.service import Service
from ..text.pipeline import checked_length
from ..text.said import said
from .answers import json_answer
from .speech_request import body_of, parse, voice_of


async def show(service: Service, request: web.Request) -> web.Response:
    """Answer one request: the utterances in their order."""
    wanted = parse(await body_of(request))
    text = checked_length(wanted.text, service.config.max_total_length)
    voice = await voice_of(service, wanted)
    utterances = await asyncio.to_thread(said, text, voice.language, service.reading_of(voice, wanted.style))
    return json_answer({"said": utterances})
