"""A directory in the official layout -> networks that are ready to speak."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import torch

from ..errors import CheckpointError
from .files.families import Family
from .layers.convert import Converter, parameters_by_format
from .layers.sizes import size_of
from .precision import Precision
from .s3gen.build import build_flow, build_vocoder
from .s3gen.estimator import Flow
from .s3gen.vocoder import Vocoder, simplify
from .t3.build import build_t3
from .t3.model import T3
from .tokenizers.load import TextTokenizer, load_tokenizer
from .voice.conditionals import Conditionals, load_conditionals
from .voice.preparation import VoicePreparation
from .weights.tensor_file import TensorFile

_LOGGER = logging.getLogger(__name__)


@dataclass(frozen=True)
class Networks:
    """A loaded checkpoint. T3 and the flow are in the precision asked for, all else computes in float32."""

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
        """Bytes of weights by part, of those that speaking needs."""
        return {"t3": size_of(self.t3), "flow": size_of(self.flow), "vocoder": size_of(self.vocoder)}

    def parameters_by_format(self) -> Mapping[str, Mapping[str, int]]:
        """By part, how many parameters are held in which format."""
        return {
            "t3": parameters_by_format(self.t3),
            "flow": parameters_by_format(self.flow),
            "vocoder": parameters_by_format(self.vocoder),
        }


_S3GEN_PARTS = ("flow.", "mel2wav.", "tokenizer.", "speaker_encoder.")


def load(
    directory: Path, family: Family, device: torch.device, dtype: torch.dtype, precision: Precision | None = None
) -> Networks:
    """Load a checkpoint of any family, its networks sized by its own tensors.

    One layer after another goes from the files to `device`, T3's and the flow's as `dtype` or in the format of a
    `precision` that converts, so that no second copy of the weights is held. Raises `CheckpointError` that names the
    file, and the tensor where it is one.
    """
    convert = Converter(precision) if precision and precision.converts else None
    dtype = torch.float32 if convert else dtype
    hold = torch.float16 if precision and precision.name != "float32" else torch.float32
    if not directory.is_dir():
        raise CheckpointError(f"{directory} is not a directory", "Give the directory that holds the model's files.")
    missing = family.missing(path.name for path in directory.iterdir())
    if missing:
        raise CheckpointError(
            f"{directory} lacks {', '.join(missing)} of the {family.name} model", "Download the missing files again."
        )
    tokenizer = load_tokenizer(directory, family)
    conditionals = load_conditionals(directory / family.conditionals, device)
    t3_path = next(directory / name for name in family.t3 if (directory / name).exists())
    with TensorFile(directory / family.s3gen) as s3gen, TensorFile(t3_path) as file:
        strangers = [name for name in s3gen.names if not name.startswith(_S3GEN_PARTS)]
        if strangers:
            raise CheckpointError(
                f"{s3gen.path} holds tensors that no network here has: {', '.join(sorted(strangers)[:5])}",
                "Is it a file of this model family?",
            )
        # What is larger on its way in than when it is there comes while little else is: the vocoder, then T3's layers.
        vocoder = simplify(build_vocoder(s3gen, device), hold)
        t3 = build_t3(file, device, dtype, convert)
        flow = build_flow(s3gen, device, dtype, convert)
    _check_vocabularies(directory / family.conditionals, conditionals, t3, flow)
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
    """Refuse token ids that no embedding has: on a GPU, looking one up ends the whole process's use of it."""
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
