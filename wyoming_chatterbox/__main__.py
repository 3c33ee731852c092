"""The composition root: options -> voices, engines, worker -> servers."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path

from . import __version__, config, log
from .command_line import CHECK
from .config import Config
from .engine import Engine
from .engine.heap import share_one_heap
from .engine.loader import Loader
from .engine.openmp import suit_machine
from .errors import AddressError, ChatterboxError
from .families import prompt_rules, spoken_languages
from .log_tail import LogTail
from .network import descriptors
from .privacy import keep_caches_in, silence_libraries
from .progress_bar import Terminal, with_bar
from .server.discovery import Announcement
from .server.info import info_answer
from .server.wyoming_server import WyomingServer
from .signals import Signals
from .speech.idle_preparation import IdlePreparation
from .speech.levels import Levels
from .speech.lifecycle import Lifecycle
from .speech.replies import Replies
from .speech.scheduler import Scheduler
from .speech.service import Service
from .speech.turns import MOST_BEGUN
from .systemd import tell_ready
from .text.pronunciation_file import PronunciationFile
from .text.spoken import spell
from .voices.folder import VoicesFolder
from .voices.voice import style_of

_LOGGER = logging.getLogger(__name__)

EXIT_CODE_LOST = 3
"""Exit code if an engine hangs and does not return."""
_SWITCH_SECONDS = 0.001
"""Seconds that a computing thread may keep the event loop waiting: a fifth of Python's default."""


def main() -> int:
    """Serve until told to stop.

    The exit code is 0 then, 1 if the server can't have its address, 2 for an invalid option, and 3 if an engine hangs
    and only a new process can help. With --check it looks at this machine instead, and is 1 if it would not work.
    """
    signals = Signals()
    try:
        options = config.load(sys.argv[1:], os.environ, Path.cwd())
        if CHECK in sys.argv[1:]:
            from .check.runner import run

            signals.code = 1
            signals.code = run(options)
            return signals.end()
        tail, terminal = log.set_up(options)
        silence_libraries()
        share_one_heap()
        suit_machine()
        keep_caches_in(options.data_dir[0] / "cache")
        sys.setswitchinterval(_SWITCH_SECONDS)
        asyncio.run(serve(descriptors.fit(options), signals, tail, terminal))
    except ChatterboxError as err:
        log.close()
        print(f"wyoming-chatterbox: {err}", file=sys.stderr)
        signals.code = 1 if isinstance(err, AddressError) else 2
    except KeyboardInterrupt:
        pass
    except Exception:
        signals.code = 1
        raise
    return signals.end()


async def serve(options: Config, signals: Signals, tail: LogTail, terminal: Terminal | None = None) -> None:
    """Run the server until SIGTERM or SIGINT, until the one client of stdio has left, or until an engine is lost.

    `tail` has the latest lines of the log; `terminal` shows the progress of downloads, if a person is there.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    signals.listen(lambda: loop.call_soon_threadsafe(stop.set))

    if options.voices_dir is None:
        # If the directory can't be made, it holds no recordings either.
        with suppress(OSError):
            options.voices_directory.mkdir(parents=True, exist_ok=True)
    voices = VoicesFolder(
        options.voices_directory,
        languages=lambda: spoken_languages(options.model),
        rules=lambda: prompt_rules(options.model),
        preferred=options.voice,
        wanted=options.languages,
        others=[options.pronunciations] if options.pronunciations is not None else (),
        new_catalogue=partial(info_answer, streaming=options.streaming),
    )
    # A second KV cache would need memory that the limit did not count.
    most_begun = MOST_BEGUN if options.memory_limit_mb is None else 1
    scheduler = Scheduler(options.memory_cleanup_interval, most_begun=most_begun)
    load = Loader(options)
    lifecycle = Lifecycle(
        scheduler,
        with_bar(load, terminal),
        _standby if options.standby else None,
        lower=load.lower,
        idle_unload=options.idle_unload or None,
    )
    levels = Levels(options.data_dir[0] / "cache" / "levels.json")
    replies = Replies(lifecycle, scheduler, limit=options.max_replies, style=style_of(options), levels=levels)
    pronunciations = PronunciationFile(options.pronunciations)
    preparation = IdlePreparation(voices, replies)
    service = Service(options, voices, lifecycle, replies, preparation, pronunciations, log=tail)
    reloading = asyncio.Event()
    signals.on("SIGHUP", lambda: loop.call_soon_threadsafe(reloading.set))
    background = [asyncio.create_task(_reload_voices(voices, reloading), name="reloader")]
    server = WyomingServer(options.uri, service)
    closers = [preparation.close, scheduler.close, lifecycle.close, voices.close, pronunciations.close]
    try:
        await asyncio.gather(voices.start(), pronunciations.start())
        await server.start()
        closers.insert(0, server.close)
        _LOGGER.info("wyoming-chatterbox %s is up", __version__)
        lifecycle.start()
        preparation.start()
        background.append(asyncio.create_task(_read_tables(voices), name="reading tables"))
        background.append(asyncio.create_task(levels.read(), name="reading levels"))
        if options.http:
            from .web.app import HttpServer

            http = HttpServer(service)
            await http.start()
            closers.insert(0, http.close)
        tell_ready(os.environ)
        if server.port is not None:
            announcement = Announcement(options.zeroconf, server.host, server.port, told=service.reach.announce)
            announcement.start()
            closers.append(announcement.close)
        await _first(stop, server.ended, lifecycle.lost)
    finally:
        if lifecycle.lost.is_set():
            signals.begin_to_end(EXIT_CODE_LOST, lifecycle.trouble or "an engine hung")
        else:
            signals.begin_to_end()
        _LOGGER.info("Shutting down")
        scheduler.stop()
        for task in background:
            task.cancel()
        for close in closers:
            try:
                await close()
            except Exception:
                _LOGGER.exception("Shutting down goes on after an error")


async def _first(*events: asyncio.Event) -> None:
    waiting = [asyncio.create_task(event.wait()) for event in events]
    await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    for task in waiting:
        task.cancel()


async def _read_tables(voices: VoicesFolder) -> None:
    """Read the words of the usual language now; the first text would make the event loop wait for it."""
    with suppress(ChatterboxError):
        await asyncio.to_thread(spell, "1", (await voices.find()).language)


async def _reload_voices(voices: VoicesFolder, asked: asyncio.Event) -> None:
    """Scan the voices folder again whenever `asked` is set."""
    while True:
        await asked.wait()
        asked.clear()
        if await voices.refresh():
            _LOGGER.info("SIGHUP: the voices were looked at again; there are %d", len(voices.catalogue.voices))
        else:
            _LOGGER.warning("SIGHUP: the voices folder has not answered yet; it is looked at as soon as it does")


def _standby() -> Engine:
    from .engine.standby import Standby

    return Standby()


if __name__ == "__main__":
    sys.exit(main())
