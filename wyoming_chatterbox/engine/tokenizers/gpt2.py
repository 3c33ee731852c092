"""Loads GPT-2's tokenizer from its official files, as transformers reads them, without importing transformers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tokenizers import AddedToken, Tokenizer, models, pre_tokenizers

from ...errors import CheckpointError
from ...problem import Problem
from ...quoting import quoted

_CLASSES = ("GPT2Tokenizer", "GPT2TokenizerFast")
_NAMED = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")
_NO_LIMIT = 1e20


def load_gpt2(directory: Path) -> Callable[[str], list[int]]:
    """Read the tokenizer in `directory`: text -> token ids, truncated at the length in the files.

    tokenizer.json, which newer versions of transformers write, may hold any tokenizer. Raises `CheckpointError` where
    there is no tokenizer of either kind, `OSError` or `ValueError` for broken files.
    """
    config = _read(directory / "tokenizer_config.json")
    whole = directory / "tokenizer.json"
    if whole.exists():
        tokenizer = Tokenizer.from_file(str(whole))
        tokenizer.no_padding()
        tokenizer.no_truncation()
    elif (name := config.get("tokenizer_class")) in _CLASSES:
        tokenizer = _from_vocabulary(directory, config)
    else:
        raise CheckpointError(
            f"{directory / 'tokenizer_config.json'} is of the tokenizer {quoted(str(name))}, without a tokenizer.json",
            "Load it with transformers' AutoTokenizer and save it with save_pretrained, which writes a tokenizer.json.",
            Problem("files-missing", {"place": str(directory), "files": [whole.name]}),
        )
    longest = config.get("model_max_length", config.get("max_len"))
    if longest is not None and longest <= _NO_LIMIT:
        tokenizer.enable_truncation(int(longest))

    def encode(text: str) -> list[int]:
        return list(tokenizer.encode(text).ids)

    return encode


def _from_vocabulary(directory: Path, config: dict[str, Any]) -> Tokenizer:
    merges = directory / "merges.txt"
    if not merges.is_file():
        raise CheckpointError(
            f"{merges} is missing",
            "Download it again.",
            Problem("files-missing", {"place": str(merges.parent), "files": [merges.name]}),
        )
    tokenizer = Tokenizer(models.BPE.from_file(str(directory / "vocab.json"), str(merges)))
    prefix_space = bool(config.get("add_prefix_space", False))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=prefix_space)
    tokenizer.add_tokens(_added(directory, config))
    return tokenizer


def _added(directory: Path, config: dict[str, Any]) -> list[AddedToken]:
    """List the tokens beyond the vocabulary by id, from the configuration or, in older checkpoints, from two files."""
    listed = config.get("added_tokens_decoder")
    named = dict(config)
    if listed is not None:
        numbered = {int(index): AddedToken(**token) for index, token in listed.items()}
    else:
        named |= _read(directory / "special_tokens_map.json")
        special = {_content(named.get(key)) for key in _NAMED} | {_content(token) for token in _extra(named)}
        numbered = {
            index: AddedToken(content, normalized=content not in special, special=content in special)
            for content, index in _read(directory / "added_tokens.json").items()
        }
    tokens = [numbered[index] for index in sorted(numbered)]
    known = {token.content for token in tokens}
    # GPT-2 has bos, eos and unk tokens even where no file names them.
    wanted = [named.get(key, "<|endoftext|>" if key in _NAMED[:3] else None) for key in _NAMED]
    for token in (*wanted, *_extra(named)):
        content = _content(token)
        if content is not None and content not in known:
            known.add(content)
            options = {key: value for key, value in token.items() if key in _OPTIONS} if isinstance(token, dict) else {}
            tokens.append(AddedToken(content, special=True, **options))
    return tokens


_OPTIONS = ("single_word", "lstrip", "rstrip", "normalized")


def _extra(named: dict[str, Any]) -> list[Any]:
    extra = named.get("extra_special_tokens") or named.get("additional_special_tokens") or []
    return list(extra.values()) if isinstance(extra, dict) else list(extra)


def _content(token: Any) -> str | None:
    content = token.get("content") if isinstance(token, dict) else token
    return None if content is None else str(content)


def _read(path: Path) -> dict[str, Any]:
    """Read a JSON file's object; an empty one if there is no file."""
    if not path.is_file():
        return {}
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{path.name} holds no names and values")
    return content
