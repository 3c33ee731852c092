"""How fast this project's engine is beside stock chatterbox-tts: same text, weights, tokens and machine.

    python -m wyoming_chatterbox.bench --family nano

Every measurement is a process of its own, ours and stock by turns; shown are medians of several rounds. Exit code 0;
1 if a measurement failed (with its last lines), 2 for a bad option or model (with a line that says why).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from statistics import median

from ..engine.files.families import FAMILIES
from ..engine.precision import DTYPES, QUANTIZATIONS
from ..errors import CheckpointError
from .runs import TEXT, Bar, BenchError, Figures, Parser, family_of, measure, weights, whole_number

SIDES = ("ours", "stock")

FIGURES = {
    "t3_steps_per_s": "T3 steps/s",
    "prefill_s": "T3 prefill, s",
    "first_audio_s": "first audio, s",
    "rtf": "real-time factor",
    "flow_s_per_audio_s": "flow, s per s of sound",
    "vocoder_s_per_audio_s": "vocoder, s per s of sound",
    "weights_mb": "weights, MB",
    "peak_memory_mb": "peak memory, MB",
    "import_s": "import, s",
    "load_s": "load, s",
}
"""Name in the JSON -> line of the table. Of all but the first, less is better."""

_PIECE = 16 << 20


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the command line; exits with 2 and one line for what can't be."""
    parser = Parser(prog="wyoming_chatterbox.bench", description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--family", choices=FAMILIES, help="model family [that of --model; nano for random weights]")
    parser.add_argument(
        "--model", default="random", metavar="DIRECTORY", help="a checkpoint, or random: full-size weights [random]"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1, mps [%(default)s]")
    parser.add_argument(
        "--precision",
        choices=(*DTYPES, *QUANTIZATIONS[1:]),
        default="float32",
        help="of ours; stock is float32 always [%(default)s]",
    )
    parser.add_argument(
        "--tokens", type=whole_number(2, 1000), default=60, help="speech tokens, 25 a second, at most [%(default)s]"
    )
    parser.add_argument("--rounds", type=whole_number(1, 100), default=3, help="times each is measured [%(default)s]")
    parser.add_argument("--only", choices=SIDES, help="measure one of the two")
    parser.add_argument(
        "--whole", action="store_true", help="ours speaks in one block, as a server slower than speech does"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    return parser.parse_args(arguments)


def bench(options: argparse.Namespace) -> Figures:
    """Measure what the options ask for: `settings`, and the figures of `ours`, `stock` (null if left out) and `bound`.

    Raises `CheckpointError` or `BenchError`.
    """
    sides = [side for side in SIDES if options.only in (None, side)]
    random = options.model == "random"
    family = family_of(options)
    with (
        Bar(random + 1 + options.rounds * len(sides)) as bar,
        weights(options, family, bar) as directory,
    ):
        request = {
            "family": family.name,
            "directory": str(directory),
            "device": options.device,
            "precision": options.precision,
            "tokens": options.tokens,
            "text": TEXT,
            "endless": random,
            "whole": options.whole,
        }
        bar.step("memory bandwidth")
        _read_once(directory)
        bound = measure("bound", request)
        request["device"] = bound["device"]
        seen: dict[str, list[Figures]] = {side: [] for side in sides}
        for number in range(options.rounds):
            for side in sides:
                bar.step(f"{side}, round {number + 1} of {options.rounds}")
                seen[side].append(measure(side, request))
    drawn = {tuple(figures.pop("drawn")) for side in sides for figures in seen[side]}
    results = {side: _median(seen[side]) if side in seen else None for side in SIDES}
    settings = {
        **{name: request[name] for name in ("family", "device", "precision", "tokens", "text", "whole")},
        "model": options.model,
        "rounds": options.rounds,
        "same_tokens": len(drawn) == 1,
    }
    return {"settings": settings, **results, "bound": dict.fromkeys(FIGURES) | bound}


def _read_once(directory: Path) -> None:
    """Have the system read the files, so that the first to be measured doesn't wait for the disk in place of all."""
    for path in directory.iterdir():
        if path.is_file():
            with path.open("rb", buffering=0) as file:
                while file.read(_PIECE):
                    pass


def _median(rounds: list[Figures]) -> Figures:
    """Medians of the numbers; all else is the same in every round."""
    first = rounds[0]
    return {
        name: median(figures[name] for figures in rounds) if isinstance(value, (int, float)) else value
        for name, value in first.items()
    }


def table(results: Figures) -> str:
    """The results for people: a line a figure, with how many times better ours is, then the bound."""
    settings, bound = results["settings"], results["bound"]
    sides = [side for side in SIDES if results[side]]
    sound = results[sides[0]]["audio_s"]
    weights = "random weights" if settings["model"] == "random" else settings["model"]
    lines = [
        f"{settings['family']} ({weights}), {sound:.2f} s of sound from at most {settings['tokens']} speech tokens,"
        f" on {settings['device']} ({bound['device_name']})",
        f"medians, rounds: {settings['rounds']}, each in a process of its own and after a warm-up that is not counted"
        + (", ours whole" if settings["whole"] else ""),
        "",
        f"{'':28}" + "".join(f"{side:>12}" for side in sides) + ("      ours is" if len(sides) == 2 else ""),
        f"{'precision':28}" + "".join(f"{results[side]['precision']:>12}" for side in sides),
    ]
    for name, label in FIGURES.items():
        values = [results[side][name] for side in sides]
        line = f"{label:28}" + "".join(f"{_shown(value):>12}" for value in values)
        if len(values) == 2:
            ours, stock = values
            line += f"{_shown(ours / stock if name == 't3_steps_per_s' else stock / ours):>8} times better"
        lines.append(line)
    share = ", ".join(f"{side} {results[side]['t3_steps_per_s'] / bound['t3_steps_per_s']:.0%}" for side in sides)
    lines += [
        "",
        f"bound: {_shown(bound['t3_steps_per_s'])} T3 steps/s, as a step reads {bound['weights_mb']:.0f} MB"
        f" ({settings['precision']}) and the memory gives {bound['bandwidth_gb_per_s']:.1f} GB/s; reached: {share}",
    ]
    lines += [f"{side}: {results[side]['how']}" for side in sides]
    if not settings["same_tokens"]:
        lines.append("The speech tokens drawn were not the same every time.")
    return "\n".join(lines) + "\n"


def _shown(value: float) -> str:
    """About three digits that count."""
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"


def main(arguments: list[str] | None = None) -> int:
    """Measure and show; the exit code."""
    options = parse(sys.argv[1:] if arguments is None else arguments)
    try:
        if options.json:
            # Now rather than after minutes of work.
            options.json.touch()
        results = bench(options)
    except (BenchError, CheckpointError, OSError) as err:
        sys.stderr.write(f"{err}\n")
        return err.exit_code if isinstance(err, BenchError) else 2
    sys.stdout.write(table(results))
    if options.json:
        options.json.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
