"""Makes random checkpoints of full size in the official file layouts, from chatterbox-tts's own networks.

They allow measuring without a download: speed and memory depend on sizes alone. `build` makes the networks, `write`
writes their files. The same layout and seed give the same weights. Nothing here uses this project's loading code.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import nn

from ..upstream import chatterbox_tts

LAYOUTS = {
    "english": ("t3_cfg.safetensors", "s3gen.safetensors", "ve.safetensors"),
    "multilingual": ("t3_mtl23ls_v2.safetensors", "s3gen.pt", "ve.pt"),
    "multilingual-v3": ("t3_mtl23ls_v3.safetensors", "s3gen.pt", "ve.pt"),
    "turbo": ("t3_turbo_v1.safetensors", "s3gen_meanflow.safetensors", "ve.safetensors"),
    "nano": ("t3_nano_v1.safetensors", "s3gen_meanflow.safetensors", "ve.safetensors"),
}
"""Layout -> files of T3, S3Gen and the voice encoder."""

TEXT_VOCABULARY = {"english": 704, "multilingual": 2454, "multilingual-v3": 2454, "turbo": 50276, "nano": 50276}
END_OF_TEXT = "<|endoftext|>"
FULL_GPT2_TOKENS = TEXT_VOCABULARY["turbo"]
TAGS = (
    "[angry]", "[fear]", "[surprised]", "[whispering]", "[advertisement]", "[dramatic]", "[narration]", "[crying]",
    "[happy]", "[sarcastic]", "[clear throat]", "[sigh]", "[shush]", "[cough]", "[groan]", "[sniff]", "[gasp]",
    "[chuckle]", "[laugh]",
)  # fmt: skip
"""The tags of turbo and nano, by their ids from 50257 on."""
GPT2_SIZES = {"turbo": (24, 1024), "nano": (12, 768)}
"""Layout -> layers and width."""
PROMPT_TOKENS = 250
"""Tokens of the flow's prompt: 10 s, the longest there is."""


@dataclass
class Built:
    """The networks of one checkpoint, and its own voice."""

    t3: chatterbox_tts.T3
    s3gen: Any
    voice_encoder: Any
    conditionals: Any


def is_gpt2(layout: str) -> bool:
    return layout in GPT2_SIZES


def make(layout: str, directory: Path, seed: int = 0) -> Path:
    """Write a full-size random checkpoint of a layout of `LAYOUTS` into `directory`, creating it if needed."""
    return write(build(layout, seed), layout, directory)


def build(layout: str, seed: int = 0) -> Built:
    """Make the networks of a layout with random weights, float32, in eval mode on the CPU.

    T3 never ends by itself: it draws sounds only, up to the limit of the caller.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        built = Built(
            t3=t3_of(layout),
            s3gen=chatterbox_tts.tts.S3Gen(meanflow=is_gpt2(layout)),
            voice_encoder=chatterbox_tts.VoiceEncoder(),
            conditionals=conditionals(375 if is_gpt2(layout) else 150, PROMPT_TOKENS),
        )
    for network in (built.t3, built.s3gen, built.voice_encoder):
        network.requires_grad_(False).eval()
    suppress_end(built.t3)
    return built


def write(built: Built, layout: str, directory: Path) -> Path:
    """Write the files of a layout of `LAYOUTS`, including the tokenizer, into `directory`; returns `directory`."""
    directory.mkdir(parents=True, exist_ok=True)
    t3, s3gen, voice_encoder = LAYOUTS[layout]
    _save(built.t3, directory / t3)
    # The official english file lacks it; the S3 tokenizer computes it.
    computed = ("tokenizer.window",) if layout == "english" else ()
    _save(built.s3gen, directory / s3gen, computed)
    _save(built.voice_encoder, directory / voice_encoder)
    built.conditionals.save(directory / "conds.pt")
    write_tokenizer(layout, directory, built.t3.hp.text_tokens_dict_size)
    return directory


def suppress_end(t3: chatterbox_tts.T3) -> None:
    """Change a T3's weights in place so that tokens that are no sound, such as the end, always score far below zero."""
    sounds = chatterbox_tts.SPEECH_VOCAB_SIZE
    if t3.is_gpt:
        # The score is finite because float16 ends at 65504.
        t3.speech_head.bias[sounds:] = -1e4
        return
    # Llama's head has no bias. Feature 0 takes its place: it is 1 in every input, and no layer adds to it.
    t3.speech_emb.weight[:, 0] = 1
    t3.speech_pos_emb.emb.weight[:, 0] = 0
    for layer in t3.tfmr.layers:
        layer.self_attn.o_proj.weight[0] = 0
        layer.mlp.down_proj.weight[0] = 0
    t3.speech_head.weight[sounds:] = 0
    t3.speech_head.weight[sounds:, 0] = -1e3


def gpt2_config(layers: int, width: int, vocabulary: int, positions: int) -> Any:
    """Make T3's configuration of turbo and nano, at any size."""
    hp = chatterbox_tts.T3Config(text_tokens_dict_size=vocabulary)
    hp.llama_config_name = register(
        chatterbox_tts.GPT2_MEDIUM_CONFIG
        | {"n_layer": layers, "n_embd": width, "hidden_size": width, "n_head": width // 64}
        | {"n_positions": positions, "vocab_size": vocabulary}
    )
    hp.speech_tokens_dict_size = 6563
    hp.input_pos_emb = None
    hp.speech_cond_prompt_len = 375
    hp.use_perceiver_resampler = False
    hp.emotion_adv = False
    return hp


def register(config: dict[str, Any]) -> str:
    """Put a backbone's configuration where T3's constructor looks for it, and return its name there."""
    name = f"random {config['model_type']} {config['hidden_size']} {config.get('n_layer')}"
    chatterbox_tts.LLAMA_CONFIGS[name] = config
    return name


def conditionals(t3_tokens: int, flow_tokens: int) -> Any:
    """Make a random voice with prompts of that many tokens, from torch's global generator."""
    return chatterbox_tts.tts.Conditionals(
        chatterbox_tts.T3Cond(
            speaker_emb=torch.nn.functional.normalize(torch.rand(1, 256), dim=1),
            cond_prompt_speech_tokens=torch.randint(6561, (1, t3_tokens)),
            emotion_adv=0.5 * torch.ones(1, 1, 1),
        ),
        {
            "prompt_token": torch.randint(6561, (1, flow_tokens)),
            "prompt_token_len": torch.tensor([flow_tokens]),
            "prompt_feat": torch.randn(1, 2 * flow_tokens, 80) - 4,
            "prompt_feat_len": None,
            "embedding": torch.randn(1, 192),
        },
    )


def t3_of(layout: str) -> Any:
    """Make T3 of full size with torch's random weights."""
    vocabulary = TEXT_VOCABULARY[layout]
    if is_gpt2(layout):
        hp = gpt2_config(*GPT2_SIZES[layout], vocabulary, positions=8196)
    else:
        hp = chatterbox_tts.T3Config(text_tokens_dict_size=vocabulary)
    t3 = chatterbox_tts.T3(hp)
    # An untrained head's scores are so flat that every draw is noise; a trained head's are not.
    t3.speech_head.weight.data *= 4
    return t3


def _save(network: nn.Module, path: Path, without: tuple[str, ...] = ()) -> None:
    tensors = {name: value.contiguous() for name, value in network.state_dict().items() if name not in without}
    if path.suffix == ".pt":
        torch.save(tensors, path)
    else:
        save_file(tensors, path)


def write_tokenizer(layout: str, directory: Path, tokens: int) -> None:
    """Write the tokenizer's files of a layout, for T3's `tokens` text tokens."""
    if is_gpt2(layout):
        _write_gpt2_tokenizer(directory, tokens)
    elif layout == "english":
        _write_grapheme_tokenizer(directory / "tokenizer.json", [])
    else:
        languages = [f"[{code}]" for code in chatterbox_tts.mtl_tts.SUPPORTED_LANGUAGES]
        cangjie = [f"[cj_{letter}]" for letter in ".abcdefghijklmnopqrstuvwxyz0123456789"]
        _write_grapheme_tokenizer(directory / "grapheme_mtl_merged_expanded_v1.json", languages + cangjie)
        (directory / "Cangjie5_TC.json").write_text(json.dumps(["你\tonf", "好\tvnd", "日\ta"]), encoding="utf-8")


def _write_grapheme_tokenizer(path: Path, added: list[str]) -> None:
    """Write a vocabulary of letters, with start and end at T3's ids for them: 255 and 0."""
    letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,!?'-äöüßéèñ"
    vocabulary = {"[STOP]": 0, "[UNK]": 1, "[SPACE]": 2}
    vocabulary |= {letter: index for index, letter in enumerate(letters, 3)} | {"[START]": 255}
    vocabulary |= {name: index for index, name in enumerate(added, 256)}
    tokenizer = Tokenizer(models.BPE(vocab=vocabulary, merges=[], unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.add_special_tokens(["[STOP]", "[UNK]", "[SPACE]", "[START]", *added])
    tokenizer.save(str(path))


def _write_gpt2_tokenizer(directory: Path, tokens: int) -> None:
    """Write the files for T3's `tokens` text tokens: a vocabulary of bytes, and the official tags after it."""
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    end = tokens - len(TAGS) - 1 if tokens == FULL_GPT2_TOKENS else len(letters)
    # GPT-2 has longer pieces there, which no text of ours needs.
    unused = [f"<unused {index}>" for index in range(len(letters), end)]
    vocabulary = {name: index for index, name in enumerate([*letters, *unused, END_OF_TEXT])}
    (directory / "vocab.json").write_text(json.dumps(vocabulary), encoding="utf-8")
    (directory / "merges.txt").write_text("#version: 0.2\n", encoding="utf-8")
    for name, content in gpt2_settings(end).items():
        text = json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n"
        (directory / name).write_text(text, encoding="utf-8")


def gpt2_settings(end: int) -> dict[str, dict[str, Any]]:
    """Make the settings of turbo's and nano's tokenizer by file name, as the official files have them.

    `end` is the id of the end of text, after which the tags follow: 50256 in the official files.
    """
    form = {"lstrip": False, "normalized": True, "rstrip": False, "single_word": False}
    ending = {"content": END_OF_TEXT, **form}
    tags = {tag: index for index, tag in enumerate(TAGS, end + 1)}
    decoder = {str(end): ending | {"special": True}}
    decoder |= {str(index): {"content": tag, **form, "special": False} for tag, index in tags.items()}
    names = dict.fromkeys(("bos_token", "eos_token", "pad_token", "unk_token"), END_OF_TEXT)
    return {
        "added_tokens.json": tags,
        "special_tokens_map.json": dict.fromkeys(names, ending) | {"pad_token": END_OF_TEXT},
        "tokenizer_config.json": names
        | {
            "add_bos_token": False,
            "add_prefix_space": False,
            "added_tokens_decoder": decoder,
            "clean_up_tokenization_spaces": False,
            "errors": "replace",
            "extra_special_tokens": {},
            "model_max_length": 1024,
            "tokenizer_class": "GPT2Tokenizer",
        },
    }
