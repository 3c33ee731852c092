"""Builds T3 at the sizes of a checkpoint's tensors, and fills it.

Each function takes an open file and reads the sizes from its tensors' shapes. The network is built on the `meta` device
(no memory, no random numbers), and the tensors are assigned. All functions raise `CheckpointError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from ..layers.convert import Converter
from ..layers.file_embedding import FileEmbedding
from ..layers.linear import Linear
from ..upstream import chatterbox_tts
from ..weights.fill import fill
from ..weights.meta import building
from ..weights.tensor_file import TensorFile
from .backbone import HEAD, Backbone
from .gpt2 import GPT2, gpt2_weights
from .llama import Llama, llama_weights
from .model import T3

LLAMA_PROMPT = 150
GPT2_PROMPT = 375
"""Speech tokens of a recording that condition T3. The tensors' shapes don't tell."""


def build_t3(file: TensorFile, device: torch.device, dtype: torch.dtype, convert: Converter | None = None) -> T3:
    """Build T3 with Llama or GPT-2, as the tensors' names tell, without the parts that speaking never uses.

    Its transformer is this project's own (`Llama`, `GPT2`), with the checkpoint's weights. With `convert`, weights are
    read in `dtype` and converted layer by layer. GPT-2's text embedding stays in the file.
    """
    with building(file):
        hp, sizes = t3_config(file), backbone(file)
        weights = gpt2_weights(sizes) if sizes.is_gpt else llama_weights(sizes)
        t3 = T3(hp, sizes, weights)
        if hp.use_perceiver_resampler:
            _, queries, width = file.shape("cond_enc.perceiver.pre_attention_query")
            t3.cond_enc.perceiver = chatterbox_tts.Perceiver(queries, width, width)
            attention = t3.cond_enc.perceiver.attn.attention
            t3.cond_enc.perceiver.attn.attention = _FusedAttention(attention.n_heads, attention.head_dim)
        t3.speech_head = Linear.joined(t3.speech_head)
        stack = weights._modules.pop("h" if sizes.is_gpt else "layers")
    unneeded = r"text_head\.|tfmr\.(wte|embed_tokens|h\.\d+|layers\.\d+)\.|.*rotary_emb\."
    if sizes.is_gpt:
        t3.text_emb = FileEmbedding(file, "text_emb.weight", device, getattr(convert, "compute", dtype))
        unneeded += r"|text_emb\."
    fill(t3, file, "", device, dtype, unneeded, convert=convert)
    layers = _filled(stack, file, "tfmr.h." if sizes.is_gpt else "tfmr.layers.", device, dtype)
    t3.tfmr = (GPT2 if sizes.is_gpt else Llama)(weights, sizes, layers, convert.block if convert else _unchanged)
    return t3


def _filled(stack: Any, file: TensorFile, prefix: str, device: torch.device, dtype: torch.dtype) -> Iterator[Any]:
    """Yield a decoder's layers, each filled just before use and dropped from the stack after."""
    for index in range(len(stack)):
        fill(stack[index], file, f"{prefix}{index}.", device, dtype, r"attn\.(bias|masked_bias)$|.*rotary_emb\.")
        yield stack[index]
        stack[index] = torch.nn.Identity()


def _unchanged(module: torch.nn.Module) -> torch.nn.Module:
    return module


def backbone(file: TensorFile) -> Backbone:
    """Read which transformer T3 has, and its sizes, from the tensors' names and shapes."""
    width = file.size("speech_head.weight", 1)
    gpt2 = file.count("tfmr.h.")
    if gpt2:
        heads = max(1, width // HEAD)
        return Backbone(
            hidden_size=width,
            num_hidden_layers=gpt2,
            num_attention_heads=heads,
            num_key_value_heads=heads,
            intermediate_size=file.size("tfmr.h.0.mlp.c_fc.weight", 1),
            n_positions=file.size("tfmr.wpe.weight"),
        )
    return Backbone(
        hidden_size=width,
        num_hidden_layers=file.count("tfmr.layers."),
        num_attention_heads=file.size("tfmr.layers.0.self_attn.q_proj.weight") // HEAD,
        num_key_value_heads=file.size("tfmr.layers.0.self_attn.k_proj.weight") // HEAD,
        intermediate_size=file.size("tfmr.layers.0.mlp.gate_proj.weight"),
    )


def t3_config(file: TensorFile) -> Any:
    """Make chatterbox-tts's `T3Config` at the sizes of the tensors."""
    sizes = backbone(file)
    hp = chatterbox_tts.T3Config(text_tokens_dict_size=file.size("text_emb.weight"))
    if sizes.is_gpt:
        config = chatterbox_tts.GPT2_MEDIUM_CONFIG | {
            "n_embd": sizes.hidden_size,
            "hidden_size": sizes.hidden_size,
            "n_layer": sizes.num_hidden_layers,
            "n_head": sizes.num_attention_heads,
            "n_inner": sizes.intermediate_size,
            "n_positions": sizes.n_positions,
            "n_ctx": sizes.n_positions,
        }
    else:
        config = chatterbox_tts.LLAMA_520M_CONFIG_DICT | {
            "hidden_size": sizes.hidden_size,
            "num_hidden_layers": sizes.num_hidden_layers,
            "intermediate_size": sizes.intermediate_size,
            "num_attention_heads": sizes.num_attention_heads,
            "num_key_value_heads": sizes.num_key_value_heads,
        }
    hp.llama_config_name = _register(config)
    hp.speech_tokens_dict_size = file.size("speech_emb.weight")
    hp.speaker_embed_size = file.size("cond_enc.spkr_enc.weight", 1)
    hp.use_perceiver_resampler = file.has("cond_enc.perceiver.pre_attention_query")
    hp.emotion_adv = file.has("cond_enc.emotion_adv_fc.weight")
    hp.speech_cond_prompt_len = GPT2_PROMPT if sizes.is_gpt else LLAMA_PROMPT
    if file.has("speech_pos_emb.emb.weight"):
        hp.max_text_tokens = file.size("text_pos_emb.emb.weight") - 2
        hp.max_speech_tokens = file.size("speech_pos_emb.emb.weight") - 4
    else:
        hp.input_pos_emb = None
    return hp


class _FusedAttention(chatterbox_tts.AttentionQKV):  # type: ignore[misc]
    """The perceiver's attention, without the context manager that chatterbox-tts uses and torch deprecates."""

    def forward(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        q, k, v = (self.split_heads(tensor) for tensor in (q, k, v))
        attended = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        combined: torch.Tensor = self.combine_heads(attended)
        return combined


def _register(config: dict[str, Any]) -> str:
    """Put a backbone's configuration where T3's constructor looks for it, and return its name there.

    The name follows from the content, so that a second load, in another thread too, writes the same entry.
    """
    name = "from tensors: " + " ".join(f"{key}={config[key]}" for key in sorted(config))
    chatterbox_tts.LLAMA_CONFIGS.setdefault(name, config)
    return name
