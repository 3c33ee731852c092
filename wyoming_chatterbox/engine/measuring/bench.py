"""Makes one measurement in a process of its own, for `python -m wyoming_chatterbox.bench`.

    python -m wyoming_chatterbox.engine.measuring.bench '{"what": "ours", "family": "nano", ...}'

prints one line of JSON, the last on stdout. If it can't measure, it exits with code 2 and one line on stderr.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import io
import json
import platform
import re
import resource
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ChatterboxError
from ...families import recognise
from .. import SAMPLE_RATE, Block, Utterance, Voice
from ..openmp import suit_machine

if TYPE_CHECKING:
    from .stopwatch import Stopwatch

SEED = 1
WARM_UP_TOKENS = 8
"""Tokens of the warm-up on a CPU. A GPU is warm only after an utterance of full length."""

_BYTES = {"float32": 4.0, "float16": 2.0, "bfloat16": 2.0, "int8": 1.0, "int4": 0.5 + 4 / 64}
"""Bytes of one weight; for int4 with its share of a group's scale and zero."""
_STEP_TENSORS = re.compile(
    r"tfmr\.(layers|h)\..*weight$|tfmr\.(norm|ln_f)\.|tfmr\.h\..*(?<!\.attn)\.bias$|speech_head\."
)


@dataclass(frozen=True)
class Request:
    """A measurement: which side, with which model, on which device."""

    what: str
    """checkpoint (make a random one), bound, ours or stock."""
    family: str
    directory: str
    device: str
    precision: str
    tokens: int
    text: str
    endless: bool = False
    """Whether the weights are random ones, which never end a text by themselves."""
    whole: bool = False
    """Whether this project's engine speaks an utterance in one block."""


@dataclass
class Subject:
    """One of the two sides, loaded."""

    speak: Callable[[int], Iterator[Block]]
    """Speaks the text with at most this many speech tokens: blocks of sound."""
    weights: int
    """Bytes of weights."""
    precision: str
    how: str
    import_s: float
    load_s: float


def run(request: Request) -> dict[str, Any]:
    """Carry out a request, and return figures by name. Raises `ChatterboxError` where it can't."""
    if request.what == "checkpoint":
        from ...precision import choose_device
        from ..devices import available_devices
        from . import random_checkpoint

        # A missing device is reported before minutes of work.
        choose_device(request.device, available_devices())
        random_checkpoint.make(request.family, Path(request.directory))
        return {}
    return bound(request) if request.what == "bound" else measure(request)


def bound(request: Request) -> dict[str, Any]:
    """Return the most steps a second that T3 can make: each step reads its weights once, at the measured bandwidth.

    The KV cache is left out. The figures include the device that `auto` means.
    """
    import torch

    from ...precision import choose_device
    from ..devices import available_devices
    from ..weights.tensor_file import TensorFile

    device = choose_device(request.device, available_devices())[0]
    directory = Path(request.directory)
    family = recognise(directory)
    with TensorFile(family.t3_path(directory)) as file:
        numbers = sum(torch.Size(file.shape(name)).numel() for name in file.names if _STEP_TENSORS.match(name))
    step = numbers * _BYTES[request.precision]
    bandwidth = _bandwidth(torch.device(device))
    return {
        "t3_steps_per_s": bandwidth / step,
        "weights_mb": step / 1e6,
        "bandwidth_gb_per_s": bandwidth / 1e9,
        "device": device,
        "device_name": device_name(device),
    }


def device_name(device: str) -> str:
    """Return a GPU's name, or the machine and the number of threads of a CPU."""
    import torch

    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    return f"{platform.machine()}, {torch.get_num_threads()} threads"


def _bandwidth(device: Any, times: int = 8) -> float:
    """Measure the bytes a second that the device reads: the best of several sums over more than its caches hold."""
    import torch

    from .stopwatch import Stopwatch

    numbers = torch.ones((1 << 30 if device.type == "cuda" else 1 << 29) // 4, device=device)
    now = Stopwatch(device).now
    seconds = []
    for _ in range(times):
        began = now()
        numbers.sum()
        seconds.append(now() - began)
    return numbers.nbytes / min(seconds)


def measure(request: Request) -> dict[str, Any]:
    """Load a side, warm it up, and time one utterance of it.

    On a GPU a second utterance times the parts, because waiting for each part would slow down the first.
    """
    watch, subject = (_ours if request.what == "ours" else _stock)(request)
    on_cpu = request.device == "cpu"
    _say(subject, min(request.tokens, WARM_UP_TOKENS) if on_cpu else request.tokens)
    watch.running = on_cpu
    first, whole, samples = _say(subject, request.tokens)
    if not on_cpu:
        watch.running = True
        _say(subject, request.tokens)
    seconds = samples / SAMPLE_RATE
    return {
        "t3_steps_per_s": (watch.passes - 1) / (watch.seconds["t3"] - watch.prefill),
        "prefill_s": watch.prefill,
        "first_audio_s": first,
        "rtf": whole / seconds,
        "flow_s_per_audio_s": watch.seconds["flow"] / seconds,
        "vocoder_s_per_audio_s": watch.seconds["vocoder"] / seconds,
        "weights_mb": subject.weights / 1e6,
        "peak_memory_mb": peak_memory(request.device) / 1e6,
        "import_s": subject.import_s,
        "load_s": subject.load_s,
        "audio_s": seconds,
        "precision": subject.precision,
        "how": subject.how,
        "tokens": len(watch.tokens),
        "drawn": watch.tokens,
    }


def _say(subject: Subject, tokens: int) -> tuple[float, float, int]:
    """Return the seconds to the first block and to the last, and the number of samples."""
    began = time.perf_counter()
    first = 0.0
    samples = 0
    for block in subject.speak(tokens):
        first = first or time.perf_counter() - began
        samples += len(block)
    return first, time.perf_counter() - began, samples


def _ours(request: Request) -> tuple[Stopwatch, Subject]:
    suit_machine()
    began = time.perf_counter()
    from ..chatterbox import Chatterbox
    from ..devices import choose_precision

    imported = time.perf_counter()
    precision = choose_precision(request.family, request.precision, request.device)
    directory = Path(request.directory)
    engine = Chatterbox.load(directory, recognise(directory), precision, blocks=not request.whole, warm_up=False)
    loaded = time.perf_counter()
    import torch

    from .stopwatch import Stopwatch

    watch = Stopwatch(torch.device(request.device))
    limit = _watch_engine(watch)
    utterance = Utterance(request.text, Voice("own", "en"), seed=SEED)

    def speak(tokens: int) -> Iterator[Block]:
        limit(tokens)
        watch.clear()
        return engine.speak(utterance, lambda: False)

    description = engine.describe()
    weights = sum(description.parts.values())
    times = {"import_s": imported - began, "load_s": loaded - imported}
    return watch, Subject(speak, weights, description.precision, description.reason, **times)


def _watch_engine(watch: Stopwatch) -> Callable[[int], None]:
    """Time the engine's parts; returns a function that sets the most tokens of an utterance.

    Only this function knows the inside of the engine.
    """
    from ..s3gen import stream as sound_stream
    from ..t3.decoder import TokenDecoder

    draw = TokenDecoder.stream
    most = 0

    def watched(decoder: Any, text: Any, voice: Any, settings: Any, _most: int, *rest: Any) -> Any:
        before = decoder.steps
        for token in draw(decoder, text, voice, settings, most, *rest):
            if not watch.tokens:
                watch.t3_began()
            watch.tokens.append(token)
            watch.passes = decoder.steps - before
            yield token

    TokenDecoder.stream = watched  # type: ignore[method-assign, assignment]
    for owner, name, part in (
        (TokenDecoder, "stream", "t3"),
        (sound_stream, "integrate", "flow"),
        (sound_stream.WaveStream, "feed", "vocoder"),
    ):
        setattr(owner, name, watch.timed(part, getattr(owner, name)))

    def limit(tokens: int) -> None:
        nonlocal most
        most = tokens

    return limit


def _stock(request: Request) -> tuple[Stopwatch, Subject]:
    if importlib.util.find_spec("transformers") is None or importlib.util.find_spec("diffusers") is None:
        raise ChatterboxError(
            "chatterbox-tts itself needs packages that are not installed: script/setup --develop installs them, and "
            "--only ours measures without it"
        )
    began = time.perf_counter()
    modules = {"english": "tts", "multilingual": "mtl_tts"}
    importlib.import_module("chatterbox." + modules.get(request.family, "tts_turbo"))
    imported = time.perf_counter()
    import torch

    from ..layers.sizes import size_of
    from . import stock
    from .stopwatch import Stopwatch

    directory = Path(request.directory)
    family = recognise(directory)
    ready = time.perf_counter()
    model, how = stock.load(directory, family, request.device)
    loaded = time.perf_counter()
    if request.endless:
        stock.obey_no_analyzer()
    watch = Stopwatch(torch.device(request.device))
    limit = _watch_stock(model, watch)
    arguments = {"language_id": "en"} if request.family == "multilingual" else {}

    def speak(tokens: int) -> Iterator[Block]:
        limit(tokens)
        watch.clear()
        torch.manual_seed(SEED)
        # Its messages and progress bar would mix with the figures.
        with contextlib.redirect_stdout(io.StringIO()):
            sound: Block = model.generate(request.text, **arguments)[0].numpy()
        yield sound

    weights = size_of(model.t3, model.s3gen, model.ve, model.watermarker.perth_net)
    times = {"import_s": imported - began, "load_s": loaded - ready}
    return watch, Subject(speak, weights, "float32", how, **times)


def _watch_stock(model: Any, watch: Stopwatch) -> Callable[[int], None]:
    """Time chatterbox-tts's parts; returns a function that sets the most tokens of an utterance."""
    t3 = model.t3
    t3.tfmr.register_forward_pre_hook(lambda _module, _inputs: watch.t3_pass())
    name = "inference_turbo" if t3.is_gpt else "inference"
    inference = getattr(t3, name)
    most: dict[str, int] = {}

    def watched(*args: Any, **kwargs: Any) -> Any:
        tokens = inference(*args, **{**kwargs, **most})
        watch.tokens = [token for token in tokens[0].tolist() if token < 6561]
        return tokens

    setattr(t3, name, watch.timed("t3", watched))
    model.s3gen.flow_inference = watch.timed("flow", model.s3gen.flow_inference)
    model.s3gen.hift_inference = watch.timed("vocoder", model.s3gen.hift_inference)

    def limit(tokens: int) -> None:
        # The limited loop comes after GPT-2's first token.
        most.update({"max_gen_len": tokens - 1} if t3.is_gpt else {"max_new_tokens": tokens})

    return limit


def peak_memory(device: str) -> int:
    """Return the peak in bytes: torch's on a CUDA device, else the process's, with the files mapped into it."""
    if device.startswith("cuda"):
        import torch

        return torch.cuda.max_memory_allocated(device)
    status = Path("/proc/self/status")
    # VmHWM counts from the program's start; ru_maxrss begins with the parent's value.
    if status.exists() and (found := re.search(r"VmHWM:\s*(\d+) kB", status.read_text())):
        return int(found[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> int:
    """Read a request from the command line, and write its figures."""
    try:
        figures = run(Request(**json.loads(sys.argv[1])))
    except ChatterboxError as err:
        sys.stderr.write(f"{err}\n")
        return 2
    sys.stdout.write(json.dumps(figures) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
