"""A model hub on loopback: the part of its HTTP interface that downloads use, with faults on demand.

    with Hub() as hub:
        hub.add("ResembleAI/chatterbox-turbo", "ve.safetensors", data)
        hub.cut("ve.safetensors", after=1000)
        ... HF_ENDPOINT=hub.url ...
        assert hub.ranges("ve.safetensors") == [None, "bytes=1000-"]

As on the real one, a large file (by its suffix) has its SHA-256 as X-Linked-Etag, and a GET is sent on to another
host (here the same server, by its other name); a small one has a git blob's SHA-1 as ETag and comes at once.
It runs in threads of its own, so a test may be sync or async, and a server under test may be another process.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from tests.ports import free_port

LARGE = (".safetensors", ".pt", ".bin")
_PIECE = 64 * 1024


@dataclass(frozen=True)
class Request:
    """The requests so far."""

    method: str
    path: str
    range: str | None
    token: str | None
    """The Authorization header."""


@dataclass
class Faults:
    """A fault of one file; none at first."""

    cut_after: int | None = None
    """Bytes of the file after which the connection ends."""
    cuts_left: float = 0
    reset_when: Callable[[], bool] | None = None
    """The cut is a reset, as soon as this is true."""
    announced: int | None = None
    """The size that HEAD tells."""
    size_concealed: bool = False
    bytes: bytes | None = None
    """The bytes to serve instead."""
    status: int | None = None
    status_methods: tuple[str, ...] = ()
    status_left: float = 0
    error_code: str | None = None
    stall_after: int | None = None
    over: threading.Event = field(default_factory=threading.Event)
    ignore_range: bool = False
    bytes_per_second: float | None = None


@dataclass
class File:
    data: bytes
    large: bool
    faults: Faults = field(default_factory=Faults)

    @cached_property
    def etag(self) -> str:
        if self.large:
            return hashlib.sha256(self.data).hexdigest()
        return hashlib.sha1(b"blob %d\0" % len(self.data) + self.data).hexdigest()


class Hub:
    """The hub; `with` starts and stops it. Faults are set by file name and hold for every repository that has one."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self._commits: dict[str, dict[str, dict[str, File]]] = {}
        """Files of each repository, by commit and name; the last commit is the newest."""
        self._server: _Server | None = None
        self._port = free_port()

    @property
    def url(self) -> str:
        """For HF_ENDPOINT."""
        return f"http://127.0.0.1:{self._port}"

    def __enter__(self) -> Hub:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def start(self) -> None:
        """Listen; a second time on the same port."""
        self._server = _Server(("127.0.0.1", self._port), self)
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    def stop(self) -> None:
        """Break all connections; new ones are refused."""
        if self._server is not None:
            self._server.end()
            self._server = None

    def add(self, repository: str, name: str, data: bytes) -> None:
        """Commit a file: `main` is the new commit then, and the older ones stay as they are."""
        commits = self._commits.setdefault(repository, {})
        files = self._newest(repository) | {name: File(data, large=name.endswith(LARGE))}
        told = json.dumps([len(commits), [(name, file.etag) for name, file in files.items()]])
        commits[hashlib.sha1(told.encode()).hexdigest()] = files

    def add_family(self, family: Any, *, size: int = 1000, leave_out: Iterable[str] = ()) -> dict[str, bytes]:
        """Commit a whole model family's files, each of `size` bytes of its own; returns them by name."""
        absent = {*leave_out, *family.borrowed}
        names = [name for name in (*family.t3, *family.required, *family.optional) if name not in absent]
        files = {name: hashlib.shake_128(name.encode()).digest(size) for name in names}
        for name, data in files.items():
            self.add(family.repository, name, data)
        self.pin(family)
        return files

    def pin(self, family: Any) -> None:
        """Let the newest commit be the one that this project knows of the family's repository."""
        if family.revision != "main":
            commits = self._commits[family.repository]
            files = commits.pop(self.commit(family.repository))
            commits.pop(family.revision, None)
            commits[family.revision] = files

    def commit(self, repository: str) -> str:
        """The newest one's id."""
        return list(self._commits[repository])[-1]

    def _newest(self, repository: str) -> dict[str, File]:
        return list(self._commits[repository].values())[-1] if self._commits[repository] else {}

    # What was asked

    def asked(self, name: str, method: str = "GET") -> list[Request]:
        """The requests to the hub for one file, without those to the host that large ones are sent on to."""
        return [one for one in self.requests if one.path.endswith(f"/{name}") and one.method == method]

    def ranges(self, name: str) -> list[str | None]:
        """The Range header of each GET for one file."""
        return [one.range for one in self.asked(name)]

    # What goes wrong

    def cut(self, name: str, after: int, times: float = 1, *, reset_when: Callable[[], bool] | None = None) -> None:
        """End the connection at `after` bytes, counted from the file's start: closed in order, or reset.

        A reset throws away what the client has not read: it comes when `reset_when` says so.
        """
        self._set(name, cut_after=after, cuts_left=times, reset_when=reset_when)

    def announce(self, name: str, size: int) -> None:
        """Tell a size that isn't so."""
        self._set(name, announced=size)

    def conceal_size(self, name: str) -> None:
        """Tell no size in HEAD, as behind some proxies."""
        self._set(name, size_concealed=True)

    def serve(self, name: str, data: bytes) -> None:
        """Send other bytes than those whose checksum is told."""
        self._set(name, bytes=data)

    def answer(
        self,
        name: str,
        status: int,
        *,
        methods: tuple[str, ...] = ("HEAD", "GET"),
        error_code: str | None = None,
        times: float = float("inf"),
    ) -> None:
        """Answer with an HTTP status instead; `error_code` is the hub's: GatedRepo, RepoNotFound, ..."""
        self._set(name, status=status, status_methods=methods, error_code=error_code, status_left=times)

    def stall(self, name: str, after: int = 0) -> None:
        """Send `after` bytes of a body and then nothing, with the connection kept open, until `clear`."""
        self._set(name, stall_after=after)

    def ignore_range(self, name: str) -> None:
        """Always send the whole file."""
        self._set(name, ignore_range=True)

    def slow(self, name: str, bytes_per_second: float) -> None:
        self._set(name, bytes_per_second=bytes_per_second)

    def clear(self) -> None:
        """Nothing goes wrong any more."""
        for file in self._all():
            file.faults.over.set()
            file.faults = Faults()

    def _set(self, name: str, **faults: Any) -> None:
        named = [files[name] for repository in self._commits if name in (files := self._newest(repository))]
        assert named, f"no file {name} was added"
        for file in named:
            for key, value in faults.items():
                setattr(file.faults, key, value)

    def _all(self) -> Iterator[File]:
        for commits in self._commits.values():
            for files in commits.values():
                yield from files.values()

    # For the handler

    def find(self, repository: str, revision: str, name: str) -> File | str:
        """The file, or the hub's error code."""
        if repository not in self._commits:
            return "RepoNotFound"
        commits = self._commits[repository] | {"main": self._newest(repository)}
        if revision not in commits:
            return "RevisionNotFound"
        return commits[revision].get(name, "EntryNotFound")

    def find_large(self, etag: str) -> File | None:
        return next((file for file in self._all() if file.large and file.etag == etag), None)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, address: tuple[str, int], hub: Hub) -> None:
        super().__init__(address, _Handler)
        self.hub = hub
        self.ended = threading.Event()
        self.connections: set[socket.socket] = set()

    def end(self) -> None:
        self.ended.set()
        self.shutdown()
        self.server_close()
        for connection in list(self.connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def shutdown_request(self, request: Any) -> None:
        """Close without the orderly farewell that would come before a reset."""
        self.close_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: _Server

    def setup(self) -> None:
        super().setup()
        self.server.connections.add(self.connection)

    def finish(self) -> None:
        self.server.connections.discard(self.connection)
        super().finish()

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """The tests' output is for failures."""

    def do_HEAD(self) -> None:
        self._handle()

    def do_GET(self) -> None:
        self._handle()

    def _handle(self) -> None:
        hub = self.server.hub
        hub.requests.append(Request(self.command, self.path, self.headers["Range"], self.headers["Authorization"]))
        if sent_on := re.fullmatch("/large/([0-9a-f]{64})", self.path):
            file = hub.find_large(sent_on[1])
            if file is None:
                return self._error(404, None)
            return self._body(file)
        asked = re.fullmatch("/(?P<repository>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<name>.+)", self.path)
        if asked is None:
            return self._error(404, None)
        found = hub.find(asked["repository"], asked["revision"], asked["name"])
        if isinstance(found, str):
            # The real hub doesn't tell strangers which repositories there are.
            return self._error(401 if found == "RepoNotFound" else 404, found)
        revision = asked["revision"]
        commit = {"X-Repo-Commit": hub.commit(asked["repository"]) if revision == "main" else revision}
        faults = found.faults
        if faults.status is not None and self.command in faults.status_methods and faults.status_left > 0:
            faults.status_left -= 1
            return self._error(faults.status, faults.error_code)
        size = len(found.data) if faults.announced is None else faults.announced
        if found.large:
            return self._send_on(found, size, commit)
        if self.command == "HEAD":
            told = {} if faults.size_concealed else {"Content-Length": str(size)}
            return self._head(200, commit | {"ETag": f'"{found.etag}"'} | told)
        return self._body(found, commit)

    def _send_on(self, file: File, size: int, headers: dict[str, str]) -> None:
        """Large files come from elsewhere: for a client, another host that must not see its token."""
        elsewhere = f"http://localhost:{self.server.server_address[1]}/large/{file.etag}"
        told = {"Location": elsewhere, "X-Linked-Etag": f'"{file.etag}"', "Content-Length": "0"}
        if not file.faults.size_concealed:
            told["X-Linked-Size"] = str(size)
        self._head(302, headers | told)

    def _body(self, file: File, headers: dict[str, str] | None = None) -> None:
        faults = file.faults
        data = file.data if faults.bytes is None else faults.bytes
        start, status = 0, 200
        wanted = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
        if wanted and not faults.ignore_range:
            start, status = int(wanted[1]), 206
            if start >= len(data):
                return self._error(416, None, {"Content-Range": f"bytes */{len(data)}"})
        sent = {"ETag": f'"{file.etag}"', "Accept-Ranges": "bytes", "Content-Length": str(len(data) - start)}
        if status == 206:
            sent["Content-Range"] = f"bytes {start}-{len(data) - 1}/{len(data)}"
        self._head(status, (headers or {}) | sent)
        if self.command == "HEAD":
            return None
        if faults.stall_after is not None:
            self._pieces(data[start : faults.stall_after], faults)
            while not (self.server.ended.is_set() or faults.over.wait(0.02)):
                pass
            return self._pieces(data[max(start, faults.stall_after) :], faults)
        if faults.cut_after is None or faults.cuts_left <= 0:
            return self._pieces(data[start:], faults)
        faults.cuts_left -= 1
        self._pieces(data[start : faults.cut_after], faults)
        return self._hang_up(faults.reset_when)

    def _pieces(self, data: bytes, faults: Faults) -> None:
        piece = _PIECE if faults.bytes_per_second is None else max(1, int(faults.bytes_per_second / 20))
        for start in range(0, len(data), piece):
            if self.server.ended.is_set():
                return
            self.wfile.write(data[start : start + piece])
            if faults.bytes_per_second is not None:
                time.sleep(piece / faults.bytes_per_second)

    def _hang_up(self, reset_when: Callable[[], bool] | None) -> None:
        self.close_connection = True
        if reset_when is None:
            return
        self.wfile.flush()
        while not (reset_when() or self.server.ended.is_set()):
            time.sleep(0.01)
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    def _error(self, status: int, code: str | None, headers: dict[str, str] | None = None) -> None:
        text = json.dumps({"error": code or "no"}).encode()
        sent = {"Content-Type": "application/json", "Content-Length": str(len(text))} | (headers or {})
        if code is not None:
            sent |= {"X-Error-Code": code, "X-Error-Message": f"{code} at the hub"}
        self._head(status, sent)
        if self.command != "HEAD":
            self.wfile.write(text)

    def _head(self, status: int, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
