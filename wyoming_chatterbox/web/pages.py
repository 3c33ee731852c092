"""The page's files: read and compressed once at the start, whichever they are."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

_STATIC = Path(__file__).parent / "static"
_INDEX = "index.html"
_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".json": "application/json",
    ".svg": "image/svg+xml",
    ".webmanifest": "application/manifest+json",
}
"""Types by suffix; those of the others are what Python knows, else plain text."""
_SMALLEST = 256
"""Bytes from which a file is worth compressing."""

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass(frozen=True)
class _File:
    content: bytes
    compressed: bytes | None
    kind: str
    etag: str


class Pages:
    """The files of a folder and of those in it, by their path: `/`, `/page.js`, `/words/de.json`."""

    def __init__(self, folder: Path = _STATIC) -> None:
        """Read all files of `folder`."""
        self._files: dict[str, _File] = {}
        for path in sorted(folder.rglob("*")):
            name = path.relative_to(folder).as_posix()
            if path.is_file() and not any(part.startswith(".") for part in name.split("/")):
                self._files["/" if name == _INDEX else f"/{name}"] = _read(path)

    def __contains__(self, path: object) -> bool:
        return path in self._files

    @property
    def kinds(self) -> dict[str, str]:
        """The type of each file, by its path."""
        return {path: file.kind for path, file in self._files.items()}

    def add(self, app: web.Application) -> None:
        """Add a route for each file."""
        for path, file in self._files.items():
            app.router.add_get(path, _handler(file))


def _read(path: Path) -> _File:
    content = path.read_bytes()
    suffix = path.suffix.lower()
    kind = _TYPES.get(suffix) or mimetypes.guess_type(path.name)[0] or "text/plain"
    compressed = gzip.compress(content, 9, mtime=0) if len(content) >= _SMALLEST else None
    if compressed is not None and len(compressed) >= len(content):
        compressed = None
    return _File(content, compressed, kind, hashlib.sha256(content).hexdigest()[:20])


def _handler(file: _File) -> Handler:
    is_text = file.kind.startswith("text/")

    async def answer(request: web.Request) -> web.StreamResponse:
        zipped = file.compressed is not None and _takes_gzip(request.headers.get("Accept-Encoding", ""))
        etag = f'"{file.etag}-gz"' if zipped else f'"{file.etag}"'
        headers = {"Cache-Control": "no-cache", "ETag": etag}
        if file.compressed is not None:
            headers["Vary"] = "Accept-Encoding"
        if _has(request.headers.get("If-None-Match", ""), etag):
            return web.Response(status=304, headers=headers)
        if zipped:
            headers["Content-Encoding"] = "gzip"
        return web.Response(
            body=file.compressed if zipped else file.content,
            content_type=file.kind,
            charset="utf-8" if is_text else None,
            headers=headers,
        )

    return answer


def _takes_gzip(header: str) -> bool:
    for part in header.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() in ("gzip", "*"):
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def _has(header: str, etag: str) -> bool:
    """Whether the client has the file already; proxies mark what they changed on the way as weak."""
    return any(known.strip().removeprefix("W/") in (etag, "*") for known in header.split(","))
