"""Text -> text tokens: each family's punctuation rules and tokenizer, from local files only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tokenizers import Tokenizer

from ...errors import CheckpointError
from ...families import CANGJIE, Family
from ...problem import Problem
from ..failures import download_again, first_line
from . import punctuation
from .gpt2 import load_gpt2
from .tags import TAGS, Tags
from .text_forms import TextForm

TextTokenizer = Callable[[str, str], list[int]]
"""(text, language) -> token ids, without the start and end that T3's Llama families add; none for a text of nothing
but tags that the model has no sound for."""


def load_tokenizer(directory: Path, family: Family, form: TextForm = "v2") -> TextTokenizer:
    """Load a family's tokenizer; multilingual's writes texts in `form`.

    Raises `CheckpointError` if its files are missing or broken.
    """
    path = family.path(directory, family.tokenizer[0])
    if not path.is_file():
        raise CheckpointError(
            f"{path} is missing",
            "Download it again.",
            Problem("files-missing", {"place": str(path.parent), "files": [path.name]}),
        )
    try:
        if family.name == "english":
            return _load_english(path)
        if family.name == "multilingual":
            return _load_multilingual(path, family.path(directory, CANGJIE), form)
        return _load_gpt2(path.parent)
    except (CheckpointError, ImportError):
        raise
    except Exception as err:  # tokenizers raises bare Exceptions.
        raise CheckpointError(f"{path} is broken: {first_line(err)}", download_again(path), _broken(path)) from err


def _load_english(path: Path) -> TextTokenizer:
    tokenizer = Tokenizer.from_file(str(path))
    missing = {"[START]", "[STOP]"} - tokenizer.get_vocab().keys()
    if missing:
        raise ValueError(f"it has no token {missing.pop()}")
    tags = Tags(reserved=_added(tokenizer))

    def encode(text: str, _language: str) -> list[int]:
        text = tags(text)
        return list(tokenizer.encode(punctuation.english(text).replace(" ", "[SPACE]")).ids) if text else []

    return encode


def _load_multilingual(path: Path, cangjie: Path, form: TextForm) -> TextTokenizer:
    from .multilingual import MultilingualTokenizer

    tokenizer = MultilingualTokenizer(path, cangjie, form)
    tags = Tags(reserved=_added(tokenizer.tokenizer))

    def encode(text: str, language: str) -> list[int]:
        text = tags(text)
        return tokenizer.ids(text, language) if text else []

    return encode


def _load_gpt2(directory: Path) -> TextTokenizer:
    tokenizer = load_gpt2(directory)
    tags = Tags(kept=[name for name in TAGS if len(tokenizer(f"[{name}]")) == 1])

    def encode(text: str, _language: str) -> list[int]:
        text = tags(punctuation.unquoted(text))
        return tokenizer(punctuation.turbo(text)) if text else []

    return encode


def _added(tokenizer: Tokenizer) -> list[str]:
    return [token.content for token in tokenizer.get_added_tokens_decoder().values()]


def _broken(path: Path) -> Problem:
    return Problem("files-broken", {"place": str(path.parent), "file": path.name})
