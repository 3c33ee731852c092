"""Device, family and precision are chosen without hardware, and each choice says why."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wyoming_chatterbox.errors import ConfigError
from wyoming_chatterbox.families import FAMILIES
from wyoming_chatterbox.precision import (
    DTYPES,
    PRECISIONS,
    WEIGHTS_MB,
    Precision,
    choose,
    choose_device,
    choose_family,
    lower,
    name_of,
    needed_mb,
)

TWO_GPUS = ("cuda:0", "cuda:1", "cpu")


@pytest.mark.parametrize(
    ("device", "dtype"), [("cuda:0", "float16"), ("cuda", "float16"), ("cpu", "float32"), ("mps", "float32")]
)
def test_auto_takes_16_bits_on_cuda_alone(device: str, dtype: str) -> None:
    precision = choose("auto", "english", device)
    assert (precision.dtype, precision.compute, precision.quantization) == (dtype, dtype, "none")
    assert dtype in precision.reason


@pytest.mark.parametrize("dtype", ["float32", "float16", "bfloat16"])
@pytest.mark.parametrize("device", ["cpu", "cuda:1", "mps"])
def test_a_named_dtype_is_taken_whatever_memory_there_is(dtype: str, device: str) -> None:
    precision = choose(dtype, "english", device, free_mb=1, limit_mb=1)
    assert (precision.dtype, precision.name) == (dtype, dtype)
    assert "asked for" in precision.reason


@pytest.mark.parametrize("dtype", ["auto", *DTYPES])
@pytest.mark.parametrize("quantization", ["int8", "int4"])
def test_quantization_wins_over_the_dtype(dtype: str, quantization: str) -> None:
    assert name_of(dtype, quantization) == quantization
    assert name_of(dtype, "none") == dtype
    precision = choose(name_of(dtype, quantization), "english", "cpu")
    assert (precision.quantization, precision.name, precision.compute) == (quantization, quantization, "float32")


@pytest.mark.parametrize(
    ("quantization", "device", "compute"),
    [("int8", "cuda:0", "float16"), ("int4", "cuda:0", "bfloat16"), ("int8", "mps", "float32")],
)
def test_quantized_weights_meet_the_arithmetic_that_their_kernels_have(
    quantization: str, device: str, compute: str
) -> None:
    assert choose(quantization, "turbo", device).compute == compute


@pytest.mark.parametrize(("device", "bfloat16"), [("cuda:0", False), ("mps", True)])
def test_int4_becomes_int8_where_the_device_has_none_and_says_so(device: str, bfloat16: bool) -> None:
    precision = choose("int4", "turbo", device, bfloat16=bfloat16)
    assert precision.quantization == "int8"
    assert device in precision.reason
    assert "int4" in precision.reason


def test_16_bits_on_a_cpu_are_for_holding_alone() -> None:
    precision = choose("float16", "nano", "cpu")
    assert (precision.dtype, precision.compute, precision.converts) == ("float16", "float32", True)
    assert "held in 16 bits" in precision.reason
    assert not choose("float16", "nano", "cuda").converts


@pytest.mark.parametrize(("device", "compute"), [("cuda:0", "float16"), ("cpu", "float32")])
def test_bfloat16_where_the_device_has_none_becomes_float16_and_says_so(device: str, compute: str) -> None:
    precision = choose("bfloat16", "nano", device, bfloat16=False)
    assert (precision.dtype, precision.compute) == ("float16", compute)
    assert "bfloat16" in precision.reason
    assert device in precision.reason


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize(("device", "names"), [("cpu", ("float32", "float16", "int8")), ("cuda", ("float16", "int8"))])
def test_auto_takes_what_fits_into_the_memory_at_hand(family: str, device: str, names: tuple[str, ...]) -> None:
    for name in names:
        assert choose("auto", family, device, free_mb=needed_mb(family, name)).name == name
        limited = choose("auto", family, device, free_mb=1e6, limit_mb=needed_mb(family, name))
        assert limited.name == name
    assert "the limit" in limited.reason
    assert f"{needed_mb(family, 'int8'):.0f} MB" in limited.reason


def test_auto_takes_int8_where_even_that_may_not_fit_and_says_so() -> None:
    precision = choose("auto", "english", "cpu", free_mb=300)
    assert precision.name == "int8"
    assert "too little even for int8" in precision.reason


@given(free=st.floats(0, 20_000), limit=st.floats(0, 20_000), family=st.sampled_from(sorted(FAMILIES)))
def test_less_memory_never_gets_a_higher_precision(free: float, limit: float, family: str) -> None:
    ladder = ["int8", "float16", "float32"]
    here = choose("auto", family, "cpu", free_mb=free, limit_mb=limit)
    less = choose("auto", family, "cpu", free_mb=free * 0.7, limit_mb=limit)
    assert ladder.index(less.name) <= ladder.index(here.name)


@pytest.mark.parametrize(
    ("device", "bfloat16", "names"),
    [
        ("cpu", True, ["float32", "float16", "int8", "int4"]),
        ("cuda:0", True, ["float32", "float16", "int8", "int4"]),
        ("cuda:0", False, ["float32", "float16", "int8"]),
        ("mps", True, ["float32", "float16", "int8"]),
    ],
)
def test_where_memory_ran_out_the_next_precision_takes_less(device: str, bfloat16: bool, names: list[str]) -> None:
    seen: list[Precision] = [choose("float32", "english", device)]
    while (following := lower(seen[-1], bfloat16=bfloat16)) is not None:
        assert f"memory ran out in {seen[-1].name}" in following.reason
        # What it asks for by name is what it is.
        asked = choose(following.name, "english", device, bfloat16=bfloat16)
        assert (asked.dtype, asked.quantization, asked.compute) == (
            following.dtype, following.quantization, following.compute,
        )  # fmt: skip
        seen.append(following)
    assert [precision.name for precision in seen] == names


def test_below_bfloat16_comes_int8() -> None:
    precision = lower(choose("bfloat16", "turbo", "cuda"))
    assert precision is not None
    assert precision.name == "int8"


def test_the_table_of_weights_knows_every_family_and_less_bits_are_less_bytes() -> None:
    assert set(WEIGHTS_MB) == set(FAMILIES)
    for sizes in WEIGHTS_MB.values():
        assert list(sizes) == ["float32", "float16", "int8", "int4"]
        assert sorted(sizes.values(), reverse=True) == list(sizes.values())


@pytest.mark.parametrize(
    ("wanted", "named"), [("float8", "float8.*float16"), ("int2", "int2.*int8"), ("none", "none.*auto")]
)
def test_an_unknown_precision_is_refused_by_name(wanted: str, named: str) -> None:
    assert wanted not in PRECISIONS
    with pytest.raises(ConfigError, match=named):
        choose(wanted, "nano", "cpu")


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
    code = "import sys, wyoming_chatterbox.precision; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
