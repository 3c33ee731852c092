"""Random checkpoints in the official file layouts, made of the package's own networks at tiny or full size.

`build` makes the networks, `make` writes their files; the same family, size and seed give the same weights.
Nothing here uses this project's own loading code, so that tests can hold one against the other.
"""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import librosa
import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import nn

from wyoming_chatterbox.engine import package
from wyoming_chatterbox.engine.package import LLAMA_CONFIGS, T3, Perceiver, T3Config, VoiceEncoder

Size = Literal["tiny", "full"]

TEXT = "Hello there, this is a test."
LAYOUTS = {
    "english": ("t3_cfg.safetensors", "s3gen.safetensors", "ve.safetensors"),
    "multilingual": ("t3_mtl23ls_v2.safetensors", "s3gen.pt", "ve.pt"),
    "multilingual-v3": ("t3_mtl23ls_v3.safetensors", "s3gen.pt", "ve.pt"),
    "turbo": ("t3_turbo_v1.safetensors", "s3gen_meanflow.safetensors", "ve.safetensors"),
    "nano": ("t3_nano_v1.safetensors", "s3gen_meanflow.safetensors", "ve.safetensors"),
}
"""Layout -> files of T3, S3Gen and the voice encoder."""


@dataclass
class Built:
    """The networks of one checkpoint, and its own voice."""

    t3: Any
    s3gen: Any
    voice_encoder: Any
    conditionals: Any


def family_of(layout: str) -> str:
    return layout.removesuffix("-v3")


def is_gpt2(layout: str) -> bool:
    return layout in ("turbo", "nano")


def make(layout: str, directory: Path, seed: int = 0, size: Size = "tiny") -> Path:
    """Write a random checkpoint of a layout of `LAYOUTS` into `directory`, which is made if need be."""
    directory.mkdir(parents=True, exist_ok=True)
    built = build(layout, seed, size)
    t3, s3gen, voice_encoder = LAYOUTS[layout]
    _save(built.t3, directory / t3)
    # The official english file lacks what the tokenizer computes itself.
    computed = ("tokenizer._mel_filters", "tokenizer.window") if layout == "english" else ()
    _save(built.s3gen, directory / s3gen, computed)
    _save(built.voice_encoder, directory / voice_encoder)
    built.conditionals.save(directory / "conds.pt")
    _write_tokenizer(layout, directory)
    return directory


def build(layout: str, seed: int = 0, size: Size = "tiny") -> Built:
    """Make the networks of a layout with random weights, in eval mode on the CPU."""
    with torch.random.fork_rng(devices=[]):
        _empty_s3gen(is_gpt2(layout))  # Made once, which must not shift the random numbers of the first.
        torch.manual_seed(seed)
        t3 = _t3(layout, size)
        s3gen = _tiny_s3gen(meanflow=is_gpt2(layout)) if size == "tiny" else _full_s3gen(meanflow=is_gpt2(layout))
        voice_encoder = VoiceEncoder()
        conditionals = _conditionals(layout, size)
    for network in (t3, s3gen, voice_encoder):
        network.requires_grad_(False).eval()
    return Built(t3, s3gen, voice_encoder, conditionals)


def _t3(layout: str, size: Size) -> Any:
    hp = T3Config(text_tokens_dict_size=_text_vocabulary(layout, size))
    tiny = size == "tiny"
    if is_gpt2(layout):
        layers, width = {"tiny": (2, 128), "turbo": (24, 1024), "nano": (12, 768)}["tiny" if tiny else layout]
        hp.llama_config_name = _register(
            package.GPT2_MEDIUM_CONFIG
            | {"n_layer": layers, "n_embd": width, "hidden_size": width, "n_head": width // 64}
            | {"n_positions": 2048 if tiny else 8196, "vocab_size": _text_vocabulary(layout, size)}
        )
        hp.speech_tokens_dict_size = 6563
        hp.input_pos_emb = None
        hp.speech_cond_prompt_len = 375
        hp.use_perceiver_resampler = False
        hp.emotion_adv = False
    elif tiny:
        hp.llama_config_name = _register(
            package.LLAMA_520M_CONFIG_DICT
            | {"num_hidden_layers": 2, "hidden_size": 128, "intermediate_size": 256}
            | {"num_attention_heads": 2, "num_key_value_heads": 2}
        )
        hp.speech_tokens_dict_size = 8194 if layout == "english" else 6563
        hp.max_text_tokens = 256
        hp.max_speech_tokens = 1024
    t3 = T3(hp)
    if tiny and hp.use_perceiver_resampler:
        t3.cond_enc.perceiver = Perceiver(8, 128, 128)
    if tiny:
        # So narrow and untrained, layers add next to nothing to what passes them by: no test would see a wrong prefix.
        for weight in t3.tfmr.parameters():
            if weight.ndim == 2:
                weight.data *= 6
    # Untrained heads are so flat that every draw is noise; real ones have preferences.
    t3.speech_head.weight.data *= 4
    return t3


def _register(config: dict[str, Any]) -> str:
    name = f"test {config['model_type']} {config['hidden_size']} {config.get('n_layer')}"
    LLAMA_CONFIGS[name] = config
    return name


def _text_vocabulary(layout: str, size: Size) -> int:
    if size == "full":
        return {"english": 704, "turbo": 50276, "nano": 50276}.get(layout, 2454)
    return {"english": 300, "turbo": 320, "nano": 320}.get(layout, 400)


def _full_s3gen(meanflow: bool) -> Any:
    from chatterbox.models.s3gen import S3Gen

    return S3Gen(meanflow=meanflow)


@cache
def _empty_s3gen(meanflow: bool) -> Any:
    """The package's S3Gen with none of its networks: making them, even on `meta`, is what takes the time."""
    with torch.device("meta"):
        s3gen = _full_s3gen(meanflow)
    del s3gen.tokenizer, s3gen.speaker_encoder, s3gen.flow, s3gen.mel2wav
    return s3gen


def _tiny_s3gen(meanflow: bool) -> Any:
    """The package's S3Gen, whose sizes are fixed, with every network in it exchanged for a small one."""
    s3gen = copy.deepcopy(_empty_s3gen(meanflow))
    encoder = _tiny_conformer(blocks=2)
    encoder.up_encoders = _tiny_conformer(blocks=1).encoders
    encoder.pre_lookahead_layer = package.PreLookaheadLayer(channels=64, pre_lookahead_len=3)
    encoder.up_layer = package.Upsample1D(channels=64, out_channels=64, stride=2)
    estimator = package.ConditionalDecoder(channels=[64], n_blocks=1, num_mid_blocks=2, num_heads=2, meanflow=meanflow)
    if meanflow:
        # As it starts out in training, its second half is zero, and the end time would not matter.
        nn.init.normal_(estimator.time_embed_mixer.weight, std=0.1)
    s3gen.flow = package.CausalMaskedDiffWithXvec(
        input_size=64,
        encoder=encoder,
        decoder=package.CausalConditionalCFM(cfm_params=package.CFM_PARAMS, estimator=estimator),
    )
    s3gen.mel2wav = package.HiFTGenerator(
        base_channels=64,
        sampling_rate=24000,
        upsample_rates=[8, 5, 3],
        upsample_kernel_sizes=[16, 11, 7],
        source_resblock_kernel_sizes=[7, 7, 11],
        source_resblock_dilation_sizes=[[1, 3, 5], [1, 3, 5], [1, 3, 5]],
        f0_predictor=package.ConvRNNF0Predictor(cond_channels=64),
    )
    s3gen.speaker_encoder = package.CAMPPlus(memory_efficient=False)
    s3gen.tokenizer = _tiny_s3_tokenizer()
    n_trim = 480
    fade = torch.zeros(2 * n_trim)
    fade[n_trim:] = (torch.cos(torch.linspace(torch.pi, 0, n_trim)) + 1) / 2
    s3gen.register_buffer("trim_fade", fade, persistent=False)
    return s3gen


def _tiny_conformer(blocks: int) -> Any:
    return package.UpsampleConformerEncoder(
        input_size=64, output_size=64, attention_heads=2, linear_units=128, num_blocks=blocks, macaron_style=False
    )


def _tiny_s3_tokenizer() -> Any:
    with torch.device("meta"):
        tokenizer = package.S3Tokenizer()
    tokenizer.encoder = package.AudioEncoderV2(128, 64, 1, 1, 2, False)
    tokenizer.quantizer = package.FSQVectorQuantization(64, 6561)
    filters = librosa.filters.mel(sr=16000, n_fft=400, n_mels=128)
    tokenizer._mel_filters = torch.from_numpy(filters)
    tokenizer.window = torch.hann_window(400)
    return tokenizer


def _conditionals(layout: str, size: Size) -> Any:
    t3_tokens, gen_tokens = (375 if is_gpt2(layout) else 150, 250) if size == "full" else (20, 12)
    return package.tts.Conditionals(
        package.T3Cond(
            speaker_emb=torch.nn.functional.normalize(torch.rand(1, 256), dim=1),
            cond_prompt_speech_tokens=torch.randint(6561, (1, t3_tokens)),
            emotion_adv=0.5 * torch.ones(1, 1, 1),
        ),
        {
            "prompt_token": torch.randint(6561, (1, gen_tokens)),
            "prompt_token_len": torch.tensor([gen_tokens]),
            "prompt_feat": torch.randn(1, 2 * gen_tokens, 80) - 4,
            "prompt_feat_len": None,
            "embedding": torch.randn(1, 192),
        },
    )


def _save(network: nn.Module, path: Path, without: tuple[str, ...] = ()) -> None:
    tensors = {name: value.contiguous() for name, value in network.state_dict().items() if name not in without}
    if path.suffix == ".pt":
        torch.save(tensors, path)
    else:
        save_file(tensors, path)


def _write_tokenizer(layout: str, directory: Path) -> None:
    if is_gpt2(layout):
        _write_gpt2_tokenizer(directory)
    elif layout == "english":
        _write_grapheme_tokenizer(directory / "tokenizer.json", [])
    else:
        languages = [f"[{code}]" for code in package.mtl_tts.SUPPORTED_LANGUAGES]
        cangjie = [f"[cj_{letter}]" for letter in ".abcdefghijklmnopqrstuvwxyz0123456789"]
        _write_grapheme_tokenizer(directory / "grapheme_mtl_merged_expanded_v1.json", languages + cangjie)
        (directory / "Cangjie5_TC.json").write_text(json.dumps(["你\tonf", "好\tvnd", "日\ta"]), encoding="utf-8")


def _write_grapheme_tokenizer(path: Path, added: list[str]) -> None:
    """A vocabulary of letters, with start and end where T3 has them: 255 and 0."""
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?'-äöüßéèñ"
    vocabulary = {"[STOP]": 0, "[UNK]": 1, "[SPACE]": 2}
    vocabulary |= {letter: index for index, letter in enumerate(letters, 3)} | {"[START]": 255}
    vocabulary |= {name: index for index, name in enumerate(added, 256)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["[STOP]", "[UNK]", "[SPACE]", "[START]", *added])
    tokenizer.save(str(path))


def _write_gpt2_tokenizer(directory: Path) -> None:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {letter: index for index, letter in enumerate(letters)} | {"<|endoftext|>": len(letters)}
    (directory / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (directory / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    end = "<|endoftext|>"
    config = {"tokenizer_class": "GPT2Tokenizer", "bos_token": end, "eos_token": end, "unk_token": end}
    (directory / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    special = {"bos_token": end, "eos_token": end, "unk_token": end}
    (directory / "special_tokens_map.json").write_text(json.dumps(special), encoding="utf-8")
    (directory / "added_tokens.json").write_text(json.dumps({"[laugh]": len(vocabulary)}), encoding="utf-8")
