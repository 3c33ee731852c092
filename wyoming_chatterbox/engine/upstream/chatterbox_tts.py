"""The parts of chatterbox-tts that are used here, imported without the rest.

The `__init__` modules of chatterbox-tts import all of it, with transformers, diffusers and librosa: three times as long
as torch takes. Nothing here needs these, and they need not be installed. Names for voice preparation, the benchmark and
the tests are imported at first use.
"""

from __future__ import annotations

import importlib
import inspect
import warnings
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

from .lazy_packages import leave_unopened, replacing, standing_in
from .signal_functions import get_window, lfilter, mel, resample, stft, trim

# The only side effect of an import in this project: the imports below need these packages' modules, and would otherwise
# run their `__init__`s.
leave_unopened(
    "chatterbox",
    "chatterbox.models.s3gen",
    "chatterbox.models.s3tokenizer",
    "chatterbox.models.t3",
)


# PerTh's filters are never called, nor is what reads ONNX files.
_SIGNAL = {"get_window": get_window, "lfilter": lfilter, "butter": None, "filtfilt": None}
_LIBROSA = {"effects": {"trim": trim}, "filters": {"mel": mel}, "resample": resample, "stft": stft}


def _without_libraries() -> AbstractContextManager[None]:
    return replacing(scipy={"signal": _SIGNAL}, librosa=_LIBROSA, onnx={})


with _without_libraries():
    from chatterbox.models.s3gen.configs import CFM_PARAMS
    from chatterbox.models.s3gen.const import S3GEN_SIL, S3GEN_SR
    from chatterbox.models.s3gen.f0_predictor import ConvRNNF0Predictor
    from chatterbox.models.s3gen.hifigan import HiFTGenerator
    from chatterbox.models.s3gen.transformer.upsample_encoder import (
        PreLookaheadLayer,
        Upsample1D,
        UpsampleConformerEncoder,
    )
    from chatterbox.models.t3.llama_configs import GPT2_MEDIUM_CONFIG, LLAMA_520M_CONFIG_DICT, LLAMA_CONFIGS
    from chatterbox.models.t3.modules.cond_enc import T3Cond, T3CondEnc
    from chatterbox.models.t3.modules.learned_pos_emb import LearnedPositionEmbeddings
    from chatterbox.models.t3.modules.perceiver import AttentionQKV, Perceiver
    from chatterbox.models.t3.modules.t3_config import T3Config

    # PerTh's modules import from their own package, in an order that only its `__init__` makes possible.
    with standing_in("perth"), standing_in("perth.perth_net"):
        from perth.perth_net.perth_net_implicit.model.perth_net import PerthNet

        PERTH_WEIGHTS = Path(inspect.getfile(PerthNet)).parents[2] / "pretrained"

# Constants of modules that import much else.
S3_SR = 16000
"""Sample rate of the S3 tokenizer's input, in Hz."""
SPEECH_VOCAB_SIZE = 6561
"""Number of speech tokens that are sounds."""

__all__ = [
    "CFM_PARAMS",
    "GPT2_MEDIUM_CONFIG",
    "LLAMA_520M_CONFIG_DICT",
    "LLAMA_CONFIGS",
    "PERTH_WEIGHTS",
    "S3GEN_SIL",
    "S3GEN_SR",
    "S3_SR",
    "SPEECH_VOCAB_SIZE",
    "AttentionQKV",
    "ConvRNNF0Predictor",
    "HiFTGenerator",
    "LearnedPositionEmbeddings",
    "Perceiver",
    "PerthNet",
    "PreLookaheadLayer",
    "T3Cond",
    "T3CondEnc",
    "T3Config",
    "Upsample1D",
    "UpsampleConformerEncoder",
]

_TO_PREPARE = {
    "AudioEncoderV2": "s3tokenizer.model_v2",
    "CAMPPlus": "chatterbox.models.s3gen.xvector",
    "FSQVectorQuantization": "s3tokenizer.model_v2",
    "Meter": "pyloudnorm",
    "S3Tokenizer": "chatterbox.models.s3tokenizer.s3tokenizer",
    "VoiceEncoder": "chatterbox.models.voice_encoder.voice_encoder",
    "mel_spectrogram": "chatterbox.models.s3gen.utils.mel",
    "precompute_freqs_cis": "s3tokenizer.model_v2",
}
_AT_FIRST_NEED = {
    # For other languages than English.
    "ChineseCangjieConverter": "chatterbox.models.tokenizers.tokenizer",
    "MTLTokenizer": "chatterbox.models.tokenizers.tokenizer",
    "add_russian_stress": "chatterbox.models.tokenizers.tokenizer",
    "hiragana_normalize": "chatterbox.models.tokenizers.tokenizer",
    "is_kanji": "chatterbox.models.tokenizers.tokenizer",
    # For comparisons.
    "CausalConditionalCFM": "chatterbox.models.s3gen.flow_matching",
    "CausalMaskedDiffWithXvec": "chatterbox.models.s3gen.flow",
    "ConditionalDecoder": "chatterbox.models.s3gen.decoder",
    "EnTokenizer": "chatterbox.models.tokenizers.tokenizer",
    "T3": "chatterbox.models.t3.t3",
}
_MODULES = {
    "mtl_tts": "chatterbox.mtl_tts",
    "perth": "perth",
    "tts": "chatterbox.tts",
    "tts_turbo": "chatterbox.tts_turbo",
}


def __getattr__(name: str) -> Any:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
        if name in _MODULES:
            value: Any = importlib.import_module(_MODULES[name])
        elif name in _TO_PREPARE:
            with _without_libraries():
                value = getattr(importlib.import_module(_TO_PREPARE[name]), name)
        elif name in _AT_FIRST_NEED:
            value = getattr(importlib.import_module(_AT_FIRST_NEED[name]), name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value
