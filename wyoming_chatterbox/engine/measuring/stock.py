"""Loads chatterbox-tts itself on a checkpoint of any size, to measure this project's engine against it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from chatterbox.models.t3.inference.alignment_stream_analyzer import AlignmentStreamAnalyzer
from safetensors.torch import load_file
from transformers import AutoTokenizer

from ...families import FAMILIES, Family
from ..s3gen.build import build_vocoder, conformer, estimator_sizes
from ..t3.build import t3_config
from ..upstream import chatterbox_tts
from ..voice.build import build_s3_tokenizer, build_speaker_encoder
from ..weights.fill import fill
from ..weights.tensor_file import TensorFile

_FULL_FLOW = 512
"""Width of the flow's embedding in every official checkpoint."""


def load(directory: Path, family: Family, device: str) -> tuple[Any, str]:
    """Return chatterbox-tts's own object, and a sentence that says how it was made.

    Its own loader makes it. For a checkpoint unknown to that loader (nano, multilingual v3, sizes of a test), classes
    of chatterbox-tts are built at the sizes of the checkpoint's tensors.
    """
    # Only Chinese needs the segmenter, which may download a model.
    chatterbox_tts.ChineseCangjieConverter._init_segmenter = lambda _self: None
    kind = _kind(family)
    t3_path = family.t3_path(directory)
    s3gen_path, voice_path = family.path(directory, family.s3gen), family.path(directory, family.conditionals)
    with TensorFile(s3gen_path) as file:
        full = file.size("flow.input_embedding.weight", 1) == _FULL_FLOW
    if full and family.name != "nano" and t3_path.name == FAMILIES[family.name].t3[-1]:
        return kind.from_local(directory, device), "loaded by chatterbox-tts"
    t3 = _t3(t3_path).to(device).eval()
    s3gen = (_full_s3gen if full else _sized_s3gen)(s3gen_path).to(device).eval()
    voice_encoder = chatterbox_tts.VoiceEncoder()
    voice_encoder.load_state_dict(_tensors(family.path(directory, family.voice_encoder)))
    voice = chatterbox_tts.tts.Conditionals.load(voice_path, map_location=device).to(device)
    made = kind(t3, s3gen, voice_encoder.to(device).eval(), _tokenizer(directory, family), device, voice)
    return made, "chatterbox-tts 0.1.7 has no loader for this checkpoint: its classes, sized from the tensors"


def obey_no_analyzer() -> None:
    """Run multilingual's analyzer, but ignore its verdict: with random weights, attention means nothing."""
    step = AlignmentStreamAnalyzer.step

    def unheard(self: Any, logits: torch.Tensor, next_token: Any = None) -> torch.Tensor:
        step(self, logits.clone(), next_token)
        return logits

    AlignmentStreamAnalyzer.step = unheard


def _kind(family: Family) -> Any:
    kinds = {
        "english": chatterbox_tts.tts.ChatterboxTTS,
        "multilingual": chatterbox_tts.mtl_tts.ChatterboxMultilingualTTS,
    }
    return kinds.get(family.name, chatterbox_tts.tts_turbo.ChatterboxTurboTTS)


def _t3(path: Path) -> Any:
    with TensorFile(path) as file:
        hp = t3_config(file)
        t3 = chatterbox_tts.T3(hp)
        if hp.use_perceiver_resampler:
            _, queries, width = file.shape("cond_enc.perceiver.pre_attention_query")
            t3.cond_enc.perceiver = chatterbox_tts.Perceiver(queries, width, width)
    tensors = _tensors(path)
    if t3.is_gpt:
        # Nothing uses the backbone's own embedding, whose size differs in some files.
        del t3.tfmr.wte
        tensors.pop("tfmr.wte.weight", None)
    t3.load_state_dict(tensors)
    return t3


def _full_s3gen(path: Path) -> Any:
    tensors = _tensors(path)
    s3gen = chatterbox_tts.tts.S3Gen(meanflow=_is_meanflow(tensors))
    s3gen.load_state_dict(tensors, strict=False)
    return s3gen


def _sized_s3gen(path: Path) -> Any:
    """Build S3Gen with networks at the sizes of the file's tensors."""
    cpu = torch.device("cpu")
    with TensorFile(path) as file:
        with torch.device("meta"):
            s3gen = chatterbox_tts.tts.S3Gen(meanflow=file.has("flow.decoder.estimator.time_embed_mixer.weight"))
        s3gen.flow = _flow(file)
        s3gen.mel2wav = build_vocoder(file, cpu)
        s3gen.tokenizer = build_s3_tokenizer(file, cpu)
        s3gen.speaker_encoder = build_speaker_encoder(file, cpu)
    half = chatterbox_tts.S3GEN_SR // 50
    fade = torch.zeros(2 * half)
    fade[half:] = (torch.cos(torch.linspace(torch.pi, 0, half)) + 1) / 2
    s3gen.register_buffer("trim_fade", fade, persistent=False)
    return s3gen


def _flow(file: TensorFile) -> Any:
    with torch.device("meta"):
        encoder = conformer(file, "flow.encoder.")
        flow = chatterbox_tts.CausalMaskedDiffWithXvec(
            input_size=file.size("flow.input_embedding.weight", 1),
            output_size=file.size("flow.encoder_proj.weight"),
            spk_embed_dim=file.size("flow.spk_embed_affine_layer.weight", 1),
            vocab_size=file.size("flow.input_embedding.weight"),
            pre_lookahead_len=encoder.pre_lookahead_layer.pre_lookahead_len,
            encoder=encoder,
            decoder=chatterbox_tts.CausalConditionalCFM(
                spk_emb_dim=file.size("flow.spk_embed_affine_layer.weight"),
                cfm_params=chatterbox_tts.CFM_PARAMS,
                estimator=chatterbox_tts.ConditionalDecoder(**estimator_sizes(file, "flow.decoder.estimator.")),
            ),
        )
    fill(flow, file, "flow.", torch.device("cpu"), torch.float32)
    # The encoder computes positions at first use.
    flow.encoder.embed.pos_enc.pe = None
    flow.encoder.up_embed.pos_enc.pe = None
    return flow


def _is_meanflow(tensors: dict[str, torch.Tensor]) -> bool:
    return "flow.decoder.estimator.time_embed_mixer.weight" in tensors


def _tensors(path: Path) -> dict[str, torch.Tensor]:
    if path.suffix == ".safetensors":
        tensors: dict[str, torch.Tensor] = load_file(path)
    else:
        tensors = torch.load(path, map_location="cpu", weights_only=True)
    return tensors


def _tokenizer(directory: Path, family: Family) -> Any:
    if family.name == "english":
        return chatterbox_tts.EnTokenizer(str(directory / family.tokenizer[0]))
    if family.name == "multilingual":
        return chatterbox_tts.MTLTokenizer(str(directory / family.tokenizer[0]))
    tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True)
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer
