"""Memory: what is held is told by part and format, what is not needed goes, and nothing grows."""

from __future__ import annotations

import gc
import itertools
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile
import torch
from safetensors.torch import load_file, save_file
from wyoming.tts import SynthesizeVoice

from tests import checkpoints
from tests.client import plain
from tests.conftest import Tiny
from tests.http_serving import http
from tests.serving import serving, until
from wyoming_chatterbox import config
from wyoming_chatterbox.engine import Engine, Utterance, Voice
from wyoming_chatterbox.engine.chatterbox import Chatterbox
from wyoming_chatterbox.engine.loader import Loader
from wyoming_chatterbox.engine.t3.kv_cache import KVCache
from wyoming_chatterbox.engine.t3.voice_prefixes import VoicePrefixes
from wyoming_chatterbox.engine.voice.conditionals import Conditionals, ConditionalsCache, key_of
from wyoming_chatterbox.errors import VoiceError
from wyoming_chatterbox.families import FAMILIES
from wyoming_chatterbox.precision import choose
from wyoming_chatterbox.speech import memory

pytestmark = pytest.mark.slow(2)

CPU = torch.device("cpu")
STOP = 6562


@pytest.fixture(scope="module")
def nano(tiny: Tiny) -> Path:
    return tiny("nano")


def load(nano: Path) -> Chatterbox:
    return Chatterbox.load(nano, FAMILIES["nano"], checkpoints.FLOAT32)


def record(path: Path, pitch: float) -> Path:
    time = np.arange(6 * 24000) / 24000
    soundfile.write(path, 0.2 * np.sign(np.sin(2 * np.pi * pitch * time)), 24000)
    return path


def speak(engine: Engine, voice: Voice) -> None:
    assert list(engine.speak(Utterance("Hi.", voice, seed=1), lambda: False))


def tensor_bytes() -> int:
    """Bytes of all tensors that collections see, each storage once."""
    gc.collect()
    storages = {}
    for thing in gc.get_objects():
        if type(thing) in (torch.Tensor, torch.nn.Parameter):
            storage = thing.untyped_storage()
            storages[storage.data_ptr()] = storage.nbytes()
    return sum(storages.values())


def never() -> bool:
    return False


class TestVoicePreparation:
    def test_its_networks_are_here_only_while_a_voice_is_prepared(self, nano: Path, tmp_path: Path) -> None:
        engine = load(nano)
        # The package keeps some filters of its own after the first.
        engine.prepare(Voice("alice", "en", record(tmp_path / "alice.wav", 140)), never)
        before, held_before = tensor_bytes(), engine.caches()
        engine.prepare(Voice("bob", "en", record(tmp_path / "bob.wav", 100)), never)
        held = engine.caches()
        assert (held_before["voices"], held["voices"]) == (1, 2)
        assert "voice preparation" not in engine.describe().parts
        assert tensor_bytes() - before == held["voices_bytes"] - held_before["voices_bytes"] > 0

    def test_nor_are_they_after_a_recording_that_is_none(self, nano: Path, tmp_path: Path) -> None:
        engine = load(nano)
        before = tensor_bytes()
        (tmp_path / "broken.wav").write_text("no sound")
        with pytest.raises(VoiceError):
            engine.prepare(Voice("broken", "en", tmp_path / "broken.wav"), never)
        assert tensor_bytes() == before

    def test_a_voice_outlives_the_engine_that_prepared_it(self, nano: Path, tmp_path: Path) -> None:
        loader = Loader(config.load(["--model", str(nano), "--device", "cpu"], {}, tmp_path))
        voice = Voice("alice", "en", record(tmp_path / "alice.wav", 140))
        first = loader(lambda _: None, lambda: False)
        first.prepare(voice, never)
        first.close()
        loader.lower()
        second = loader(lambda _: None, lambda: False)
        assert second.describe().dtype == "float16"
        assert isinstance(second, Chatterbox)
        networks = second._networks
        assert networks is not None
        networks.preparation.s3_tokenizer = lambda: pytest.fail("prepared again")  # type: ignore[method-assign]
        speak(second, voice)


def test_closing_and_cleaning_leave_nothing_behind(nano: Path, tmp_path: Path) -> None:
    voice = Voice("alice", "en", record(tmp_path / "alice.wav", 140))
    # The package keeps some filters of its own after the first.
    speak(load(nano), voice)
    empty = tensor_bytes()
    engine = load(nano)
    speak(engine, voice)
    engine.clean()
    clean = tensor_bytes()
    assert engine.caches()["kv_cache_bytes"] == 0
    speak(engine, voice)
    assert tensor_bytes() > clean
    engine.clean()
    assert tensor_bytes() == clean
    speak(engine, voice)
    engine.close()
    del engine
    assert tensor_bytes() == empty


def test_weights_are_told_by_part_and_by_format(nano: Path) -> None:
    engine = Chatterbox.load(nano, FAMILIES["nano"], choose("float16", "nano", "cpu"))
    about = engine.describe()
    assert {part: sum(formats.values()) for part, formats in about.formats.items()} == about.parts
    assert about.formats["t3"]["float16"] > about.formats["t3"].get("float32", 0)
    # The vocoder computes in float32, with weights held in 16 bits.
    assert about.formats["vocoder"]["float16"] > about.formats["vocoder"]["float32"]


def voice_of(size: int) -> Conditionals:
    """A voice of so many bytes."""
    return Conditionals(torch.zeros(size, dtype=torch.uint8), None, *(torch.zeros(0) for _ in range(3)))


def test_prepared_voices_are_bounded_in_bytes_and_the_latest_is_always_kept(tmp_path: Path) -> None:
    cache = ConditionalsCache(capacity=10, most_bytes=100)
    paths = [tmp_path / str(number) for number in range(4)]
    for path in paths:
        path.touch()
    for path, size in zip(paths, (40, 40, 40, 400), strict=True):
        assert cache.get(key_of(path, None), lambda size=size: voice_of(size)).bytes == size  # type: ignore[misc]
        assert cache.bytes <= max(100, size)
    assert (len(cache), cache.bytes) == (1, 400)


def test_voices_kv_caches_are_bounded_in_bytes_and_the_latest_is_always_kept() -> None:
    def prefix() -> KVCache:
        return KVCache(1, 1, 1, 10, 1, CPU, torch.float32)

    prefixes = VoicePrefixes(capacity=10, most_bytes=200)
    voices = [voice_of(1) for _ in range(4)]
    before = KVCache.held()
    for voice in voices:
        prefixes.get(voice, 0.5, prefix)
    assert prefixes.bytes == KVCache.held() - before == 160
    prefixes = VoicePrefixes(most_bytes=1)
    assert prefixes.get(voices[0], 0.5, prefix) is prefixes.get(voices[0], 0.5, prefix)


class TestCleanup:
    async def test_a_post_cleans_and_says_what_that_freed(self, nano: Path, tmp_path: Path) -> None:
        async with http(tmp_path, load=lambda *_: load(nano)) as server:
            await until(lambda: server.running.service.lifecycle.chatterbox is not None)
            await plain(server.running.uri, "One.")
            _, now = await server.get("/memory")
            held = now["engines"][0]["kv_cache_bytes"]
            assert held > 0
            async with server.client.post("/memory/cleanup") as response:
                assert response.status == 200
                answer = await response.json()
            assert answer["freed"]["kv_cache_bytes"] == held
            assert answer["before"]["kv_cache_bytes"] - answer["after"]["kv_cache_bytes"] == held
            assert answer["after"]["process_rss_bytes"] > 0
            assert (await server.get("/memory"))[1]["engines"][0]["kv_cache_bytes"] == 0
            assert (await plain(server.running.uri, "Two.")).error is None

    async def test_it_waits_its_turn(self, tmp_path: Path) -> None:
        async with http(tmp_path) as server:
            assert server.running.chatterbox.cleaned == 0
            async with server.client.post("/memory/cleanup") as response:
                assert response.status == 200
            assert (server.running.chatterbox.cleaned, server.running.standby.cleaned) == (1, 1)

    async def test_looking_does_not_clean(self, tmp_path: Path) -> None:
        async with http(tmp_path) as server:
            assert (await server.get("/memory"))[0] == 200
            assert (await server.get("/memory/cleanup"))[0] == 405
            assert server.running.chatterbox.cleaned == 0

    async def test_pages_of_others_and_strangers_may_not(self, tmp_path: Path) -> None:
        async with http(tmp_path, "--http-token", "sesame") as server:
            for headers, status in (
                ({}, 401),
                ({"Authorization": "Bearer sesame", "Origin": "http://evil.example"}, 403),
                ({"Authorization": "Bearer sesame"}, 200),
            ):
                async with server.client.post("/memory/cleanup", headers=headers) as response:
                    assert response.status == status


@pytest.mark.parametrize("interval", [1, 3])
async def test_the_process_is_cleaned_every_so_many_utterances(tmp_path: Path, interval: int) -> None:
    async with http(tmp_path, "--memory-cleanup-interval", str(interval)) as server:
        await plain(server.running.uri, "One more. " * 7)
        assert (await server.get("/memory"))[1]["counters"]["memory_cleanups"] == 7 // interval


@pytest.fixture(scope="module")
def brief(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that ends after a word or two, as a trained one would; an untrained one goes on to the limit."""
    directory = checkpoints.make("nano", tmp_path_factory.mktemp("brief") / "nano")
    path = directory / checkpoints.LAYOUTS["nano"][0]
    tensors = load_file(path)
    tensors["speech_head.bias"][STOP] = 6.0
    path.unlink()
    save_file(tensors, path)
    return directory


@pytest.mark.timeout(600)
@pytest.mark.parametrize(
    ("voices", "first", "all_of_them"),
    [
        pytest.param(2, 6, 16, marks=pytest.mark.slow(5)),
        pytest.param(20, 50, 500, marks=[pytest.mark.slow(223), pytest.mark.full]),
    ],
)
async def test_many_short_utterances_over_many_voices_leave_memory_as_it_was_after_the_first(
    brief: Path, tmp_path: Path, voices: int, first: int, all_of_them: int
) -> None:
    (tmp_path / "voices").mkdir()
    names = [record(tmp_path / "voices" / f"voice{number}.wav", 100 + 10 * number).stem for number in range(voices)]
    process = psutil.Process()
    async with serving(tmp_path, load=lambda *_: load(brief)) as running:
        await until(lambda: running.service.lifecycle.chatterbox is not None)
        turns = itertools.cycle(names)

        async def say(count: int) -> tuple[int, int]:
            for _ in range(count):
                heard = await plain(running.uri, "Hi.", SynthesizeVoice(name=next(turns)))
                assert heard.error is None
            gc.unfreeze()
            tensors = tensor_bytes()
            memory.settle()
            return process.memory_info().rss, tensors

        rss, tensors = await say(first)
        rss_after, tensors_after = await say(all_of_them - first)
        assert running.standby.texts == []
        assert running.scheduler.utterances == all_of_them
    assert abs(tensors_after / tensors - 1) < 0.02
    assert rss_after / rss < 1.02
