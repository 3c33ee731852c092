"""Wherever memory runs out, there is speech, and the next utterance is an ordinary one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from wyoming.tts import SynthesizeVoice

from tests import checkpoints
from tests.client import plain
from tests.conftest import Tiny
from tests.examples import parameters
from tests.fakes import FakeEngine
from tests.http_serving import http
from tests.serving import Running, serving, until
from wyoming_chatterbox import config
from wyoming_chatterbox.engine import Block, Engine, Stage, Utterance, devices
from wyoming_chatterbox.engine.chatterbox import Chatterbox
from wyoming_chatterbox.engine.loader import Loader
from wyoming_chatterbox.engine.voice.preparation import VoicePreparation
from wyoming_chatterbox.engine.weights.tensor_file import TensorFile
from wyoming_chatterbox.errors import OutOfMemoryError
from wyoming_chatterbox.families import FAMILIES
from wyoming_chatterbox.precision import Precision

pytestmark = pytest.mark.slow(3)

LONG = "This is a sentence of some length, which may be cut where it has a comma."
FOR_EVER = 10**9


class Shortage:
    """Makes one place of an engine run out of memory, the next `times` that it comes by."""

    def __init__(self, place: str, times: int, after: int = 0) -> None:
        self.place = place
        self.times = times
        self.after = after
        """Times that the place is passed before."""

    def strike(self) -> None:
        if self.after:
            self.after -= 1
        elif self.times:
            self.times -= 1
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")

    def attach(self, engine: Chatterbox) -> None:
        networks = engine._networks
        assert networks is not None
        transformer: Any = networks.t3.tfmr
        match self.place:
            case "prefill" | "step":
                transformer.register_forward_pre_hook(self._decoding)
            case "flow":
                networks.flow.encoder_proj.register_forward_pre_hook(lambda *_: self.strike())
            case "vocoder":
                networks.vocoder.f0_predictor.register_forward_pre_hook(lambda *_: self.strike())
            case "voice preparation":
                engine._cloned._preparation = Starved(self, networks.preparation)

    def _decoding(self, _: Any, arguments: tuple[Any, ...]) -> None:
        if (arguments[0].shape[1] == 1) == (self.place == "step"):
            self.strike()


class Starved(VoicePreparation):
    """Runs out of memory while a voice is prepared."""

    def __init__(self, shortage: Shortage, whole: VoicePreparation) -> None:
        vars(self).update(vars(whole))
        self._shortage = shortage

    def speaker_encoder(self) -> Any:
        network: Any = super().speaker_encoder()
        network.head.register_forward_pre_hook(lambda *_: self._shortage.strike())
        return network


@pytest.fixture(scope="module")
def nano(tiny: Tiny) -> Path:
    return tiny("nano")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with one voice, alice."""
    (tmp_path / "voices").mkdir()
    time = np.arange(6 * 24000) / 24000
    soundfile.write(tmp_path / "voices" / "alice.wav", 0.2 * np.sign(np.sin(2 * np.pi * 140 * time)), 24000)
    return tmp_path


def loader_of(nano: Path, directory: Path) -> Loader:
    return Loader(
        config.load(["--model", str(nano), "--device", "cpu", "--no-http", "--data-dir", str(directory)], {}, directory)
    )


def failing_first(
    loader: Loader, shortage: Shortage
) -> Callable[[Callable[[Stage], None], Callable[[], bool]], Engine]:
    """Load as ever, but the first engine has a shortage."""
    shortages = [shortage]

    def load(report: Callable[[Stage], None], cancelled: Callable[[], bool]) -> Engine:
        engine = loader(report, cancelled)
        assert isinstance(engine, Chatterbox)
        if shortages:
            shortages.pop().attach(engine)
        return engine

    return load


async def ready(running: Running) -> None:
    await until(lambda: running.service.lifecycle.chatterbox is not None)


async def speaker_of(running: Running, text: str, voice: str | None = None) -> str | None:
    """Have a text said; who said the last of it."""
    heard = await plain(running.uri, text, SynthesizeVoice(name=voice) if voice else None)
    assert heard.error is None
    assert heard.seconds > 0
    return running.service.replies.records[-1].engine


VOICES = {"voice preparation": "alice"}


@pytest.mark.slow(2)
@pytest.mark.parametrize("place", parameters("prefill", "vocoder", full=["step", "flow", "voice preparation"]))
async def test_once_what_can_be_spared_is_freed_and_chatterbox_says_it_all_the_same(
    nano: Path, data: Path, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    loader = loader_of(nano, data)
    load = failing_first(loader, Shortage(place, times=1))
    async with serving(data, load=load, lower=loader.lower) as running:
        await ready(running)
        assert await speaker_of(running, "One.", VOICES.get(place)) == "nano"
        assert await speaker_of(running, "Two.", VOICES.get(place)) == "nano"
        assert running.service.replies.counters.tried_again == 1
        assert running.service.lifecycle.counters.lowered == 0
        assert running.standby.texts == []
    assert "Memory ran out" in caplog.text and "tried again" in caplog.text


@pytest.mark.slow(3)
@pytest.mark.parametrize("place", parameters("step", "voice preparation", full=["prefill", "flow", "vocoder"]))
async def test_again_and_again_chatterbox_goes_on_one_precision_lower(
    nano: Path, data: Path, place: str, caplog: pytest.LogCaptureFixture
) -> None:
    loader = loader_of(nano, data)
    load = failing_first(loader, Shortage(place, FOR_EVER))
    async with http(data, load=load, lower=loader.lower, patience=60) as server:
        running = server.running
        await ready(running)
        assert await speaker_of(running, "One.", VOICES.get(place)) == "nano"
        _, info = await server.get("/info")
        assert info["engine"]["dtype"] == "float16"
        assert "because memory ran out in float32" in info["engine"]["reason"]
        assert await speaker_of(running, "Two.", VOICES.get(place)) == "nano"
        assert (await server.get("/memory"))[1]["counters"]["lowered"] == 1
        assert running.standby.texts == []
    assert "one precision lower: float16" in caplog.text


@pytest.mark.slow(3)
@pytest.mark.parametrize("place", parameters("flow", full=["prefill"]))
async def test_meanwhile_the_standby_voice_says_what_is_left(nano: Path, data: Path, place: str) -> None:
    loader = loader_of(nano, data)
    load = failing_first(loader, Shortage(place, FOR_EVER))
    async with serving(data, load=load, lower=loader.lower, patience=0) as running:
        await ready(running)
        assert await speaker_of(running, "One one. Two.") == "standby"
        assert running.standby.texts == ["One one.", "Two."]
        await ready(running)
        assert await speaker_of(running, "Three.") == "nano"


async def test_a_long_sentence_is_tried_again_in_two_pieces(nano: Path, data: Path) -> None:
    loader = loader_of(nano, data)
    shortage = Shortage("prefill", times=1)
    async with serving(data, "--seed", "1", load=failing_first(loader, shortage)) as running:
        await ready(running)
        cut = await plain(running.uri, LONG)
        first, second = await plain(running.uri, LONG[:34]), await plain(running.uri, LONG[35:])
        assert cut.audio == first.audio + second.audio


async def test_what_was_heard_is_not_said_again_and_nothing_is_left_out(nano: Path, data: Path) -> None:
    shortage = Shortage("flow", times=0)

    def load(*_: object) -> Engine:
        engine = Chatterbox.load(nano, FAMILIES["nano"], checkpoints.FLOAT32, blocks=True)
        shortage.attach(engine)
        return engine

    async with serving(data, "--seed", "1", load=load) as running:
        await ready(running)
        whole = await plain(running.uri, "Hello there.")
        shortage.after, shortage.times = 2, 1
        broken_off = await plain(running.uri, "Hello there.")
        assert shortage.times == 0
        assert broken_off.audio == whole.audio
        assert running.service.replies.counters.tried_again == 1


async def test_while_loading_one_precision_lower_is_loaded_and_the_reason_shown(
    nano: Path, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = TensorFile.read
    shortages = iter([torch.OutOfMemoryError("CUDA out of memory.")])

    def short_of_memory(self: TensorFile, name: str, device: torch.device, dtype: torch.dtype | None) -> torch.Tensor:
        if "tfmr.h.1" in name and (shortage := next(shortages, None)):
            raise shortage
        return read(self, name, device, dtype)

    monkeypatch.setattr(TensorFile, "read", short_of_memory)
    loader = loader_of(nano, data)
    async with http(data, load=loader, lower=loader.lower) as server:
        await ready(server.running)
        _, info = await server.get("/info")
        assert info["engine"]["dtype"] == "float16"
        assert "because memory ran out in float32" in info["engine"]["reason"]
        assert info["status"]["error"] is None
        assert await speaker_of(server.running, "One.") == "nano"
        assert server.running.service.lifecycle.counters.out_of_memory == 1


async def test_where_nothing_lower_is_left_the_standby_voice_speaks_and_loading_is_tried_again(data: Path) -> None:
    def load(*_: object) -> Engine:
        raise MemoryError

    rungs = iter(["float16", "int8"])
    async with serving(data, load=load, lower=lambda: next(rungs, None), first_retry=60) as running:
        lifecycle = running.service.lifecycle
        await until(lambda: lifecycle.failure is not None)
        assert (lifecycle.attempts, lifecycle.counters.lowered) == (3, 2)
        assert "more memory" in lifecycle.snapshot()["hint"]
        assert await speaker_of(running, "One.") == "standby"


async def test_an_engine_that_cannot_even_clean_is_replaced(data: Path) -> None:
    class Stuck(FakeEngine):
        def clean(self) -> None:
            raise RuntimeError("CUDA error: an illegal memory access was encountered")

    first, second = Stuck("first"), FakeEngine("second")
    first.failures = [OutOfMemoryError("the device is full")] * 2
    engines = [first, second]
    async with serving(data, load=lambda *_: engines.pop(0), lower=lambda: "float16") as running:
        await ready(running)
        assert await speaker_of(running, "One.") == "second"


async def test_who_takes_over_midway_says_no_word_twice(data: Path) -> None:
    class Fading(FakeEngine):
        """Runs out of memory after twenty words."""

        def speak(self, utterance: Utterance, cancelled: Callable[[], bool]) -> Iterator[Block]:
            for number, block in enumerate(super().speak(utterance, cancelled)):
                if number == 20:
                    raise OutOfMemoryError("the device is full")
                yield block

    words = [f"Word{first}{second}" for first in "abc" for second in "efghijklmn"]
    async with serving(data, load=lambda *_: Fading()) as running:
        await ready(running)
        assert await speaker_of(running, " ".join(words[:18]) + ". " + " ".join(words) + ".") == "standby"
        (rest,) = running.standby.texts
    assert rest.endswith(" Wordcm Wordcn.")
    assert rest.split()[0] in words[20:24]


@pytest.mark.parametrize(("bfloat16", "following"), [(True, "int4"), (False, None)])
def test_a_gpu_without_int4_has_nothing_below_int8(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bfloat16: bool, following: str | None
) -> None:
    monkeypatch.setattr(devices, "computes_in_bfloat16", lambda _device: bfloat16)
    loader = Loader(config.load(["--device", "cuda", "--quantization", "int8"], {}, tmp_path))
    loader._precision = Precision("float16", "int8 was asked for", "int8", "float16", device="cuda:0")
    assert loader.lower() == following
