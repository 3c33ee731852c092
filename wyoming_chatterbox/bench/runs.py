"""Parts that bench and compare share: options, weights, measurements in processes of their own."""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, Self

from ..errors import ChatterboxError, CheckpointError
from ..families import FAMILIES, Family, recognise
from ..privacy import SILENCE

TEXT = "The kitchen light is on, and the front door is locked."

_LAST_LINES = 8

Figures = dict[str, Any]


class BenchError(ChatterboxError):
    """A measurement failed; `exit_code` is 2 where the options are to blame."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


class Parser(argparse.ArgumentParser):
    """Ends with one line for a bad option."""

    def error(self, message: str) -> NoReturn:
        """One line, without the usage."""
        self.exit(2, f"{self.prog}: {message}\n")


def whole_number(least: int, most: int) -> Any:
    """Return a reader of an argument that must be a whole number between these two."""

    def number(text: str) -> int:
        if not least <= int(text) <= most:
            raise argparse.ArgumentTypeError(f"{text} is not from {least} to {most}")
        return int(text)

    return number


def family_of(options: argparse.Namespace) -> Family:
    """The family asked for, or that of the directory. Raises `CheckpointError` where the two differ."""
    if options.model == "random":
        return FAMILIES[options.family or "nano"]
    family = recognise(Path(options.model))
    if options.family not in (None, family.name):
        raise CheckpointError(f"{options.model} holds the {family.name} model, not {options.family}")
    return family


@contextmanager
def weights(options: argparse.Namespace, family: Family, bar: Bar) -> Iterator[Path]:
    """The directory of the weights; that of random ones is made, and removed in the end."""
    if options.model != "random":
        yield Path(options.model)
        return
    with tempfile.TemporaryDirectory(prefix="chatterbox-random-", ignore_cleanup_errors=True) as directory:
        bar.step(f"random weights of {family.name}")
        measure("checkpoint", {"family": family.name, "directory": directory, "device": options.device})
        yield Path(directory)


def measure(what: str, request: Figures) -> Figures:
    """Run one measurement in a fresh process: `what` (checkpoint, bound, ours, stock) and the rest of a
    `measuring.Request`. Raises `BenchError` with its last lines if it fails."""
    return run_fresh("bench", {"precision": "float32", "tokens": 0, "text": "", **request, "what": what}, what)


def run_fresh(module: str, request: Figures, what: str) -> Figures:
    """Run a module of the engine on a request in a fresh process, and read the line of JSON that it ends with.

    Raises `BenchError`, with its last lines, or the one line that tells what can't be done, if it fails; `what` it
    measures is named there.
    """
    command = [sys.executable, "-m", f"wyoming_chatterbox.engine.measuring.{module}", json.dumps(request)]
    # All weights are here: what the package would ask the hub for can only hold it up.
    environment = {**os.environ, **SILENCE, "HF_HUB_OFFLINE": "1"}
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", env=environment, check=False)
    lines = done.stderr.strip().splitlines()
    if done.returncode == 2 and lines:
        raise BenchError(lines[-1], 2)
    if done.returncode:
        last = "\n".join("  " + line for line in lines[-_LAST_LINES:])
        raise BenchError(f"Measuring {what} failed with exit code {done.returncode}:\n{last}", 1)
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


class Bar:
    """How far the measurements are, on stderr if that is a terminal; gone at the end of its context."""

    def __init__(self, steps: int) -> None:
        self._steps = steps
        self._done = -1

    def step(self, what: str) -> None:
        """The next one begins."""
        self._done += 1
        filled = 24 * self._done // self._steps
        self._write(f"\r\033[K[{'#' * filled}{'.' * (24 - filled)}] {self._done}/{self._steps} {what}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._write("\r\033[K")

    @staticmethod
    def _write(text: str) -> None:
        if sys.stderr.isatty():
            sys.stderr.write(text)
            sys.stderr.flush()
