"""Running a function that may never return, such as one that asks a network share for a file."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import TypeVar

T = TypeVar("T")


def in_daemon_thread(function: Callable[[], T], name: str) -> Future[T]:
    """Run `function` in a daemon thread named `name`: nobody has to wait for its end, not even the process.

    A thread of a pool would be waited for at the end, and a few that hang would fill the pool.
    """
    future: Future[T] = Future()
    # From here on nobody can cancel it, so that its result always has somewhere to go.
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
