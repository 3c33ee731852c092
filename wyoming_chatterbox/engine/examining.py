"""Examining a model's files without loading its weights."""

from __future__ import annotations

from pathlib import Path

import torch

from ..errors import CheckpointError
from ..families import Family
from .tokenizers.load import load_tokenizer
from .tokenizers.text_forms import text_form
from .voice.conditionals import load_conditionals
from .weights.tensor_file import TensorFile


def examine(directory: Path, family: Family) -> int:
    """Open each of the files, read what is small, and return the bytes of all.

    Raises `CheckpointError`, which names the file that is missing, cut short or of another format.
    """
    t3 = family.t3_path(directory)
    weights = [t3, family.path(directory, family.s3gen), family.path(directory, family.voice_encoder)]
    for path in weights:
        with TensorFile(path):
            pass
    conditionals = family.path(directory, family.conditionals)
    load_conditionals(conditionals, torch.device("cpu"))
    load_tokenizer(directory, family, text_form(t3.name))
    files = [*weights, conditionals, *(family.path(directory, name) for name in family.tokenizer)]
    try:
        return sum(path.stat().st_size for path in files)
    except OSError as err:
        raise CheckpointError(f"{err.filename} can't be read: {err.strerror}", "Check its permissions.") from err
