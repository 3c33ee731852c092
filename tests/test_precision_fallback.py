"""Where a precision's sound is not numbers, the model goes on in one whose numbers reach further, and says so."""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from tests.client import CYCLE, plain
from tests.conftest import Tiny
from tests.serving import serving, until
from wyoming_chatterbox import config
from wyoming_chatterbox.engine import Engine
from wyoming_chatterbox.engine.devices import computes_in_bfloat16
from wyoming_chatterbox.engine.loader import Loader
from wyoming_chatterbox.engine.t3.model import T3
from wyoming_chatterbox.errors import NotNumbersError
from wyoming_chatterbox.families import NANO
from wyoming_chatterbox.precision import PRECISIONS, Precision, choose, needed_mb, wider
from wyoming_chatterbox.web import snapshots

ROOM = needed_mb("english", "float32")


def steps(name: str, device: str, *, bfloat16: bool, room_mb: float | None) -> list[tuple[str, str]]:
    """The name and the arithmetic of each precision that is tried, if none gives numbers."""
    tried: list[Precision] = []
    precision: Precision | None = choose(name, "english", device, bfloat16=bfloat16)
    while precision is not None:
        tried.append(precision)
        precision = wider(precision, "english", bfloat16=bfloat16, room_mb=room_mb)
    return [(one.name, one.compute) for one in tried]


F32 = ("float32", "float32")


@pytest.mark.parametrize(
    ("name", "device", "bfloat16", "room_mb", "then"),
    [
        ("float16", "cuda:0", True, None, [("bfloat16", "bfloat16"), F32]),
        ("float16", "cuda:0", False, ROOM, [F32]),
        ("float16", "cuda:0", True, ROOM - 1, [("bfloat16", "bfloat16"), ("int8", "float32")]),
        ("float16", "cuda:0", False, ROOM - 1, [("int8", "float32")]),
        ("int8", "cuda:0", True, ROOM, [("int8", "bfloat16"), F32]),
        ("int8", "cuda:0", True, ROOM - 1, [("int8", "bfloat16"), ("int8", "float32")]),
        ("int8", "cuda:0", False, ROOM - 1, [("int8", "float32")]),
        ("int4", "cuda:0", True, ROOM, [F32]),
        ("int4", "cuda:0", True, ROOM - 1, [("int8", "float32")]),
        ("bfloat16", "cuda:0", True, None, [F32]),
        ("float16", "cpu", False, None, [F32]),
        ("float16", "cpu", True, None, [("bfloat16", "bfloat16"), F32]),
        ("float16", "cpu", False, ROOM - 1, [("int8", "float32")]),
        ("int8", "cpu", True, None, [F32]),
        ("int8", "cpu", True, ROOM - 1, []),
        ("int4", "cpu", True, ROOM - 1, [("int8", "float32")]),
        ("float16", "mps", True, None, [("bfloat16", "bfloat16"), F32]),
        ("float32", "cuda:0", True, None, []),
        ("float32", "cpu", False, 1, []),
    ],
)
def test_the_next_precision_reaches_further_and_fits(
    name: str, device: str, bfloat16: bool, room_mb: float | None, then: list[tuple[str, str]]
) -> None:
    assert steps(name, device, bfloat16=bfloat16, room_mb=room_mb)[1:] == then


@given(
    name=st.sampled_from(PRECISIONS),
    device=st.sampled_from(["cpu", "cuda:0", "mps"]),
    bfloat16=st.booleans(),
    room_mb=st.none() | st.floats(0, 10_000),
)
def test_it_ends_with_none_tried_twice(name: str, device: str, bfloat16: bool, room_mb: float | None) -> None:
    tried = steps(name, device, bfloat16=bfloat16, room_mb=room_mb)
    assert len(set(tried)) == len(tried) <= 4


def test_the_reason_tells_what_was_tried_and_why() -> None:
    first = choose("auto", "turbo", "cuda:0", device_reason="a CUDA GPU is there")
    second = wider(first, "turbo")
    assert second is not None
    third = wider(second, "turbo")
    assert third is not None
    assert third.explanation == (
        "cuda:0: a CUDA GPU is there; float32, because the sound was not numbers in bfloat16; "
        f"bfloat16, because the sound was not numbers in float16; {first.reason}"
    )
    quantized = wider(choose("int8", "turbo", "cuda:0"), "turbo")
    assert quantized is not None
    assert quantized.reason.startswith(
        "int8 computed in bfloat16, because the sound was not numbers in int8 computed in float16; "
    )
    assert (quantized.quantization, quantized.dtype) == ("int8", "bfloat16")


# Through the server

Break = Callable[[Path], None]
FALLEN_TO = "bfloat16" if computes_in_bfloat16(torch.device("cpu")) else "float32"


def multiplied(file: str, tensor: str, factor: float) -> Break:
    """Multiply a tensor so that float16 doesn't hold it, and float32 does."""

    def edit(directory: Path) -> None:
        tensors = load_file(directory / file)
        tensors[tensor] *= factor
        (directory / file).unlink()
        save_file(tensors, directory / file)

    return edit


FLOW = multiplied(NANO.s3gen, "flow.input_embedding.weight", 1e6)
SCORES = multiplied(NANO.t3[0], "speech_head.weight", 1e6)
NOTHING = multiplied(NANO.s3gen, "flow.input_embedding.weight", float("nan"))


def nano(tiny: Tiny, directory: Path, edit: Break) -> Path:
    directory.mkdir()
    for path in tiny("nano").iterdir():
        (directory / path.name).symlink_to(path)
    edit(directory)
    return directory


def loader(directory: Path, model: Path, *flags: str) -> Loader:
    options = ("--data-dir", str(directory), "--device", "cpu", "--model", str(model), *flags)
    return Loader(config.load(options, {}, directory))


@pytest.mark.slow(4)
@pytest.mark.parametrize("edit", [FLOW, SCORES], ids=["flow", "scores"])
async def test_a_model_that_overflows_in_float16_speaks_and_the_reason_is_shown(
    tiny: Tiny, tmp_path: Path, caplog: pytest.LogCaptureFixture, edit: Break
) -> None:
    load = loader(tmp_path, nano(tiny, tmp_path / "broken", edit), "--dtype", "float16")
    with caplog.at_level(logging.WARNING):
        async with serving(tmp_path, load=load) as running:
            await until(lambda: running.service.lifecycle.chatterbox is not None)
            heard = await plain(running.uri, "Yes.")
            assert heard.types == CYCLE
            assert any(heard.audio)
            about = (await snapshots.information(running.service))["engine"]
    assert (about["name"], about["dtype"]) == ("nano", FALLEN_TO)
    why = f"{FALLEN_TO}, because the sound was not numbers in float16; float16 was asked for"
    assert why in about["reason"]
    [line] = [text for record in caplog.records if "loaded again" in (text := record.getMessage())]
    assert "not numbers" in line
    assert why in line


@pytest.mark.slow(2)
def test_a_later_load_begins_with_what_worked(tiny: Tiny, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    load = loader(tmp_path, nano(tiny, tmp_path / "broken", FLOW), "--dtype", "float16")
    first = loaded(load).describe()
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert loaded(load).describe().reason == first.reason
    assert not caplog.records


@pytest.mark.slow(2)
def test_where_memory_runs_out_then_what_did_not_work_is_passed_over(tiny: Tiny, tmp_path: Path) -> None:
    load = loader(tmp_path, nano(tiny, tmp_path / "broken", FLOW), "--dtype", "float16")
    loaded(load)
    assert load.lower() == "int8"
    assert loaded(load).describe().precision == "int8"


@pytest.mark.slow(2)
def test_a_model_that_gives_no_numbers_in_any_precision_fails_with_its_memory_given_back(
    tiny: Tiny, tmp_path: Path
) -> None:
    load = loader(tmp_path, nano(tiny, tmp_path / "broken", NOTHING), "--dtype", "float16")
    before = living_decoders()
    # Whoever holds the error holds no weights by it.
    with pytest.raises(NotNumbersError, match="not numbers") as held:
        loaded(load)
    assert living_decoders() == before
    assert held.value.code == "not-numbers"


def living_decoders() -> int:
    gc.collect()
    return sum(type(thing) is T3 for thing in gc.get_objects())


def loaded(load: Loader) -> Engine:
    return load(lambda _: None, lambda: False)
