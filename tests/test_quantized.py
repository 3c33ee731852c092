"""Layers in int8, int4 and 16 bits give what float32 gives, to within what their bits allow; none is left out."""

from __future__ import annotations

import copy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from wyoming_chatterbox.engine.layers import convert as quantized
from wyoming_chatterbox.engine.layers import kernels
from wyoming_chatterbox.engine.layers.float16 import Float16Linear
from wyoming_chatterbox.engine.layers.int4 import Int4Linear
from wyoming_chatterbox.engine.layers.int8 import FEW_ROWS, Int8Conv1d, Int8Linear, WeightOnlyInt8Linear
from wyoming_chatterbox.engine.layers.linear import Linear
from wyoming_chatterbox.engine.layers.sizes import size_of
from wyoming_chatterbox.engine.layers.stored import (
    PackedLinear,
    StoredEmbedding,
    hold_in_float16,
    hold_in_int8,
    quantize_rows,
)
from wyoming_chatterbox.precision import choose

from .reference import convert_all

gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")

FLOAT32 = torch.float32


def error(got: torch.Tensor, wanted: torch.Tensor) -> float:
    assert got.shape == wanted.shape
    return float((got.double() - wanted.double()).norm() / wanted.double().norm())


@pytest.fixture(autouse=True)
def seeded() -> None:
    torch.manual_seed(0)


def uneven(out: int, width: int) -> tuple[torch.Tensor, torch.Tensor]:
    """A weight whose rows differ a hundredfold, one of them all zeros, and a bias."""
    weight = torch.randn(out, width) * torch.logspace(-1, 1, out)[:, None]
    weight[3] = 0
    return weight, torch.randn(out)


def test_rows_are_quantized_each_by_its_largest() -> None:
    weight, _ = uneven(64, 96)
    rows, scales = quantize_rows(weight)
    assert rows.dtype == torch.int8
    assert torch.equal(rows.abs().amax(dim=1) == 127, weight.abs().amax(dim=1) > 0)
    assert bool(((rows * scales[:, None] - weight).abs() <= scales[:, None] * 0.5001).all())


@pytest.mark.parametrize("shape", [(1, 96), (2, 1, 96), (1, 70, 96)])
@pytest.mark.parametrize(
    ("make", "most"),
    [
        (Int8Linear, 0.04),
        (lambda w, b: Int8Linear(w, b, level=True), 0.04),
        (Float16Linear, 0.0005),
        (lambda w, b: WeightOnlyInt8Linear(w, b, FLOAT32), 0.012),
        (lambda w, b: hold_in_int8(_linear(w, b), FLOAT32), 0.012),
        (lambda w, b: hold_in_float16(_linear(w, b), FLOAT32), 0.0005),
    ],
)
@pytest.mark.parametrize("biased", [True, False])
def test_a_linear_layer_gives_what_it_gave_in_float32(
    make: Callable[[torch.Tensor, torch.Tensor | None], nn.Module], most: float, shape: tuple[int, ...], biased: bool
) -> None:
    weight, bias = uneven(80, 96)
    x = torch.randn(shape)
    layer = make(weight.clone(), bias if biased else None)
    wanted = functional.linear(x, weight, bias if biased else None)
    assert 0 < error(layer(x), wanted) < most
    # The weakest rows as well as the strongest.
    assert error(layer(x)[..., 4:12], wanted[..., 4:12]) < 2 * most


def _linear(weight: torch.Tensor, bias: torch.Tensor | None) -> nn.Linear:
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    layer.weight.data = weight
    if bias is not None:
        layer.bias.data = bias
    return layer.requires_grad_(False)


def test_rows_of_very_different_size_are_levelled_for_int8() -> None:
    weight, bias = uneven(80, 96)
    x = torch.randn(1, 7, 96) * torch.logspace(-3, 3, 7)[:, None]
    wanted = functional.linear(x, weight, bias)
    got, together = Int8Linear(weight, bias, level=True)(x), Int8Linear(weight, bias)(x)
    for row in range(7):
        assert error(got[:, row] - bias, wanted[:, row] - bias) < 0.04
    assert error(together[:, 0] - bias, wanted[:, 0] - bias) > 0.5
    assert error(Int8Linear(weight, bias, level=True)(x[:, 3]), wanted[:, 3]) < 0.04


def test_int8_sums_do_not_overflow() -> None:
    """Where all weights and all that comes in are at their largest, AVX2 adds two products beyond 16 bits."""
    layer = Int8Linear(torch.ones(32, 64), None)
    x = torch.ones(2, 64)
    assert error(layer(x), functional.linear(x, torch.ones(32, 64))) < 0.01


@pytest.mark.parametrize("kernel", [1, 3, 5])
@pytest.mark.parametrize("causal", [True, False])
def test_a_convolution_gives_what_it_gave_in_float32(kernel: int, causal: bool) -> None:
    weight, bias = torch.randn(48, 32, kernel), torch.randn(48)
    x = torch.randn(2, 32, 17)
    padding = kernel - 1 if causal else 0
    wanted = functional.conv1d(functional.pad(x, (padding, 0)), weight, bias)
    assert error(Int8Conv1d(weight, bias, padding)(x), wanted) < 0.03


@pytest.mark.parametrize(("int8", "most"), [(True, 0.012), (False, 0.0005)])
def test_an_embedding_gives_the_rows_it_had(int8: bool, most: float) -> None:
    table, ids = torch.randn(50, 16), torch.randint(50, (2, 7))
    embedding = StoredEmbedding(table, FLOAT32, int8=int8)
    assert error(embedding(ids), table[ids]) < most
    assert (embedding.num_embeddings, len(embedding.weight), embedding.weight.dtype) == (50, 50, FLOAT32)
    assert size_of(embedding) == 50 * 16 + 50 * 4 if int8 else 50 * 16 * 2


@pytest.mark.parametrize("rows", [1, 2, 9])
def test_int4_gives_what_its_groups_hold(rows: int) -> None:
    weight, bias = uneven(128, 256)
    x = torch.randn(rows, 256)
    wanted = functional.linear(x, weight, bias)
    assert 0.02 < error(Int4Linear(weight, bias, FLOAT32)(x), wanted) < 0.13
    # Weights that 4 bits hold exactly: a group's sixteen steps.
    steps = torch.randint(0, 16, (128, 256)).float()
    steps[:, ::64], steps[:, 1::64] = 0, 15
    exact = (steps - 8) * 0.25
    assert error(Int4Linear(exact, None, FLOAT32)(x), functional.linear(x, exact)) < 0.005


@pytest.mark.slow(2)
def test_the_triton_kernel_multiplies_as_torch_does() -> None:
    """Under Triton's interpreter, in a process of its own, as it is chosen at import."""
    done = subprocess.run(
        [sys.executable, "-c", _INTERPRETED],
        env={"TRITON_INTERPRET": "1", "PATH": "/usr/bin:/bin", "PYTHONPATH": str(Path(__file__).parents[1])},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]


_INTERPRETED = """
import torch
from wyoming_chatterbox.engine.layers.int8 import triton_kernel
torch.manual_seed(0)
# Neither a multiple of the kernel's blocks.
weight = torch.randint(-127, 128, (37, 300), dtype=torch.int8)
for rows in (1, 2, 3, 8):
    scales, bias, x = torch.rand(37), torch.randn(37), torch.randn(rows, 1, 300)
    for b in (bias, None):
        got = triton_kernel()(x, weight, scales, b)
        wanted = torch.nn.functional.linear(x, weight * scales[:, None], b)
        assert got.shape == (rows, 1, 37)
        assert torch.allclose(got, wanted, rtol=1e-4, atol=1e-2), (rows, (got - wanted).abs().max())
"""


@pytest.mark.gpu
@gpu
@pytest.mark.parametrize("rows", [*range(1, FEW_ROWS + 2), 200])
@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_int8_on_a_gpu_multiplies_as_float32_does(rows: int, dtype: torch.dtype) -> None:
    weight, bias = (tensor.cuda() for tensor in uneven(1100, 768))
    x = torch.randn(rows, 768, device="cuda", dtype=dtype)
    layer = WeightOnlyInt8Linear(weight, bias, dtype)
    assert error(layer(x), functional.linear(x.float(), weight, bias)) < 0.02


@pytest.mark.gpu
@gpu
def test_int8_on_a_gpu_can_be_captured_and_replayed() -> None:
    weight, bias = (tensor.cuda() for tensor in uneven(512, 512))
    layer = WeightOnlyInt8Linear(weight, bias, torch.float16)
    x = torch.randn(2, 512, device="cuda", dtype=torch.float16)
    layer(x)
    torch.cuda.synchronize()
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = layer(x)
    x.copy_(torch.randn_like(x))
    graph.replay()
    assert error(out, functional.linear(x.float(), weight, bias)) < 0.02


@pytest.mark.gpu
@gpu
@pytest.mark.parametrize("rows", [1, 2, 200])
def test_int4_on_a_gpu_gives_what_its_groups_hold(rows: int) -> None:
    if torch.cuda.get_device_capability() < (8, 0):
        pytest.skip("needs compute capability 8.0")
    steps = torch.randint(0, 16, (128, 256), device="cuda").float()
    steps[:, ::64], steps[:, 1::64] = 0, 15
    exact = (steps - 8) * 0.25
    x = torch.randn(rows, 256, device="cuda", dtype=torch.bfloat16)
    assert error(Int4Linear(exact, None, torch.bfloat16)(x), functional.linear(x.float(), exact)) < 0.02


class Mixed(nn.Module):
    """A layer of every class that a network here is made of."""

    def __init__(self) -> None:
        super().__init__()
        from diffusers.models.lora import LoRACompatibleLinear

        self.own = Linear(torch.randn(128, 128), torch.randn(128))
        self.inner = nn.Sequential(nn.Linear(64, 64), nn.LayerNorm(64), LoRACompatibleLinear(64, 64))
        self.causal = nn.Conv1d(64, 64, 3)
        self.wide = nn.Conv1d(64, 64, 3, dilation=2)
        self.table = nn.Embedding(64, 64)
        self.small = nn.Linear(1, 64)
        self.requires_grad_(False)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("int8", {"int8": 128 * 128 + 2 * 64 * 64 + 2 * 3 * 64 * 64 + 64 * 64, "float32": 128 + 5 * 64 + 64 + 2 * 64}),
        ("float16", {"float16": 128 * 128 + 9 * 64 * 64, "float32": None}),
    ],
)
def test_apply_changes_layers_of_every_class_in_place_and_counts_them(name: str, parameters: dict[str, Any]) -> None:
    module = Mixed()
    before = size_of(module)
    assert convert_all(module, choose(name, "nano", "cpu")) is module
    counted = quantized.parameters_by_format(module)
    assert counted[name] == parameters[name]
    assert set(counted) == set(parameters)
    classes = {name: type(layer) for name, layer in module.named_modules()}
    assert issubclass(classes["own"], PackedLinear)
    assert issubclass(classes["inner.1"], nn.LayerNorm)
    assert issubclass(classes["small"], nn.Linear)
    x = torch.randn(2, 64, 9)
    for layer in (module.causal, module.wide):
        assert layer(x).shape[:2] == (2, 64)
    # fbgemm fills narrow matrices up, which is counted.
    assert size_of(module) < 2 * before


@pytest.mark.parametrize("name", ["int8", "int4", "float16"])
def test_without_torchs_private_operations_layers_widen_their_weights(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for operation in kernels._OPERATIONS:
        monkeypatch.setitem(kernels._OPERATIONS, operation, (None,))
    exact = Mixed()
    held: Any = quantized.Converter(choose(name, "nano", "cpu")).block(copy.deepcopy(exact))
    assert not any(isinstance(layer, PackedLinear) for layer in held.modules())
    x = torch.randn(3, 128)
    assert held.own.weight.dtype == torch.float32
    assert error(held.own(x), exact.own(x)) < 0.02
