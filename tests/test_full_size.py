"""At full size, too: the package's scores, tokens, mel and wave, on random weights of every family."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from wyoming_chatterbox.engine.measuring import random_checkpoint
from wyoming_chatterbox.engine.s3gen.build import build_flow, build_vocoder
from wyoming_chatterbox.engine.s3gen.flow import cut_prompt
from wyoming_chatterbox.engine.s3gen.vocoder import simplify
from wyoming_chatterbox.engine.t3.decoder import TokenDecoder
from wyoming_chatterbox.engine.voice.conditionals import load_conditionals
from wyoming_chatterbox.engine.weights.tensor_file import TensorFile

from .reference import mel_to_wave, tokens_to_mel
from .test_t3 import TEXT, Pair, another_voice, guidances, never, our_tokens, their_tokens

pytestmark = [pytest.mark.full, pytest.mark.slow(50), pytest.mark.timeout(600)]

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def both_cores() -> Iterator[None]:
    """Gigabytes of weights for one thread would take minutes."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(threads)


@pytest.mark.parametrize("layout", ["english", "multilingual", "turbo", "nano"])
def test_t3_scores_and_draws_as_the_package(tmp_path: Path, layout: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.test_t3.TOKENS", 10)
    built = random_checkpoint.build(layout)
    save_file(built.t3.state_dict(), tmp_path / "t3.safetensors")
    built.conditionals.save(tmp_path / "conds.pt")
    voice = load_conditionals(tmp_path / "conds.pt", CPU)
    pair = Pair(layout, tmp_path / "t3.safetensors", built.t3, voice)
    tokens = torch.randint(6561, (8,), generator=torch.Generator().manual_seed(2)).tolist()
    for guidance in guidances(pair):
        ours, theirs = pair.our_logits(tokens, guidance), pair.their_logits(tokens, guidance)
        torch.testing.assert_close(ours, theirs, atol=1e-3, rtol=1e-6)
    decoder = TokenDecoder(pair.ours)
    for speaker in (voice, another_voice(voice)):
        mine = our_tokens(decoder, TEXT, speaker, pair.settings, 1)
        assert mine == their_tokens(pair, TEXT, speaker, pair.settings, 1)
        assert len(set(mine)) > 3


@pytest.mark.parametrize("layout", ["multilingual", "nano"])
def test_s3gen_makes_the_packages_mel_and_wave(tmp_path: Path, layout: str) -> None:
    """The two kinds: english and multilingual share one, turbo and nano the other."""
    built = random_checkpoint.build(layout)
    theirs = built.s3gen
    save_file(theirs.state_dict(), tmp_path / "s3gen.safetensors")
    built.conditionals.save(tmp_path / "conds.pt")
    voice = cut_prompt(load_conditionals(tmp_path / "conds.pt", CPU), 2.0)
    with TensorFile(tmp_path / "s3gen.safetensors") as file:
        flow = build_flow(file, CPU, torch.float32)
        vocoder = simplify(build_vocoder(file, CPU))
    length = torch.tensor([voice.prompt_tokens.shape[1]])
    reference = {
        "prompt_token": voice.prompt_tokens, "prompt_token_len": length,
        "prompt_feat": voice.prompt_mel, "prompt_feat_len": None, "embedding": voice.embedding,
    }  # fmt: skip
    tokens = torch.randint(6561, (20,), generator=torch.Generator().manual_seed(4))
    for seed in (9, 10):
        torch.manual_seed(seed)
        mel = tokens_to_mel(flow, tokens, voice, never)
        wave = mel_to_wave(vocoder, mel)
        torch.manual_seed(seed)
        their_mel = theirs.flow_inference(tokens, ref_dict=reference, finalize=True)
        torch.manual_seed(seed)
        their_wave, _ = theirs.inference(tokens, ref_dict=reference)
        assert mel.std() > 0.1
        torch.testing.assert_close(mel, their_mel, atol=1e-3, rtol=0)
        np.testing.assert_allclose(wave, their_wave[0].numpy(), atol=1e-3)
