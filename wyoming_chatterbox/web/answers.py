"""Answers in JSON; every error has the shape of OpenAI's: `{"error": {"message", "type", "code", "param"}}`."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from aiohttp import web

from ..errors import (
    ChatterboxError,
    ConflictError,
    FolderError,
    HungError,
    NotReadyError,
    OverloadedError,
    RequestError,
    ShuttingDownError,
    TextError,
    UnexpectedError,
    UnknownVoiceError,
    VoiceError,
)
from ..problem import UNKNOWN, Problem, Reason
from ..quoting import shortened

HEADERS = {
    "Content-Security-Policy": "default-src 'self'; worker-src 'self'; media-src 'self' blob:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Server": "wyoming-chatterbox",
}
"""Headers of every answer."""
ENGINE_HEADER = "Chatterbox-Engine"
"""Header of speech: the engine that says its beginning."""
REPLY_HEADER = "Chatterbox-Reply"
"""Header of speech: the id of the reply among the `recent` ones of /info."""
_RETRY_AFTER_SECONDS = 5
_LONGEST_VALUE = 300
"""Characters of a problem's value: a client may have sent it, or it is the path of a folder."""
_NAME_CONFLICTS = ("name-taken", "name-is-alias")


class RefusedError(ChatterboxError):
    """A request is refused with an HTTP error: `status` is the answer's code, `headers` are added to it."""

    def __init__(
        self,
        status: int,
        message: str,
        code: str = "bad-request",
        *,
        param: str | None = None,
        problem: Problem | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, problem)
        self.status = status
        self.code = code
        self.param = param
        self.headers = dict(headers or {})


def json_answer(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> web.Response:
    """Answer with `data`. It may hold paths, and infinities and NaN, which become null."""
    return web.Response(
        body=encoded(plain(data)).encode(),
        status=status,
        content_type="application/json",
        headers={"Cache-Control": "no-store", **(headers or {})},
    )


def encoded(value: Any, depth: int = 2) -> str:
    """Write a plain value as JSON, in pieces: one for a long list would hold up all other threads for a while."""
    if depth and isinstance(value, dict):
        pieces = (f"{json.dumps(key)}: {encoded(item, depth - 1)}" for key, item in value.items())
        return f"{{{', '.join(pieces)}}}"
    if depth and isinstance(value, list):
        return f"[{', '.join(encoded(item, depth - 1) for item in value)}]"
    return json.dumps(value, allow_nan=False)


def error_answer(error: ChatterboxError) -> web.Response:
    """Answer with an error: 4xx if the client can do something about it, 5xx if it can't."""
    headers = dict(error.headers) if isinstance(error, RefusedError) else {}
    status, _ = _blame(error)
    if status in (429, 503):
        headers["Retry-After"] = str(_RETRY_AFTER_SECONDS)
    return json_answer(error_body(error), status, headers)


def error_body(error: Exception) -> dict[str, Any]:
    """Describe an error as OpenAI does; of one that nobody foresaw the log says more."""
    if not isinstance(error, ChatterboxError):
        error = UnexpectedError()
    status, param = _blame(error)
    described = {"message": str(error), "type": _kind(status), "code": error.code, "param": param}
    return {"error": described | told(error.problem)}


def told(problem: Problem) -> dict[str, Any]:
    """Return a problem for the page, which has words for it; nothing if it is not known which one it is."""
    if problem == UNKNOWN:
        return {}
    values = {
        name: shortened(value, _LONGEST_VALUE) if isinstance(value, str) else value
        for name, value in problem.values.items()
    }
    return {"problem": {"code": problem.code, "values": values}}


def told_of(reason: str | None) -> dict[str, Any]:
    """Return the problem of a sentence that tells of one, as `told` does."""
    return told(reason.problem) if isinstance(reason, Reason) else {}


def unexpected() -> web.Response:
    """Answer with an internal error, which the log explains."""
    return error_answer(UnexpectedError())


def _blame(error: ChatterboxError) -> tuple[int, str | None]:
    """Return the status of an error, and the field of the request that caused it."""
    match error:
        case RefusedError():
            return error.status, error.param
        case UnknownVoiceError() | VoiceError():
            return 400, "voice"
        case RequestError() | TextError():
            return 400, "input"
        case ConflictError():
            return 409, "name" if error.problem.code in _NAME_CONFLICTS else None
        case FolderError():
            return 507 if error.full else 503, None
        case OverloadedError():
            return 429, None
        case NotReadyError() | HungError() | ShuttingDownError():
            return 503, None
        case _:
            return 500, None


def plain(value: Any) -> Any:
    """Turn a value into one that JSON can hold."""
    match value:
        case float():
            return value if math.isfinite(value) else None
        case Mapping():
            return {str(key): plain(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [plain(item) for item in value]
        case None | bool() | int() | str():
            return value
        case Path():
            return str(value)
        case _:
            # NumPy's numbers, for example.
            return plain(value.item()) if hasattr(value, "item") else str(value)


def _kind(status: int) -> str:
    return {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}.get(
        status, "invalid_request_error" if status < 500 else "server_error"
    )
