"""Measure what a process holds after voices were prepared: after the first, the tenth and the fiftieth.

At the end all of them are read from disk, as after a start.

    script/python -m tests.measure_preparations --family nano

On a CPU (Linux), with random weights of full size unless --model names a checkpoint. A voice takes about 0.25 MB of
`voices`; what RSS and the process's own memory grow by beyond that would be lost at each preparation.
"""

from __future__ import annotations

import argparse
import itertools
import tempfile
import time
from pathlib import Path

import numpy as np
import psutil
import soundfile

from tests import checkpoints
from wyoming_chatterbox.engine import Voice
from wyoming_chatterbox.engine.chatterbox import Chatterbox
from wyoming_chatterbox.engine.voice.cloned import KeptVoices
from wyoming_chatterbox.engine.voice.recording import version_of
from wyoming_chatterbox.engine.voice.store import VoiceStore
from wyoming_chatterbox.families import FAMILIES
from wyoming_chatterbox.precision import choose
from wyoming_chatterbox.speech import memory

ROW = "{:>10}{:>9}{:>9}{:>9}{:>9}"


def record(path: Path, pitch: float) -> Path:
    """Write 12 s of a buzz with a syllable's rhythm."""
    seconds = np.arange(12 * 24000) / 24000
    buzz = sum(np.sin(2 * np.pi * pitch * k * seconds) / k for k in range(1, 9))
    soundfile.write(path, 0.2 * buzz * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * seconds)), 24000)
    return path


def show(count: object, engine: Chatterbox, seconds: float) -> None:
    sizes = psutil.Process().memory_info().rss, memory.anonymous_bytes() or 0, engine.caches()["voices_bytes"]
    print(ROW.format(count, *(f"{size / 1e6:.1f}" for size in sizes), f"{seconds:.4f}"), flush=True)


def measure(model: Path, family: str, precision: str, counts: list[int]) -> None:
    """Print a line for each number of voices prepared, with the seconds that each of the latest took."""
    print(ROW.format("voices", "RSS MB", "own MB", "voices", "s each"))
    with tempfile.TemporaryDirectory() as folder:
        kept = KeptVoices(store=VoiceStore(Path(folder) / "voices"))
        engine = Chatterbox.load(model, FAMILIES[family], choose(precision, family, "cpu"), kept=kept)
        show(0, engine, 0)
        paths = [record(Path(folder) / f"{number}.wav", 90 + 3 * number) for number in range(max(counts))]
        voices = [Voice(path.stem, "en", path, version_of(path.stat())) for path in paths]
        for start, end in itertools.pairwise([0, *counts]):
            show(end, engine, prepared(engine, voices[start:end]))
        kept.memory.clear()
        kept.contents.clear()
        show("from disk", engine, prepared(engine, voices))


def prepared(engine: Chatterbox, voices: list[Voice]) -> float:
    """Prepare voices; returns the seconds that each took."""
    begun = time.monotonic()
    for voice in voices:
        engine.prepare(voice, lambda: False)
    return (time.monotonic() - begun) / len(voices)


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
