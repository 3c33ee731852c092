"""Held against chatterbox-tts itself, on the same weights and seeds: the same tokens, and the same samples."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from chatterbox.mtl_tts import ChatterboxMultilingualTTS
from chatterbox.tts import ChatterboxTTS
from chatterbox.tts_turbo import ChatterboxTurboTTS

from tests.conftest import Tiny
from wyoming_chatterbox.engine import Sampling
from wyoming_chatterbox.engine.checkpoint import Networks, load
from wyoming_chatterbox.engine.s3gen.watermark import load_watermarker
from wyoming_chatterbox.engine.t3.sampling import DEFAULTS
from wyoming_chatterbox.engine.upstream.chatterbox_tts import S3GEN_SIL, EnTokenizer, T3Cond
from wyoming_chatterbox.engine.voice.draft import Draft
from wyoming_chatterbox.engine.voice.reading import Reader
from wyoming_chatterbox.families import FAMILIES

from . import checkpoints
from .reference import generate, mel_to_wave, tokens_to_mel

pytestmark = pytest.mark.slow(1)

CPU = torch.device("cpu")
TOKENS = 30


def never() -> bool:
    return False


@pytest.fixture(scope="module", params=["english", "multilingual", "turbo"])
def pair(request: pytest.FixtureRequest, tiny: Tiny) -> tuple[Networks, Any]:
    """The same checkpoint through this project's loader, and as the package's own object."""
    layout = request.param
    directory = tiny(layout)
    return load(directory, FAMILIES[layout], checkpoints.FLOAT32), stock(layout, directory)


class LevelledTurbo(ChatterboxTurboTTS):  # type: ignore[misc]
    """The package's, less its defect under NumPy 2: levelling turns the recording into float64."""

    def norm_loudness(self, wav: Any, sr: int, target_lufs: float = -27) -> Any:
        return super().norm_loudness(wav, sr, target_lufs).astype(np.float32)


def stock(layout: str, directory: Path) -> Any:
    """The package's object around networks that this project's loader never saw; it speaks `TOKENS` tokens."""
    built = checkpoints.build(layout)
    kinds = {"english": ChatterboxTTS, "multilingual": ChatterboxMultilingualTTS, "turbo": LevelledTurbo}
    kinds["nano"] = kinds["turbo"]
    if layout in ("turbo", "nano"):
        from transformers import AutoTokenizer

        tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True)
        tokenizer.pad_token = tokenizer.eos_token
        whole = built.t3.inference_turbo
        built.t3.inference_turbo = lambda *args, **kwargs: whole(*args, **kwargs, max_gen_len=TOKENS - 1)
    else:
        # The multilingual tokenizer's constructor downloads; no test needs the package's own.
        tokenizer = EnTokenizer(str(directory / "tokenizer.json")) if layout == "english" else None
        inference = built.t3.inference
        built.t3.inference = lambda *args, **kwargs: inference(*args, **{**kwargs, "max_new_tokens": TOKENS})
    return kinds[layout](built.t3, built.s3gen, built.voice_encoder, tokenizer, "cpu", built.conditionals)


def stock_tokens(theirs: Any, text: list[int], **settings: float) -> torch.Tensor:
    """The package's T3 with its own loop, on text tokens without start and end."""
    if theirs.t3.is_gpt:
        tokens = theirs.t3.inference_turbo(theirs.conds.t3, torch.tensor([text]), **settings)
    else:
        ids = torch.tensor([[255, *text, 0]])
        tokens = theirs.t3.inference(t3_cond=theirs.conds.t3, text_tokens=torch.cat([ids, ids]), **settings)
    drawn: torch.Tensor = tokens[0][tokens[0] < 6561]
    return drawn


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_same_seed_draws_the_same_tokens(pair: tuple[Networks, Any], seed: int) -> None:
    ours, theirs = pair
    text = ours.tokenizer(checkpoints.TEXT, "en")
    torch.manual_seed(seed)
    settings = DEFAULTS[ours.family.name]
    mine = generate(ours.t3, text, ours.conditionals, settings, TOKENS, never)
    torch.manual_seed(seed)
    penalty = {} if ours.t3.is_gpt else {"repetition_penalty": settings.repetition_penalty, "top_p": 1.0}
    assert mine.tolist() == stock_tokens(theirs, text, **penalty).tolist()
    assert len(mine) > TOKENS // 2


def test_other_settings_draw_the_same_tokens(pair: tuple[Networks, Any]) -> None:
    ours, theirs = pair
    text = ours.tokenizer(checkpoints.TEXT, "en")
    changed: dict[str, Any] = {"temperature": 0.6, "top_p": 0.7, "repetition_penalty": 1.7}
    changed |= {"top_k": 50} if ours.t3.is_gpt else {"min_p": 0.02, "cfg_weight": 0.9}
    settings = replace(DEFAULTS[ours.family.name], **changed)
    torch.manual_seed(5)
    mine = generate(ours.t3, text, ours.conditionals, settings, TOKENS, never)
    torch.manual_seed(5)
    assert mine.tolist() == stock_tokens(theirs, text, **changed).tolist()


def test_same_tokens_and_seed_give_the_same_mel_and_wave(pair: tuple[Networks, Any]) -> None:
    ours, theirs = pair
    tokens = torch.randint(6561, (25,), generator=torch.Generator().manual_seed(4))
    torch.manual_seed(9)
    mel = tokens_to_mel(ours.flow, tokens, ours.conditionals, never)
    wave = mel_to_wave(ours.vocoder, mel)
    torch.manual_seed(9)
    their_mel = theirs.s3gen.flow_inference(tokens, ref_dict=theirs.conds.gen, finalize=True)
    torch.manual_seed(9)
    their_wave, _ = theirs.s3gen.inference(tokens, ref_dict=theirs.conds.gen)
    assert mel.std() > 0.1
    torch.testing.assert_close(mel, their_mel, atol=1e-4, rtol=1e-4)
    assert len(wave) == 25 * 960
    np.testing.assert_allclose(wave, their_wave[0].numpy(), atol=1e-4)


@pytest.mark.slow(1)
@pytest.mark.parametrize("layout", ["english", "turbo"])
def test_same_seed_speaks_the_same_samples_as_generate(tiny: Tiny, layout: str) -> None:
    theirs = stock(layout, tiny(layout))
    ours = load(tiny(layout), FAMILIES[layout], checkpoints.FLOAT32)
    text = ours.tokenizer("hello there: this is it", "en")
    torch.manual_seed(11)
    tokens = generate(ours.t3, text, ours.conditionals, DEFAULTS[layout], TOKENS, never)
    if ours.t3.is_gpt:
        tokens = torch.cat([tokens, torch.full((3,), S3GEN_SIL)])
    wave = mel_to_wave(ours.vocoder, tokens_to_mel(ours.flow, tokens, ours.conditionals, never))
    block = load_watermarker().mark(wave)
    torch.manual_seed(11)
    samples = theirs.generate("hello there: this is it")[0].numpy()
    assert len(block) == len(samples) > 10_000
    np.testing.assert_allclose(block, samples, atol=1e-4)


def test_a_voice_of_a_recording_is_the_same(pair: tuple[Networks, Any], recording: Path) -> None:
    ours, theirs = pair
    length = ours.t3.hp.speech_cond_prompt_len
    mine = Draft(recording, ours.preparation, ours.family.prompt, length, CPU, Reader()).finish(lambda: False)
    before = theirs.conds
    theirs.prepare_conditionals(str(recording))
    prepared, theirs.conds = theirs.conds, before
    assert mine.t3_prompt is not None
    assert mine.t3_prompt.tolist() == prepared.t3.cond_prompt_speech_tokens.tolist()
    assert mine.t3_prompt.shape[1] == (163 if ours.t3.is_gpt else 150)
    assert mine.prompt_tokens.tolist() == prepared.gen["prompt_token"].tolist()
    assert mine.prompt_mel.dtype == mine.speaker.dtype == mine.embedding.dtype == torch.float32
    torch.testing.assert_close(mine.speaker, prepared.t3.speaker_emb)
    torch.testing.assert_close(mine.prompt_mel, prepared.gen["prompt_feat"])
    torch.testing.assert_close(mine.embedding, prepared.gen["embedding"])


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """6.5 s of stereo at 44.1 kHz: a gliding tone with a syllable's rhythm, and some noise."""
    path = tmp_path_factory.mktemp("recording") / "glide.wav"
    time = np.arange(int(6.5 * 44100)) / 44100
    tone = np.sin(2 * np.pi * (150 + 20 * np.sin(3 * time)) * time) * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time))
    noise = np.random.default_rng(3).normal(size=(len(time), 2)) * 0.01
    soundfile.write(path, 0.3 * tone[:, None] + noise, 44100)
    return path


def test_speaking_leaves_a_voice_as_it_was(pair: tuple[Networks, Any]) -> None:
    ours, _ = pair
    voice = ours.conditionals
    kept = {name: value.clone() for name, value in vars(voice).items() if value is not None}
    text = ours.tokenizer(checkpoints.TEXT, "en")
    for _ in range(2):
        tokens = generate(ours.t3, text, voice, DEFAULTS[ours.family.name], 5, never)
        tokens_to_mel(ours.flow, tokens, voice, never)
    for name, value in kept.items():
        assert torch.equal(getattr(voice, name), value), name


@pytest.mark.slow(1)
def test_without_guidance_one_row_draws_what_two_would(tiny: Tiny) -> None:
    ours = load(tiny("multilingual"), FAMILIES["multilingual"], checkpoints.FLOAT32)
    theirs = stock("multilingual", tiny("multilingual"))
    text = ours.tokenizer(checkpoints.TEXT, "de")
    torch.manual_seed(2)
    mine = generate(ours.t3, text, ours.conditionals, replace(DEFAULTS["english"], cfg_weight=0.0), TOKENS, never)
    ids = torch.tensor([[255, *text, 0]])
    torch.manual_seed(2)
    tokens = theirs.t3.inference(
        t3_cond=T3Cond(**{**vars(theirs.conds.t3), "cond_prompt_speech_emb": None}),
        text_tokens=torch.cat([ids, ids]),
        cfg_weight=0.0,
        top_p=1.0,
    )
    assert mine.tolist() == tokens[0][tokens[0] < 6561].tolist()


def test_the_families_defaults_are_those_of_generate() -> None:
    """But multilingual's penalty, which follows the main branch: see `test_upstream_defaults`."""
    import inspect

    for name, kind in (("english", ChatterboxTTS), ("multilingual", ChatterboxMultilingualTTS)):
        parameters = inspect.signature(kind.generate).parameters
        for setting in ("temperature", "top_p", "min_p", "repetition_penalty", "cfg_weight", "exaggeration"):
            if (name, setting) != ("multilingual", "repetition_penalty"):
                assert getattr(DEFAULTS[name], setting) == parameters[setting].default, (name, setting)
    turbo = inspect.signature(ChatterboxTurboTTS.generate).parameters
    for setting in ("temperature", "top_p", "top_k", "repetition_penalty"):
        assert getattr(DEFAULTS["turbo"], setting) == turbo[setting].default == getattr(DEFAULTS["nano"], setting)
    assert set(vars(Sampling())) == set(vars(DEFAULTS["english"]))
