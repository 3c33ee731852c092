"""Measure what a listener notices, against a server process of its own: `script/measure`.

Times, not truths: machines differ and are busy. Each line gives what was seen beside what is aimed at.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from wyoming_bench.tts.bench import bench_server
from wyoming_bench.tts.reporting import Measurement
from wyoming_bench.tts.texts import DEFAULT_TEXTS

from tests import checkpoints
from tests.client import describe, plain, streamed
from tests.ports import free_port

TEXT = (
    "The front door is locked and all the windows are closed. It is twenty one degrees in the living room. "
    "Tomorrow will be sunny with a light breeze from the west. Shall I wake you at seven?"
)


@asynccontextmanager
async def server(directory: Path, *flags: str) -> AsyncIterator[tuple[str, float]]:
    """A server process without a way to the hub; yields its URI and when it was started."""
    uri = f"tcp://127.0.0.1:{free_port()}"
    command = [sys.executable, "-m", "wyoming_chatterbox", "--uri", uri, "--data-dir", str(directory), "--no-http"]
    environment = {**os.environ, "HF_ENDPOINT": f"http://127.0.0.1:{free_port()}"}
    begun = time.monotonic()
    with (directory / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, *flags, env=environment, stderr=log)
        try:
            yield uri, begun
        finally:
            process.terminate()
            await process.wait()


async def first_answer(uri: str, begun: float) -> float:
    """Seconds from the start of the process to its first Describe."""
    while True:
        try:
            await describe(uri)
        except OSError:
            await asyncio.sleep(0.01)
        else:
            return time.monotonic() - begun


async def logged(directory: Path, words: str) -> None:
    """Wait for words to stand in the server's log: after a failed download, nothing goes on in the background."""
    while words not in (directory / "log").read_text():
        await asyncio.sleep(0.1)


async def describes(uri: str, going_on: Callable[[], bool], pause: float) -> list[float]:
    """Seconds of each Describe, one after the other, while something goes on; sorted."""
    waits = []
    while going_on():
        begun = time.monotonic()
        await describe(uri)
        waits.append(time.monotonic() - begun)
        await asyncio.sleep(pause)
    return sorted(waits)


async def start_and_speak(directory: Path, rounds: int, texts: list[str]) -> None:
    async with server(directory) as (uri, begun):
        show("Describe after the process's start", await first_answer(uri, begun), "s", "3")
        heard = await plain(uri, "The kitchen light is on.")
        show("first sentence heard after the start", time.monotonic() - begun, "s", "")
        show("  its length", heard.seconds, "s of speech", "")
        await logged(directory, "next try in")
        await bench(uri, rounds, texts)
        await describes_under_load(uri, TEXT, 5 * rounds)


async def describes_under_load(uri: str, text: str, times: int) -> None:
    """Describe while two clients have a text spoken: in a process of their own, so as not to be in our way."""
    command = [sys.executable, "-m", "tests.measure", "--speak", uri, text, str(times)]
    process = await asyncio.create_subprocess_exec(*command)
    await asyncio.sleep(1)
    over = asyncio.create_task(process.wait())
    waits = await describes(uri, lambda: not over.done(), 0.005)
    show(f"Describe while two clients synthesise, 99th percentile of {len(waits)}", at(waits, 0.99) * 1e3, "ms", "50")
    show("  worst", waits[-1] * 1e3, "ms", "")


async def speak(uri: str, text: str, times: int) -> None:
    await asyncio.gather(*(again(lambda: plain(uri, text), times) for _ in range(2)))


async def again(speak: Callable[[], Awaitable[object]], times: int) -> None:
    for _ in range(times):
        await speak()


async def bench(uri: str, rounds: int, texts: list[str]) -> None:
    port = int(uri.rpartition(":")[2])
    for mode in ("non_streaming", "streaming"):
        seen: list[Measurement] = await bench_server(
            "127.0.0.1", port, texts, [mode], None, None, rounds, 1, False, 0.3, 5.0, 30.0, unique=False
        )
        failures = [one.error for one in seen if not one.ok]
        good = [one for one in seen if one.ok]
        first = sorted(one.ttft_s or 0.0 for one in good)
        factor = sorted(one.rtf or 0.0 for one in good)
        cycles = {one.n_audio_cycles for one in good}
        print(f"wyoming-bench {mode}: {len(good)} replies, {len(failures)} failures {failures or ''}, cycles {cycles}")
        show("  first audio, median", at(first, 0.5) * 1e3, "ms", "80")
        if mode == "non_streaming":
            show("  real-time factor, median", at(factor, 0.5), "", "0.05")
        else:
            show("  real-time factor, median (with the client's pauses of 0.3 s)", at(factor, 0.5), "", "")
    heard = await streamed(uri, [sentence + " " for sentence in TEXT.split(". ")])
    print(f"events of a streamed reply: {' '.join(heard.types)}")


async def loading(directory: Path, family: str, size: checkpoints.Size) -> None:
    model = directory / f"{family}-{size}"
    checkpoints.make(family, model, size=size)
    megabytes = sum(path.stat().st_size for path in model.iterdir()) / 1e6
    async with server(directory, "--model", str(model), "--device", "cpu") as (uri, begun):
        await first_answer(uri, begun)
        log = directory / "log"
        waits = await describes(uri, lambda: "Chatterbox is ready" not in log.read_text(), 0.002)
        show(f"loading {family} ({size}, {megabytes:.0f} MB) took", time.monotonic() - begun, "s", "")
        show(f"Describe meanwhile, worst of {len(waits)}", waits[-1] * 1e3, "ms", "500")
        begun = time.monotonic()
        heard = await plain(uri, "Yes.")
        show(
            f"first utterance of {family}, {heard.seconds:.1f} s of (random) sound, took",
            time.monotonic() - begun,
            "s",
            "",
        )
        await describes_under_load(uri, "Yes.", 1)


def at(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def show(what: str, value: float, unit: str, aim: str) -> None:
    print(f"{what}: {value:.3g} {unit}" + (f" (aim: {aim})" if aim else ""), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/measure", description=__doc__)
    parser.add_argument(
        "--rounds",
        type=int,
        default=3,
        help="rounds of wyoming-bench, and a fifth of the texts spoken under load [%(default)s]",
    )
    parser.add_argument("--texts", type=int, help="how many of wyoming-bench's texts are spoken [all of them]")
    parser.add_argument("--family", default="nano", help="family that is loaded [%(default)s]")
    parser.add_argument("--size", default="full", choices=("tiny", "full"), help="its size [%(default)s]")
    parser.add_argument("--speak", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.speak:
        uri, text, times = arguments.speak
        asyncio.run(speak(uri, text, int(times)))
        return
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    print(f"{commit.stdout.strip()}, Python {sys.version.split()[0]}, {os.cpu_count()} cores")
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(start_and_speak(Path(directory), arguments.rounds, list(DEFAULT_TEXTS)[: arguments.texts]))
    with tempfile.TemporaryDirectory() as directory:
        asyncio.run(loading(Path(directory), arguments.family, arguments.size))


if __name__ == "__main__":
    main()
