"""The Chatterbox engine speaks with every family's files, stops when told, and names what is wrong with a recording."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import soundfile
import torch

from tests.conftest import Tiny
from tests.examples import parameters
from wyoming_chatterbox.engine import Engine, Sampling, Utterance, Voice
from wyoming_chatterbox.engine.chatterbox import Chatterbox
from wyoming_chatterbox.engine.checkpoint import load
from wyoming_chatterbox.engine.devices import choose_precision, computes_in_bfloat16
from wyoming_chatterbox.engine.t3.spoken_length import most_tokens
from wyoming_chatterbox.engine.voice.conditionals import Conditionals, ConditionalsCache, key_of
from wyoming_chatterbox.errors import CheckpointError, ConfigError, EngineError, OutOfMemoryError, VoiceError
from wyoming_chatterbox.families import FAMILIES

from . import checkpoints
from .reference import mel_to_wave, tokens_to_mel

pytestmark = pytest.mark.slow(1)

CPU = torch.device("cpu")
OWN = Voice("own", "en")
SHORT = "Hi."
"""Random weights hardly ever end, so a text's length bounds the test's: `most_tokens` of it."""


def never() -> bool:
    return False


class Calls:
    """A `cancelled` that counts how often it is asked, and says yes from the `stop`th time on."""

    def __init__(self, stop: float = math.inf) -> None:
        self.stop = stop
        self.count = 0

    def __call__(self) -> bool:
        self.count += 1
        return self.count >= self.stop


def load_tiny(directory: Path, layout: str, dtype: str = "float32", device: str = "cpu") -> Chatterbox:
    family = FAMILIES[checkpoints.family_of(layout)]
    return Chatterbox.load(directory, family, choose_precision(family.name, dtype, device), blocks=True)


@pytest.fixture(scope="module")
def english(tiny: Tiny) -> Chatterbox:
    return load_tiny(tiny("english"), "english")


@pytest.fixture(scope="module")
def turbo(tiny: Tiny) -> Chatterbox:
    return load_tiny(tiny("turbo"), "turbo")


def say(
    engine: Engine, text: str = SHORT, voice: Voice = OWN, seed: int = 1, **sampling: float
) -> npt.NDArray[np.float32]:
    settings = Sampling(**sampling)  # type: ignore[arg-type]
    return np.concatenate(list(engine.speak(Utterance(text, voice, seed, settings), never)))


def tone(seconds: float, pitch: float = 140.0, rate: int = 24000) -> npt.NDArray[np.float64]:
    """Something voice-like: a buzz with a syllable's rhythm."""
    time = np.arange(int(seconds * rate)) / rate
    buzz = sum(np.sin(2 * np.pi * pitch * k * time) / k for k in range(1, 9))
    return 0.2 * buzz * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time))


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A low and a high voice, of 6 s."""
    folder = tmp_path_factory.mktemp("voices")
    low, high = folder / "low.wav", folder / "high.flac"
    soundfile.write(low, tone(6, 110), 24000)
    soundfile.write(high, tone(6, 260), 24000)
    return low, high


@pytest.mark.slow(1)
@pytest.mark.parametrize("layout", checkpoints.LAYOUTS)
def test_every_layout_speaks(tiny: Tiny, layout: str) -> None:
    engine = load_tiny(tiny(layout), layout)
    block = say(engine)
    assert block.dtype == np.float32
    assert np.isfinite(block).all()
    assert 0 < np.abs(block).max() <= 1
    # 960 samples a token, three tokens of silence after turbo and nano.
    tokens, rest = divmod(len(block), 960)
    assert rest == 0
    assert 0.7 * most_tokens(SHORT) < tokens <= most_tokens(SHORT) + 3


@pytest.mark.slow(2)
def test_same_seed_same_sound_and_another_seed_another(english: Chatterbox) -> None:
    first = say(english, seed=4)
    assert np.array_equal(first, say(english, seed=4))
    other = say(english, seed=5)
    assert len(other) != len(first) or not np.allclose(other, first)


@pytest.mark.slow(1)
def test_exaggeration_changes_the_sound_of_english(english: Chatterbox) -> None:
    # The first layer's normalisation makes an untrained model deaf to all but whether there is any.
    calm, wild = say(english, exaggeration=0.0), say(english, exaggeration=1.0)
    assert len(calm) != len(wild) or not np.allclose(calm, wild)


def test_guidance_can_be_switched_off(english: Chatterbox) -> None:
    assert np.isfinite(say(english, cfg_weight=0.0)).all()


@pytest.mark.slow(2)
def test_the_language_is_part_of_what_is_spoken(tiny: Tiny) -> None:
    engine = load_tiny(tiny("multilingual"), "multilingual")
    assert set(engine.languages) == set(FAMILIES["multilingual"].languages)
    german = say(engine, voice=Voice("own-de", "de"))
    french = say(engine, voice=Voice("own-fr", "fr"))
    assert len(german) != len(french) or not np.allclose(german, french)


def test_chinese_is_tokenised_from_local_files_alone(tiny: Tiny, tmp_path: Path) -> None:
    networks = load(tiny("multilingual"), FAMILIES["multilingual"], checkpoints.FLOAT32)
    known = networks.tokenizer("你好", "zh")
    # [zh], then a token a Cangjie letter and one for the end: onf. vnd.
    assert len(known) >= 1 + 4 + 4
    assert len(networks.tokenizer("龘", "zh")) < len(networks.tokenizer("你", "zh"))
    for path in tiny("multilingual").iterdir():
        if path.name != "Cangjie5_TC.json":
            (tmp_path / path.name).symlink_to(path)
    without = load(tmp_path, FAMILIES["multilingual"], checkpoints.FLOAT32)
    assert without.tokenizer("Hallo", "de") == networks.tokenizer("Hallo", "de")
    with pytest.raises(CheckpointError, match="Cangjie5_TC"):
        without.tokenizer("你好", "zh")


@pytest.mark.slow(3)
def test_two_recordings_are_two_voices_beside_its_own_and_each_stays_itself(
    turbo: Chatterbox, recordings: tuple[Path, Path]
) -> None:
    low, high = (Voice(path.stem, "en", path) for path in recordings)
    turbo.prepare(high, never)
    own, first, second = (say(turbo, voice=voice) for voice in (OWN, low, high))
    for one, other in ((own, first), (own, second), (first, second)):
        assert len(one) != len(other) or not np.allclose(one, other)
    assert np.array_equal(first, say(turbo, voice=low))


@pytest.mark.parametrize(("dtype", "error"), [("float16", 0.02), ("bfloat16", 0.15)])
@pytest.mark.parametrize("layout", ["english", "turbo"])
def test_in_16_bits_the_mel_stays_close(tiny: Tiny, layout: str, dtype: str, error: float) -> None:
    tokens = torch.randint(6561, (20,), generator=torch.Generator().manual_seed(1))
    mels = []
    for name in ("float32", dtype):
        networks = load(tiny(layout), FAMILIES[layout], checkpoints.computing_in(name))
        torch.manual_seed(3)
        mels.append(tokens_to_mel(networks.flow, tokens, networks.conditionals, never))
        assert mels[-1].dtype == torch.float32
    exact, close = mels
    assert float((close - exact).norm() / exact.norm()) < error
    assert np.isfinite(mel_to_wave(networks.vocoder, close)).all()


@pytest.mark.slow(3)
@pytest.mark.parametrize(
    ("layout", "dtype"),
    parameters(("english", "bfloat16"), ("nano", "float16"), full=[("english", "float16"), ("nano", "bfloat16")]),
)
def test_in_16_bits_it_speaks_and_leaves_a_voices_tokens_alone(
    tiny: Tiny, recordings: tuple[Path, Path], layout: str, dtype: str
) -> None:
    engine = load_tiny(tiny(layout), layout, dtype)
    assert engine.describe().dtype == (dtype if computes_in_bfloat16(CPU) else "float16")
    for voice in (OWN, Voice("low", "en", recordings[0])):
        assert np.isfinite(say(engine, voice=voice)).all()
    networks = load(tiny(layout), FAMILIES[layout], checkpoints.computing_in(dtype))
    whole = checkpoints.build(layout).conditionals
    tokens_to_mel(networks.flow, torch.tensor([5, 6]), networks.conditionals, never)
    assert networks.conditionals.prompt_tokens.tolist() == whole.gen["prompt_token"].tolist()


@pytest.mark.parametrize("stop", [1, 2, 7])
def test_cancelling_stops_before_the_next_step(english: Chatterbox, stop: int) -> None:
    calls = Calls(stop)
    assert list(english.speak(Utterance(SHORT, OWN, seed=1), calls)) == []
    assert calls.count == stop


@pytest.mark.slow(3)
def test_cancelling_stops_between_steps_of_the_flow(english: Chatterbox) -> None:
    whole = Calls()
    blocks = list(english.speak(Utterance(SHORT, OWN, seed=1), whole))
    for stop in (whole.count - 10, whole.count - 3, whole.count):
        calls = Calls(stop)
        assert len(list(english.speak(Utterance(SHORT, OWN, seed=1), calls))) < len(blocks)
        assert calls.count == stop
    assert np.isfinite(say(english)).all()


@pytest.mark.parametrize("layout", ["english", "turbo"])
def test_a_model_that_ends_at_once_gives_a_short_silence(tiny: Tiny, tmp_path: Path, layout: str) -> None:
    from safetensors.torch import load_file, save_file

    for path in tiny(layout).iterdir():
        (tmp_path / path.name).symlink_to(path)
    name = checkpoints.LAYOUTS[layout][0]
    tensors = load_file(tmp_path / name)
    if layout == "turbo":
        tensors["speech_head.bias"][6562] = 1e4
    else:
        # Whichever sign the one feature left has, only the stop token or the start token, which is no sound, is drawn.
        tensors["tfmr.norm.weight"] = torch.zeros_like(tensors["tfmr.norm.weight"])
        tensors["tfmr.norm.weight"][0] = 1e6
        tensors["speech_head.weight"] = torch.zeros_like(tensors["speech_head.weight"])
        tensors["speech_head.weight"][6561:6563, 0] = torch.tensor([-1.0, 1.0])
    (tmp_path / name).unlink()
    save_file(tensors, tmp_path / name)
    sound = say(load_tiny(tmp_path, layout))
    assert 0 < len(sound) <= 3 * 960
    assert layout == "turbo" or not sound.any()


@pytest.mark.parametrize("text", ["", "  \n"])
def test_no_text_is_a_short_silence(english: Chatterbox, text: str) -> None:
    sound = say(english, text)
    assert len(sound) == 2400
    assert not sound.any()


@pytest.mark.slow(1)
def test_a_text_too_long_for_the_model_is_an_engine_error(english: Chatterbox) -> None:
    with pytest.raises(EngineError, match="tokens"):
        say(english, "word " * 200)
    assert np.isfinite(say(english)).all()


def test_a_setting_out_of_range_is_an_engine_error(english: Chatterbox) -> None:
    with pytest.raises(EngineError, match="top_p"):
        say(english, top_p=7.0)


class TestARecordingThatCantBeUsed:
    def refused(self, engine: Chatterbox, path: Path, reason: str) -> None:
        with pytest.raises(VoiceError, match=reason) as caught:
            engine.prepare(Voice("broken", "en", path), never)
        assert str(path) in str(caught.value)
        with pytest.raises(VoiceError, match=reason):
            say(engine, voice=Voice("broken", "en", path))

    def test_not_there(self, english: Chatterbox, tmp_path: Path) -> None:
        self.refused(english, tmp_path / "nobody.wav", "can't be read")

    def test_not_audio(self, english: Chatterbox, tmp_path: Path) -> None:
        path = tmp_path / "letter.wav"
        path.write_text("Dear Alice,\n" * 1000)
        self.refused(english, path, "no sound file")

    def test_empty_file(self, english: Chatterbox, tmp_path: Path) -> None:
        path = tmp_path / "nothing.wav"
        path.write_bytes(b"")
        self.refused(english, path, "empty")

    def test_no_samples(self, english: Chatterbox, tmp_path: Path) -> None:
        path = tmp_path / "none.wav"
        soundfile.write(path, np.zeros(0), 24000)
        self.refused(english, path, "holds no samples")

    def test_silent(self, english: Chatterbox, tmp_path: Path) -> None:
        path = tmp_path / "silent.wav"
        soundfile.write(path, np.zeros(24000 * 6), 24000)
        self.refused(english, path, "silent")

    def test_not_numbers(self, english: Chatterbox, tmp_path: Path) -> None:
        path = tmp_path / "nan.wav"
        samples = tone(6)
        samples[1000] = np.nan
        soundfile.write(path, samples, 24000, subtype="FLOAT")
        self.refused(english, path, "not numbers")

    @pytest.mark.slow(1)
    def test_too_short_for_turbo(self, turbo: Chatterbox, english: Chatterbox, tmp_path: Path) -> None:
        path = tmp_path / "short.wav"
        soundfile.write(path, tone(4.5), 24000)
        self.refused(turbo, path, r"4\.[345] s of speech.*over 5 s")
        english.prepare(Voice("short", "en", path), never)

    def test_too_short_for_all(self, english: Chatterbox, tmp_path: Path) -> None:
        path = tmp_path / "blip.wav"
        soundfile.write(path, tone(0.4), 24000)
        self.refused(english, path, r"0\.4 s of speech.*over 1 s")


@pytest.mark.slow(2)
def test_a_recording_that_changes_is_prepared_again(turbo: Chatterbox, tmp_path: Path) -> None:
    path = tmp_path / "alice.wav"
    soundfile.write(path, tone(6, 110), 24000)
    before = say(turbo, voice=Voice("alice", "en", path))
    soundfile.write(path, tone(7, 300), 24000)
    after = say(turbo, voice=Voice("alice", "en", path))
    assert len(before) != len(after) or not np.allclose(before, after)


def test_prepared_voices_are_kept_and_the_least_recently_used_is_forgotten(tmp_path: Path) -> None:
    cache = ConditionalsCache(capacity=2)
    prepared: list[str] = []

    def voice_of(path: Path) -> Conditionals:
        def make() -> Conditionals:
            prepared.append(path.name)
            return Conditionals(*(torch.zeros(1) for _ in range(5)))

        return cache.get(key_of(path, None), make)

    a, b, c = (tmp_path / name for name in "abc")
    for path in (a, b, c):
        path.write_text(path.name)
    assert voice_of(a) is voice_of(a)
    for path in (b, a, c, a, b):
        voice_of(path)
    assert prepared == ["a", "b", "c", "b"]
    assert len(cache) == 2


@pytest.mark.slow(1)
def test_running_out_of_memory_has_its_own_error_and_the_engine_goes_on(turbo: Chatterbox) -> None:
    def hungry() -> bool:
        return bool(torch.empty(1 << 52, dtype=torch.uint8).any())

    with pytest.raises(OutOfMemoryError):
        list(turbo.speak(Utterance(SHORT, OWN, seed=1), hungry))
    assert np.isfinite(say(turbo)).all()


def test_it_says_what_it_is_made_of(english: Chatterbox) -> None:
    description = english.describe()
    assert (description.name, description.device, description.dtype) == ("english", "cpu", "float32")
    assert description.quantization == "none"
    assert "cpu" in description.reason
    assert {"t3", "flow", "vocoder", "watermark"} <= set(description.parts)
    assert all(size > 0 for size in description.parts.values())
    assert description.details["backbone"] == "llama"
    assert english.languages == ("en",)
    assert english.memory() == {}


@pytest.mark.slow(1)
def test_loading_and_speaking_print_nothing(tiny: Tiny, capfd: pytest.CaptureFixture[str]) -> None:
    engine = load_tiny(tiny("nano"), "nano")
    say(engine)
    out, err = capfd.readouterr()
    assert out == ""
    assert "s/it" not in err


@pytest.mark.slow(1)
def test_loading_and_speaking_warn_of_nothing(tiny: Tiny, recwarn: pytest.WarningsRecorder) -> None:
    say(load_tiny(tiny("english"), "english"))
    assert [str(warning.message) for warning in recwarn] == []


@pytest.mark.slow(1)
def test_closed_it_speaks_no_more(tiny: Tiny) -> None:
    engine = load_tiny(tiny("nano"), "nano")
    engine.close()
    with pytest.raises(EngineError, match="closed"):
        say(engine)
    with pytest.raises(EngineError, match="closed"):
        engine.prepare(OWN, never)
    assert engine.describe().parts == {}
    engine.close()


def test_a_device_that_is_not_there_is_a_configuration_error(tiny: Tiny) -> None:
    with pytest.raises(ConfigError, match="cuda:77"):
        load_tiny(tiny("nano"), "nano", device="cuda:77")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device")
@pytest.mark.parametrize("layout", checkpoints.LAYOUTS)
@pytest.mark.parametrize("dtype", ["auto", "float32", "bfloat16"])
def test_on_cuda_it_speaks_and_gives_the_memory_back(
    tiny: Tiny, recordings: tuple[Path, Path], layout: str, dtype: str
) -> None:
    before = torch.cuda.memory_allocated()
    engine = load_tiny(tiny(layout), layout, dtype, "cuda")
    if dtype == "auto":
        assert engine.describe().dtype == "float16"
    for voice in (OWN, Voice("low", "en", recordings[0])):
        assert np.isfinite(say(engine, voice=voice)).all()
    assert before < engine.memory()["allocated"] <= engine.memory()["peak"] < engine.memory()["total"]
    engine.close()
    assert torch.cuda.memory_allocated() <= before + (1 << 20)


@pytest.mark.slow(1)
def test_loading_says_something_that_nobody_hears_and_learns_how_fast_it_is(tiny: Tiny) -> None:
    engine = Chatterbox.load(tiny("turbo"), FAMILIES["turbo"], checkpoints.FLOAT32)
    assert engine._decoder is not None
    assert engine._decoder.steps == 10
    assert engine._pace.token is not None
    assert engine._pace.window is not None
    cold = Chatterbox.load(tiny("turbo"), FAMILIES["turbo"], checkpoints.FLOAT32, warm_up=False)
    assert cold._decoder is not None
    assert cold._decoder.steps == 0
