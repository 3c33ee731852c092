"""POST /said: what would be said of a text, without saying it. The request is that of speech."""

from __future__ import annotations

import asyncio
from functools import partial

from aiohttp import web

from ..errors import RequestError
from ..speech.service import Service
from ..text.said import said
from .answers import json_answer
from .speech import body_of, parse


async def show(service: Service, request: web.Request) -> web.Response:
    """Answer one request: the utterances in their order."""
    wanted = parse(await body_of(request))
    config = service.config
    if len(wanted.text) > config.max_total_length:
        raise RequestError(f"The text is over {config.max_total_length} characters long (--max-total-length)")
    voice = await service.voices.find(wanted.voice)
    utterances = await asyncio.to_thread(
        partial(
            said,
            wanted.text,
            language=voice.language,
            pronunciations=service.pronunciations.latest,
            max_sentence=config.max_chunk_length,
        )
    )
    return json_answer({"said": utterances})
