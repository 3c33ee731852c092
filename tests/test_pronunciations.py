"""A user's own pronunciations: whole words, the longest first, from a file that may change."""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.client import PATIENCE, plain, streamed
from tests.serving import serving, until
from tests.shares import SharedFile
from wyoming_chatterbox.errors import ConfigError
from wyoming_chatterbox.text.pronunciation_file import PronunciationFile
from wyoming_chatterbox.text.pronunciation_yaml import MAX_BYTES, MAX_ENTRIES, parse, read
from wyoming_chatterbox.text.pronunciations import Entry, Pronunciations

FILE = Path("mine.yaml")
MINE = """
# Names.
IKEA: ee kay ah
nguyen: win
Dr: doctor
don: dawn
"O'Brien": oh bryan
Žofie: zhofyeh
home assistant: hohm uhsistant
home: hohm
# Words with more than letters.
WD-40: W D forty
C++: see plus plus
C: see
.NET: dot net
3D: three dee
24/7: around the clock
e.g.: for instance
wi-fi: why fye
# Left out.
"(s)": ""
um: ""
# Scripts without spaces between words.
東京: トーキョー
서울: seoul
de:
  ikea: Ickeeah
  Home Assistant: Hohm Assistent
no: nei
"""
"""`no` is a word here, as a text stands behind it, and `de` is a language, as words stand under it."""


def as_written(text: str, language: str) -> str:
    """Spells nothing out."""
    return text


def spelled(text: str, language: str) -> str:
    """Spells out numbers and minus signs, as a language does."""
    return re.sub(r"\d+", lambda number: " ".join(number[0]), text).replace("-", " minus ")


def said(text: str, language: str = "en", mine: str = MINE) -> str:
    return parse(mine.encode(), FILE).words(text, language, spell=as_written)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("An IKEA lamp.", "An ee kay ah lamp."),
        ("IKEA", "ee kay ah"),
        # A word in capitals is said only where it is written so; one in small letters always.
        ("Ikea and ikea", "Ikea and ikea"),
        ("Nguyen, NGUYEN and nguyen", "win, win and win"),
        # Whole words only.
        ("IKEAs, an IKEA-like IKEA’s IKEA's", "IKEAs, an ee kay ah-like ee kay ah’s ee kay ah's"),
        ("homes, home_one, Dro, Žofie, Zofie", "homes, home_one, Dro, zhofyeh, Zofie"),
        ("I don't, they don’t, Don did.", "I don't, they don’t, dawn did."),
        ("O'Brien and O’Brien", "oh bryan and oh bryan"),
        ("Z\u030cofie", "zhofyeh"),
        # The longest, over any white space within a line.
        ("Home Assistant is at home", "hohm uhsistant is at hohm"),
        ("home \u00a0assistant", "hohm uhsistant"),
        ("home\nassistant", "hohm\nassistant"),
        ("C++ and C, C+", "see plus plus and see, see+"),
        # What has digits and symbols.
        ("WD-40, WD‑40 and WD-401", "W D forty, W D forty and WD-401"),
        ("in 3D 24/7, e.g. at home.", "in three dee around the clock, for instance at hohm."),
        ("Wi-Fi wi-fi Wi‑Fi", "why fye why fye why fye"),
        # A word never grows together with its neighbour.
        ("ASP.NET and C++17", "ASP dot net and see plus plus 17"),
        ("window(s)are window(s) open", "window are window open"),
        ("So um the light", "So the light"),
        ("um so", "so"),
        # Scripts without spaces.
        ("東京都はIKEAだ", "トーキョー都はee kay ahだ"),
        ("서울에서", "seoul에서"),
        ("no, No", "nei, nei"),
    ],
)
def test_a_user_s_words_are_said_as_the_user_wants(text: str, expected: str) -> None:
    assert said(text) == expected


def test_a_language_has_words_of_its_own_and_those_for_all() -> None:
    assert said("IKEA, Ikea and Dr", "de") == "Ickeeah, Ickeeah and doctor"
    assert said("Home Assistant, home assistant", "de") == "Hohm Assistent, hohm uhsistant"
    assert said("Ikea", "fr") == "Ikea"


def test_without_a_file_text_stays() -> None:
    assert Pronunciations().words("IKEA costs", "en") == "IKEA costs"


def test_words_with_digits_win_over_the_spelling_of_numbers_and_other_words_come_after() -> None:
    mine = parse(b"WD-40: W D forty\nminus: less", FILE)
    assert mine.words("WD-40, 12-40. ", "en", spell=spelled) == "W D forty, 1 2 less 4 0. "


@given(words=st.lists(st.text("ab", min_size=1, max_size=3), min_size=1, max_size=4), text=st.text("ab ,", max_size=30))
def test_it_does_what_a_pattern_would(words: list[str], text: str) -> None:
    mine = Pronunciations(Entry(word, f"<{word}>") for word in words)
    pattern = rf"\b({'|'.join(sorted(words, key=len, reverse=True))})\b"
    assert mine.words(text, "en", spell=as_written) == re.sub(pattern, r"<\1>", text)


@given(st.text())
def test_no_text_raises_and_other_words_stay(text: str) -> None:
    mine = Pronunciations([Entry("zzz", "no"), Entry("9zz9", "no")])
    assert mine.words(text, "en", spell=as_written) == text or "zz" in text.lower()


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        ("a: b\nb: [c]", 2, "the pronunciation of 'b' is no text; a line is a word or phrase, a colon"),
        ("- a", 1, "there is no word here"),
        ("just a text", 1, "there is no word here"),
        ("a: x\nb: y\na: z", 3, "'a' stands in line 1 already; remove one of the two"),
        ("de: {a: x, a: y}", 1, "'a' stands in line 1 already"),
        ("a: x\nb:\n", 2, "'b' has no pronunciation; \"\" leaves the word out"),
        ("\nxx:\n  a: b", 2, "'xx' is no language that words can stand under; there are: ar, da, de"),
        ("de:\n  a:\n    b: c", 2, "the pronunciation of 'a' is no text"),
        ("a: b\n@home: at home", 2, "this is no YAML"),
        ("a: b: c", 1, "this is no YAML"),
        ("a: b\n'c: d", 2, "this is no YAML"),
        ("a: b\nc: \x07", 2, "there is a character that YAML does not allow"),
        ('"": nothing', 1, "there is no word before the colon"),
        (f"{'long' * 30}: a", 1, "is over 100 characters long"),
        (f"a: {'long' * 200}", 1, "the pronunciation of 'a' is over 500 characters long"),
        ("\n".join(f"w{n}: x" for n in range(MAX_ENTRIES + 1)), MAX_ENTRIES + 1, "is one too many"),
        # References to references, without an end and by the billion.
        ("a: &a [*a]", 1, "the pronunciation of 'a' is no text"),
        ("a: &a b\nc: *a", 2, "the pronunciation of 'c' is no text"),
        ("x: &x [l, l]\n" + "\n".join(f"x{n}: &y{n} [*x, *x]" for n in range(99)), 1, "is no text"),
        ("[" * 100_000, 1, "there is no word here"),
        ("a: " + "{a: " * 100_000, 1, "'a' is no language"),
    ],
)
def test_what_is_wrong_with_a_file_is_told_with_its_line(content: str, line: int, message: str) -> None:
    with pytest.raises(ConfigError, match=f"^mine.yaml, line {line}: .*{re.escape(message)}"):
        parse(content.encode(), FILE)


@pytest.mark.parametrize(
    "content", ["", "# nothing yet", "---\n", "de:\nfr:\n", "\ufeffa: b", "{a: b}", "a: b\r\nc: d\r\n"]
)
def test_an_empty_file_and_other_forms_are_right(content: str) -> None:
    assert all(entry.language is None for entry in parse(content.encode(), FILE).entries)


def test_another_encoding_is_told_with_its_line() -> None:
    with pytest.raises(ConfigError, match=r"line 2: this is no UTF-8"):
        parse("a: b\nä: c".encode("latin-1"), FILE)


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is no file; pronunciations are in a YAML file$"):
        read(tmp_path)
    with pytest.raises(ConfigError, match=r"no\.yaml can't be read: No such file or directory$"):
        read(tmp_path / "no.yaml")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match=r"pipe is no file"):
        read(tmp_path / "pipe")
    with (tmp_path / "large.yaml").open("wb") as file:
        file.truncate(50 * MAX_BYTES)
    with pytest.raises(ConfigError, match=f"is over {MAX_BYTES} bytes long"):
        read(tmp_path / "large.yaml")


@given(st.binary() | st.text("a:-[]{}&*!'\"#|>%@` \n?,", max_size=60).map(str.encode))
def test_no_file_s_content_raises_anything_else(content: bytes) -> None:
    try:
        parse(content, FILE)
    except ConfigError as err:
        assert re.match(r"mine\.yaml, line \d+: ", str(err))


def words(file: PronunciationFile) -> dict[str, str]:
    return {entry.written: entry.spoken for entry in file.latest.entries}


def watching(path: Path, patience: float = PATIENCE) -> PronunciationFile:
    return PronunciationFile(path, poll_seconds=0.01, patience=patience)


def put(path: Path, text: str) -> None:
    """Put a file there as a whole: nobody reads half of it, and it is another file than the one before."""
    draft = path.with_suffix(".draft")
    draft.write_text(text)
    draft.replace(path)


async def test_a_file_is_read_again_when_it_changes(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    path = tmp_path / "mine.yaml"
    file = watching(path)
    await file.start()
    try:
        assert words(file) == {}
        assert caplog.messages == [f"There are no pronunciations: {path} is read as soon as it is there"]
        put(path, "a: b")
        await until(lambda: words(file) == {"a": "b"})
        put(path, "a: c")
        await until(lambda: words(file) == {"a": "c"})
        put(path, "a: [")
        await until(lambda: file.trouble is not None)
        await asyncio.sleep(0.1)
        assert words(file) == {"a": "c"}, "the last good entries are used"
        assert caplog.text.count("no text") == 1, "and the log says so once"
        assert "mine.yaml, line 1" in caplog.text
        assert "The 1 pronunciations from before are used" in caplog.text
        put(path, "a: d\nb: e")
        await until(lambda: words(file) == {"a": "d", "b": "e"})
        assert file.trouble is None
        assert caplog.messages[-1] == f"Pronunciations in {path}: 2"
        path.unlink()
        await until(lambda: words(file) == {})
        assert file.trouble is None
    finally:
        await file.close()


@pytest.fixture
def share(tmp_path: Path) -> Iterator[SharedFile]:
    path = SharedFile(tmp_path / "mine.yaml")
    path.answers.clear()
    yield path
    path.answers.set()


async def test_a_file_that_hangs_is_told_and_nobody_waits_for_it(
    share: SharedFile, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    share.write_text("a: b")
    file = watching(share, patience=0.1)
    async with asyncio.timeout(PATIENCE):
        await file.start()
    try:
        assert words(file) == {}
        await until(lambda: file.trouble is not None)
        assert caplog.text.count("have not answered for 0.1 s") == 1
        share.answers.set()
        await until(lambda: words(file) == {"a": "b"})
        assert file.trouble is None
    finally:
        await file.close()


async def test_without_a_file_nothing_is_watched() -> None:
    file = PronunciationFile(None)
    await file.start()
    await file.close()
    assert words(file) == {}


async def test_replies_use_the_entries_as_they_are_then(tmp_path: Path) -> None:
    mine = tmp_path / "mine.yaml"
    mine.write_text("IKEA: ee kay ah\n")
    async with serving(tmp_path, "--pronunciations", str(mine)) as running:
        await plain(running.uri, "The lamp is from IKEA.")
        put(mine, "IKEA: eye key ah\n")
        await until(lambda: words(running.service.pronunciations) == {"IKEA": "eye key ah"})
        await streamed(running.uri, ["The lamp is from IK", "EA."])
        assert running.chatterbox.texts == ["The lamp is from ee kay ah.", "The lamp is from eye key ah."]
