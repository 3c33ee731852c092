"""The composition root: options -> voices, engines, worker -> servers."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import sys
import threading
from contextlib import suppress
from pathlib import Path

from . import __version__, config, descriptors
from .config import Config
from .discovery import Announcement
from .engine import Engine
from .engine.families import shortest_recording, spoken_languages
from .engine.loader import Loader
from .errors import ChatterboxError
from .lifecycle import Lifecycle
from .replies import Replies
from .scheduler import Scheduler
from .server import Server
from .service import Service
from .voices import Voices

_LOGGER = logging.getLogger(__name__)

_SWITCH_SECONDS = 0.001
"""How long a thread that computes may keep the event loop waiting: five times shorter than Python's default."""


def main() -> int:
    """Serve until told to stop; the exit code is 0 then, 2 for an option that can't be."""
    try:
        options = config.load(sys.argv[1:], os.environ, Path.cwd())
        _set_up_log(options)
        sys.setswitchinterval(_SWITCH_SECONDS)
        asyncio.run(serve(descriptors.fit(options)))
    except ChatterboxError as err:
        print(f"wyoming-chatterbox: {err}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        pass
    if any(not thread.daemon for thread in threading.enumerate() if thread is not threading.main_thread()):
        # A model still being loaded can't be interrupted, and nobody waits for it any more.
        logging.shutdown()
        os._exit(0)
    return 0


async def serve(options: Config) -> None:
    """Run the server until SIGTERM or SIGINT, or until the one client of stdio has left."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)

    if options.voices_dir is None:
        # Where it can't be made, there is no recording in it either.
        with suppress(OSError):
            options.voices_directory.mkdir(parents=True, exist_ok=True)
    voices = Voices(
        options.voices_directory,
        languages=lambda: spoken_languages(options.model),
        shortest=lambda: shortest_recording(options.model),
        preferred=options.voice,
    )
    scheduler = Scheduler(options.memory_cleanup_interval)
    load = Loader(options)
    lifecycle = Lifecycle(
        scheduler,
        load,
        _standby if options.standby else None,
        lower=load.lower,
        idle_unload=options.idle_unload or None,
    )
    replies = Replies(lifecycle, scheduler, limit=options.max_replies, seed=options.seed, sampling=options.sampling)
    service = Service(options, voices, lifecycle, replies)
    server = Server(options.uri, service)
    closers = [lifecycle.close]
    try:
        await server.start()
        closers.insert(0, server.close)
        _LOGGER.info("wyoming-chatterbox %s is up", __version__)
        lifecycle.start()
        if options.http:
            from .status.app import HttpServer

            http = HttpServer(service)
            await http.start()
            closers.insert(0, http.close)
        if options.zeroconf is not None and server.port is not None:
            announcement = Announcement(options.zeroconf, server.host, server.port)
            await announcement.start()
            closers.insert(0, announcement.close)
        await _first(stop, server.ended)
    finally:
        _LOGGER.info("Shutting down")
        scheduler.stop()
        for close in (*closers, scheduler.close):
            try:
                await close()
            except Exception:
                _LOGGER.exception("Shutting down goes on after an error")


async def _first(*events: asyncio.Event) -> None:
    waiting = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()


def _standby() -> Engine:
    from .engine.standby import Standby

    return Standby()


def _set_up_log(options: Config) -> None:
    logging.basicConfig(level=logging.DEBUG if options.debug else logging.INFO, format=options.log_format)
    if not options.debug:
        for noisy in ("httpx", "huggingface_hub", "numba", "aiohttp.access"):
            logging.getLogger(noisy).setLevel(logging.WARNING)


if __name__ == "__main__":
    sys.exit(main())
