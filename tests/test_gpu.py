"""A GPU that can't be used is told before anything is downloaded for it, with what is missing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.downloading import hub_fixture, surroundings_fixture  # noqa: F401
from tests.hub import Hub
from wyoming_chatterbox import config
from wyoming_chatterbox.engine.gpu import Gpu, Machine, missing, observe
from wyoming_chatterbox.engine.loader import Loader
from wyoming_chatterbox.errors import ConfigError, DeviceError

RTX = Gpu("NVIDIA GeForce RTX 3060", (8, 6))
T4 = Gpu("Tesla T4", (7, 5))
PASCAL = Gpu("NVIDIA GeForce GTX 1080", (6, 1))
VOLTA = Gpu("Tesla V100", (7, 0))
BARE = Machine("13.0", nodes=False, library=False)


@pytest.mark.parametrize(
    ("device", "machine"),
    [
        ("cpu", Machine(None, nodes=False, library=False)),
        ("auto", BARE),
        ("cuda", Machine("13.0", knows=(13, 0), gpus=(RTX,))),
        ("cuda", Machine("13.0", knows=(13, 2), gpus=(T4, PASCAL), container=True)),
        ("cuda:1", Machine("13.0", knows=(13, 0), gpus=(PASCAL, T4))),
        ("cuda", Machine("12.6", knows=(12, 8), gpus=(RTX,))),
        ("mps", Machine(None, "darwin", nodes=False, library=False)),
    ],
)
def test_nothing_is_missing(device: str, machine: Machine) -> None:
    assert missing(device, machine) is None


@pytest.mark.parametrize(
    ("device", "machine", "what", "remedy"),
    [
        ("cuda", Machine(None, nodes=True, gpus=(RTX,)), "PyTorch is one for CPUs", "docker-compose.gpu.yml"),
        ("cuda", Machine(None, "darwin", nodes=False), "a Mac has no CUDA", "mps"),
        ("mps", BARE, "on a Mac alone", "--device auto"),
        ("cuda", BARE, "no NVIDIA driver", "580 or newer"),
        (
            "cuda",
            Machine("13.0", container=True, nodes=False, library=False),
            "container was given no GPU",
            "--gpus all",
        ),
        ("cuda", Machine("13.0", container=True, nodes=False), "container was given no GPU", "Container Toolkit"),
        ("cuda", Machine("13.0", container=True, library=False), "not the driver's libcuda", "Container Toolkit"),
        ("cuda", Machine("13.0", library=False), "libcuda is missing", "580 or newer"),
        ("cuda", Machine("13.0", hidden=True), "CUDA_VISIBLE_DEVICES", "Unset"),
        ("cuda", Machine("13.0", knows=(13, 0)), "shows no GPU", "nvidia-smi"),
        ("cuda", Machine("13.0", knows=(12, 8), gpus=(RTX,)), "knows CUDA 12.8, and PyTorch is built for 13.0", "580"),
        ("cuda", Machine("13.0", knows=(13, 0), gpus=(PASCAL,)), "GTX 1080 has compute capability 6.1", "--device cpu"),
        ("cuda:1", Machine("13.0", knows=(13, 0), gpus=(RTX, VOLTA)), "7.0, which CUDA 13 has dropped", "Turing"),
        # A newer driver would not help this card.
        ("cuda", Machine("13.0", knows=(12, 4), gpus=(PASCAL,)), "dropped", "--device cpu"),
        (
            "cuda:2",
            Machine("13.0", knows=(13, 0), gpus=(RTX, T4)),
            "only cuda:0 (NVIDIA GeForce RTX 3060), cuda:1",
            "one of",
        ),
    ],
)
def test_what_is_missing_is_named_with_its_remedy(device: str, machine: Machine, what: str, remedy: str) -> None:
    lack = missing(device, machine)
    assert lack is not None
    assert what in lack[0]
    assert remedy in lack[1]


def test_nothing_is_downloaded_for_a_gpu_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hub: Hub
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    loader = Loader(config.load(["--model", "nano", "--device", "cuda", "--no-http"], {}, tmp_path))
    with pytest.raises(DeviceError, match="--device cuda can't be used: ") as caught:
        loader(lambda _: None, lambda: False)
    assert caught.value.hint
    assert isinstance(caught.value, ConfigError)
    assert hub.requests == []


def test_looking_at_this_machine_never_fails() -> None:
    machine = observe()
    assert machine.library or not machine.gpus
