"""What runs on a GPU, run without one at full size: on its device, without a wait but the read-back, in few launches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from tests.pretended_gpu import DEVICE, PretendedGpu, Waited
from wyoming_chatterbox import precision
from wyoming_chatterbox.engine.layers import int8
from wyoming_chatterbox.engine.layers.convert import Converter
from wyoming_chatterbox.engine.measuring import random_checkpoint
from wyoming_chatterbox.engine.s3gen.build import build_flow, build_vocoder
from wyoming_chatterbox.engine.s3gen.estimator import Flow
from wyoming_chatterbox.engine.s3gen.flow import FRAMES_PER_TOKEN, integrate
from wyoming_chatterbox.engine.s3gen.pacing import CONTEXT, HOPS, LOOK_AHEAD
from wyoming_chatterbox.engine.s3gen.stream import SoundStream, WaveStream
from wyoming_chatterbox.engine.s3gen.vocoder import Vocoder, simplify
from wyoming_chatterbox.engine.t3.build import build_t3
from wyoming_chatterbox.engine.t3.decoder import LONGEST, TokenDecoder
from wyoming_chatterbox.engine.t3.graphs import BATCH, GraphedDecoder, Read
from wyoming_chatterbox.engine.t3.model import T3
from wyoming_chatterbox.engine.t3.sampling import DEFAULTS
from wyoming_chatterbox.engine.upstream import chatterbox_tts
from wyoming_chatterbox.engine.voice.conditionals import Conditionals
from wyoming_chatterbox.engine.weights.tensor_file import Place, TensorFile
from wyoming_chatterbox.precision import PRECISIONS, Precision

LAYOUTS = ["english", "turbo"]
TEXT = list(range(20, 60))
MOST = 2 * BATCH + 1

STEP = {"english": 5000, "turbo": 5000}
"""The most launches of a step of T3, in any precision."""
FLOW = {"english": 9860, "turbo": 2250}
"""The most launches of the flow for a block of any size."""
VOCODER = 400
"""The most launches of the vocoder for a block of any size."""


class NamedShapes(TensorFile):
    """A file of weights that has names and shapes only; on the device its tensors hold no numbers."""

    def __init__(self, path: Path, shapes: dict[str, tuple[int, ...]]) -> None:
        self.path = path
        self._shapes = shapes
        with path.open("wb") as file:
            file.truncate(4 * max(torch.Size(shape).numel() for shape in shapes.values()))

    def place(self, name: str) -> Place | None:
        return Place(self._shapes[name], torch.float32, 0)

    def read(self, name: str, device: torch.device, dtype: torch.dtype | None) -> torch.Tensor:
        return torch.empty(self.shape(name), device=device, dtype=dtype)


@cache
def shapes(layout: str, part: str) -> dict[str, tuple[int, ...]]:
    """Names and shapes of a layout's official files, from chatterbox-tts's networks."""
    with torch.device("meta"):
        if part == "t3":
            if random_checkpoint.is_gpt2(layout):
                sizes = random_checkpoint.GPT2_SIZES[layout]
                hp = random_checkpoint.gpt2_config(*sizes, random_checkpoint.TEXT_VOCABULARY[layout], positions=8196)
            else:
                hp = chatterbox_tts.T3Config(text_tokens_dict_size=random_checkpoint.TEXT_VOCABULARY[layout])
            network = chatterbox_tts.T3(hp)
        else:
            network = chatterbox_tts.tts.S3Gen(meanflow=random_checkpoint.is_gpt2(layout))
    return {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}


@pytest.fixture
def gpu() -> Iterator[PretendedGpu]:
    with PretendedGpu() as gpu:
        yield gpu


@pytest.fixture(autouse=True)
def triton(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the place of the Triton kernel, which is one launch, with what it computes."""

    def reference(
        x: torch.Tensor, weight: torch.Tensor, scales: torch.Tensor, bias: torch.Tensor | None
    ) -> torch.Tensor:
        assert x.device == weight.device == scales.device == DEVICE
        assert weight.dtype == torch.int8
        assert scales.dtype == x.dtype
        with request.getfixturevalue("gpu").one_kernel("triton"):
            return functional.linear(x, weight * scales[:, None], bias)

    monkeypatch.setattr(int8, "triton_kernel", lambda: reference)


def chosen(name: str) -> Precision:
    return precision.choose(name, "english", str(DEVICE))


def converter(chosen: Precision) -> Converter | None:
    return Converter(chosen) if chosen.converts else None


def voice(layout: str) -> Conditionals:
    prompt = 375 if random_checkpoint.is_gpt2(layout) else 150
    tokens = torch.zeros(1, prompt, dtype=torch.long), torch.zeros(1, random_checkpoint.PROMPT_TOKENS, dtype=torch.long)
    mel = torch.zeros(1, 2 * random_checkpoint.PROMPT_TOKENS, 80)
    return Conditionals(torch.zeros(1, 256), *tokens, mel, torch.zeros(1, 192)).to(DEVICE)


class CountingRunner:
    """Runs each step at once, and counts what it launches."""

    def __init__(self, gpu: PretendedGpu) -> None:
        self.generator = _Generator()
        self.steps: list[int] = []
        self._gpu = gpu

    def graph_stream_waits(self) -> None: ...

    def current_stream_waits(self) -> None: ...

    def on_graph_stream(self) -> AbstractContextManager[Any]:
        return nullcontext()

    def capture(self, step: Callable[[], None]) -> Callable[[], None]:
        return lambda: self.steps.append(self._gpu.count(step))

    def read(self, ids: torch.Tensor) -> Read:
        assert ids.device == DEVICE
        return ids.cpu().tolist


class _Generator(torch.Generator):
    """A generator that says it is the GPU's, which there is none of."""

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return DEVICE


def t3_of(gpu: PretendedGpu, layout: str, name: str, path: Path) -> T3:
    how = chosen(name)
    dtype = torch.float32 if how.converts else getattr(torch, how.dtype)
    with gpu.load():
        return build_t3(NamedShapes(path / "t3.safetensors", shapes(layout, "t3")), DEVICE, dtype, converter(how))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", PRECISIONS)
def test_t3_is_waited_for_when_ids_are_read_and_never_else(
    gpu: PretendedGpu, tmp_path: Path, layout: str, name: str
) -> None:
    t3 = t3_of(gpu, layout, name, tmp_path)
    runner = CountingRunner(gpu)
    decoder = TokenDecoder(t3, GraphedDecoder(runner, LONGEST))
    own = voice(layout)
    for _ in range(2):
        gpu.reads = 0
        ids = list(decoder.stream(TEXT, own, DEFAULTS[layout], MOST, lambda: False, _Generator()))
        assert ids == [0] * MOST
        assert gpu.reads == (MOST - 1) / BATCH
    assert len(runner.steps) == 2 * (MOST - 1)
    print("T3", layout, name, set(runner.steps))


def s3gen_of(gpu: PretendedGpu, layout: str, name: str, path: Path) -> tuple[Flow, Vocoder]:
    how = chosen(name)
    dtype = torch.float32 if how.converts else getattr(torch, how.dtype)
    file = NamedShapes(path / "s3gen.safetensors", shapes(layout, "s3gen"))
    with gpu.load():
        vocoder = simplify(build_vocoder(file, DEVICE), torch.float16)
        return build_flow(file, DEVICE, dtype, converter(how)), vocoder


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", PRECISIONS)
def test_the_flow_and_the_vocoder_are_waited_for_once_a_block(
    gpu: PretendedGpu, tmp_path: Path, layout: str, name: str
) -> None:
    flow, vocoder = s3gen_of(gpu, layout, name, tmp_path)
    sound = SoundStream(flow, vocoder, voice(layout), 1, lambda: False)
    for size in (HOPS[0] + LOOK_AHEAD, HOPS[1], CONTEXT):
        gpu.reads = 0
        block = sound.feed([0] * size)
        assert len(block) > 0
        assert gpu.reads == 1


@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_block_takes_few_launches(gpu: PretendedGpu, tmp_path: Path, layout: str) -> None:
    flow, vocoder = s3gen_of(gpu, layout, "float16", tmp_path)
    own = voice(layout)
    frames = own.prompt_mel.shape[1] + FRAMES_PER_TOKEN * HOPS[0]
    tokens, noise = torch.zeros(HOPS[0], dtype=torch.long, device=DEVICE), torch.zeros(1, 80, frames, device=DEVICE)
    mels: list[torch.Tensor] = []
    flow_launches = gpu.count(lambda: mels.append(integrate(flow, tokens, own, noise, lambda: False)))
    wave = WaveStream(vocoder, torch.Generator().manual_seed(1))
    vocoder_launches = gpu.count(lambda: wave.feed(mels[0], mels[0].shape[2], last=False))
    print("S3", layout, flow_launches, vocoder_launches)
    assert flow_launches <= FLOW[layout]
    assert vocoder_launches <= VOCODER


@pytest.mark.parametrize(
    "waiting",
    [
        lambda x: x.sum().item(),
        lambda x: bool(x.any()),
        lambda x: int(x[0]),
        lambda x: x[x > 0],
        lambda x: torch.nonzero(x),
        lambda x: torch.equal(x, x),
        lambda x: x + torch.zeros(3),
        lambda x: torch.cat([x, torch.zeros(3)]),
    ],
)
def test_a_hidden_wait_and_a_wrong_device_are_found(gpu: PretendedGpu, waiting: Callable[[torch.Tensor], Any]) -> None:
    with pytest.raises((Waited, RuntimeError)):
        waiting(torch.zeros(3, device=DEVICE))


def test_reads_and_launches_are_counted(gpu: PretendedGpu) -> None:
    x = torch.zeros(4, device=DEVICE)
    assert gpu.count(lambda: (x + 1).view(2, 2).transpose(0, 1)[0]) == 1
    assert (x * 2).cpu().tolist() == [0.0] * 4
    assert x.tolist() == [0.0] * 4
    assert gpu.reads == 2
    assert (torch.ones(2) + 1).tolist() == [2.0, 2.0]
