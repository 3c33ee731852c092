"""Upstream's settings on its main branch (commit 5de7a54 of 21 July 2026), number for number.

The names beside the numbers are those of its source, src/chatterbox/. Release 0.1.7, on PyPI, differs in two of them:
multilingual has a repetition penalty of 2.0, and its last token is heard.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest
import torch

from tests.conftest import Tiny
from wyoming_chatterbox.engine import SAMPLE_RATE, Sampling
from wyoming_chatterbox.engine.chatterbox import UNPLAYED_TOKENS
from wyoming_chatterbox.engine.checkpoint import load
from wyoming_chatterbox.engine.s3gen import flow
from wyoming_chatterbox.engine.t3.sampling import DEFAULTS, resolve
from wyoming_chatterbox.engine.t3.spoken_length import LONGEST
from wyoming_chatterbox.engine.upstream import chatterbox_tts
from wyoming_chatterbox.families import FAMILIES, S3GEN_SECONDS

from . import checkpoints

LLAMA = {
    "temperature": 0.8, "top_p": 1.0, "min_p": 0.05, "top_k": 0, "repetition_penalty": 1.2,
    "cfg_weight": 0.5, "exaggeration": 0.5,
}  # fmt: skip
GPT2 = {
    "temperature": 0.8, "top_p": 0.95, "min_p": 0.0, "top_k": 1000, "repetition_penalty": 1.2,
    "cfg_weight": 0.0, "exaggeration": 0.0,
}  # fmt: skip

SAMPLING = {
    "english": LLAMA,  # tts.py, ChatterboxTTS.generate
    "multilingual": LLAMA,  # mtl_tts.py, ChatterboxMultilingualTTS.generate, for v2 and v3
    "turbo": GPT2,  # tts_turbo.py, ChatterboxTurboTTS.generate
    "nano": GPT2,  # the same
}

VOICES = {
    # Seconds of T3's prompt (ENC_COND_LEN); seconds that a recording must exceed; LUFS (norm_loudness; english and
    # multilingual have no such function, so only what is far too quiet or too loud is changed).
    "english": (6, 1.0, (-30.0, -18.0)),
    "multilingual": (6, 1.0, (-30.0, -18.0)),
    "turbo": (15, 5.0, (-27.0, -27.0)),
    "nano": (15, 5.0, (-27.0, -27.0)),
}

ENDS = {
    # Tokens of silence after the speech (tts_turbo.py); last tokens that are not heard (mtl_tts.py).
    "english": (0, 0),
    "multilingual": (0, 1),
    "turbo": (3, 0),
    "nano": (3, 0),
}

CONSTANTS = [
    ("models/s3gen/const.py S3GEN_SR", SAMPLE_RATE, 24000),
    ("models/s3gen/const.py S3GEN_SIL", chatterbox_tts.S3GEN_SIL, 4299),
    ("models/s3tokenizer S3_SR", chatterbox_tts.S3_SR, 16000),
    ("models/s3tokenizer S3_TOKEN_RATE", flow.TOKENS_PER_SECOND, 25),
    ("models/s3tokenizer SPEECH_VOCAB_SIZE", chatterbox_tts.SPEECH_VOCAB_SIZE, 6561),
    ("models/s3gen/flow.py token_mel_ratio", flow.FRAMES_PER_TOKEN, 2),
    ("models/s3gen/s3gen.py n_cfm_timesteps", flow.STEPS, 10),
    ("models/s3gen/s3gen.py n_cfm_timesteps, meanflow", flow.MEANFLOW_STEPS, 2),
    ("models/s3gen/configs.py inference_cfg_rate", chatterbox_tts.CFM_PARAMS.inference_cfg_rate, 0.7),
    ("models/s3gen/configs.py t_scheduler", chatterbox_tts.CFM_PARAMS.t_scheduler, "cosine"),
    ("models/s3gen/s3gen.py trim_fade", len(flow.fade_in(torch.device("cpu"))), 960),
    ("tts.py DEC_COND_LEN", S3GEN_SECONDS, 10),
    ("tts.py max_new_tokens", LONGEST, 1000),
]


@pytest.mark.parametrize("family", FAMILIES)
def test_sampling(family: str) -> None:
    assert asdict(resolve(family, Sampling())) == asdict(DEFAULTS[family]) == SAMPLING[family]


@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_voice_is_made_of(family: str) -> None:
    rules = FAMILIES[family].prompt
    assert (rules.t3_seconds, rules.shortest, rules.loudness) == VOICES[family]


@pytest.mark.parametrize("family", FAMILIES)
def test_t3_and_how_a_sound_ends(tiny: Tiny, family: str) -> None:
    """The numbers of samples that follow from it are in `test_tails`."""
    t3 = load(tiny(family), FAMILIES[family], checkpoints.FLOAT32).t3
    assert (3 if t3.is_gpt else 0, UNPLAYED_TOKENS.get(family, 0)) == ENDS[family]
    # models/t3/modules/t3_config.py, and from_local in tts_turbo.py.
    assert t3.hp.speech_cond_prompt_len == (375 if t3.is_gpt else 150)
    assert t3.hp.emotion_adv == (not t3.is_gpt)
    assert (t3.hp.start_text_token, t3.hp.stop_text_token) == (255, 0)
    assert (t3.hp.start_speech_token, t3.hp.stop_speech_token) == (6561, 6562)


@pytest.mark.parametrize(("source", "ours", "theirs"), CONSTANTS)
def test_constants(source: str, ours: Any, theirs: Any) -> None:
    assert ours == theirs, source
