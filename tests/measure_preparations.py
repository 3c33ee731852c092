"""Measure what a process holds after voices were prepared: after the first, the tenth and the fiftieth.

    script/python -m tests.measure_preparations --family nano

On a CPU (Linux), with random weights of full size unless --model names a checkpoint. A voice takes about 0.25 MB of
`voices`; what RSS and the process's own memory grow by beyond that would be lost at each preparation.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import soundfile

from tests import checkpoints
from wyoming_chatterbox.engine import Voice
from wyoming_chatterbox.engine.chatterbox import Chatterbox
from wyoming_chatterbox.engine.voice.recording import version_of
from wyoming_chatterbox.families import FAMILIES
from wyoming_chatterbox.precision import choose
from wyoming_chatterbox.speech import memory

ROW = "{:>9}{:>9}{:>9}{:>9}{:>9}"


def record(path: Path, pitch: float) -> Path:
    """Write 12 s of a buzz with a syllable's rhythm."""
    seconds = np.arange(12 * 24000) / 24000
    buzz = sum(np.sin(2 * np.pi * pitch * k * seconds) / k for k in range(1, 9))
    soundfile.write(path, 0.2 * buzz * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * seconds)), 24000)
    return path


def measure(model: Path, family: str, precision: str, counts: list[int]) -> None:
    """Print a line for each number of voices prepared."""
    engine = Chatterbox.load(model, FAMILIES[family], choose(precision, family, "cpu"))
    print(ROW.format("voices", "RSS", "own", "voices", "s each"))
    begun, before = time.monotonic(), 0
    with tempfile.TemporaryDirectory() as folder:
        for number in range(max(counts) + 1):
            if number in (0, *counts):
                own = memory.anonymous_bytes() or 0
                sizes = psutil.Process().memory_info().rss, own, engine.caches()["voices_bytes"]
                each = (time.monotonic() - begun) / max(1, number - before)
                megabytes = [f"{size / 1e6:.1f}" for size in sizes]
                print(ROW.format(number, *megabytes, f"{each:.2f}" if number else ""), flush=True)
                begun, before = time.monotonic(), number
            if number < max(counts):
                path = record(Path(folder) / f"{number}.wav", 90 + 3 * number)
                engine.prepare(Voice(path.stem, "en", path, version_of(path.stat())), lambda: False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--family", default="nano", choices=FAMILIES, help="family of the weights [%(default)s]")
    parser.add_argument("--model", type=Path, metavar="DIRECTORY", help="a checkpoint in place of random weights")
    parser.add_argument("--size", default="full", choices=("tiny", "full"), help="of random weights [%(default)s]")
    parser.add_argument("--precision", default="int8", help="[%(default)s]")
    parser.add_argument("--after", type=int, nargs="+", default=[1, 2, 10, 50], help="numbers of voices [1 2 10 50]")
    options = parser.parse_args()
    if options.model:
        measure(options.model, options.family, options.precision, options.after)
        return
    with tempfile.TemporaryDirectory() as directory:
        checkpoints.make(options.family, Path(directory), size=options.size)
        measure(Path(directory), options.family, options.precision, options.after)


if __name__ == "__main__":
    main()
