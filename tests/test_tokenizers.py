"""Texts become the tokens that chatterbox-tts and transformers make of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from chatterbox import mtl_tts, tts, tts_turbo
from hypothesis import assume, given
from hypothesis import strategies as st
from tokenizers import Tokenizer, models, pre_tokenizers
from tokenizers.trainers import BpeTrainer
from transformers import AutoTokenizer

from tests.conftest import Tiny
from wyoming_chatterbox.engine.tokenizers import punctuation
from wyoming_chatterbox.engine.tokenizers.load import load_tokenizer
from wyoming_chatterbox.engine.tokenizers.tags import TAGS as KNOWN_TAGS
from wyoming_chatterbox.engine.tokenizers.tags import Tags
from wyoming_chatterbox.engine.upstream.chatterbox_tts import EnTokenizer
from wyoming_chatterbox.errors import CheckpointError
from wyoming_chatterbox.families import ENGLISH, TURBO

MARKS = "….:;—–-“”‘’,，。？！、 \t\nß"
TEXTS = st.text(min_size=1) | st.text(st.sampled_from(list(MARKS + "aZé")), min_size=1)
TAGS = ["[laugh]", "[clear throat]"]
END = "<|endoftext|>"


@given(TEXTS)
def test_punctuation_is_normalised_as_the_package_does(text: str) -> None:
    assert punctuation.english(text) == tts.punc_norm(text)
    assert punctuation.multilingual(text) == mtl_tts.punc_norm(text)
    assert punctuation.turbo(text) == tts_turbo.punc_norm(text)


@pytest.mark.parametrize("text", ["hello... there", "a - b; c : d", " no capital", "“Quoted”", "Ends，", "…", "!"])
def test_examples_of_it(text: str) -> None:
    test_punctuation_is_normalised_as_the_package_does.hypothesis.inner_test(text)  # type: ignore[attr-defined]


def added(content: str, *, special: bool) -> dict[str, Any]:
    plain = {"lstrip": False, "rstrip": False, "single_word": False}
    return {"content": content, "normalized": not special, "special": special, **plain}


def write(directory: Path, config: dict[str, Any], **files: Any) -> Path:
    """GPT-2's files with merges of their own, END in the vocabulary and room for tags after it."""
    trained = Tokenizer(models.BPE())
    trained.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    texts = ["hello there, this is a test of the merges", "there is this and that", "the thing is there"]
    trained.train_from_iterator(texts, BpeTrainer(initial_alphabet=alphabet, vocab_size=330, show_progress=False))
    trained.model.save(str(directory))
    vocabulary = json.loads((directory / "vocab.json").read_text(encoding="utf-8"))
    vocabulary[END] = len(vocabulary)
    files = {"vocab": vocabulary, "tokenizer_config": {"tokenizer_class": "GPT2Tokenizer"} | config, **files}
    for name, content in files.items():
        (directory / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return directory


def size(directory: Path) -> int:
    return len(json.loads((directory / "vocab.json").read_text(encoding="utf-8")))


@pytest.fixture(
    scope="module",
    params=["numbered", "older files", "nothing named", "short", "prefix space", "fast", "saved", "saved short"],
)
def pair(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    """GPT-2's tokenizer through this project's loader, and through transformers."""
    directory = tmp_path_factory.mktemp("tokenizer")
    named = {"bos_token": END, "eos_token": END, "unk_token": END}
    first = size(write(directory, {}))
    tokens = [added(END, special=True), added(TAGS[0], special=False), added(TAGS[1], special=False)]
    numbered = {"added_tokens_decoder": {str(first - 1 + i): token for i, token in enumerate(tokens)}}
    older = {"added_tokens": {TAGS[1]: first + 1, TAGS[0]: first}}
    cases: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
        "numbered": (named | numbered | {"pad_token": END}, {}),
        "older files": (named, {"special_tokens_map": named | {"pad_token": "[PAD]"}, **older}),
        "nothing named": ({}, {}),
        "short": (named | numbered | {"model_max_length": 5}, {}),
        "prefix space": (named | numbered | {"add_prefix_space": True}, {}),
        "fast": (named | numbered | {"tokenizer_class": "GPT2TokenizerFast"}, {}),
    }
    saved = request.param.startswith("saved")
    case = request.param.removeprefix("saved")
    config, files = cases[case.strip() or "numbered"]
    write(directory, config, **files)
    if saved:
        AutoTokenizer.from_pretrained(directory, local_files_only=True).save_pretrained(directory)
        assert (directory / "tokenizer.json").exists()
    return load_tokenizer(directory, TURBO), AutoTokenizer.from_pretrained(directory, local_files_only=True)


@given(TEXTS | st.lists(st.sampled_from([*TAGS, END, "[PAD]", " ", "there", "it's", "12"])).map("".join))
def test_gpt2_tokens_are_those_of_transformers(pair: tuple[Any, Any], text: str) -> None:
    ours, theirs = pair
    tags = Tags([name for name in KNOWN_TAGS if f"[{name}]" in theirs.get_vocab()])
    if wanted := tags(punctuation.unquoted(text)):
        assert ours(text, "en") == theirs(punctuation.turbo(wanted), truncation=True).input_ids


def test_tags_are_tokens_of_their_own(tmp_path: Path) -> None:
    directory = write(tmp_path, {})
    first = size(directory)
    write(directory, {}, added_tokens={TAGS[0]: first})
    assert first in load_tokenizer(directory, TURBO)("Well [laugh] yes.", "en")


def test_a_tokenizer_that_was_saved_whole_is_read_as_transformers_reads_it(tmp_path: Path) -> None:
    write(tmp_path, {"bos_token": END, "eos_token": END, "unk_token": END})
    theirs = AutoTokenizer.from_pretrained(tmp_path, local_files_only=True)
    theirs.add_tokens(["there"])
    theirs.save_pretrained(tmp_path)
    assert (tmp_path / "tokenizer.json").exists()
    text = "Is it there?"
    assert load_tokenizer(tmp_path, TURBO)(text, "en") == theirs(text).input_ids
    whole = Tokenizer.from_file(str(tmp_path / "tokenizer.json"))
    whole.enable_truncation(4)
    whole.enable_padding(length=100)
    whole.save(str(tmp_path / "tokenizer.json"))
    assert load_tokenizer(tmp_path, TURBO)(text, "en") == theirs(text).input_ids


def test_another_kind_of_tokenizer_is_named_with_what_to_do(tmp_path: Path) -> None:
    write(tmp_path, {"tokenizer_class": "RobertaTokenizer"})
    with pytest.raises(CheckpointError, match=r"'RobertaTokenizer', without a tokenizer\.json") as caught:
        load_tokenizer(tmp_path, TURBO)
    assert "save_pretrained" in caught.value.hint


def test_missing_merges_are_named(tmp_path: Path) -> None:
    (write(tmp_path, {}) / "merges.txt").unlink()
    with pytest.raises(CheckpointError, match=r"merges\.txt is missing"):
        load_tokenizer(tmp_path, TURBO)


@pytest.fixture(scope="module")
def english(tiny: Tiny) -> tuple[Any, Any]:
    path = tiny("english")
    return load_tokenizer(path, ENGLISH), EnTokenizer(str(path / "tokenizer.json"))


@given(TEXTS)
def test_english_tokens_are_the_package_s(english: tuple[Any, Any], text: str) -> None:
    ours, theirs = english
    assume("[" not in text)
    assert ours(text, "en") == theirs.encode(tts.punc_norm(text))


def test_a_tokenizer_without_a_start_is_refused(tmp_path: Path) -> None:
    tokenizer = Tokenizer(models.BPE(vocab={"[STOP]": 0, "[UNK]": 1}, merges=[], unk_token="[UNK]"))
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    with pytest.raises(CheckpointError, match=r"no token \[START\]"):
        load_tokenizer(tmp_path, ENGLISH)
