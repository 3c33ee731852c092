"""An engine's errors: turned into ordinary ones that asyncio can carry, and described with their place in the code."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import FrameType

from .errors import ChatterboxError, EngineError


def ordinary(error: BaseException) -> Exception:
    """Return `error` if asyncio can carry it to the task that waits, else an `EngineError` caused by it.

    A panic in Rust, `SystemExit`, `KeyboardInterrupt` and `CancelledError` are no `Exception`: raised in a task they
    would end it, or the server, and its client would get no answer. A future refuses `StopIteration`, which a generator
    turns into a `RuntimeError`.
    """
    if isinstance(error, RuntimeError) and isinstance(error.__cause__, StopIteration):
        error = error.__cause__
    if isinstance(error, Exception) and not isinstance(error, StopIteration):
        return error
    failure = EngineError(_named(error))
    failure.__cause__ = error
    return failure


def message(error: BaseException) -> str:
    """Return an error's message without a full stop; that of a foreign error begins with its type."""
    if isinstance(error, ChatterboxError):
        return str(error).rstrip(".") or type(error).__name__
    return _named(error)


def told(error: BaseException) -> str:
    """Return the message and, if the error was not foreseen, its place in the code."""
    unforeseen = error.__cause__ if type(error) is EngineError else error
    if unforeseen is None or isinstance(unforeseen, ChatterboxError):
        return message(error)
    return f"{message(error)}{_at(unforeseen)}"


def place(frame: FrameType, line: int | None = None) -> str:
    """Name a frame's place in the code: `engine/t3.py:120`."""
    path = Path(frame.f_code.co_filename)
    return f"{path.parent.name}/{path.name}:{line or frame.f_lineno}"


def _named(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".rstrip(".: ")


def _at(error: BaseException) -> str:
    steps = list(traceback.walk_tb(error.__traceback__))
    return f" (at {place(*steps[-1])})" if steps else ""
