"""Text -> text tokens: each family's punctuation rules and tokenizer, from local files only."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer
from transformers import AutoTokenizer

from ..errors import CheckpointError
from . import package
from .families import Family
from .tensors import DOWNLOAD_AGAIN, first_line

_LOGGER = logging.getLogger(__name__)

TextTokenizer = Callable[[str, str], list[int]]
"""(text, language) -> token ids, without the start and end that T3's Llama families add."""


def load_tokenizer(directory: Path, family: Family) -> TextTokenizer:
    """Load a family's tokenizer; `CheckpointError` if its files are missing or broken."""
    path = directory / family.tokenizer[0]
    if not path.is_file():
        raise CheckpointError(f"{path} is missing", "Download it again.")
    loaders = {"english": _load_english, "multilingual": _load_multilingual}
    try:
        return loaders.get(family.name, _load_gpt2)(directory, path)
    except Exception as err:  # Tokenizers raises bare Exceptions.
        raise CheckpointError(f"{path} is broken: {first_line(err)}", DOWNLOAD_AGAIN) from err


def _load_english(_directory: Path, path: Path) -> TextTokenizer:
    tokenizer = package.EnTokenizer(str(path))

    def encode(text: str, _language: str) -> list[int]:
        return list(tokenizer.encode(package.tts.punc_norm(text)))

    return encode


def _load_multilingual(directory: Path, path: Path) -> TextTokenizer:
    tokenizer = _MultilingualTokenizer(path, directory / "Cangjie5_TC.json")

    def encode(text: str, language: str) -> list[int]:
        return list(tokenizer.encode(package.mtl_tts.punc_norm(text), language_id=language))

    return encode


def _load_gpt2(directory: Path, _path: Path) -> TextTokenizer:
    tokenizer = AutoTokenizer.from_pretrained(directory, local_files_only=True)

    def encode(text: str, _language: str) -> list[int]:
        return list(tokenizer(package.tts_turbo.punc_norm(text), truncation=True).input_ids)

    return encode


class _MultilingualTokenizer(package.MTLTokenizer):  # type: ignore[misc]
    """The package's, less the downloads that its constructor starts for Chinese."""

    def __init__(self, path: Path, cangjie: Path) -> None:
        self.tokenizer = Tokenizer.from_file(str(path))
        self.check_vocabset_sot_eot()
        self._cangjie = cangjie

    @cached_property
    def cangjie_converter(self) -> Any:
        return _CangjieConverter(self._cangjie)


class _CangjieConverter(package.ChineseCangjieConverter):  # type: ignore[misc]
    """Chinese characters -> Cangjie codes, from the checkpoint's own table."""

    def _load_cangjie_mapping(self, model_dir: Path | None = None) -> None:
        try:
            entries = json.loads(Path(str(model_dir)).read_text(encoding="utf-8"))
        except (OSError, ValueError) as err:
            raise CheckpointError(
                f"Chinese needs the file {model_dir}, which can't be read: {first_line(err)}", "Download it again."
            ) from err
        for entry in entries:
            word, code = entry.split("\t")[:2]
            self.word2cj[word] = code
            self.cj2word.setdefault(code, []).append(word)

    def _init_segmenter(self) -> None:
        """Load pkuseg where its model is on this machine already: otherwise it would download one."""
        self.segmenter = None
        try:
            from spacy_pkuseg import pkuseg
            from spacy_pkuseg.config import config
        except ImportError:
            model = None
        else:
            model = Path(config.pkuseg_home) / "spacy_ontonotes"
        if model is None or not model.is_dir():
            _LOGGER.warning("Chinese is spoken without word segmentation: the model of spacy-pkuseg is not here")
            return
        self.segmenter = pkuseg(model_name=str(model))
