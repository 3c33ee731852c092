"""Builds the flow and the vocoder at the sizes of a checkpoint's tensors, and fills them."""

from __future__ import annotations

from typing import Any

import torch

from ...errors import CheckpointError
from ..layers.convert import Converter
from ..upstream import chatterbox_tts
from ..weights.fill import fill
from ..weights.meta import building
from ..weights.tensor_file import TensorFile
from .estimator import Estimator, Flow, FlowMatching
from .vocoder import Vocoder

HEAD = 64
"""Width of an attention head of the flow. The tensors' shapes don't tell."""


def build_flow(file: TensorFile, device: torch.device, dtype: torch.dtype, convert: Converter | None = None) -> Flow:
    """Build the flow, speech tokens to mel, standard or meanflow as the tensors' names tell.

    With `convert`, weights are read in `dtype` and converted layer by layer.
    """
    with building(file):
        flow = Flow(
            vocabulary=file.size("flow.input_embedding.weight"),
            width=file.size("flow.input_embedding.weight", 1),
            speaker=file.size("flow.spk_embed_affine_layer.weight", 1),
            output_size=file.size("flow.encoder_proj.weight"),
            encoder=conformer(file, "flow.encoder."),
            decoder=FlowMatching(
                Estimator(**estimator_sizes(file, "flow.decoder.estimator.")),
                inference_cfg_rate=chatterbox_tts.CFM_PARAMS.inference_cfg_rate,
            ),
        )
    fill(flow, file, "flow.", device, dtype, convert=convert)
    # The encoder computes positions at first use, in the length and dtype it needs then.
    flow.encoder.embed.pos_enc.pe = None
    flow.encoder.up_embed.pos_enc.pe = None
    time_mlp = flow.decoder.estimator.time_mlp
    # Times are float32 up to here, because the sine of 1000 * t is wrong in 16 bits.
    time_mlp.register_forward_pre_hook(lambda module, inputs: (inputs[0].to(module.linear_1.weight.dtype),))
    return flow


def conformer(file: TensorFile, prefix: str) -> Any:
    """Build the flow's encoder, without weights."""
    width = file.size(prefix + "after_norm.weight")

    def stack(blocks: int) -> Any:
        return chatterbox_tts.UpsampleConformerEncoder(
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
    encoder.pre_lookahead_layer = chatterbox_tts.PreLookaheadLayer(channels=width, pre_lookahead_len=look_ahead)
    stride = (file.size(prefix + "up_layer.conv.weight", 2) - 1) // 2
    encoder.up_layer = chatterbox_tts.Upsample1D(channels=width, out_channels=width, stride=stride)
    return encoder


def estimator_sizes(file: TensorFile, prefix: str) -> dict[str, Any]:
    """Read the arguments of the flow's estimator, this project's and chatterbox-tts's alike."""
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


def build_vocoder(file: TensorFile, device: torch.device) -> Vocoder:
    """Build HiFT, mel to wave. It computes in float32: its phases are sums over tens of thousands of samples."""
    prefix = "mel2wav."
    fft = 16
    with building(file):
        vocoder = Vocoder(
            in_channels=_convolution(file, prefix + "conv_pre")[1],
            base_channels=_convolution(file, prefix + "conv_pre")[0],
            nb_harmonics=file.size(prefix + "m_source.l_linear.weight", 1) - 1,
            sampling_rate=chatterbox_tts.S3GEN_SR,
            upsample_rates=[8, 5, 3],
            upsample_kernel_sizes=[16, 11, 7],
            istft_params={"n_fft": fft, "hop_len": 4},
            source_resblock_kernel_sizes=[7, 7, 11],
            source_resblock_dilation_sizes=[[1, 3, 5], [1, 3, 5], [1, 3, 5]],
            f0_predictor=chatterbox_tts.ConvRNNF0Predictor(
                in_channels=_convolution(file, prefix + "f0_predictor.condnet.0")[1],
                cond_channels=_convolution(file, prefix + "f0_predictor.condnet.0")[0],
            ),
        )
    fill(vocoder, file, prefix, device, torch.float32)
    vocoder.stft_window = torch.hann_window(fft, dtype=torch.float64).to(device, torch.float32)
    return vocoder


def _convolution(file: TensorFile, name: str) -> tuple[int, ...]:
    """Return the shape of a weight-normed convolution's weight, which torch names in an old or a new way."""
    new, old = f"{name}.parametrizations.weight.original1", f"{name}.weight_v"
    shape = file.shape(old if file.has(old) else new)
    if len(shape) != 3:
        raise CheckpointError(f"{file.path}: {name} has the shape {list(shape)}, which is no 1-d convolution's")
    return shape
