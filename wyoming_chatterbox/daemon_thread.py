"""Running a function that may never return, such as one that reads a file on a network share."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def in_daemon_thread(function: Callable[[], T], name: str) -> Future[T]:
    """Run `function` in a daemon thread named `name`, which not even the end of the process waits for.

    Python waits for the threads of a pool when the process ends, and a few hung threads would fill the pool.
    """
    future: Future[T] = Future()
    # A running future can't be cancelled, so that `set_result` never fails.
    future.set_running_or_notify_cancel()

    def run() -> None:
        try:
            result = function()
        except BaseException as err:
            future.set_exception(err)
        else:
            future.set_result(result)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future


async def watched(function: Callable[[], T], name: str, patience: float, late: Callable[[], None]) -> T:
    """Run `function` as `in_daemon_thread` does, and wait for its result; raises its error.

    `late` is called once if that takes longer than `patience` seconds.
    """
    future = asyncio.wrap_future(in_daemon_thread(function, name))
    done, _ = await asyncio.wait([future], timeout=patience)
    if not done:
        late()
    return await future
