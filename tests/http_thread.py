"""The HTTP side in a thread of its own, for clients that wait for their answers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.client import PATIENCE
from tests.http_serving import Http, http


@contextmanager
def http_in_thread(directory: Path, *flags: str, **options: Any) -> Iterator[Http]:
    """Serve as `http` does, in another thread until the block ends."""
    ready: Future[tuple[Http, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        try:
            async with http(directory, *flags, **options) as server:
                enough = asyncio.Event()
                ready.set_result((server, asyncio.get_running_loop(), enough))
                await enough.wait()
        except BaseException as err:
            if not ready.done():
                ready.set_exception(err)
            raise

    thread = threading.Thread(target=lambda: asyncio.run(serve()), name="server")
    thread.start()
    try:
        server, loop, enough = ready.result(PATIENCE)
        try:
            yield server
        finally:
            loop.call_soon_threadsafe(enough.set)
    finally:
        thread.join(PATIENCE)
