"""Random checkpoints have the settings of turbo's and nano's tokenizer as the official files do, to the byte."""

from __future__ import annotations

import json
from hashlib import sha256
from pathlib import Path

import pytest

from tests.conftest import Tiny
from wyoming_chatterbox.engine.measuring.random_checkpoint import FULL_GPT2_TOKENS, TAGS, gpt2_settings
from wyoming_chatterbox.engine.tokenizers.gpt2 import load_gpt2

OFFICIAL = {
    "added_tokens.json": (418, "72e4ab6acb0d9309ac3df4b526ae5fd80a2da5bc5ab7bb02d85096a374f69193"),
    "special_tokens_map.json": (470, "92ba8063bf40aa163eadebbfe0de07c2aebe44cf0d4a9e8726580b0781fd2640"),
    "tokenizer_config.json": (3878, "bca16a2ac1ddbd78b8d6228f0031884cc74b6ea54b967d6f6d2ebae9ccde23e6"),
}
"""Bytes and SHA-256 of the files in the repositories of turbo and of nano."""


@pytest.mark.parametrize("name", OFFICIAL)
def test_a_file_is_the_official_one(name: str) -> None:
    text = json.dumps(gpt2_settings(50256)[name], indent=2, sort_keys=True, ensure_ascii=False) + "\n"
    assert (len(text.encode()), sha256(text.encode()).hexdigest()) == OFFICIAL[name]


def test_the_tags_fill_t3_s_vocabulary() -> None:
    assert list(gpt2_settings(50256)["added_tokens.json"].values()) == list(range(50257, FULL_GPT2_TOKENS))


@pytest.mark.parametrize("layout", ["turbo", "nano"])
def test_a_tag_is_one_token_of_a_random_checkpoint(tiny: Tiny, layout: str) -> None:
    directory: Path = tiny(layout)
    tokenize = load_gpt2(directory)
    numbers = json.loads((directory / "added_tokens.json").read_text())
    assert [tokenize(tag) for tag in TAGS] == [[numbers[tag]] for tag in TAGS]
