"""Device, family and arithmetic are chosen without hardware, and each choice says why."""

from __future__ import annotations

import subprocess
import sys

import pytest

from wyoming_chatterbox.engine.precision import choose, choose_device, choose_family
from wyoming_chatterbox.errors import ConfigError

TWO_GPUS = ("cuda:0", "cuda:1", "cpu")


@pytest.mark.parametrize(
    ("device", "dtype"), [("cuda:0", "float16"), ("cuda", "float16"), ("cpu", "float32"), ("mps", "float32")]
)
def test_auto_takes_16_bits_on_cuda_alone(device: str, dtype: str) -> None:
    choice = choose("auto", device)
    assert (choice.dtype, choice.quantization) == (dtype, "none")
    assert dtype in choice.reason


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("device", ["cpu", "cuda:1", "mps"])
def test_a_named_dtype_is_taken(dtype: str, device: str) -> None:
    choice = choose(dtype, device)
    assert choice.dtype == dtype
    assert "asked for" in choice.reason


def test_bfloat16_where_the_gpu_has_none_becomes_float16_and_says_so() -> None:
    choice = choose("bfloat16", "cuda:0", bfloat16=False)
    assert choice.dtype == "float16"
    assert "bfloat16" in choice.reason
    assert "cuda:0" in choice.reason


def test_int8_says_that_it_is_not_there_yet_and_what_runs_instead() -> None:
    choice = choose("auto", "cpu", int8=True)
    assert (choice.dtype, choice.quantization) == ("float32", "none")
    assert "int8" in choice.reason
    assert "float32" in choice.reason


def test_an_unknown_dtype_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match=r"float8.*float16"):
        choose("float8", "cpu")


@pytest.mark.parametrize(
    ("requested", "available", "chosen"),
    [
        ("auto", TWO_GPUS, "cuda:0"),
        ("auto", ("mps", "cpu"), "mps"),
        ("auto", ("cpu",), "cpu"),
        ("cuda", TWO_GPUS, "cuda:0"),
        ("cuda:1", TWO_GPUS, "cuda:1"),
        ("cpu", TWO_GPUS, "cpu"),
    ],
)
def test_devices_are_found(requested: str, available: tuple[str, ...], chosen: str) -> None:
    device, reason = choose_device(requested, available)
    assert device == chosen
    assert reason


@pytest.mark.parametrize("requested", ["cuda", "cuda:2", "mps", "tpu", ""])
def test_a_device_that_is_not_there_is_refused_with_those_that_are(requested: str) -> None:
    available = ("cpu",) if requested == "cuda" else TWO_GPUS
    with pytest.raises(ConfigError, match=", ".join(available)):
        choose_device(requested, available)


@pytest.mark.parametrize(
    ("requested", "device", "family"),
    [
        ("auto", "cuda:0", "turbo"),
        ("auto", "cpu", "nano"),
        ("auto", "mps", "nano"),
        ("multilingual", "cpu", "multilingual"),
    ],
)
def test_the_family_follows_the_device_unless_it_is_named(requested: str, device: str, family: str) -> None:
    name, reason = choose_family(requested, device)
    assert name == family
    assert family in reason


def test_an_unknown_family_is_refused_with_the_known() -> None:
    with pytest.raises(ConfigError, match="english, multilingual, turbo, nano"):
        choose_family("giant", "cpu")


def test_choosing_needs_no_torch() -> None:
    code = "import sys, wyoming_chatterbox.engine.precision; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
