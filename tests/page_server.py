"""A stand-in for the server behind the page: it answers as documented, with data that a test changes."""

from __future__ import annotations

import asyncio
import io
import json
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soundfile
from aiohttp import BodyPartReader, web

from tests import sounds
from wyoming_chatterbox.audio.peaks import peaks
from wyoming_chatterbox.families import MULTILINGUAL_LANGUAGES, SOUNDS
from wyoming_chatterbox.web import app as status_app
from wyoming_chatterbox.web.answers import ENGINE_HEADER, HEADERS, REPLY_HEADER

STATIC = Path(status_app.__file__).parent / "static"
INGRESS = "/api/hassio_ingress/Xq1"
"""A prefix that a proxy strips."""
RATE = 24000
KINDS = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".json": "application/json"}
GIGABYTE = 10**9
Samples = npt.NDArray[np.float32]
STATES = ("starting", "downloading", "loading", "ready", "idle", "failed")

_TURBO = {"name": "turbo", "device": "cuda:0", "dtype": "float16", "quantization": "none", "reason": "it fits"}
_STANDBY = {"name": "standby", "device": "cpu", "dtype": "float32", "quantization": "none", "reason": ""}


def voice(name: str, languages: tuple[str, ...] = ("en",), **changes: Any) -> dict[str, Any]:
    """An entry of /v1/voices."""
    many = len(languages) > 1
    own = name == "default"
    judgement = {
        "seconds": 11.4, "speech_seconds": 9.8, "level": -24.0, "noise": -62.0, "clipped": 0.0, "findings": [],
    }  # fmt: skip
    return {
        "name": name,
        "label": "Chatterbox" if own else name,
        "own": own,
        "recording": None if own else f"{name}.wav",
        "languages": list(languages),
        "names": {code: f"{name}-{code}" if many else name for code in languages},
        "recorded_language": None,
        "style": {},
        "aliases": [],
        "state": "ready",
        "reason": None,
        "judgement": None if own else judgement,
        "peaks": None if own else _picture(4 + len(name) % 9),
        "is_default": name == "alice",
        "bytes": 547_244,
        **changes,
    }


@cache
def _picture(seconds: int) -> str:
    return peaks(sounds.speech(seconds)).hex()


@cache
def speech(seconds: float, rate: int = RATE) -> Samples:
    """Sound that looks like somebody who speaks: syllables over little noise."""
    at = np.arange(round(seconds * rate)) / rate
    syllables = np.clip(np.sin(2 * np.pi * 2.3 * at + np.sin(1.9 * at)), 0, 1) ** 0.7 * (0.6 + 0.4 * np.sin(1.3 * at))
    tone = np.sin(2 * np.pi * 150 * at + 9 * np.sin(3 * at)) + 0.4 * np.sin(2 * np.pi * 420 * at)
    noise = np.random.default_rng(0).normal(0, 0.0004, len(at))
    return np.asarray(0.25 * syllables * tone + noise, np.float32)


def wav(samples: Samples, rate: int = RATE) -> bytes:
    """A WAV file."""
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format="WAV")
    return file.getvalue()


def recording(seconds: float = 9.0) -> Any:
    """A file that is chosen."""
    return {"name": "a.wav", "mimeType": "audio/wav", "buffer": wav(speech(seconds))}


@dataclass
class Request:
    """A request that the page sent."""

    method: str
    path: str
    body: bytes = b""
    fields: dict[str, Any] = field(default_factory=dict)


class StandIn:
    """The state behind the page; `tell` makes open pages hear of a change."""

    def __init__(self, port: int, *, multilingual: bool = False) -> None:
        self.port = port
        self.token: str | None = None
        self.has_events = True
        self.requests: list[Request] = []
        self.foreign: list[str] = []
        self.seconds_spoken = 4.0
        self.refuses_uploads: str | None = None
        self.refuses_speech: tuple[str, str] | None = None
        """Message and code."""
        self.refuses_changes: tuple[str, str | None] | None = None
        """Message and field."""
        self.is_closed = False
        """Nobody is let in, as from a network that is not allowed."""
        self.goes_on = asyncio.Event()
        """Speech stops after its first part until this is set."""
        self.goes_on.set()
        self.breaks_off = False
        """Speech ends after its first part, as when an engine fails."""
        self.languages = MULTILINGUAL_LANGUAGES if multilingual else ("en",)
        self.voices = [
            voice("alice", self.languages, style={"temperature": 0.7}, recorded_language="en"),
            voice("Oma Erna", self.languages),
            voice("default", self.languages),
        ]
        noisy = self.voices[1]["judgement"]
        noisy["findings"] = [{"code": "noisy", "text": "there is noise"}]
        self.broken: list[dict[str, Any]] = [
            {"file": "memo 3.wav", "reason": "it is 2.1 s long, and must be longer than 5 s"}
        ]
        self.deleted: dict[str, Any] = {}
        self.log = [
            {"time": 1_764_000_000 + 4 * i, "level": level, "text": text}
            for i, (level, text) in enumerate(
                [
                    ("INFO", "The standby voice speaks until Chatterbox is ready"),
                    ("INFO", "turbo on cuda:0 in float16"),
                    ("WARNING", "memo 3.wav can't be used: it is 2.1 s long"),
                    ("INFO", "Chatterbox is ready after 9.3 s"),
                ]
            )
        ]
        self.info = self._info()
        self.memory = self._memory()
        self._listeners: set[asyncio.Queue[tuple[str, Any]]] = set()
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        """The page's address."""
        return f"http://127.0.0.1:{self.port}/"

    @property
    def listeners(self) -> int:
        """Pages that hear events."""
        return len(self._listeners)

    def enter(self, state: str) -> None:
        """Let Chatterbox be in this state."""
        status = self.info["status"]
        status |= {"state": state, "progress": None, "problem": None, "error": None, "hint": None}
        status |= {"speaking": "chatterbox" if state == "ready" else "standby", "retry_in_seconds": None}
        self.info["engine"] = dict(_TURBO if state == "ready" else _STANDBY)
        if state == "downloading":
            status["progress"] = {
                "file": "t3_turbo_v1.safetensors", "bytes_done": 710 * 10**6, "bytes_total": 1420 * 10**6,
                "rate": 11.4e6, "seconds_left": 62.0, "resumes_in_seconds": None,
            }  # fmt: skip
        if state == "failed":
            error = "t3_turbo_v1.safetensors can't be downloaded from huggingface.co: its name can't be resolved"
            status |= {"error": error, "hint": "Check the network and its DNS.", "retry_in_seconds": 84.0}
            values = {"host": "huggingface.co", "place": "/data/models/chatterbox-turbo"}
            status["problem"] = {"code": "dns", "values": values, "error": error, "hint": status["hint"]}

    def become(self, place: int, state: str) -> None:
        """Let a voice be in another state, of which pages hear."""
        self.voices[place]["state"] = state
        names = self.voices[place]["names"].values()
        self.info["voices"] = [one | ({"state": state} if one["name"] in names else {}) for one in self.info["voices"]]
        self.tell()

    def tell(self, name: str = "info", data: Any = None) -> None:
        """Send an event to every page."""
        for queue in self._listeners:
            queue.put_nowait((name, self.info if data is None else data))

    async def start(self) -> None:
        """Listen."""
        app = web.Application(client_max_size=10**8, middlewares=[self._answer])
        app.on_response_prepare.append(_add_headers)
        for prefix in ("", INGRESS):
            self._routes(app, prefix)
        app.router.add_get("/frame", self._frame)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True).start()

    async def stop(self) -> None:
        """End every connection and listen no more."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    def _routes(self, app: web.Application, prefix: str) -> None:
        routes = app.router
        routes.add_get(f"{prefix}/info", _answering(lambda: self.info))
        routes.add_get(f"{prefix}/memory", _answering(lambda: self.memory))
        routes.add_get(f"{prefix}/config", _answering(lambda: {"options": _OPTIONS}))
        routes.add_get(f"{prefix}/log", _answering(lambda: {"lines": self.log}))
        routes.add_get(f"{prefix}/report", self._report)
        routes.add_get(f"{prefix}/events", self._events)
        routes.add_post(f"{prefix}/retry", self._retry)
        routes.add_post(f"{prefix}/memory/cleanup", _answering(lambda: {"freed": {"process": 180 * 10**6}}))
        routes.add_post(f"{prefix}/said", self._said)
        routes.add_post(f"{prefix}/v1/audio/speech", self._speech)
        routes.add_get(f"{prefix}/v1/voices", _answering(self._voices))
        routes.add_post(f"{prefix}/v1/voices", self._add)
        one = f"{prefix}/v1/voices/{{name}}"
        routes.add_patch(one, self._change)
        routes.add_delete(one, self._delete)
        routes.add_post(f"{one}/undelete", self._undelete)
        routes.add_get(f"{one}/sample", self._sample)
        routes.add_get(f"{one}/preview", self._preview)
        routes.add_get(f"{prefix}/{{file:.*}}", self._file)

    @web.middleware
    async def _answer(self, request: web.Request, handler: Any) -> web.StreamResponse:
        path = request.path.removeprefix(INGRESS)
        is_file = request.method == "GET" and (Path(path).suffix in KINDS or path in ("/", "/icon.svg", "/frame"))
        if self.is_closed and not is_file:
            return _error(403, "10.0.0.9 may not use this server", "forbidden")
        if self.token is not None and not is_file:
            given = request.headers.get("Authorization", "").removeprefix("Bearer ")
            if given != self.token:
                return _error(401, "This request needs the token of --http-token", "unauthorized")
        if request.method != "GET" and not request.content_type.startswith("multipart/"):
            self.requests.append(Request(request.method, path, await request.read()))
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _file(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["file"] or "index.html"
        file = (STATIC / name).resolve()
        if STATIC not in file.parents or not file.is_file():
            self.foreign.append(request.path)
            return _error(404, f"There is no {name} here", "not-found")
        kind = KINDS.get(file.suffix, "image/svg+xml")
        return web.Response(body=file.read_bytes(), content_type=kind, headers={"Cache-Control": "no-cache"})

    async def _frame(self, _: web.Request) -> web.Response:
        head = '<title>Home</title><link rel="icon" href="/icon.svg">'
        frame = f'<iframe src="{INGRESS}/" title="Page" width="100%" height="1000"></iframe>'
        return web.Response(
            text=f'<!doctype html><html lang="en">{head}{frame}</html>',
            content_type="text/html",
            headers={"Permissions-Policy": "microphone=()"},
        )

    async def _events(self, request: web.Request) -> web.StreamResponse:
        if not self.has_events:
            return _error(404, "There are no events here", "not-found")
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream", "Cache-Control": "no-store"})
        await response.prepare(request)
        queue: asyncio.Queue[tuple[str, Any]] = asyncio.Queue()
        self._listeners.add(queue)
        try:
            await response.write(f"event: info\ndata: {json.dumps(self.info | {'is_event': True})}\n\n".encode())
            while True:
                name, data = await queue.get()
                await response.write(f"event: {name}\ndata: {json.dumps(data)}\n\n".encode())
        finally:
            self._listeners.discard(queue)

    async def _retry(self, _: web.Request) -> web.Response:
        if self.info["status"]["state"] != "failed":
            return _error(409, "There is nothing to try again", "nothing-to-retry")
        self.enter("loading")
        self.tell()
        return web.json_response({"retrying": True}, status=202)

    async def _report(self, _: web.Request) -> web.Response:
        return web.Response(text="wyoming-chatterbox 0.1.0\nturbo, cuda:0, float16\n")

    async def _said(self, request: web.Request) -> web.Response:
        return web.json_response({"said": [(await request.json())["input"].replace("21 °C", "twenty-one degrees")]})

    async def _speech(self, request: web.Request) -> web.StreamResponse:
        wanted = await request.json()
        if self.refuses_speech is not None:
            return _error(400, *self.refuses_speech)
        engine = self.info["engine"]["name"]
        number = 1 + max(one["id"] for one in self.info["recent"])
        reply = {
            "id": number, "started": time.time(), "client": "127.0.0.1:40112 (HTTP)", "engine": engine,
            "voice": wanted.get("voice", "alice"), "outcome": "done", "first_audio_seconds": 0.04,
            "audio_seconds": self.seconds_spoken,
        }  # fmt: skip
        self.info["recent"].insert(0, reply)
        sound = (32767 * speech(self.seconds_spoken)).astype("<i2").tobytes()
        headers = {"Content-Type": "audio/pcm", ENGINE_HEADER: engine, REPLY_HEADER: str(number)}
        response = web.StreamResponse(headers=headers)
        await response.prepare(request)
        # A sample may be cut in two.
        first = len(sound) // 2 + 1
        await response.write(sound[:first])
        await self.goes_on.wait()
        if self.breaks_off and request.transport is not None:
            request.transport.abort()
        else:
            await response.write(sound[first:])
        return response

    def _voices(self) -> dict[str, Any]:
        folder = {"path": "/voices", "writable": True, "trouble": None}
        voices = [{"profile": _profile(one), **one} for one in self.voices]
        return {"voices": voices, "broken": self.broken, "folder": folder, "default": "alice"}

    async def _add(self, request: web.Request) -> web.Response:
        sent = Request("POST", "/v1/voices")
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            if part.name == "file":
                sent.body = bytes(await part.read())
                sent.fields["file"] = part.filename
            else:
                sent.fields[str(part.name)] = await part.text()
        self.requests.append(sent)
        if self.refuses_uploads is not None:
            return _error(400, self.refuses_uploads, "broken-voice")
        self.broken = [one for one in self.broken if one["file"] != sent.fields.get("replaces")]
        added = voice(sent.fields["name"], self.languages, state="preparing")
        self.voices.append(added)
        return web.json_response(added, status=201)

    async def _change(self, request: web.Request) -> web.Response:
        one = next(entry for entry in self.voices if entry["name"] == request.match_info["name"])
        if self.refuses_changes is not None:
            message, param = self.refuses_changes
            return _error(409, message, "conflict", param)
        for key, value in (await request.json()).items():
            if key in ("label", "aliases"):
                one[key] = value or {"label": one["name"], "aliases": []}[key]
            elif value is None:
                del one["style"][key]
            else:
                one["style"][key] = value
        return web.json_response(one)

    async def _delete(self, request: web.Request) -> web.Response:
        name = request.match_info["name"]
        for place, key in ((self.voices, "name"), (self.broken, "file")):
            for at, entry in enumerate(place):
                if entry[key] == name:
                    self.deleted[name] = (place, at, place.pop(at))
                    return web.json_response({"undo": {"id": "7", "seconds": 60}})
        return _error(404, f"There is no voice {name!r}", "unknown-voice")

    async def _undelete(self, request: web.Request) -> web.Response:
        place, at, entry = self.deleted.pop(request.match_info["name"])
        place.insert(at, entry)
        return web.json_response(entry)

    async def _sample(self, _: web.Request) -> web.Response:
        return web.Response(body=wav(speech(60.0)), content_type="audio/wav")

    async def _preview(self, request: web.Request) -> web.Response:
        response = await self._sample(request)
        response.headers[ENGINE_HEADER] = self.info["engine"]["name"]
        return response

    def _info(self) -> dict[str, Any]:
        now = time.time()

        def reply(minutes: float, name: str, engine: str, first: float, sound: float) -> dict[str, Any]:
            return {
                "id": 100 - round(minutes), "started": now - 60 * minutes,
                "client": f"192.168.1.5:{50000 + round(minutes)}", "voice": name, "engine": engine,
                "outcome": "done", "first_audio_seconds": first, "audio_seconds": sound,
            }  # fmt: skip

        listed = [{"name": name, "language": code} for one in self.voices for code, name in one["names"].items()]
        return {
            "version": "0.1.0",
            "status": {
                "state": "ready", "state_seconds": 12.0, "detail": "", "message": "", "attempts": 1,
                "retry_in_seconds": None, "progress": None, "problem": None, "speaking": "chatterbox", "error": None,
                "hint": None,
            },
            "why": {"code": "cuda-fits", "values": {"precision": "float16"}},
            "addresses": {
                "wyoming": {"host": "192.168.1.20", "port": 10200}, "page": "http://192.168.1.20:4123/",
            },
            "announced": "chatterbox",
            "home_assistant": {"seconds": 24.0, "peer": "192.168.1.5"},
            "limits": {
                "max_total_length": 10000, "max_chunk_length": 280, "max_upload_bytes": 50 * 10**6,
                "shortest_recording": 5.0,
            },
            "heeds": ["temperature"] if len(self.languages) == 1 else ["exaggeration", "cfg_weight", "temperature"],
            "sounds": list(SOUNDS) if len(self.languages) == 1 else [],
            "engine": dict(_TURBO),
            "voices": listed,
            "recent": [
                reply(0.4, "alice", "turbo", 0.41, 4.8), reply(3, "alice", "turbo", 0.39, 2.1),
                reply(14, "Oma Erna", "turbo", 0.44, 6.6), reply(33, "alice", "turbo", 0.40, 3.2),
                reply(34, "default", "standby", 0.05, 2.2), reply(36, "default", "standby", 0.04, 3.1),
            ],
            "statistics": {"total_requests": 148, "error_requests": 1},
            "uptime_seconds": 93600.0,
        }  # fmt: skip

    def _memory(self) -> dict[str, Any]:
        points = [[30 * (120 - i), *_point(i)] for i in range(121)]
        sizes = {"nano": [1.5, 1.1, 0.9, 0.8], "turbo": [2.7, 1.8, 1.4, 1.3], "english": [3.9, 2.6, 2.0, 1.8],
                 "multilingual": [5.2, 3.3, 2.0, 1.8]}  # fmt: skip
        return {
            "process": {"rss_bytes": 1_920_000_000, "anonymous_bytes": 1_420_000_000},
            "host": {"available_bytes": 11_400_000_000, "total_bytes": 16_600_000_000},
            "engines": [
                {"name": "turbo", "device": "cuda:0", "device_bytes": {"free": 2_600_000_000, "total": 4_200_000_000}}
            ],
            "history": {"seconds": 3600, "points": points},
            "needs": {
                family: {
                    precision: round(size * GIGABYTE)
                    for precision, size in zip(("float32", "float16", "int8", "int4"), row, strict=True)
                }
                for family, row in sizes.items()
            },
            "needs_for": "cuda",
            "room": 4 * GIGABYTE,
        }


def _profile(one: dict[str, Any]) -> dict[str, Any]:
    """Return what a profile says that makes an entry of /v1/voices."""
    label = one["label"] if not one["own"] and one["label"] != one["name"] else None
    return {"label": label, "aliases": one["aliases"], "style": one["style"]}


def _point(i: int) -> list[int | None]:
    loaded, busy = i > 14, i % 17 == 3
    if not loaded:
        return [210_000_000, None, 0, 0]
    return [
        1_420_000_000 + 90_000_000 * busy,
        1_180_000_000 + 260_000_000 * busy,
        931_000_000,
        90_000_000 + 130_000_000 * busy,
    ]


def _option(name: str, group: str, value: Any, kind: str, source: str | None, help_text: str, **more: Any) -> Any:
    return {
        "name": name, "flag": f"--{name.replace('_', '-')}", "group": group, "help": help_text, "takes": "",
        "value": value, "became": None, "default": None, "source": {"kind": kind, "name": source}, **more,
    }  # fmt: skip


_OPTIONS = [
    _option("model", "Model", "auto", "default", None, "the model family", became="turbo"),
    _option("device", "Model", "cuda", "dotenv", "DEVICE", "where the model runs", became="cuda:0"),
    _option("voice", "Voices and speech", "alice", "flag", "--voice", "the voice for clients that name none"),
    _option("languages", "Voices and speech", [], "default", None, "offer voices in this language"),
    _option("max_chunk_length", "Limits", 200, "environment", "MAX_CHUNK_LENGTH", "the most characters in one go"),
    _option("http_token", "Page and HTTP", None, "file", "/etc/chatterbox.yaml", "the token of HTTP clients", set=True),
    _option("debug", "Log", False, "default", None, "log more"),
]


def _answering(data: Callable[[], Any]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(data())

    return answer


def _error(status: int, message: str, code: str, param: str | None = None) -> web.Response:
    return web.json_response(
        {"error": {"message": message, "type": "invalid_request_error", "code": code, "param": param}}, status=status
    )


async def _add_headers(request: web.Request, response: web.StreamResponse) -> None:
    if request.path != "/frame":
        response.headers.update(HEADERS)


@asynccontextmanager
async def stand_in(port: int, **options: Any) -> AsyncIterator[StandIn]:
    """A stand-in that listens."""
    server = StandIn(port, **options)
    await server.start()
    try:
        yield server
    finally:
        await server.stop()
