"""Routes that the page needs besides the snapshots: another try, the log, a report, and news as they come."""

from __future__ import annotations

import asyncio

from aiohttp import web

from ..problem import Problem
from ..speech.memory_history import MemoryHistory
from ..speech.service import Service
from .answers import RefusedError, json_answer
from .events import Events
from .report import report


class PageRoutes:
    """Answers the page's own requests, and does what they need in the background while the server runs."""

    def __init__(self, service: Service, history: MemoryHistory, events: Events) -> None:
        self._service = service
        self._history = history
        self._events = events

    def add(self, app: web.Application) -> None:
        """Add the routes, and what begins and ends with them."""
        app.router.add_post("/retry", self._retry)
        app.router.add_get("/log", self._log)
        app.router.add_get("/report", self._report)
        app.router.add_get("/events", self._events.answer, allow_head=False)
        app.on_startup.append(self._start)
        app.on_shutdown.append(self._stop)

    async def _start(self, _: web.Application) -> None:
        self._history.start()

    async def _stop(self, _: web.Application) -> None:
        await self._events.close()
        await self._history.close()

    async def _retry(self, _: web.Request) -> web.Response:
        if not self._service.lifecycle.retry():
            state = self._service.lifecycle.stage.state
            message = f"There is nothing to try again: Chatterbox is {state}"
            raise RefusedError(409, message, "nothing-to-retry", problem=Problem("nothing-to-retry"))
        return json_answer({"retrying": True}, 202)

    async def _log(self, _: web.Request) -> web.Response:
        return json_answer({"lines": [line.shown() for line in self._service.log.lines]})

    async def _report(self, _: web.Request) -> web.Response:
        return web.Response(text=await asyncio.to_thread(report, self._service), headers={"Cache-Control": "no-store"})
