"""Weights of the vocoder are held in 16 bits where these hold them, and in 32 where something would be lost."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn.utils import parametrize

from tests import checkpoints
from tests.conftest import Tiny
from wyoming_chatterbox.engine.s3gen.build import build_vocoder
from wyoming_chatterbox.engine.s3gen.vocoder import simplify
from wyoming_chatterbox.engine.weights.tensor_file import TensorFile


@pytest.fixture
def vocoder(tiny: Tiny) -> Any:
    with TensorFile(tiny("turbo") / checkpoints.LAYOUTS["turbo"][1]) as file:
        return build_vocoder(file, torch.device("cpu"))


def held(vocoder: Any) -> dict[str, bool]:
    """Whether each residual block's layer is held in 16 bits, by name."""
    names = ("resblocks", "source_resblocks")
    layers = {name: part for name, part in vocoder.named_modules() if name.startswith(names) and ".convs" in name}
    return {
        name: parametrize.is_parametrized(layer, "weight")
        for name, layer in layers.items()
        if hasattr(layer, "kernel_size")
    }


@torch.inference_mode()
def wave(vocoder: Any) -> torch.Tensor:
    draws = torch.Generator().manual_seed(2)
    mel, source = torch.randn(1, 80, 20, generator=draws), 0.1 * torch.randn(1, 1, 20 * 480, generator=draws)
    samples: torch.Tensor = vocoder.decode(x=mel, s=source)
    return samples


def test_ordinary_weights_are_held_in_16_bits(vocoder: Any) -> None:
    assert all(held(simplify(vocoder, torch.float16)).values())


@pytest.mark.parametrize("channels", [slice(None), slice(3, 4)], ids=["all channels", "one channel"])
@pytest.mark.parametrize(("alpha", "fits"), [(1e-6, False), (1e-2, True), (1e2, True), (1e5, False), (1e9, False)])
def test_weights_that_an_alpha_makes_too_large_or_too_small_are_left_as_they_are(
    vocoder: Any, alpha: float, fits: bool, channels: slice
) -> None:
    block = vocoder.resblocks[1]
    block.activations1[0].alpha.data[channels] = alpha
    # Trained weights are larger than these at first.
    block.convs1[0].parametrizations.weight.original0.data *= 10
    expected = wave(vocoder)
    layers = held(simplify(vocoder, torch.float16))
    assert [name for name, is_held in layers.items() if not is_held] == ([] if fits else ["resblocks.1.convs1.0"])
    error = wave(vocoder) - expected
    assert float(error.std() / expected.std()) < 0.01


def test_in_32_bits_nothing_is_asked(vocoder: Any) -> None:
    vocoder.resblocks[1].activations1[0].alpha.data.fill_(1e5)
    assert not any(held(simplify(vocoder)).values())
