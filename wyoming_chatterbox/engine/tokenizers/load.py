"""Text -> text tokens: each family's punctuation rules and tokenizer, from local files only."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tokenizers import Tokenizer

from ...errors import CheckpointError
from ...families import CANGJIE, Family
from ..failures import download_again, first_line
from . import punctuation
from .gpt2 import load_gpt2

TextTokenizer = Callable[[str, str], list[int]]
"""(text, language) -> token ids, without the start and end that T3's Llama families add."""


def load_tokenizer(directory: Path, family: Family) -> TextTokenizer:
    """Load a family's tokenizer. Raises `CheckpointError` if its files are missing or broken."""
    path = family.path(directory, family.tokenizer[0])
    if not path.is_file():
        raise CheckpointError(f"{path} is missing", "Download it again.")
    loaders = {"english": _load_english, "multilingual": _load_multilingual}
    try:
        return loaders.get(family.name, _load_gpt2)(path, family.path(directory, CANGJIE))
    except (CheckpointError, ImportError):
        raise
    except Exception as err:  # tokenizers raises bare Exceptions.
        raise CheckpointError(f"{path} is broken: {first_line(err)}", download_again(path)) from err


def _load_english(path: Path, _cangjie: Path) -> TextTokenizer:
    tokenizer = Tokenizer.from_file(str(path))
    missing = {"[START]", "[STOP]"} - tokenizer.get_vocab().keys()
    if missing:
        raise ValueError(f"it has no token {missing.pop()}")

    def encode(text: str, _language: str) -> list[int]:
        return list(tokenizer.encode(punctuation.english(text).replace(" ", "[SPACE]")).ids)

    return encode


def _load_multilingual(path: Path, cangjie: Path) -> TextTokenizer:
    from .multilingual import MultilingualTokenizer

    tokenizer = MultilingualTokenizer(path, cangjie)

    def encode(text: str, language: str) -> list[int]:
        return list(tokenizer.encode(punctuation.multilingual(text), language_id=language))

    return encode


def _load_gpt2(path: Path, _cangjie: Path) -> TextTokenizer:
    tokenizer = load_gpt2(path.parent)

    def encode(text: str, _language: str) -> list[int]:
        return tokenizer(punctuation.turbo(text))

    return encode
