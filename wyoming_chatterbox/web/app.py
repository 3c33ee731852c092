"""The HTTP server: routes, access, errors and headers."""

from __future__ import annotations

import asyncio
import logging
import re
import socket
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from functools import partial
from typing import Any

from aiohttp import web

from ..errors import AddressError, ChatterboxError, ConfigError
from ..network.binding import explained, listen, passes
from ..network.connections import WRITE_SECONDS, Connection, Connections
from ..network.listener import Listener
from ..quoting import quoted
from ..speech.memory_history import MemoryHistory
from ..speech.service import Service
from ..voices.library import Library
from . import docs, listings, openapi, snapshots
from .access import Access, is_preflight
from .answers import HEADERS, RefusedError, error_answer, json_answer, unexpected
from .events import USUAL_PACE, Events, Pace
from .page_routes import PageRoutes
from .pages import Pages
from .refusals import for_people
from .runner import Runner
from .said import show
from .speech import ENDING, speech
from .voices import add_voices
from .watched import Watched, busy, refusal

_LOGGER = logging.getLogger(__name__)

_PATHS_WITHOUT_TOKEN = frozenset({"/docs", "/openapi.json"})
_HEALTH_PATH = "/health"
_API = "/v1/"
_SHUTDOWN_SECONDS = 1.0
_IDLE_SECONDS = 20.0
"""Seconds that a request's header may take, counted from the connection's beginning or the last answer."""
_RETRY_SECONDS = 30.0
"""Seconds until a port that is not available is tried again."""

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class HttpServer:
    """Serves the page, the JSON and the speech of `service` at --http-host and --http-port."""

    def __init__(
        self,
        service: Service,
        *,
        idle_timeout: float = _IDLE_SECONDS,
        retry_seconds: float = _RETRY_SECONDS,
        pace: Pace = USUAL_PACE,
        library: Library | None = None,
    ) -> None:
        """Tests shorten `idle_timeout`, `retry_seconds`, the `pace` of events, and the times of `library`."""
        self._service = service
        self._library = library
        self._access = Access(service.config)
        self._host = service.config.http_host
        self._pages = Pages()
        self._history = MemoryHistory(partial(snapshots.engines_of, service))
        self._events = Events(service, partial(snapshots.information, service), self._memory_news, pace)
        self._connections = Connections(service.config.max_http_connections)
        service.connections["http"] = self._connections
        self._idle_timeout = idle_timeout
        self._retry_seconds = retry_seconds
        self._runner: web.AppRunner | None = None
        self._listener: Listener | None = None
        self._retrying: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to listen; keep trying if the address may be had later, `ConfigError` if it won't be."""
        # A client that leaves cancels its handler, and with it the reply.
        self._runner = Runner(
            self._app(),
            handler_cancellation=True,
            shutdown_timeout=_SHUTDOWN_SECONDS,
            keepalive_timeout=self._idle_timeout,
        )
        await self._runner.setup()
        try:
            await self._listen()
        except AddressError as err:
            _LOGGER.warning(
                "There is no page: %s. It is tried again every %g s; Wyoming is served meanwhile",
                err,
                self._retry_seconds,
            )
            self._retrying = asyncio.create_task(self._retry(), name="HTTP's port")
        except ConfigError:
            await self.close()
            raise

    async def close(self) -> None:
        """Stop listening and end every connection."""
        if self._retrying is not None:
            self._retrying.cancel()
            await asyncio.wait([self._retrying])
        if self._listener is not None:
            self._listener.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
        if self._listener is not None:
            await self._listener.close()
            self._listener = None

    async def _listen(self) -> None:
        port = self._service.config.http_port
        try:
            sockets = await listen(self._host, port)
        except OSError as err:
            kind = AddressError if passes(err) else ConfigError
            raise kind(f"--http-host {self._host} --http-port {port} can't be served: {explained(err, port)}") from err
        self._listener = Listener("HTTP", sockets, self._connections, self._serve, partial(refusal, headers=HEADERS))
        self._service.reach.page_port = self.port
        _LOGGER.info("The page is served at %s", self.url)

    async def _retry(self) -> None:
        while self._listener is None:
            await asyncio.sleep(self._retry_seconds)
            with suppress(AddressError, ConfigError):
                await self._listen()

    async def _serve(self, client: socket.socket, connection: Connection) -> None:
        assert self._runner is not None
        assert self._runner.server is not None
        served = self._runner.server()
        transport, watched = await asyncio.get_running_loop().connect_accepted_socket(
            lambda: Watched(served, connection), client
        )
        # An idle client may send a request at any moment, and would take a message for the answer.
        connection.when_dismissed(transport.abort)
        try:
            await watched.lost.wait()
        finally:
            transport.abort()

    @property
    def port(self) -> int:
        """The port that the server listens at; if the option is 0, the one that the system chose."""
        return self._service.config.http_port if self._listener is None else self._listener.port

    @property
    def listening(self) -> int:
        """Number of clients that listen to events."""
        return self._events.listening

    @property
    def url(self) -> str:
        """The page's address, without a slash at the end."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"http://{host}:{self.port}"

    @property
    def routes(self) -> Iterable[web.AbstractRoute]:
        """Everything that the server answers, while it is started."""
        return () if self._runner is None else self._runner.app.router.routes()

    def _app(self) -> web.Application:
        app = web.Application(
            middlewares=[self._keep_place, self._answer], client_max_size=self._service.config.longest_body
        )
        app[ENDING] = asyncio.Event()
        app.on_shutdown.append(_end)
        app.on_response_prepare.append(self._add_headers)
        app.router.add_get(_HEALTH_PATH, self._health)
        app.router.add_get("/config", self._configuration)
        app.router.add_get("/memory", self._memory)
        app.router.add_post("/memory/cleanup", self._clean_memory)
        app.router.add_get("/info", self._information)
        app.router.add_post("/said", self._said)
        app.router.add_post("/v1/audio/speech", self._speech)
        app.router.add_get("/v1/models", self._models)
        app.router.add_get("/v1/models/{id}", self._model)
        app.router.add_get("/v1/audio/models", self._speech_models)
        app.router.add_get("/v1/audio/voices", self._voices)
        app.router.add_get("/openapi.json", self._openapi)
        app.router.add_get("/docs", _static(docs.page(openapi.document()).encode(), "text/html"))
        add_voices(app, self._service, self._library)
        PageRoutes(self._service, self._history, self._events).add(app)
        self._pages.add(app)
        _take_slashes(app.router)
        return app

    @web.middleware
    async def _keep_place(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Keep the client's place until it has read its answer, or took too long to read it."""
        with busy(request):
            response = await handler(request)
            if request.writer.output_size > 0 and not response.prepared:
                # It failed in the middle: a second answer inside would be taken for a part of the first.
                if request.transport is not None:
                    request.transport.abort()
                raise ConnectionAbortedError("An answer was begun already")
            try:
                async with asyncio.timeout(WRITE_SECONDS):
                    await response.prepare(request)
                    await response.write_eof()
            except (ConnectionError, TimeoutError):
                if request.transport is not None:
                    request.transport.abort()
            return response

    @web.middleware
    async def _answer(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        """Check the client's access, and turn every error into JSON."""
        try:
            if is_preflight(request):
                return self._access.preflight(request)
            if request.path != _HEALTH_PATH:
                self._access.check(request, needs_token=not self._is_for_all(request.path))
            return await handler(request)
        except web.HTTPNotFound:
            return self._refused(request, _not_here(request.path))
        except web.HTTPMethodNotAllowed as err:
            allowed = ", ".join(sorted(err.allowed_methods))
            message = f"{request.path} takes {allowed}, not {quoted(request.method)}"
            error = RefusedError(405, message, "method-not-allowed", headers={"Allow": allowed})
            return self._refused(request, error)
        except web.HTTPRequestEntityTooLarge:
            limit = self._service.config.longest_body
            message = f"The body is over {limit} bytes long"
            return self._refused(request, RefusedError(413, message, "too-large", headers={"Connection": "close"}))
        except ConnectionError:
            raise
        except ChatterboxError as err:
            return self._refused(request, err)
        except web.HTTPException:
            raise
        except Exception:
            _LOGGER.exception("%s failed", _quoted(request))
            return unexpected()

    def _refused(self, request: web.Request, err: ChatterboxError) -> web.Response:
        """Log why a request is refused, and answer so. Whatever a browser looks for on its own leaves no line."""
        reads_nothing = isinstance(err, RefusedError) and err.status == 404 and request.method in ("GET", "HEAD")
        level = logging.DEBUG if reads_nothing and not request.path.startswith(_API) else logging.WARNING
        _LOGGER.log(level, "%s from %s is refused: %s", _quoted(request), request.remote, err)
        page = for_people(request, err) if isinstance(err, RefusedError) else None
        return page or error_answer(err)

    async def _health(self, request: web.Request) -> web.Response:
        able, answer = snapshots.health(self._service, details=self._is_let_in(request))
        return json_answer(answer, 200 if able else 503)

    async def _configuration(self, _: web.Request) -> web.Response:
        return json_answer(snapshots.configuration(self._service))

    async def _memory(self, _: web.Request) -> web.Response:
        return json_answer(await snapshots.memory_use(self._service) | {"history": self._history.snapshot()})

    async def _memory_news(self) -> dict[str, Any]:
        return await snapshots.memory_use(self._service) | {"point": self._history.latest()}

    async def _clean_memory(self, _: web.Request) -> web.Response:
        return json_answer(await snapshots.clean_memory(self._service))

    async def _information(self, _: web.Request) -> web.Response:
        return await asyncio.to_thread(json_answer, await snapshots.information(self._service))

    async def _speech(self, request: web.Request) -> web.StreamResponse:
        return await speech(self._service, request)

    async def _models(self, _: web.Request) -> web.Response:
        return json_answer(listings.models(self._service))

    async def _model(self, request: web.Request) -> web.Response:
        return json_answer(listings.model(self._service, request.match_info["id"]))

    async def _speech_models(self, _: web.Request) -> web.Response:
        return json_answer(listings.speech_models(self._service))

    async def _voices(self, _: web.Request) -> web.Response:
        catalogue = self._service.voices.catalogue
        return await asyncio.to_thread(lambda: json_answer(listings.voices(catalogue)))

    async def _openapi(self, _: web.Request) -> web.Response:
        return json_answer(openapi.document())

    async def _said(self, request: web.Request) -> web.Response:
        return await show(self._service, request)

    async def _add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        shared = self._access.shared(request)
        if "Vary" in shared and "Vary" in response.headers:
            shared["Vary"] = f"{response.headers['Vary']}, {shared['Vary']}"
        response.headers.update(HEADERS | shared)

    def _is_for_all(self, path: str) -> bool:
        return path in self._pages or path in _PATHS_WITHOUT_TOKEN

    def _is_let_in(self, request: web.Request) -> bool:
        try:
            self._access.check(request)
        except RefusedError:
            return False
        return True


async def _end(app: web.Application) -> None:
    app[ENDING].set()


def _quoted(request: web.Request) -> str:
    return quoted(f"{request.method} {request.path}")


def _not_here(path: str) -> RefusedError:
    """Make the error for an unknown path, which says where the API is: many clients take the address of one."""
    hint = f"; OpenAI's API is at {_API}, so speech is at {_API}audio/speech, and /docs lists all there is"
    return RefusedError(404, f"There is no {quoted(path)} here{hint}", "not-found")


def _static(content: bytes, kind: str) -> _Handler:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(
            body=content,
            content_type=kind,
            charset="utf-8" if kind.startswith("text/") else None,
            headers={"Cache-Control": "no-cache"},
        )

    return answer


def _take_slashes(router: web.UrlDispatcher) -> None:
    """Answer paths of the API that end with a slash, which some clients write, as those without."""
    for route in list(router.routes()):
        if route.resource is not None and (path := route.resource.canonical).startswith("/v1/"):
            # aiohttp alone would take no braces in a name.
            path = re.sub(r"\{(\w+)\}", r"{\1:[^/]+}", path)
            router.add_route(route.method, f"{path}/", route.handler)
