"""Names of voices without regard to case, and languages by a table, over Wyoming and HTTP alike."""

from __future__ import annotations

import asyncio
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wyoming.client import AsyncClient
from wyoming.event import Event

from tests.client import PATIENCE, Heard, describe, listen
from tests.http_serving import SPEECH, http
from tests.serving import Running, serving
from tests.test_voices import look, names, record
from wyoming_chatterbox.errors import UnknownVoiceError
from wyoming_chatterbox.families import ENGLISH, MULTILINGUAL_LANGUAGES
from wyoming_chatterbox.voices.catalogue import Catalogue
from wyoming_chatterbox.voices.folder import VoicesFolder
from wyoming_chatterbox.voices.languages import Languages, spoken_as
from wyoming_chatterbox.voices.names import folded
from wyoming_chatterbox.voices.naming import make_catalogue
from wyoming_chatterbox.voices.recordings import Recording


def cast(*stems: str, model: tuple[str, ...] = ("en",), wanted: tuple[str, ...] = ()) -> Catalogue:
    """The voices of recordings with these names."""
    recordings = {stem: Recording(Path(f"{stem}.wav"), (0, 0, 0), file=f"{stem}.wav") for stem in stems}
    return make_catalogue(recordings, {}, Languages.of(model, wanted), "default")


async def heard(running: Running, name: str | None = None, language: str | None = None) -> Heard:
    async with asyncio.timeout(PATIENCE), AsyncClient.from_uri(running.uri) as client:
        voice = {"name": name, "language": language}
        await client.write_event(Event("synthesize", {"text": "Hello.", "voice": voice}))
        return await listen(client, "audio-stop")


def spoken(running: Running) -> tuple[str, str]:
    """Name and language of the voice that spoke last."""
    voice = running.chatterbox.said[-1].voice
    return voice.name, voice.language


# Languages


@pytest.mark.parametrize(
    ("tag", "language"),
    [
        ("nb", "no"),
        ("nn", "no"),
        ("nb-NO", "no"),
        ("nor", "no"),
        ("en-US", "en"),
        ("en_GB", "en"),
        ("EN", "en"),
        ("eng-USA", "en"),
        ("de_DE.UTF-8@euro", "de"),
        ("zh-Hans-CN", "zh"),
        ("zh-HK", "zh"),
        ("zh-cmn", "zh"),
        ("pt-BR", "pt"),
        ("sr-Latn", None),
        ("deu", "de"),
        ("ger", "de"),
        ("fra", "fr"),
        ("fre", "fr"),
        ("spa", "es"),
        ("swe", "sv"),
        ("swa", "sw"),
        ("swh", "sw"),
        ("zho", "zh"),
        ("chi", "zh"),
        ("cmn", "zh"),
        ("gre", "el"),
        ("dut", "nl"),
        ("iw", "he"),
        ("fil", None),
        ("yue", None),
        ("zh-yue", None),
        ("zh-min-nan", None),
        ("id", None),
        ("in", None),
        ("gsw", None),
        ("dev", None),
        ("e", None),
        ("", None),
        ("-", None),
        ("english", None),
    ],
)
def test_a_tag_means_a_language_by_a_table(tag: str, language: str | None) -> None:
    assert spoken_as(tag, MULTILINGUAL_LANGUAGES) == language


@given(st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz"), min_size=3, max_size=8))
def test_a_longer_code_is_never_cut(code: str) -> None:
    assert spoken_as(code, MULTILINGUAL_LANGUAGES) == spoken_as(f"{code}-XX", MULTILINGUAL_LANGUAGES)
    if spoken_as(code, MULTILINGUAL_LANGUAGES) is not None:
        assert len(code) == 3


@given(st.text())
def test_any_text_may_be_sent_as_a_language(tag: str) -> None:
    assert spoken_as(tag, MULTILINGUAL_LANGUAGES) in (None, *MULTILINGUAL_LANGUAGES)


def test_swedish_is_refused_where_the_model_has_none() -> None:
    assert spoken_as("swe", ("sw", "en")) is None


async def test_nb_speaks_as_no_and_fil_is_refused_with_what_there_is(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "kari.wav")
    async with serving(tmp_path, languages=("en", "fi", "no", "sw")) as running:
        for name, language, voice in (
            (None, "nb", ("default-no", "no")),
            (None, "nn-NO", ("default-no", "no")),
            ("kari", "nob", ("kari-no", "no")),
            ("kari-nb", None, ("kari-no", "no")),
            ("kari-nb", "en_GB", ("kari-en", "en")),
            # The whole name of a voice comes before a language that it doesn't speak.
            ("kari-no", "fil", ("kari-no", "no")),
        ):
            assert (await heard(running, name, language)).error is None
            assert spoken(running) == voice
        said = len(running.chatterbox.said)
        for name in (None, "kari", "KARI"):
            for language in ("fil", "swe", "tlh"):
                error = (await heard(running, name, language)).error
                assert error is not None
                assert (error.code, "en, fi, no, sw" in error.text) == ("unknown-voice", True)
                assert repr(language) in error.text
        assert len(running.chatterbox.said) == said


async def test_languages_of_the_option_are_all_that_is_offered(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("alice", "bob-de", "carl-fr"):
        record(tmp_path / "voices" / f"{name}.wav")
    languages = ("de", "en", "fr", "no")
    wanted = ("--languages", "nb", "--languages", "de", "--languages", "xx")
    async with http(tmp_path, *wanted, languages=languages) as server:
        voices = (await describe(server.running.uri)).tts[0].voices
        assert [(voice.name, voice.languages) for voice in voices] == [
            (name, [name[-2:]]) for name in ("default-de", "default-no", "alice-de", "alice-no", "bob-de")
        ]
        # The first of them is spoken where a request names none.
        requests: tuple[tuple[str | None, str], ...] = ((None, "default-no"), ("alice", "alice-no"), ("bob", "bob-de"))
        for wish, voice in requests:
            await heard(server.running, wish)
            assert spoken(server.running)[0] == voice
        error = (await heard(server.running, language="en")).error
        assert error is not None
        assert "de, no" in error.text
        info = (await server.get("/info"))[1]
        assert info["default_voice"] == "default-no"
        assert info["broken_recordings"] == {
            "carl-fr.wav": "it is for fr, and the languages offered are no, de (--languages)"
        }
        record(tmp_path / "voices" / "dora.wav")
        assert await server.running.service.voices.refresh(PATIENCE)
        await heard(server.running, "dora")
    assert caplog.text.count("The model doesn't speak xx (--languages); it speaks de, en, fr, no") == 1


async def test_if_the_model_has_none_of_the_wanted_languages_all_stay(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with serving(tmp_path, "--languages", "da", "--languages", "sv", languages=("de", "en")) as running:
        voices = (await describe(running.uri)).tts[0].voices
        assert [voice.name for voice in voices] == ["default-de", "default-en"]
        assert (await heard(running)).error is None
        assert spoken(running) == ("default-en", "en")
    told = "doesn't speak da, sv (--languages), so that all of its languages are offered; it speaks de, en"
    assert caplog.text.count(told) == 1


async def test_a_model_of_one_language_speaks_it_whatever_is_wanted(tmp_path: Path) -> None:
    async with serving(tmp_path, "--languages", "de") as running:
        # Home Assistant may remember the voice, and a client may send its own language along.
        for name, language in ((None, None), ("default", "de"), ("default", "fil"), ("DEFAULT-de", "de")):
            assert (await heard(running, name, language)).error is None
            assert spoken(running) == ("default", "en")
        assert (await heard(running, language="de")).error is not None


def test_names_do_not_change_when_one_language_is_offered() -> None:
    assert names(cast("alice", model=("de", "en"), wanted=("de",))) == ["default-de", "alice-de"]


def test_the_name_of_a_recording_may_tell_its_language() -> None:
    found = cast("alice", "bob-DE", "kari-nb", "mary-ann", model=("de", "en", "no"))
    assert {voice.recorded_language for voice in found.voices if voice.name.startswith(("alice", "mary"))} == {None}
    for name, voice, language in (
        ("bob", "bob-DE", "de"),
        ("bob-de", "bob-DE", "de"),
        ("kari", "kari-nb", "no"),
        ("kari-no", "kari-nb", "no"),
    ):
        found_voice = found.find(name)
        assert (found_voice.name, found_voice.language, found_voice.recorded_language) == (voice, language, language)
    assert found.find("mary-ann").name == "mary-ann-en"
    assert cast("bob-de").find("bob-de").recorded_language is None


# Names


async def test_case_does_not_count_over_wyoming_or_http(tmp_path: Path) -> None:
    composed = unicodedata.normalize("NFC", "Zoë")
    for name in ("alice", "Straße", unicodedata.normalize("NFD", composed)):
        record(tmp_path / "voices" / f"{name}.wav")
    (tmp_path / "voices" / "alice.yaml").write_text("aliases: [Mum, nova]")
    async with http(tmp_path) as server:
        for name, voice in (
            ("Default", "default"),
            ("ALICE", "alice"),
            ("STRASSE", "Straße"),
            (composed.upper(), unicodedata.normalize("NFD", composed)),
            ("mUM", "alice"),
            ("Nova", "alice"),
            # Home Assistant may remember a name from a model of several languages.
            ("ALICE-DE", "alice"),
        ):
            assert (await heard(server.running, name)).error is None
            assert spoken(server.running)[0] == voice
            server.running.chatterbox.said.clear()
            async with server.client.post(SPEECH, json={"input": "Hello.", "voice": name}) as response:
                assert response.status == 200
                await response.read()
            assert spoken(server.running)[0] == voice
        status, error = await server.refusal(input="Hello.", voice="yangmi")
        assert (status, "alice" in error["message"]) == (400, True)


async def test_the_preferred_voice_may_be_named_in_any_case_or_by_an_alias(tmp_path: Path) -> None:
    record(tmp_path / "voices" / "alice.wav")
    (tmp_path / "voices" / "alice.yaml").write_text("aliases: mum")
    for name in ("ALICE", "Mum"):
        async with serving(tmp_path, "--voice", name) as running:
            assert (await heard(running)).error is None
            assert spoken(running)[0] == "alice"


def test_of_two_names_that_differ_in_case_each_is_found_by_itself() -> None:
    for model, end in ((("en",), ""), (("de", "en"), "-de")):
        found = cast("Alice", "alice", model=model)
        for name in ("Alice", "alice"):
            assert found.find(name + end).name == name + end
            assert found.find(name, "en").recording == Path(f"{name}.wav")
        assert found.find("ALICE").recording == Path("Alice.wav")
        assert len(found.voices) == 3 * len(model)


def test_a_name_that_is_the_models_own_in_another_case_is_no_recordings() -> None:
    found = cast("Default", "default-DE", model=("de", "en"))
    assert names(found) == ["default-de", "default-en"]
    assert found.find("DEFAULT").recording is None
    assert found.broken == {
        "Default.wav": "there is another voice named 'Default'",
        "default-DE.wav": "there is another voice named 'default-DE'",
    }


def test_a_recording_of_one_language_comes_before_one_of_all_in_any_case() -> None:
    found = cast("Alice-DE", "alice", model=("de", "en"))
    assert names(found) == ["default-de", "default-en", "Alice-DE", "alice-en"]
    assert found.find("alice", "de").name == "Alice-DE"
    assert found.find("alice", "en").name == "alice-en"


stems = st.text(st.sampled_from("aAßſéÉ\u0301-denob"), min_size=1, max_size=8)


@given(st.sets(stems, max_size=12), st.sampled_from([("en",), ("de", "en", "no")]))
def test_every_voice_is_found_by_its_name_and_by_its_name_in_capitals(
    recordings: set[str], model: tuple[str, ...]
) -> None:
    found = cast(*sorted(recordings), model=model)
    assert len({voice.name for voice in found.voices}) == len(found.voices)
    for voice in found.voices:
        assert found.find(voice.name) is voice
        assert found.find(voice.name, voice.language) is voice
        assert folded(found.find(voice.name.upper()).name) == folded(voice.name)


@given(st.text(max_size=20), st.none() | st.text(max_size=10))
def test_any_text_may_be_sent_as_a_name(name: str, language: str | None) -> None:
    try:
        cast("alice", "bob-de", model=("de", "en")).find(name, language)
    except UnknownVoiceError as err:
        assert str(err).isprintable()


async def test_equal_labels_stay_distinguishable_in_home_assistant(tmp_path: Path) -> None:
    voices = tmp_path / "voices"
    for name in ("alice", "bob", "carl"):
        record(voices / f"{name}.wav")
    (voices / "bob.yaml").write_text("label: Alice")
    (voices / "alice.yaml").write_text("label: Alice")
    async with serving(tmp_path, languages=("de", "en")) as running:
        offered = (await describe(running.uri)).tts[0].voices
        assert [(voice.name, voice.description) for voice in offered if voice.languages == ["de"]] == [
            ("default-de", "Chatterbox (de)"),
            ("alice-de", "Alice (de), alice-de"),
            ("bob-de", "Alice (de), bob-de"),
            ("carl-de", "carl (de)"),
        ]


def test_a_voice_is_found_among_thousands_without_a_search() -> None:
    found = cast(*(f"voice{number:05}" for number in range(9999)))
    assert found.find("VOICE07777").name == "voice07777"
    compared = 0

    class Name(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            nonlocal compared
            compared += 1
            return str.__eq__(self, other)

        __hash__ = str.__hash__

    assert found.find(Name("voice00042")).name == "voice00042"
    assert compared < 10


def test_the_voices_folder_takes_languages_that_change(tmp_path: Path) -> None:
    models = [("de", "en", "fr"), ("en",)]

    async def changed() -> list[list[str]]:
        voices = VoicesFolder(tmp_path, lambda: models[-1], lambda: ENGLISH.prompt, "default", wanted=("de", "en"))
        first = names(await look(voices))
        models.pop()
        return [first, names(await look(voices))]

    assert asyncio.run(changed()) == [["default"], ["default-de", "default-en"]]
