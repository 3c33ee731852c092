"""aiohttp's runner, with our own answers to invalid HTTP, which never reaches a route.

aiohttp would answer it with its version and the client's bytes, and log a traceback.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from aiohttp import web
from aiohttp.abc import AbstractAccessLogger
from aiohttp.http_exceptions import ContentEncodingError, HttpProcessingError, LineTooLong

from ..quoting import quoted
from .answers import HEADERS, RefusedError, error_answer, unexpected

_LOGGER = logging.getLogger(__name__)

_FAULTS_OF_CLIENTS = (HttpProcessingError, web.RequestPayloadError, UnicodeEncodeError)
"""Errors that a client causes; aiohttp raises the last when it quotes an `Expect` that is not UTF-8."""


class Runner(web.AppRunner):
    """Runs an application on connections of our own class; the options are those of `web.AppRunner`."""

    def __init__(self, app: web.Application, **options: Any) -> None:
        super().__init__(app, access_log_class=_AccessLog, **options)

    async def _make_server(self) -> web.Server:
        made = await super()._make_server()
        return _Server(made.request_handler, request_factory=made.request_factory, **self._kwargs)


class _Server(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Connection(self, loop=asyncio.get_running_loop(), **self._kwargs)


class _Connection(web.RequestHandler):
    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer a request that is not valid HTTP, or one that made a route fail."""
        if isinstance(exc, ConnectionError):
            raise exc
        if isinstance(exc, _FAULTS_OF_CLIENTS):
            self._note(exc)
            message = "This is no HTTP request that could be read"
            if reason := _reason(exc):
                message = f"{message}: {reason}"
            answer = error_answer(RefusedError(400, message, "bad-http"))
        else:
            _LOGGER.error("An answer to %s failed", request.remote, exc_info=exc)
            answer = unexpected()
        if request.writer.output_size > 0:
            raise ConnectionAbortedError("An answer was begun already")
        # The application adds headers to the answers of routes only.
        answer.headers.update(HEADERS)
        answer.force_close()
        return answer

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Send an answer; aiohttp's own errors (one quotes the client's `Expect`) become ours."""
        if isinstance(resp, web.HTTPException):
            resp = error_answer(RefusedError(resp.status, resp.reason, "refused"))
        return await super().finish_response(request, resp, start_time)

    def log_exception(self, *args: Any, **kw: Any) -> None:
        """Log the error that broke a connection, without a traceback if the client caused it."""
        fault = kw.get("exc_info")
        if isinstance(fault, _FAULTS_OF_CLIENTS):
            self._note(fault)
        else:
            super().log_exception(*args, **kw)

    def _note(self, fault: BaseException) -> None:
        peer = self.peername
        client = peer[0] if isinstance(peer, tuple) else "A client"
        _LOGGER.warning("%s sent what is no HTTP: %s", client, _reason(fault) or type(fault).__name__)


def _reason(fault: BaseException) -> str:
    """Say why a request can't be read, where its client can do something about it; never in words of the client."""
    match fault:
        case ContentEncodingError():
            return "its Content-Encoding is not known here: send gzip, deflate or the body as it is"
        case LineTooLong():
            return "its address or one of its headers is too long"
        case HttpProcessingError() if "HTTPS" in fault.message:
            return "it is https, and this port takes http"
        case HttpProcessingError() if "'Host' header" in fault.message:
            return "it has no Host header"
    return ""


class _AccessLog(AbstractAccessLogger):
    @property
    def enabled(self) -> bool:
        return _LOGGER.isEnabledFor(logging.DEBUG)

    def log(self, request: web.BaseRequest, response: web.StreamResponse, time: float) -> None:
        what = quoted(f"{request.method} {request.path}")
        _LOGGER.debug("%s asked for %s: %d after %.0f ms", request.remote, what, response.status, 1000 * time)
