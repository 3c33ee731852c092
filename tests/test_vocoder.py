"""The vocoder with its norms and Snakes folded into the convolutions computes what the package's does."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn.utils import parametrize

from tests.conftest import Tiny
from wyoming_chatterbox.engine.s3gen.build import build_vocoder
from wyoming_chatterbox.engine.s3gen.vocoder import render, simplify
from wyoming_chatterbox.engine.weights.tensor_file import TensorFile

from . import checkpoints


@pytest.fixture(scope="module")
def path(tiny: Tiny) -> Path:
    return tiny("turbo") / checkpoints.LAYOUTS["turbo"][1]


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


def heard(frames: int = 30) -> tuple[torch.Tensor, torch.Tensor]:
    """A mel, and a source."""
    draws = torch.Generator().manual_seed(2)
    mel = torch.randn(1, 80, frames, generator=draws)
    return mel, torch.randn(1, 1, frames * 480, generator=draws) * 0.1


@torch.inference_mode()
def wave(vocoder: Any) -> torch.Tensor:
    mel, source = heard()
    samples: torch.Tensor = vocoder.decode(x=mel, s=source)
    return samples


def test_it_makes_the_same_wave(package: Any) -> None:
    expected = wave(package)
    assert expected.std() > 1e-3
    torch.testing.assert_close(wave(simplify(package)), expected, atol=1e-5 * float(expected.abs().max()), rtol=1e-4)


def test_it_makes_the_same_wave_as_a_gpu_is_told_to(package: Any) -> None:
    """With the channels apart, and padded by the convolutions."""
    expected = wave(simplify(package))
    for block in (*package.resblocks, *package.source_resblocks):
        block.margin, block.layout = 0, torch.contiguous_format
        for conv in (*block.convs1, *block.convs2):
            conv.weight.data = conv.weight.data.contiguous()
    torch.testing.assert_close(wave(package), expected, atol=1e-5 * float(expected.abs().max()), rtol=1e-4)


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


class TestFramesAlone:
    @pytest.fixture
    def vocoder(self, package: Any) -> Any:
        checkpoints.pass_on(simplify(package))
        # Of which single precision makes another wave for every length.
        package.stft_window = package.stft_window.double()
        return package.double()

    @pytest.mark.parametrize(("start", "end"), [(0, 40), (0, 20), (10, 30), (2, 38), (37, 40), (19, 20)])
    def test_they_are_what_they_are_among_the_others(self, vocoder: Any, start: int, end: int) -> None:
        mel, source = (x.double() for x in heard(40))
        with torch.inference_mode():
            expected = vocoder.decode(x=mel, s=source)[0, start * 480 : end * 480]
            samples = render(vocoder, mel, source, start, end)
        assert samples.shape == ((end - start) * 480,)
        assert expected.std() > 1e-3
        torch.testing.assert_close(samples, expected, atol=1e-9, rtol=1e-9)

    @pytest.mark.parametrize(("start", "end"), [(0, 200), (0, 70), (2, 131), (60, 200), (199, 200)])
    def test_many_are_computed_in_pieces_that_no_one_hears(self, vocoder: Any, start: int, end: int) -> None:
        mel, source = (x.double() for x in heard(200))
        with torch.inference_mode():
            expected = vocoder.decode(x=mel, s=source)[0, start * 480 : end * 480]
            samples = render(vocoder, mel, source, start, end)
        torch.testing.assert_close(samples, expected, atol=1e-9, rtol=1e-9)

    @pytest.mark.slow(2)
    def test_however_many_there_are_the_finer_stages_know_few_lengths_and_none_is_long(self, vocoder: Any) -> None:
        """Their working memory is a few megabytes then, and a kernel compiled once serves other texts too."""
        computed: list[set[int]] = [set() for _ in vocoder.ups]
        for lengths, block in zip(computed, vocoder.resblocks[:: vocoder.num_kernels], strict=True):
            block.register_forward_pre_hook(lambda _, inputs, seen=lengths: seen.add(inputs[0].shape[2]))
        with torch.inference_mode():
            for frames in range(100, 500, 80):
                mel, source = heard(frames)
                render(vocoder, mel.double(), source.double(), 0, frames)
        _, finer, finest = computed
        assert len(finer) < 5
        assert max(finer) <= 70 * 40
        assert len(finest) < 5
        assert max(finest) <= 66 * 120 + 1

    def test_the_finer_stages_compute_little_else(self, vocoder: Any) -> None:
        mel, source = (x.double() for x in heard(40))
        computed = []
        for block in vocoder.resblocks[:: vocoder.num_kernels]:
            block.register_forward_pre_hook(lambda _, inputs: computed.append(inputs[0].shape[2]))
        with torch.inference_mode():
            render(vocoder, mel, source, 10, 20)
        assert computed == [40 * 8, (10 + 2 * 3) * 40, (10 + 2 * 1) * 120 + 1]
