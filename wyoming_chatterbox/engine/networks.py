"""The package's networks, built at the sizes that a checkpoint's tensors have, and filled from it.

Each function takes an open file, reads the sizes off its tensors' shapes, builds the network on the `meta`
device (no memory, no random numbers) and assigns the tensors; what neither the file nor the `meta` device can
give (rotary frequencies, windows, filters) is computed after. All raise `CheckpointError`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode

from ..errors import CheckpointError
from . import package
from .backbone import HEAD, Backbone
from .estimator import Decoder, Estimator, Flow
from .file_embedding import FileEmbedding
from .gpt2 import GPT2, gpt2_weights
from .linear import Linear
from .llama import Llama, llama_weights
from .quantized import Converter
from .tensors import TensorFile, fill, first_line, is_out_of_memory
from .token_model import T3

LLAMA_PROMPT = 150
GPT2_PROMPT = 375
"""Speech tokens of a voice's recording that condition T3; the shapes don't tell."""


def build_t3(file: TensorFile, device: torch.device, dtype: torch.dtype, convert: Converter | None = None) -> Any:
    """T3, Llama or GPT-2 as the tensors' names tell, without the parts that speaking never uses.

    Its transformer is this project's own (`Llama`, `GPT2`), with the package's weights. With `convert`, weights are
    read in `dtype` and converted layer by layer. GPT-2's embedding of text stays in the file.
    """
    with _building(file):
        hp, sizes = t3_config(file), backbone(file)
        t3 = T3(hp, sizes, gpt2_weights(sizes) if sizes.is_gpt else llama_weights(sizes))
        if hp.use_perceiver_resampler:
            _, queries, width = file.shape("cond_enc.perceiver.pre_attention_query")
            t3.cond_enc.perceiver = package.Perceiver(queries, width, width)
            attention = t3.cond_enc.perceiver.attn.attention
            t3.cond_enc.perceiver.attn.attention = _FusedAttention(attention.n_heads, attention.head_dim)
        t3.speech_head = Linear.joined(t3.speech_head)
        stack = t3.tfmr._modules.pop("h" if sizes.is_gpt else "layers")
    unneeded = r"text_head\.|tfmr\.(wte|embed_tokens|h\.\d+|layers\.\d+)\.|.*rotary_emb\."
    if sizes.is_gpt:
        t3.text_emb = FileEmbedding(file, "text_emb.weight", device, getattr(convert, "compute", dtype))
        unneeded += r"|text_emb\."
    fill(t3, file, "", device, dtype, unneeded, convert=convert)
    layers = _filled(stack, file, "tfmr.h." if sizes.is_gpt else "tfmr.layers.", device, dtype)
    t3.tfmr = (GPT2 if sizes.is_gpt else Llama)(t3.tfmr, sizes, layers, convert.block if convert else _as_it_is)
    return t3


def _filled(stack: Any, file: TensorFile, prefix: str, device: torch.device, dtype: torch.dtype) -> Iterator[Any]:
    """A decoder's layers, each filled when it is asked for and forgotten after."""
    for index in range(len(stack)):
        fill(stack[index], file, f"{prefix}{index}.", device, dtype, r"attn\.(bias|masked_bias)$|.*rotary_emb\.")
        yield stack[index]
        stack[index] = torch.nn.Identity()


def _as_it_is(module: torch.nn.Module) -> torch.nn.Module:
    return module


def backbone(file: TensorFile) -> Backbone:
    """The sizes of T3's transformer, and which one it is, from the tensors' names."""
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
    """The package's `T3Config` at the sizes that the tensors have."""
    sizes = backbone(file)
    hp = package.T3Config(text_tokens_dict_size=file.size("text_emb.weight"))
    if sizes.is_gpt:
        config = package.GPT2_MEDIUM_CONFIG | {
            "n_embd": sizes.hidden_size,
            "hidden_size": sizes.hidden_size,
            "n_layer": sizes.num_hidden_layers,
            "n_head": sizes.num_attention_heads,
            "n_inner": sizes.intermediate_size,
            "n_positions": sizes.n_positions,
            "n_ctx": sizes.n_positions,
        }
    else:
        config = package.LLAMA_520M_CONFIG_DICT | {
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


class _FusedAttention(package.AttentionQKV):  # type: ignore[misc]
    """The perceiver's attention, without the context manager, deprecated in torch, that the package has around it."""

    def forward(
        self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, mask: torch.Tensor | None = None
    ) -> torch.Tensor:
        q, k, v = (self.split_heads(tensor) for tensor in (q, k, v))
        attended = torch.nn.functional.scaled_dot_product_attention(q, k, v, attn_mask=mask)
        combined: torch.Tensor = self.combine_heads(attended)
        return combined


def _register(config: dict[str, Any]) -> str:
    """Put a backbone's configuration where T3's constructor looks for it: a dictionary of the package.

    The name follows from the content, so that loading twice, or at once in two threads, writes the same.
    """
    name = "from tensors: " + " ".join(f"{key}={config[key]}" for key in sorted(config))
    package.LLAMA_CONFIGS.setdefault(name, config)
    return name


def build_flow(file: TensorFile, device: torch.device, dtype: torch.dtype, convert: Converter | None = None) -> Any:
    """The flow: speech tokens to mel, standard or meanflow as the tensors' names tell.

    With `convert`, weights are read in `dtype` and converted layer by layer.
    """
    with _building(file):
        flow = Flow(
            vocabulary=file.size("flow.input_embedding.weight"),
            width=file.size("flow.input_embedding.weight", 1),
            speaker=file.size("flow.spk_embed_affine_layer.weight", 1),
            output_size=file.size("flow.encoder_proj.weight"),
            encoder=conformer(file, "flow.encoder."),
            decoder=Decoder(
                Estimator(**estimator_sizes(file, "flow.decoder.estimator.")),
                inference_cfg_rate=package.CFM_PARAMS.inference_cfg_rate,
            ),
        )
    fill(flow, file, "flow.", device, dtype, convert=convert)
    # Made anew, as long as needed and in the dtype needed, at first use.
    flow.encoder.embed.pos_enc.pe = None
    flow.encoder.up_embed.pos_enc.pe = None
    time_mlp = flow.decoder.estimator.time_mlp
    # Time steps stay float32 up to here: the sine of 1000 * t is wrong in 16 bits.
    time_mlp.register_forward_pre_hook(lambda module, inputs: (inputs[0].to(module.linear_1.weight.dtype),))
    return flow


def conformer(file: TensorFile, prefix: str) -> Any:
    """The flow's encoder, without weights."""
    width = file.size(prefix + "after_norm.weight")

    def stack(blocks: int) -> Any:
        return package.UpsampleConformerEncoder(
            input_size=file.size(prefix + "embed.out.0.weight", 1),
            output_size=width,
            attention_heads=file.size(prefix + "encoders.0.self_attn.pos_bias_u"),
            linear_units=file.size(prefix + "encoders.0.feed_forward.w_1.weight"),
            num_blocks=blocks,
            key_bias=file.has(prefix + "encoders.0.self_attn.linear_k.bias"),
            macaron_style=False,
        )

    encoder = stack(file.count(prefix + "encoders."))
    encoder.up_encoders = stack(file.count(prefix + "up_encoders.")).encoders
    look_ahead = file.size(prefix + "pre_lookahead_layer.conv1.weight", 2) - 1
    encoder.pre_lookahead_layer = package.PreLookaheadLayer(channels=width, pre_lookahead_len=look_ahead)
    stride = (file.size(prefix + "up_layer.conv.weight", 2) - 1) // 2
    encoder.up_layer = package.Upsample1D(channels=width, out_channels=width, stride=stride)
    return encoder


def estimator_sizes(file: TensorFile, prefix: str) -> dict[str, Any]:
    """What the flow's estimator, this project's and the package's, is built with."""
    downs = file.count(prefix + "down_blocks.")
    return {
        "in_channels": file.size(prefix + "time_mlp.linear_1.weight", 1),
        "out_channels": file.size(prefix + "final_proj.weight"),
        "channels": [file.size(f"{prefix}down_blocks.{i}.0.block1.block.0.weight") for i in range(downs)],
        "attention_head_dim": HEAD,
        "n_blocks": file.count(prefix + "down_blocks.0.1."),
        "num_mid_blocks": file.count(prefix + "mid_blocks."),
        "num_heads": file.size(prefix + "down_blocks.0.1.0.attn1.to_q.weight") // HEAD,
        "meanflow": file.has(prefix + "time_embed_mixer.weight"),
    }


def build_vocoder(file: TensorFile, device: torch.device) -> Any:
    """HiFT, mel to wave, always computed in float32: its phases are sums over tens of thousands of samples."""
    prefix = "mel2wav."
    fft = 16
    with _building(file):
        vocoder = package.HiFTGenerator(
            in_channels=_convolution(file, prefix + "conv_pre")[1],
            base_channels=_convolution(file, prefix + "conv_pre")[0],
            nb_harmonics=file.size(prefix + "m_source.l_linear.weight", 1) - 1,
            sampling_rate=package.S3GEN_SR,
            upsample_rates=[8, 5, 3],
            upsample_kernel_sizes=[16, 11, 7],
            istft_params={"n_fft": fft, "hop_len": 4},
            source_resblock_kernel_sizes=[7, 7, 11],
            source_resblock_dilation_sizes=[[1, 3, 5], [1, 3, 5], [1, 3, 5]],
            f0_predictor=package.ConvRNNF0Predictor(
                in_channels=_convolution(file, prefix + "f0_predictor.condnet.0")[1],
                cond_channels=_convolution(file, prefix + "f0_predictor.condnet.0")[0],
            ),
        )
    fill(vocoder, file, prefix, device, torch.float32)
    vocoder.stft_window = torch.hann_window(fft, dtype=torch.float64).to(device, torch.float32)
    return vocoder


def _convolution(file: TensorFile, name: str) -> tuple[int, ...]:
    """Shape of a weight-normed convolution's weight, in torch's new or old way of naming it."""
    new, old = f"{name}.parametrizations.weight.original1", f"{name}.weight_v"
    shape = file.shape(old if file.has(old) else new)
    if len(shape) != 3:
        raise CheckpointError(f"{file.path}: {name} has the shape {list(shape)}, which is no 1-d convolution's")
    return shape


def build_s3_tokenizer(file: TensorFile, device: torch.device) -> Any:
    """S3 tokenizer, a recording to speech tokens, float32."""
    prefix = "tokenizer."
    state, mels, _ = (file.size(prefix + "encoder.conv1.weight", axis) for axis in range(3))
    with _building(file):
        tokenizer = package.S3Tokenizer()
        tokenizer.encoder = package.AudioEncoderV2(
            n_mels=mels,
            n_state=state,
            n_head=max(1, state // HEAD),
            n_layer=file.count(prefix + "encoder.blocks."),
            stride=2,
            use_sdpa=False,
        )
        tokenizer.quantizer = package.FSQVectorQuantization(state, package.SPEECH_VOCAB_SIZE)
    _compute_filters(tokenizer, mels, device)
    fill(
        tokenizer, file, prefix, device, torch.float32,
        unneeded=r"encoder\.freqs_cis$", computed=frozenset({"_mel_filters", "window"}),
    )  # fmt: skip
    tokenizer.encoder.freqs_cis = package.precompute_freqs_cis(HEAD, 1024 * 2).to(device)
    return tokenizer


def _compute_filters(tokenizer: Any, mels: int, device: torch.device) -> None:
    from librosa.filters import mel

    filters = mel(sr=package.S3_SR, n_fft=tokenizer.n_fft, n_mels=mels)
    tokenizer._mel_filters = torch.from_numpy(filters).to(device, torch.float32)
    tokenizer.window = torch.hann_window(tokenizer.n_fft, device=device)


def build_speaker_encoder(file: TensorFile, device: torch.device) -> Any:
    """CAMPPlus, a recording to a speaker embedding of 192 numbers, float32."""
    with _building(file):
        encoder = package.CAMPPlus(memory_efficient=False)
    fill(encoder, file, "speaker_encoder.", device, torch.float32)
    return encoder


def build_voice_encoder(file: TensorFile, device: torch.device) -> Any:
    """Voice encoder, a recording to a speaker embedding of 256 numbers, float32."""
    with _building(file):
        encoder = package.VoiceEncoder()
    fill(encoder, file, "", device, torch.float32)
    return encoder


class _WithoutWeights(TorchFunctionMode):
    """Makes weights on the `meta` device, and leaves them as they are; what else is computed meanwhile is on the CPU.

    Arithmetic on `meta`, drawing random weights there for one, would import torch's compiler.
    """

    def __torch_function__(self, function: Any, _types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function in (torch.Tensor.normal_, torch.Tensor.uniform_):
            return args[0]
        if getattr(function, "__module__", None) == torch.nn.init.__name__:
            return None
        # Weight norm divides a new weight into its lengths and directions, and makes it of those again.
        if function is torch.norm_except_dim:
            weight, _, kept = args
            return weight.new_empty([size if axis == kept else 1 for axis, size in enumerate(weight.shape)])
        if function is torch._weight_norm:
            return args[0]
        if function is torch.empty and kwargs.get("device") is None:
            return function(*args, **{**kwargs, "device": "meta"})
        return function(*args, **kwargs)


@contextmanager
def _building(file: TensorFile) -> Iterator[None]:
    """Build without weights; sizes that don't go together become a `CheckpointError`."""
    try:
        with _WithoutWeights():
            yield
    except (AssertionError, ValueError, TypeError, ZeroDivisionError, IndexError, RuntimeError) as err:
        if is_out_of_memory(err):
            raise
        raise CheckpointError(
            f"{file.path} holds tensors of sizes that don't go together: {first_line(err)}",
            "Is it a file of this model family?",
        ) from err
