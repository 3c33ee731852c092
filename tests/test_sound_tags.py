"""Tags in square brackets are sounds of turbo and nano, and are read aloud by no model."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests import checkpoints
from tests.conftest import Tiny
from wyoming_chatterbox.engine import Utterance, Voice
from wyoming_chatterbox.engine.chatterbox import PAUSE, Chatterbox
from wyoming_chatterbox.engine.tokenizers import punctuation
from wyoming_chatterbox.engine.tokenizers.load import TextTokenizer, load_tokenizer
from wyoming_chatterbox.engine.tokenizers.tags import TAGS, Tags
from wyoming_chatterbox.families import ENGLISH, MULTILINGUAL, SOUNDS, TURBO

DOUBLE_QUOTES = '"“”„‟❝❞〝〞〟＂'
DROPPED = Tags()


@pytest.fixture(scope="module")
def turbo_files(tiny: Tiny, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Turbo's tokenizer files with all 19 tags."""
    directory = tmp_path_factory.mktemp("turbo")
    for name in TURBO.tokenizer:
        (directory / name).write_bytes((tiny("turbo") / name).read_bytes())
    config = json.loads((directory / "tokenizer_config.json").read_text(encoding="utf-8"))
    config.pop("added_tokens_decoder", None)
    (directory / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
    first = len(json.loads((directory / "vocab.json").read_text(encoding="utf-8")))
    tags = {f"[{name}]": first + number for number, name in enumerate(TAGS[:19])}
    (directory / "added_tokens.json").write_text(json.dumps(tags), encoding="utf-8")
    return directory


@pytest.fixture(scope="module")
def turbo(turbo_files: Path) -> TextTokenizer:
    return load_tokenizer(turbo_files, TURBO)


@pytest.fixture(scope="module", params=["english", "multilingual", "multilingual-v3"])
def llama(request: pytest.FixtureRequest, tiny: Tiny) -> TextTokenizer:
    family = ENGLISH if request.param == "english" else MULTILINGUAL
    return load_tokenizer(tiny(request.param), family, "v3" if request.param.endswith("v3") else "v2")


@pytest.mark.parametrize("name", SOUNDS)
def test_a_sound_is_one_token_for_turbo(turbo: TextTokenizer, turbo_files: Path, name: str) -> None:
    (token,) = [json.loads((turbo_files / "added_tokens.json").read_text(encoding="utf-8"))[f"[{name}]"]]
    for written in (name, name.upper(), name.replace(" ", "_"), f" {name} "):
        assert turbo(f"Well, [{written}] yes.", "en").count(token) == 1
        assert turbo(f"Well, [{written}] yes.", "en") == turbo(f"Well, [{name}] yes.", "en")
    assert token in turbo(f"[{name}]", "en")


@pytest.mark.parametrize("name", TAGS)
def test_no_tag_reaches_english_and_multilingual(llama: TextTokenizer, name: str) -> None:
    for written in (f"[{name}]", f"[{name.title()}]", f"[{name.replace(' ', '_')}]"):
        for text, without in (
            ("Oh! {} Well.", "Oh! Well."),
            ("Well {}.", "Well."),
            ("{} Well, well.", "Well, well."),
            ("Well {}, well.", "Well, well."),
            ("well{}well", "well well"),
            ("Well {0} {0}{0} well", "Well well"),
        ):
            assert llama(text.format(written), "en") == llama(without, "en")


@pytest.mark.parametrize("name", [name for name in TAGS if name not in TAGS[:19]])
def test_turbo_says_no_tag_that_it_has_no_token_for(turbo: TextTokenizer, name: str) -> None:
    assert turbo(f"Oh! [{name}] Well.", "en") == turbo("Oh! Well.", "en")


@pytest.mark.parametrize("text", ["[laugh]", " [Laugh] ", "[sigh] [clear throat].", "[gasp]!", "… [music] …"])
def test_a_text_of_nothing_but_tags_has_no_tokens(llama: TextTokenizer, text: str) -> None:
    assert llama(text, "en") == []


def test_a_bracketed_word_is_no_tag(llama: TextTokenizer, turbo: TextTokenizer) -> None:
    for tokenizer in (llama, turbo):
        assert tokenizer("It is [sic] there, see [1].", "en") != tokenizer("It is there, see.", "en")
    assert DROPPED("foo[0] and [laughing stock] and [ ] and [[x]]") == "foo[0] and [laughing stock] and [ ] and [[x]]"


@pytest.mark.parametrize("word", ["STOP", "START", "UNK", "SPACE"])
def test_a_bracketed_word_is_no_sign_of_the_vocabulary(llama: TextTokenizer, word: str) -> None:
    assert llama(f"A [{word}] sign.", "en") == llama(f"A {word} sign.", "en")


def test_a_bracketed_word_is_no_language(tiny: Tiny) -> None:
    tokenizer = load_tokenizer(tiny("multilingual"), MULTILINGUAL)
    assert tokenizer("He gave [it] to her.", "en") == tokenizer("He gave it to her.", "en")


@given(st.text(min_size=1))
def test_other_texts_stay_as_they_are(text: str) -> None:
    if "[" not in text:
        assert DROPPED(text) is text


@given(st.lists(st.sampled_from([*(f"[{name}]" for name in TAGS), "[", "]", " ", "a", "Well", ".", "_"])).map("".join))
def test_dropping_leaves_no_tag_and_is_done_once(text: str) -> None:
    settled = DROPPED(text)
    assert not any(f"[{name}]" in settled for name in TAGS)
    assert DROPPED(settled) == settled


@pytest.mark.parametrize("quote", DOUBLE_QUOTES)
def test_no_double_quote_reaches_turbo(turbo: TextTokenizer, quote: str) -> None:
    assert turbo(f"She said {quote}hello{quote}, and left.", "en") == turbo("She said hello, and left.", "en")
    assert turbo(f"{quote}Hello.{quote}", "en") == turbo("Hello.", "en")
    assert turbo(quote, "en") == turbo(f" {quote}{quote} ", "en") == []
    assert '"' not in punctuation.turbo(punctuation.unquoted(f"It is {quote}here{quote}"))


def test_quotes_stay_for_english(tiny: Tiny) -> None:
    tokenizer = load_tokenizer(tiny("english"), ENGLISH)
    assert tokenizer('It is "here".', "en") != tokenizer("It is here.", "en")


@pytest.mark.slow(4)
@pytest.mark.parametrize(
    ("layout", "family", "text"),
    [("english", ENGLISH, "[laugh]"), ("multilingual", MULTILINGUAL, "[sigh]!"), ("turbo", TURBO, "“”")],
)
def test_a_text_of_nothing_but_tags_is_silence(tiny: Tiny, layout: str, family: Any, text: str) -> None:
    engine = Chatterbox.load(tiny(layout), family, checkpoints.FLOAT32, warm_up=False)
    try:
        blocks = list(engine.speak(Utterance(text, Voice("own", "en"), seed=1), lambda: False))
    finally:
        engine.close()
    assert sum(map(len, blocks)) == round(PAUSE * engine.sample_rate)
    assert not np.concatenate(blocks).any()
