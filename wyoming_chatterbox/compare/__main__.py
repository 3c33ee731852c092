"""Compare precisions: the same text, voice, seed and speech tokens in two or more of them. Or compare text forms.

    python -m wyoming_chatterbox.compare --family nano --precisions float32 int8 int4 --output comparison
    python -m wyoming_chatterbox.compare --model DIRECTORY --text-forms --language de --output comparison

The first precision is the reference, whose tokens the others are given. Writes a WAV file of each, and report.html,
which needs no other file: players, spectrograms and figures. One precision after another has a process of its own, so
that memory holds one model at a time. With --text-forms a multilingual model speaks the same sentences in the text form
of v3 and in that of v2, with the same seed, and the report has them side by side. Exit code 0; 1 if a process failed
(with its last lines), 2 for a bad option or model (with a line that says why).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from ..bench.runs import TEXT, Bar, BenchError, Figures, Parser, family_of, run_fresh, weights, whole_number
from ..errors import ChatterboxError, ConfigError
from ..families import FAMILIES
from ..precision import PRECISIONS
from . import text_forms
from .report import FIGURES, Spoken, page, parts_of, shown, wav_bytes

REPORT = "report.html"
_PRECISIONS = ["float32", "int8"]


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line; exits with 2 and one line for what can't be."""
    parser = Parser(
        prog="wyoming_chatterbox.compare", description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument(
        "--precisions",
        nargs="+",
        choices=PRECISIONS,
        metavar="PRECISION",
        help=f"two or more of {', '.join(PRECISIONS)}; the first is the reference [{' '.join(_PRECISIONS)}]",
    )
    parser.add_argument(
        "--text-forms",
        action="store_true",
        help="speak in multilingual's two text forms instead, in one precision [the server's]",
    )
    parser.add_argument("--family", choices=FAMILIES, help="model family [that of --model; nano for random weights]")
    parser.add_argument(
        "--model", default="random", metavar="DIRECTORY", help="a checkpoint, or random: full-size weights [random]"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps [%(default)s]")
    parser.add_argument(
        "--text", type=_text, help=f"what is said [{TEXT}; with --text-forms a sentence of each language]"
    )
    parser.add_argument("--language", help="of the text, for multilingual models [en; with --text-forms several]")
    parser.add_argument("--voice", type=_recording, metavar="RECORDING", help="audio to clone [the model's own voice]")
    parser.add_argument(
        "--seed", type=whole_number(0, 2**63 - 1), default=1, help="same seed, same draws [%(default)s]"
    )
    parser.add_argument(
        "--tokens", type=whole_number(2, 1000), default=100, help="speech tokens, 25 a second, at most [%(default)s]"
    )
    parser.add_argument(
        "--output", type=Path, default=Path("comparison"), metavar="DIRECTORY", help="for the files [%(default)s]"
    )
    options = parser.parse_args(arguments)
    if options.text_forms:
        options.precisions = options.precisions or ["auto"]
        if len(options.precisions) > 1:
            parser.error("argument --precisions: --text-forms takes one")
        return options
    options.precisions = options.precisions or _PRECISIONS
    options.text = options.text or TEXT
    options.language = options.language or "en"
    twice = [name for name in options.precisions if options.precisions.count(name) > 1]
    if twice:
        parser.error(f"argument --precisions: {twice[0]} is there twice; name different ones")
    if len(options.precisions) < 2:
        parser.error(f"argument --precisions: {options.precisions[0]} alone can't be compared; name two or more")
    return options


def _text(text: str) -> str:
    try:
        text.encode()
    except UnicodeEncodeError as err:
        raise argparse.ArgumentTypeError("it is not UTF-8") from err
    if not text.strip():
        raise argparse.ArgumentTypeError("there is nothing to say in it")
    return text


def _recording(text: str) -> Path:
    if not Path(text).is_file():
        raise argparse.ArgumentTypeError(f"there is no file {text}")
    return Path(text).resolve()


def compare(options: argparse.Namespace) -> list[Spoken]:
    """Speak in each of the precisions, one after the other; the reference comes first.

    Raises `CheckpointError`, `ConfigError` or `BenchError`.
    """
    family = family_of(options)
    if options.language not in family.languages:
        raise ConfigError(f"language is {options.language!r}; {family.name} speaks {', '.join(family.languages)}")
    spoken: list[Spoken] = []
    with (
        Bar((options.model == "random") + len(options.precisions)) as bar,
        weights(options, family, bar) as directory,
        tempfile.TemporaryDirectory(prefix="chatterbox-compare-") as scratch,
    ):
        request: Figures = {
            "family": family.name,
            "directory": str(directory),
            "device": options.device,
            "text": options.text,
            "language": options.language,
            "voice": options.voice and str(options.voice),
            "seed": options.seed,
            "tokens": options.tokens,
            "reference": None,
        }
        for number, precision in enumerate(options.precisions, 1):
            bar.step(f"{precision}, {number} of {len(options.precisions)}")
            file = Path(scratch, f"{number}.npz")
            figures = run_fresh("compare", request | {"precision": precision, "scratch": str(file)}, precision)
            with np.load(file) as written:
                sound = wav_bytes(written["sound"])
            spoken.append(Spoken(f"{number}-{precision}", figures | {"family": family.name}, sound))
            request["reference"] = request["reference"] or str(file)
            if number > 1:
                file.unlink()
    return spoken


def table(spoken: list[Spoken]) -> str:
    """The figures for a terminal: a line a figure, a column a precision."""
    rows = [["", *(one.label for one in spoken)]]
    rows += [[figure.label, *(shown(figure, one.figures) for one in spoken)] for figure in FIGURES]
    rows += [[f"{part}, MB", *cells] for part, cells in parts_of(spoken)]
    width = 2 + max(12, *(len(one.label) for one in spoken))
    return "".join(f"{label:36}" + "".join(f"{cell:>{width}}" for cell in cells) + "\n" for label, *cells in rows)


def settings_of(options: argparse.Namespace, figures: Mapping[str, Any]) -> dict[str, Any]:
    """Collect the settings that all precisions share, for the head of the report."""
    return {
        "text": options.text,
        "voice": options.voice.name if options.voice else "the model's own",
        "model": f"{figures['family']}, {'random weights' if options.model == 'random' else options.model}",
        "device": f"{figures['device']} ({figures['device_name']})",
        "seed": options.seed,
        "speech tokens": f"{figures['tokens']} ({figures['audio_s']:.2f} s of sound)",
    }


def main(arguments: list[str] | None = None) -> int:
    """Compare, write the files and show the figures; the exit code."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    report = options.output / REPORT
    made = False
    try:
        # Now rather than after minutes of work.
        options.output.mkdir(parents=True, exist_ok=True)
        made = not report.exists()
        report.touch()
        figures = ""
        if options.text_forms:
            settings, readings = text_forms.speak(options)
            written = {one.name: one.wav for one in readings}
            html = text_forms.page(settings, readings)
        else:
            spoken = compare(options)
            written = {one.name: one.wav for one in spoken}
            html = page(settings_of(options, spoken[0].figures), spoken)
            figures = f"{table(spoken)}\n"
        for name, wav in written.items():
            (options.output / f"{name}.wav").write_bytes(wav)
        # A path need not be UTF-8.
        report.write_text(html, encoding="utf-8", errors="backslashreplace")
    except (ChatterboxError, OSError) as err:
        if made:
            report.unlink(missing_ok=True)
        sys.stderr.write(f"{err}\n")
        return err.exit_code if isinstance(err, BenchError) else 2
    sys.stdout.write(f"{figures}{report}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
