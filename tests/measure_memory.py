"""Measure the memory of a whole server process: before Chatterbox, with it, and while it speaks.

    script/python -m tests.measure_memory --family nano --precision float32 int8

Every precision has a process of its own, on a CPU (Linux). Anonymous memory is the process's own; the libraries' files,
which come on top in what `top` calls RES, can be dropped and read again. Random weights of full size, unless --model
names a checkpoint: they speak to the limit, which is five seconds for the text given.
"""

from __future__ import annotations

import argparse
import asyncio
import tempfile
from collections.abc import Awaitable, Iterable
from pathlib import Path
from typing import Any

from tests.client import plain
from tests.process import ServerProcess, server_process
from wyoming_chatterbox.speech import memory

FLAGS = {"int8": ("--quantization", "int8"), "int4": ("--quantization", "int4")}
PRECISIONS = ("float32", "float16", "int8", "int4")
PAUSE = 0.03
ROW = "{:10}{:9}{:>9}{:>9}{:>9}{:>9}{:>9}{:>9}"


async def measure(model: Path, precision: str, text: str, times: int) -> dict[str, Any]:
    """Anonymous bytes: `standby` speaks, `ready` is Chatterbox, `speaking` at most, and `after`; `weights` in it."""
    flags = ("--model", str(model), "--device", "cpu", "--local-files-only")
    with tempfile.TemporaryDirectory() as data:
        precise = FLAGS.get(precision, ("--dtype", precision))
        async with server_process(Path(data), *flags, *precise) as server:
            await said(server, "The standby voice is ready")
            standby = held(server)
            await said(server, "Chatterbox is ready")
            ready = held(server)
            peaks = []
            for _ in range(times):
                heard, peak = await peaked(server, plain(server.uri, text))
                peaks.append(peak)
            about: Any = await server.get("memory")
            return {
                "standby": standby,
                "ready": ready,
                "speaking": max(peaks),
                "after": held(server),
                "weights": about["engines"][0]["weights_bytes"],
                "seconds": heard.seconds,
            }


async def peaked(server: ServerProcess, working: Awaitable[Any]) -> tuple[Any, int]:
    """Return the result, and the most that the process held meanwhile."""
    task, most = asyncio.ensure_future(working), 0
    while not task.done():
        most = max(most, held(server))
        await asyncio.sleep(PAUSE)
    return task.result(), most


async def said(server: ServerProcess, words: str) -> None:
    while words not in server.said():
        if server.process.returncode is not None:
            raise SystemExit(f"The server ended:\n{server.said()}")
        await asyncio.sleep(PAUSE)


def held(server: ServerProcess) -> int:
    size = memory.anonymous_bytes(server.process.pid)
    if size is None:
        raise SystemExit("This system doesn't tell what a process has for itself: Linux does.")
    return size


def show(family: str, model: Path, precisions: Iterable[str], text: str, times: int) -> None:
    print(ROW.format("MB", "", "weights", "standby", "ready", "speaking", "after", "s"))
    for precision in precisions:
        seen = asyncio.run(measure(model, precision, text, times))
        sizes = [round(seen[name] / 1e6) for name in ("weights", "standby", "ready", "speaking", "after")]
        print(ROW.format(family, precision, *sizes, f"{seen['seconds']:.1f}"), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", default="nano", help="family of the random weights [%(default)s]")
    parser.add_argument("--model", type=Path, metavar="DIRECTORY", help="a checkpoint in place of random weights")
    parser.add_argument("--size", default="full", choices=("tiny", "full"), help="of random weights [%(default)s]")
    parser.add_argument("--precision", nargs="+", default=["int8"], choices=PRECISIONS, help="[int8]")
    parser.add_argument("--text", default="Hello.", help="what is said [%(default)s]")
    parser.add_argument("--times", type=int, default=3, help="how often; the most is shown [%(default)s]")
    options = parser.parse_args()
    if options.model:
        show(options.model.name, options.model, options.precision, options.text, options.times)
        return
    # Importing it takes seconds, as it imports the stock model.
    from tests import checkpoints

    with tempfile.TemporaryDirectory() as directory:
        checkpoints.make(options.family, Path(directory), size=options.size)
        show(options.family, Path(directory), options.precision, options.text, options.times)


if __name__ == "__main__":
    main()
