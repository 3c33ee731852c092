"""A directory in the official layout -> networks that are ready to speak."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from ..errors import CheckpointError
from ..families import Family
from ..precision import Precision
from ..problem import Problem
from .heap import limit_onednn_kernels
from .layers.convert import Converter, parameters_by_format
from .layers.sizes import size_of
from .s3gen.build import build_flow, build_vocoder
from .s3gen.estimator import Flow
from .s3gen.vocoder import Vocoder, simplify
from .t3.build import build_t3
from .t3.model import T3
from .tokenizers.load import TextTokenizer, load_tokenizer
from .tokenizers.text_forms import text_form
from .voice.conditionals import Conditionals, load_conditionals
from .voice.preparation import VoicePreparation
from .weights.tensor_file import TensorFile

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Networks:
    """A loaded checkpoint. T3 and the flow have the chosen precision; the rest computes in float32."""

    family: Family
    t3_file: str
    t3: T3
    flow: Flow
    vocoder: Vocoder
    tokenizer: TextTokenizer
    conditionals: Conditionals
    """The checkpoint's own voice."""
    preparation: VoicePreparation

    def bytes(self) -> Mapping[str, int]:
        """Count the bytes of weights that speaking needs, by part."""
        return {"t3": size_of(self.t3), "flow": size_of(self.flow), "vocoder": size_of(self.vocoder)}

    def parameters_by_format(self) -> Mapping[str, Mapping[str, int]]:
        """Count the parameters by part and format."""
        return {
            "t3": parameters_by_format(self.t3),
            "flow": parameters_by_format(self.flow),
            "vocoder": parameters_by_format(self.vocoder),
        }


_S3GEN_PARTS = ("flow.", "mel2wav.", "tokenizer.", "speaker_encoder.")


def load(directory: Path, family: Family, precision: Precision) -> Networks:
    """Load a checkpoint of any family onto the device of `precision`; its tensors give the networks their sizes.

    Layers go from the files to the device one after another, so that no second copy of the weights is held. Raises
    `CheckpointError`, which names the file, and the tensor if one is to blame.
    """
    limit_onednn_kernels()
    device = torch.device(precision.device)
    convert = Converter(precision) if precision.converts else None
    dtype = torch.float32 if convert else getattr(torch, precision.dtype)
    hold = torch.float32 if precision.name == "float32" else torch.float16
    if not directory.is_dir():
        raise CheckpointError(
            f"{directory} is not a directory",
            "Give the directory that holds the model's files.",
            Problem("files-missing", {"place": str(directory)}),
        )
    missing = family.missing(path.name for path in directory.iterdir())
    if missing:
        raise CheckpointError(
            f"{directory} lacks {', '.join(missing)} of the {family.label} model",
            "Download the missing files again.",
            Problem("files-missing", {"place": str(directory), "files": missing}),
        )
    t3_path = family.t3_path(directory)
    tokenizer = load_tokenizer(directory, family, text_form(t3_path.name))
    conditionals_path = family.path(directory, family.conditionals)
    conditionals = load_conditionals(conditionals_path, device)
    with TensorFile(family.path(directory, family.s3gen)) as s3gen, TensorFile(t3_path) as file:
        s3gen.ignore(name for name in s3gen.names if not name.startswith(_S3GEN_PARTS))
        # Load the parts with the largest temporary overhead first, while little else is in memory: vocoder, then T3.
        vocoder = simplify(build_vocoder(s3gen, device), hold)
        t3 = build_t3(file, device, dtype, convert)
        flow = build_flow(s3gen, device, dtype, convert)
    _check_vocabularies(conditionals_path, conditionals, t3, flow)
    return Networks(
        family=family,
        t3_file=t3_path.name,
        t3=t3,
        flow=flow,
        vocoder=vocoder,
        tokenizer=tokenizer,
        conditionals=conditionals,
        preparation=VoicePreparation(directory, family, device),
    )


def _check_vocabularies(path: Path, conditionals: Conditionals, t3: T3, flow: Flow) -> None:
    """Refuse token ids beyond an embedding: looking one up on a GPU makes it unusable for the whole process."""
    for tokens, embedding in (
        (conditionals.t3_prompt, t3.speech_emb),
        (conditionals.prompt_tokens, flow.input_embedding),
    ):
        if (
            tokens is not None
            and tokens.numel()
            and not 0 <= int(tokens.min()) <= int(tokens.max()) < len(embedding.weight)
        ):
            raise CheckpointError(
                f"{path} holds speech tokens up to {int(tokens.max())}, but the model has {len(embedding.weight)}",
                "Is it this model's file?",
            )
