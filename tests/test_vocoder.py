"""The vocoder with its norms and Snakes folded into the convolutions computes what the package's does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from wyoming_chatterbox.engine.networks import build_vocoder
from wyoming_chatterbox.engine.tensors import TensorFile
from wyoming_chatterbox.engine.vocoder import simplify

from . import checkpoints


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = checkpoints.make("turbo", tmp_path_factory.mktemp("vocoder"))
    return directory / checkpoints.LAYOUTS["turbo"][1]


@pytest.fixture
def package(path: Path) -> Any:
    """The package's own, with Snakes as different as training may have made them, and norms of another length."""
    with TensorFile(path) as file:
        vocoder = build_vocoder(file, torch.device("cpu"))
    draws = torch.Generator().manual_seed(1)
    for name, weight in vocoder.named_parameters():
        if "alpha" in name:
            weight.copy_(torch.randn(weight.shape, generator=draws) * 2)
            weight[0] = 0
        elif name.endswith("original0"):
            weight *= 1 + torch.rand(weight.shape, generator=draws)
    return vocoder


@torch.inference_mode()
def wave(vocoder: Any) -> torch.Tensor:
    draws = torch.Generator().manual_seed(2)
    mel = torch.randn(1, 80, 30, generator=draws)
    source = torch.randn(1, 1, 30 * 480, generator=draws) * 0.1
    samples: torch.Tensor = vocoder.decode(x=mel, s=source)
    return samples


def test_it_makes_the_same_wave(package: Any) -> None:
    expected = wave(package)
    assert expected.std() > 1e-3
    torch.testing.assert_close(wave(simplify(package)), expected, atol=1e-5 * float(expected.abs().max()), rtol=1e-4)


def test_in_16_bits_it_makes_nearly_the_same_wave(package: Any) -> None:
    expected = wave(package)
    error = wave(simplify(package, torch.float16)) - expected
    layers = [module for module in package.modules() if isinstance(module, nn.Conv1d)]
    held = [layer for layer in layers if parametrize.is_parametrized(layer, "weight")]
    # Where an alpha is nearly zero, 16 bits are too few, and the layer is left as it is.
    assert 0 < len(held) < len(layers)
    assert float(error.std() / expected.std()) < 0.01


def test_it_holds_fewer_numbers(package: Any) -> None:
    numbers = sum(p.numel() for p in package.parameters())
    simplify(package)
    assert sum(p.numel() for p in package.parameters()) < numbers
    assert not any(p.requires_grad for p in package.parameters())
