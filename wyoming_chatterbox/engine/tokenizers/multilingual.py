"""The multilingual family's tokenizer: chatterbox-tts's, without its downloads."""

from __future__ import annotations

import json
import logging
from functools import cached_property
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

from ...errors import CheckpointError
from ..failures import first_line
from ..upstream.chatterbox_tts import ChineseCangjieConverter, MTLTokenizer

_LOGGER = logging.getLogger(__name__)


class MultilingualTokenizer(MTLTokenizer):  # type: ignore[misc]
    """chatterbox-tts's tokenizer, without the downloads for Chinese that its constructor starts."""

    def __init__(self, path: Path, cangjie: Path) -> None:
        self.tokenizer = Tokenizer.from_file(str(path))
        self.check_vocabset_sot_eot()
        self._cangjie = cangjie

    @cached_property
    def cangjie_converter(self) -> Any:
        return _CangjieConverter(self._cangjie)


class _CangjieConverter(ChineseCangjieConverter):  # type: ignore[misc]
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
        """Load pkuseg if its model is on this machine already: otherwise pkuseg would download one."""
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
