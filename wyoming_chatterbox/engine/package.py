"""The parts of chatterbox-tts that are used here, imported once and without what they print at import."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.filterwarnings("ignore", message="pkg_resources is deprecated")
    import chatterbox
    import perth
    from chatterbox import mtl_tts, tts, tts_turbo
    from chatterbox.models.s3gen.configs import CFM_PARAMS
    from chatterbox.models.s3gen.const import S3GEN_SIL, S3GEN_SR
    from chatterbox.models.s3gen.decoder import ConditionalDecoder
    from chatterbox.models.s3gen.f0_predictor import ConvRNNF0Predictor
    from chatterbox.models.s3gen.flow import CausalMaskedDiffWithXvec
    from chatterbox.models.s3gen.flow_matching import CausalConditionalCFM
    from chatterbox.models.s3gen.hifigan import HiFTGenerator
    from chatterbox.models.s3gen.s3gen import get_resampler
    from chatterbox.models.s3gen.transformer.upsample_encoder import (
        PreLookaheadLayer,
        Upsample1D,
        UpsampleConformerEncoder,
    )
    from chatterbox.models.s3gen.utils.mel import mel_spectrogram
    from chatterbox.models.s3gen.xvector import CAMPPlus
    from chatterbox.models.s3tokenizer import S3_SR, SPEECH_VOCAB_SIZE, S3Tokenizer
    from chatterbox.models.t3 import T3
    from chatterbox.models.t3.llama_configs import GPT2_MEDIUM_CONFIG, LLAMA_520M_CONFIG_DICT, LLAMA_CONFIGS
    from chatterbox.models.t3.modules.cond_enc import T3Cond
    from chatterbox.models.t3.modules.perceiver import AttentionQKV, Perceiver
    from chatterbox.models.t3.modules.t3_config import T3Config
    from chatterbox.models.tokenizers import EnTokenizer, MTLTokenizer
    from chatterbox.models.tokenizers.tokenizer import ChineseCangjieConverter
    from chatterbox.models.voice_encoder import VoiceEncoder
    from s3tokenizer.model_v2 import AudioEncoderV2, FSQVectorQuantization, precompute_freqs_cis

__all__ = [
    "CFM_PARAMS",
    "GPT2_MEDIUM_CONFIG",
    "LLAMA_520M_CONFIG_DICT",
    "LLAMA_CONFIGS",
    "S3GEN_SIL",
    "S3GEN_SR",
    "S3_SR",
    "SPEECH_VOCAB_SIZE",
    "T3",
    "AttentionQKV",
    "AudioEncoderV2",
    "CAMPPlus",
    "CausalConditionalCFM",
    "CausalMaskedDiffWithXvec",
    "ChineseCangjieConverter",
    "ConditionalDecoder",
    "ConvRNNF0Predictor",
    "EnTokenizer",
    "FSQVectorQuantization",
    "HiFTGenerator",
    "MTLTokenizer",
    "Perceiver",
    "PreLookaheadLayer",
    "S3Tokenizer",
    "T3Cond",
    "T3Config",
    "Upsample1D",
    "UpsampleConformerEncoder",
    "VoiceEncoder",
    "chatterbox",
    "get_resampler",
    "mel_spectrogram",
    "mtl_tts",
    "perth",
    "precompute_freqs_cis",
    "tts",
    "tts_turbo",
]
