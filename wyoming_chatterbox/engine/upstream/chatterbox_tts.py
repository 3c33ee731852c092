"""The parts of chatterbox-tts that are used here, each imported without what it has no use for.

Its packages' own `__init__`s import all of it, and with it transformers, diffusers and librosa: three times as long as
torch takes. Speaking needs none of them. What only voice preparation, the benchmark and the tests need is imported
when it is first asked for.
"""

from __future__ import annotations

import importlib
import inspect
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from .lazy_packages import deferred, leave_unopened, standing_in

# The only side effect of an import in this project: the imports below need these packages' modules, and would otherwise
# run their `__init__`s.
leave_unopened(
    "chatterbox",
    "chatterbox.models.s3gen",
    "chatterbox.models.s3tokenizer",
    "chatterbox.models.t3",
)


def _window(name: Any, length: int, fftbins: bool = True) -> npt.NDArray[np.float64]:
    """SciPy's `get_window`: of its many, the vocoder takes a periodic Hann window."""
    if name == "hann" and fftbins:
        return np.sin(np.pi * np.arange(length) / length) ** 2
    window: npt.NDArray[np.float64] = deferred("scipy.signal", "get_window")(name, length, fftbins)
    return window


# scipy.signal takes nearly as long as torch: the vocoder wants one window of it, PerTh two functions it never calls.
_unused = {name: deferred("scipy.signal", name) for name in ("butter", "filtfilt")}
with standing_in("scipy.signal", get_window=_window, **_unused):
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

    # PerTh's modules ask their own package for names, in an order that only its `__init__` keeps to.
    with standing_in("perth"), standing_in("perth.perth_net"):
        from perth.perth_net.perth_net_implicit.model.perth_net import PerthNet

        PERTH_WEIGHTS = Path(inspect.getfile(PerthNet)).parents[2] / "pretrained"

# In modules of the package that import much else.
S3_SR = 16000
"""Hz, of what the S3 tokenizer hears."""
SPEECH_VOCAB_SIZE = 6561
"""Speech tokens that are sounds."""

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

_AT_FIRST_NEED = {
    # To prepare a voice.
    "AudioEncoderV2": "s3tokenizer.model_v2",
    "CAMPPlus": "chatterbox.models.s3gen.xvector",
    "FSQVectorQuantization": "s3tokenizer.model_v2",
    "S3Tokenizer": "chatterbox.models.s3tokenizer.s3tokenizer",
    "VoiceEncoder": "chatterbox.models.voice_encoder.voice_encoder",
    "mel_spectrogram": "chatterbox.models.s3gen.utils.mel",
    "precompute_freqs_cis": "s3tokenizer.model_v2",
    # To speak other languages than English.
    "ChineseCangjieConverter": "chatterbox.models.tokenizers.tokenizer",
    "MTLTokenizer": "chatterbox.models.tokenizers.tokenizer",
    # To be measured against.
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
        elif name in _AT_FIRST_NEED:
            value = getattr(importlib.import_module(_AT_FIRST_NEED[name]), name)
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value
