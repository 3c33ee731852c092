"""The GPU's path at full size, without a GPU: on its device, waiting for the read-back alone, in few launches."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext, suppress
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.nn import functional

from tests.examples import parameters
from tests.pretended_gpu import DEVICE, PretendedGpu, Waited
from wyoming_chatterbox import precision
from wyoming_chatterbox.engine.layers import int8
from wyoming_chatterbox.engine.layers.convert import Converter
from wyoming_chatterbox.engine.measuring import random_checkpoint
from wyoming_chatterbox.engine.s3gen.build import build_flow, build_vocoder
from wyoming_chatterbox.engine.s3gen.estimator import Flow
from wyoming_chatterbox.engine.s3gen.flow import FRAMES_PER_TOKEN, SAMPLES_PER_TOKEN, integrate
from wyoming_chatterbox.engine.s3gen.pacing import CONTEXT, HOPS, LOOK_AHEAD
from wyoming_chatterbox.engine.s3gen.stream import SoundStream, WaveStream
from wyoming_chatterbox.engine.s3gen.vocoder import Vocoder, simplify
from wyoming_chatterbox.engine.t3.build import build_t3
from wyoming_chatterbox.engine.t3.decoder import TokenDecoder
from wyoming_chatterbox.engine.t3.graphs import BATCH, GraphedDecoder, Read
from wyoming_chatterbox.engine.t3.model import T3
from wyoming_chatterbox.engine.t3.sampling import DEFAULTS
from wyoming_chatterbox.engine.upstream import chatterbox_tts
from wyoming_chatterbox.engine.voice.conditionals import Conditionals
from wyoming_chatterbox.engine.weights.tensor_file import TensorFile
from wyoming_chatterbox.errors import Cancelled
from wyoming_chatterbox.precision import Precision

pytestmark = pytest.mark.slow(1)

LAYOUTS = ["english", "turbo"]
TEXT = list(range(20, 60))
MOST = BATCH + 1

LAYERS = {"english": 30, "turbo": 24}
"""T3's layers, which are alike."""
STEP = {"english": 600, "turbo": 340}
"""The most launches of a step of T3, in any precision."""
EVALUATIONS = {"english": 10, "turbo": 2}
FLOW = {"english": 9220, "turbo": 2150}
"""The most launches of the flow for a block of any size, in float16."""
VOCODER = {torch.float32: 400, torch.float16: 480}
"""The most launches of the vocoder for a block of any size, by the format that its weights are held in."""


class NamedShapes(TensorFile):
    """A file of weights that takes no room on the disk; on the device its tensors hold no numbers."""

    def __init__(self, path: Path, shapes: dict[str, tuple[int, ...]]) -> None:
        places, end = {}, 0
        for name, shape in shapes.items():
            begin, end = end, end + 4 * torch.Size(shape).numel()
            places[name] = {"dtype": "F32", "shape": shape, "data_offsets": [begin, end]}
        header = json.dumps(places).encode()
        with path.open("wb") as file:
            file.write(len(header).to_bytes(8, "little") + header)
            file.truncate(8 + len(header) + end)
        super().__init__(path)

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
    """Runs a step when it is captured, and counts what it launches; a replay runs nothing."""

    def __init__(self, gpu: PretendedGpu) -> None:
        self.generator: torch.Generator = _Generator()
        self.steps: list[int] = []
        self._gpu = gpu

    def graph_stream_waits(self) -> None: ...

    def current_stream_waits(self) -> None: ...

    def on_graph_stream(self) -> AbstractContextManager[Any]:
        return nullcontext()

    def capture(self, step: Callable[[], None]) -> Callable[[], None]:
        self.steps.append(self._gpu.count(step))
        return lambda: None

    def read(self, ids: torch.Tensor) -> Read:
        assert ids.device == DEVICE
        return ids.cpu().tolist


class _Generator(torch.Generator):
    """A generator that says it is the GPU's, which there is none of."""

    @property
    def device(self) -> torch.device:  # type: ignore[override]
        return DEVICE


def layers_of(layout: str, part: str, most: int | None) -> dict[str, tuple[int, ...]]:
    """Names and shapes of the network, with at most so many of its layers that are alike."""

    def kept(name: str) -> bool:
        layer = re.search(r"\.(?:h|layers|encoders|up_encoders|mid_blocks)\.(\d+)\.", name)
        return most is None or layer is None or int(layer[1]) < most

    return {name: shape for name, shape in shapes(layout, part).items() if kept(name)}


def t3_of(gpu: PretendedGpu, path: Path, layout: str, name: str, layers: int | None = None) -> T3:
    """Build a T3 of full width."""
    how = chosen(name)
    dtype = torch.float32 if how.converts else getattr(torch, how.dtype)
    with gpu.load():
        file = NamedShapes(path / "t3.safetensors", layers_of(layout, "t3", layers))
        return build_t3(file, DEVICE, dtype, converter(how))


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", parameters("float16", "int8", "int4", full=["float32", "bfloat16"]))
def test_t3_is_waited_for_when_ids_are_read_and_never_else(
    gpu: PretendedGpu, tmp_path: Path, layout: str, name: str
) -> None:
    t3 = t3_of(gpu, tmp_path, layout, name, layers=2)
    decoder = TokenDecoder(t3, GraphedDecoder(CountingRunner(gpu), MOST))
    own = voice(layout)
    for _ in range(2):
        gpu.reads = 0
        assert list(decoder.stream(TEXT, own, DEFAULTS[layout], MOST, lambda: False, _Generator())) == [0] * MOST
        assert gpu.reads == (MOST - 1) / BATCH


def launches_of_a_step(gpu: PretendedGpu, path: Path, layout: str, name: str, layers: int | None = None) -> int:
    runner = CountingRunner(gpu)
    decoder = TokenDecoder(t3_of(gpu, path, layout, name, layers), GraphedDecoder(runner, MOST))
    list(decoder.stream(TEXT, voice(layout), DEFAULTS[layout], 2, lambda: False, _Generator()))
    (launches,) = runner.steps
    return launches


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["float16", "int8"])
def test_a_step_takes_few_launches(gpu: PretendedGpu, tmp_path: Path, layout: str, name: str) -> None:
    one, two = (launches_of_a_step(gpu, tmp_path, layout, name, layers) for layers in (1, 2))
    assert one + (LAYERS[layout] - 1) * (two - one) <= STEP[layout]


@pytest.mark.full
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["float16", "int8"])
def test_a_layer_more_takes_as_many_launches_again(gpu: PretendedGpu, tmp_path: Path, layout: str, name: str) -> None:
    one, two = (launches_of_a_step(gpu, tmp_path, layout, name, layers) for layers in (1, 2))
    assert launches_of_a_step(gpu, tmp_path, layout, name) == one + (LAYERS[layout] - 1) * (two - one)


def flow_of(gpu: PretendedGpu, path: Path, layout: str, name: str, layers: int | None = None) -> Flow:
    how = chosen(name)
    dtype = torch.float32 if how.converts else getattr(torch, how.dtype)
    with gpu.load():
        file = NamedShapes(path / "s3gen.safetensors", layers_of(layout, "s3gen", layers))
        return build_flow(file, DEVICE, dtype, converter(how))


def vocoder_of(gpu: PretendedGpu, path: Path, layout: str, hold: torch.dtype) -> Vocoder:
    with gpu.load():
        return simplify(build_vocoder(NamedShapes(path / "s3gen.safetensors", shapes(layout, "s3gen")), DEVICE), hold)


def integrated(flow: Flow, own: Conditionals, cancelled: Callable[[], bool]) -> torch.Tensor:
    """Turn the tokens of a first block into mel."""
    count = HOPS[0] + LOOK_AHEAD
    frames = own.prompt_mel.shape[1] + FRAMES_PER_TOKEN * count
    tokens = torch.zeros(count, dtype=torch.long, device=DEVICE)
    return integrate(flow, tokens, own, torch.zeros(1, 80, frames, device=DEVICE), cancelled)


@pytest.mark.parametrize("layout", LAYOUTS)
# The flow has no int4 of its own.
@pytest.mark.parametrize("name", parameters("float16", "int8", full=["float32", "bfloat16"]))
def test_the_flow_is_never_waited_for(gpu: PretendedGpu, tmp_path: Path, layout: str, name: str) -> None:
    flow, own = flow_of(gpu, tmp_path, layout, name, layers=1), voice(layout)
    evaluated(flow, own, 1)
    assert gpu.launches.total() > 100
    assert gpu.reads == 0


def evaluated(flow: Flow, own: Conditionals, times: int) -> None:
    """Begin a first block, and evaluate the flow so often at most."""
    asked = iter([False] * times)
    with suppress(Cancelled):
        integrated(flow, own, lambda: next(asked, True))


def launches_of_few(gpu: PretendedGpu, flow: Flow, own: Conditionals) -> tuple[int, int]:
    """Count the launches of one evaluation and of two, with what comes before them."""
    evaluated(flow, own, 0)  # The encoder computes positions at first use.
    one, two = (gpu.count(lambda times=times: evaluated(flow, own, times)) for times in (1, 2))  # type: ignore[misc]
    return one, two


@pytest.mark.slow(2)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_flow_takes_few_launches(gpu: PretendedGpu, tmp_path: Path, layout: str) -> None:
    flow, own = flow_of(gpu, tmp_path, layout, "float16"), voice(layout)
    one, two = launches_of_few(gpu, flow, own)
    assert one + (EVALUATIONS[layout] - 1) * (two - one) <= FLOW[layout]


@pytest.mark.full
@pytest.mark.parametrize("layout", LAYOUTS)
def test_an_evaluation_more_takes_as_many_launches_again(gpu: PretendedGpu, tmp_path: Path, layout: str) -> None:
    flow, own = flow_of(gpu, tmp_path, layout, "float16"), voice(layout)
    one, two = launches_of_few(gpu, flow, own)
    whole = gpu.count(lambda: integrated(flow, own, lambda: False))
    assert whole == one + (EVALUATIONS[layout] - 1) * (two - one)


@pytest.mark.parametrize("hold", VOCODER)
def test_the_vocoder_takes_few_launches_and_is_waited_for_once_a_block(
    gpu: PretendedGpu, tmp_path: Path, hold: torch.dtype
) -> None:
    wave = WaveStream(vocoder_of(gpu, tmp_path, "turbo", hold), torch.Generator().manual_seed(1))
    for frames, last in ((20, False), (50, False), (30, True)):
        gpu.reads = 0
        mel = torch.zeros(1, 80, frames, device=DEVICE)
        launches = gpu.count(lambda mel=mel, frames=frames, last=last: wave.feed(mel, frames, last=last))  # type: ignore[misc]
        assert launches <= VOCODER[hold]
        assert gpu.reads == 1


@pytest.mark.slow(3)
def test_a_sentence_in_blocks_is_waited_for_once_a_block(gpu: PretendedGpu, tmp_path: Path) -> None:
    flow = flow_of(gpu, tmp_path, "turbo", "float16", layers=1)
    vocoder = vocoder_of(gpu, tmp_path, "turbo", torch.float16)
    sound = SoundStream(flow, vocoder, voice("turbo"), 1, lambda: False)
    samples = 0
    for size in (HOPS[0] + LOOK_AHEAD, CONTEXT, HOPS[1]):
        samples += len(sound.feed([0] * size))
    samples += len(sound.finish([0] * 3))
    assert gpu.reads == 4
    assert samples == (HOPS[0] + LOOK_AHEAD + CONTEXT + HOPS[1] + 3) * SAMPLES_PER_TOKEN


@pytest.mark.parametrize(
    "waiting",
    [
        lambda x: x.sum().item(),
        lambda x: x.tolist(),
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
    assert gpu.reads == 1
    assert (torch.ones(2) + 1).tolist() == [2.0, 2.0]
