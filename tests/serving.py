"""A whole server inside the test's event loop, on a real socket, with engines the test holds in its hand."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tests.client import PATIENCE
from tests.fakes import FakeEngine
from tests.ports import free_port
from wyoming_chatterbox import config
from wyoming_chatterbox.engine import Engine, Stage
from wyoming_chatterbox.families import ENGLISH
from wyoming_chatterbox.server.info import info_answer
from wyoming_chatterbox.server.wyoming_server import WyomingServer
from wyoming_chatterbox.speech import hangs, watchdog
from wyoming_chatterbox.speech.idle_preparation import IdlePreparation
from wyoming_chatterbox.speech.levels import Levels
from wyoming_chatterbox.speech.lifecycle import Lifecycle
from wyoming_chatterbox.speech.replies import Replies
from wyoming_chatterbox.speech.scheduler import Scheduler
from wyoming_chatterbox.speech.service import Service
from wyoming_chatterbox.text.pronunciation_file import PronunciationFile
from wyoming_chatterbox.voices.folder import VoicesFolder
from wyoming_chatterbox.voices.voice import style_of


@dataclass
class Running:
    """A server and what is behind it."""

    service: Service
    server: WyomingServer
    uri: str
    chatterbox: FakeEngine
    standby: FakeEngine
    scheduler: Scheduler
    preparation: IdlePreparation


Load = Callable[[Callable[[Stage], None], Callable[[], bool]], Engine]


@asynccontextmanager
async def serving(
    directory: Path,
    *flags: str,
    languages: tuple[str, ...] = ("en",),
    load: Load | None = None,
    uri: str | None = None,
    lower: Callable[[], str | None] = lambda: None,
    first_retry: float = 0.05,
    patience: float = 2.0,
    voices_directory: Path | None = None,
    base: float = watchdog.BASE_SECONDS,
    give_up: float = hangs.GIVE_UP_SECONDS,
    settle: Callable[[], None] = gc.freeze,
) -> AsyncIterator[Running]:
    """Serve with `flags`; Chatterbox is a fake that is ready at once unless `load` says otherwise.

    `voices_directory` stands in for the folder of that name in `directory`, and may hang, which is told after 0.2 s; of
    the other, every recording has been heard. Preparing voices while nobody speaks is left to the test to start.
    Loaded, the model is left out of collections as usual, and garbage with it: collecting that takes longer than most
    tests.
    """
    uri = uri or f"tcp://127.0.0.1:{free_port()}"
    # Off, a client hears the fake's very samples; what is said of loudness is tested with a loudness of its own.
    fixed = ["--uri", uri, "--data-dir", str(directory), "--no-http", "--loudness", "off"]
    options = config.load([*fixed, *flags], {}, directory)
    chatterbox = FakeEngine("chatterbox", languages, pitch=440.0)
    standby = FakeEngine("standby", pitch=880.0)
    scheduler = Scheduler(options.memory_cleanup_interval, base=base)
    lifecycle = Lifecycle(
        scheduler,
        load or (lambda _report, _cancelled: chatterbox),
        (lambda: standby) if options.standby else None,
        lower=lower,
        idle_unload=options.idle_unload or None,
        patience=patience,
        first_retry=first_retry,
        give_up=give_up,
        settle=settle,
    )
    options.voices_directory.mkdir(parents=True, exist_ok=True)
    voices = VoicesFolder(
        voices_directory or options.voices_directory,
        lambda: languages,
        lambda: ENGLISH.prompt,
        options.voice,
        wanted=options.languages,
        others=[options.pronunciations] if options.pronunciations is not None else (),
        new_catalogue=partial(info_answer, streaming=options.streaming),
        patience=PATIENCE if voices_directory is None else 0.2,
    )
    levels = Levels(directory / "cache" / "levels.json")
    replies = Replies(lifecycle, scheduler, limit=options.max_replies, style=style_of(options), levels=levels)
    pronunciations = PronunciationFile(options.pronunciations, poll_seconds=0.01)
    preparation = IdlePreparation(voices, replies, pause=0.01)
    service = Service(options, voices, lifecycle, replies, preparation, pronunciations)
    server = WyomingServer(uri, service)
    await voices.start()
    # The start itself waits a second, which a busy machine may take longer than.
    await until(lambda: voices.trouble is not None or voices.languages is not None)
    if voices_directory is None:
        await until(lambda: not voices._has_more)
    await pronunciations.start()
    await server.start()
    await levels.read()
    lifecycle.start()
    if load is None:
        await until(lambda: lifecycle.chatterbox is not None)
    try:
        yield Running(service, server, uri, chatterbox, standby, scheduler, preparation)
    finally:
        scheduler.stop()
        await preparation.close()
        await server.close()
        await voices.close()
        await pronunciations.close()
        await lifecycle.close()
        await scheduler.close()


async def until(condition: Callable[[], bool], timeout: float = PATIENCE) -> None:
    """Wait for a condition to come true; `TimeoutError` if it doesn't."""
    async with asyncio.timeout(timeout):
        while not condition():
            await asyncio.sleep(0.002)
