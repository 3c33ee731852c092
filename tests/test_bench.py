"""The benchmark on tiny checkpoints: what it measures, writes and shows; never how fast anything is."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import Tiny
from tests.run_time_list import hiding_fixture  # noqa: F401
from wyoming_chatterbox.bench import __main__ as bench
from wyoming_chatterbox.bench.runs import BenchError, measure
from wyoming_chatterbox.engine.checkpoint import load
from wyoming_chatterbox.engine.layers.sizes import size_of
from wyoming_chatterbox.engine.measuring import random_checkpoint
from wyoming_chatterbox.engine.measuring.stopwatch import Stopwatch
from wyoming_chatterbox.engine.upstream.chatterbox_tts import perth
from wyoming_chatterbox.families import FAMILIES

from . import checkpoints

FIGURES = {
    "t3_steps_per_s", "first_audio_s", "rtf", "flow_s_per_audio_s", "vocoder_s_per_audio_s",
    "weights_mb", "peak_memory_mb", "import_s", "load_s",
}  # fmt: skip
CPU = torch.device("cpu")


def run(*arguments: str, environment: dict[str, str] | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "wyoming_chatterbox.bench", "--device", "cpu", "--rounds", "1", *arguments]
    environment = (environment or os.environ) | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)


@pytest.fixture(scope="module")
def nano(tiny: Tiny) -> Path:
    return tiny("nano")


@pytest.fixture(scope="module")
def done(nano: Path) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    """A run of ours and stock, and what it wrote."""
    path = nano.parent / "both.json"
    done = run("--family", "nano", "--model", str(nano), "--tokens", "20", "--json", str(path))
    assert done.returncode == 0, done.stderr
    return done, json.loads(path.read_text())


@pytest.mark.slow(8)
@pytest.mark.timeout(300)
class TestBothSides:
    def test_every_figure_is_a_positive_number(self, done: tuple[Any, dict[str, Any]]) -> None:
        _, results = done
        for side in ("ours", "stock"):
            assert results[side].keys() >= FIGURES
            assert all(math.isfinite(results[side][name]) and results[side][name] > 0 for name in FIGURES), side
        assert results["bound"].keys() >= FIGURES
        assert results["bound"]["bandwidth_gb_per_s"] > 0

    def test_the_parts_are_no_longer_than_the_whole(self, done: tuple[Any, dict[str, Any]]) -> None:
        for side in ("ours", "stock"):
            figures = done[1][side]
            t3 = figures["prefill_s"] + (figures["tokens"] - 1) / figures["t3_steps_per_s"]
            parts = t3 / figures["audio_s"] + figures["flow_s_per_audio_s"] + figures["vocoder_s_per_audio_s"]
            assert parts <= figures["rtf"]
            assert figures["first_audio_s"] <= figures["rtf"] * figures["audio_s"]

    def test_both_speak_the_same_tokens(self, done: tuple[Any, dict[str, Any]]) -> None:
        _, results = done
        assert results["settings"]["same_tokens"]
        assert results["ours"]["tokens"] == results["stock"]["tokens"] == 20
        # Three tokens of silence follow; the watermark may take some milliseconds off.
        for side in ("ours", "stock"):
            assert results[side]["audio_s"] == pytest.approx(23 / 25, abs=0.021)

    def test_weights_are_the_tensors_bytes(self, done: tuple[Any, dict[str, Any]], nano: Path) -> None:
        networks = load(nano, FAMILIES["nano"], checkpoints.FLOAT32)
        mark = perth.PerthImplicitWatermarker().perth_net
        # Finding marks takes three quarters of PerTh, and is none of our business.
        ours = size_of(networks.t3, networks.flow, networks.vocoder, mark) - size_of(mark.decoder)
        assert done[1]["ours"]["weights_mb"] * 1e6 == pytest.approx(ours)
        built = checkpoints.build("nano")
        del built.t3.tfmr.wte
        stock = size_of(built.t3, built.s3gen, built.voice_encoder, mark)
        # What is computed rather than loaded, such as rotary frequencies, may differ a little.
        assert done[1]["stock"]["weights_mb"] * 1e6 == pytest.approx(stock, rel=0.01)

    def test_the_bound_reads_every_weight_of_a_step_once(self, done: tuple[Any, dict[str, Any]]) -> None:
        t3 = checkpoints.build("nano").t3
        step = sum(p.numel() * 4 for part in (t3.tfmr.h, t3.tfmr.ln_f, t3.speech_head) for p in part.parameters())
        bound = done[1]["bound"]
        assert bound["weights_mb"] * 1e6 == pytest.approx(step)
        assert bound["t3_steps_per_s"] == pytest.approx(bound["bandwidth_gb_per_s"] * 1e9 / step)

    def test_it_shows_a_table_and_nothing_besides(self, done: tuple[Any, dict[str, Any]]) -> None:
        process, _ = done
        assert process.stderr == ""
        for label in bench.FIGURES.values():
            (line,) = (line for line in process.stdout.splitlines() if line.startswith(label))
            assert line.endswith("times better")
        assert "warm-up that is not counted" in process.stdout
        assert "bound:" in process.stdout


@pytest.mark.slow(8)
@pytest.mark.timeout(300)
def test_only_one_side_leaves_the_other_null_and_whole_is_heard_at_the_end(
    tiny: Tiny, tmp_path: Path, hiding: dict[str, str]
) -> None:
    """It needs no package that isn't in docker/requirements.txt."""
    path = tmp_path / "one.json"
    options = ("--tokens", "30", "--only", "ours", "--whole", "--json", str(path))
    done = run("--model", str(tiny("english")), *options, environment=hiding)
    assert done.returncode == 0, done.stderr
    results = json.loads(path.read_text())
    assert results["stock"] is None
    ours = results["ours"]
    # Whole: nothing is heard before the last token is there.
    assert ours["first_audio_s"] >= ours["prefill_s"] + 29 / ours["t3_steps_per_s"]
    assert "times better" not in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ["--family", "giant"],
        ["--tokens", "0"],
        ["--tokens", "many"],
        ["--rounds", "0"],
        ["--only", "neither"],
        ["--precision", "int1"],
        ["--faster"],
    ],
)
def test_a_bad_option_is_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        bench.main(arguments)
    assert ended.value.code == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert arguments[0].lstrip("-") in err


def test_a_directory_without_a_model_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--model", str(tmp_path)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert str(tmp_path) in line


def test_another_familys_model_is_one_line(nano: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench.main(["--model", str(nano), "--family", "turbo"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "nano" in line
    assert "turbo" in line


@pytest.mark.slow(8)
def test_a_device_that_is_not_there_is_one_line(nano: Path) -> None:
    done = run("--model", str(nano), "--device", "cuda:77")
    assert done.returncode == 2
    (line,) = done.stderr.splitlines()
    assert "cuda:77" in line


@pytest.mark.slow(8)
def test_no_random_weights_are_made_for_a_device_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match="cuda:77") as caught:
        measure("checkpoint", {"family": "nano", "directory": str(tmp_path), "device": "cuda:77"})
    assert caught.value.exit_code == 2
    assert not list(tmp_path.iterdir())


def test_a_measurement_that_fails_shows_its_last_lines() -> None:
    with pytest.raises(BenchError) as caught:
        measure("ours", {"nonsense": 1})
    assert caught.value.exit_code == 1
    first, *last = str(caught.value).splitlines()
    assert "ours" in first
    assert "TypeError" in last[-1]
    assert len(last) <= 8


@pytest.mark.parametrize("layout", ["english", "nano"])
def test_random_weights_never_end_a_text(layout: str) -> None:
    built = checkpoints.build(layout)
    random_checkpoint.suppress_end(built.t3)
    torch.manual_seed(1)
    if built.t3.is_gpt:
        tokens = built.t3.inference_turbo(built.conditionals.t3, torch.tensor([[5, 6, 7]]), max_gen_len=59)
    else:
        text = torch.tensor([[255, 5, 6, 7, 0]]).expand(2, -1)
        tokens = built.t3.inference(t3_cond=built.conditionals.t3, text_tokens=text, max_new_tokens=60, top_p=1.0)
    assert tokens.shape == (1, 60)
    assert int(tokens.max()) < 6561
    assert len(set(tokens[0].tolist())) > 10


class TestStopwatch:
    def test_counts_only_while_it_runs(self) -> None:
        watch = Stopwatch(CPU)
        double = watch.timed("doubling", lambda x: 2 * x)
        assert double(2) == 4
        assert "doubling" not in watch.seconds
        watch.running = True
        assert double(3) == 6
        assert watch.seconds["doubling"] > 0

    def test_counts_an_iterators_steps(self) -> None:
        watch = Stopwatch(CPU)
        watch.running = True
        numbers = watch.timed("numbers", lambda: iter(range(3)))()
        called = watch.seconds["numbers"]
        assert next(numbers) == 0
        once = watch.seconds["numbers"]
        assert list(numbers) == [1, 2]
        assert called < once < watch.seconds["numbers"]

    def test_the_prefill_ends_where_the_second_pass_begins(self) -> None:
        watch = Stopwatch(CPU)
        watch.running = True

        def decode() -> None:
            for _ in range(4):
                watch.t3_pass()

        watch.timed("t3", decode)()
        assert watch.passes == 4
        assert 0 < watch.prefill < watch.seconds["t3"]
